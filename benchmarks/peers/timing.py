"""Times and errors of one method on one case, as a row of the results.

A time is the least of the repeats, on one thread, after a first call that warms up (and compiles)
and whose answer gives the error. So a busy machine disturbs it little.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

COLUMNS = (
    "case",
    "models",
    "method",
    "parameters",
    "ms_per_model",
    "relative_error",
    "repeats",
    "threads",
    "note",
)


@dataclass
class Answer:
    """Eigenvalues, largest first, of the models solved."""

    values: np.ndarray  # (models,) or (models, k)
    products: float | None = None  # Hessian products a model, on average, where counted


@dataclass
class Entry:
    """A method in the race: what identifies its row, and what it found."""

    base: dict[str, object]
    solve: Callable[[], Answer]
    reference: np.ndarray | None
    scale: np.ndarray | None
    measured: int | None
    warm: bool
    times: list[float] = field(default_factory=list)
    spent: float = 0.0
    answer: Answer | None = None
    failure: str = ""

    def call(self) -> None:
        try:
            seconds, self.answer = timed(self.solve)
        except ImportError as reason:
            self.failure = f"missing: {reason}"
        except Exception as reason:
            self.failure = f"failed: {type(reason).__name__}: {reason}"[:200]
        else:
            self.spent += seconds
            if self.warm:
                self.warm = False
            else:
                self.times.append(seconds)

    def found(self) -> dict[str, object]:
        """What the row says."""
        if self.failure or self.answer is None:
            return {"note": self.failure}
        models = self.base["models"]
        count = models if self.measured is None else self.measured
        values, products = self.answer.values, self.answer.products
        error, notes = "", []
        if self.reference is not None:
            error = relative_error(values, self.reference, self.scale)
            if str(self.base["method"]).startswith("PyHessian"):
                notes += other_end(values, self.reference, self.scale)
        if count < models:
            notes.append(f"timed on {count} of the models, one after the other")
        if products is not None:
            notes.append(f"{products:.4g} products a model")
        return {
            "ms_per_model": f"{1e3 * min(self.times) / count:.4g}",
            "relative_error": error,
            "repeats": len(self.times),
            "note": "; ".join(notes),
        }


@dataclass
class Clock:
    """How often to repeat, and for how long at most; a method slower than that runs twice.

    Methods are entered, then `race` calls them in turns, so that what else the machine does meets
    all of them.
    """

    repeats: int = 5
    seconds: float = 3.0
    threads: int = 1
    rows: list[dict[str, object]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def enter(
        self,
        case: str,
        models: int,
        method: str,
        parameters: int,
        solve: Callable[[], Answer],
        reference: np.ndarray | None = None,
        scale: np.ndarray | None = None,
        measured: int | None = None,
        warm: bool = True,
    ) -> None:
        """Have `solve` timed, which does `measured` of the models (default: all).

        Errors are |value - reference| / scale, the largest over the models that have a reference.
        Without `warm` the first call counts too: for what is slow and has nothing to compile.
        """
        base = {"case": case, "models": models, "method": method, "parameters": parameters}
        self.entries.append(Entry(base, solve, reference, scale, measured, warm))

    def race(self) -> dict[str, Answer | None]:
        """Call all methods entered in turns, keep their rows, and give their answers by name."""
        entries, self.entries = self.entries, []
        while True:
            due = [e for e in entries if not e.failure and self._wants(e)]
            if not due:
                break
            for entry in due:
                entry.call()
        for entry in entries:
            self.keep(entry.base, **entry.found())
        return {str(e.base["method"]): e.answer for e in entries}

    def _wants(self, entry: Entry) -> bool:
        few = len(entry.times) < self.repeats and entry.spent < self.seconds
        return not entry.times or few

    def keep(self, base: dict[str, object], **found: object) -> None:
        """Complete, print and store one row."""
        row = dict.fromkeys(COLUMNS, "") | {"threads": self.threads} | base | found
        self.rows.append(row)
        print(
            f"{row['case']:28} x{row['models']:<5} {row['method']:46} {row['ms_per_model']:>9} ms"
            f"   error {row['relative_error']:8} {row['note']}",
            flush=True,
        )

    def again(self, row: dict[str, object], models: int) -> None:
        """The row of a method without batching, for more models of the same kind."""
        self.keep(row | {"models": models})

    def ms(self, case: str, models: int, method: str) -> float:
        """The time of a row already kept; NaN if it has none."""
        for row in self.rows:
            if (row["case"], row["models"], row["method"]) == (case, models, method):
                return float(row["ms_per_model"] or "nan")
        return float("nan")


def timed(function: Callable[[], Answer]) -> tuple[float, Answer]:
    """Seconds and answer of one call. Autograd graphs in reference cycles are collected before."""
    gc.collect()
    start = time.perf_counter()
    answer = function()
    return time.perf_counter() - start, answer


def least_seconds(function: Callable[[], object], repeats: int) -> float:
    """The least of the repeats, after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def relative_error(values: np.ndarray, reference: np.ndarray, scale: np.ndarray) -> str:
    """Largest |value - reference| / scale over models (rows) that both have, and over k."""
    count = min(len(values), len(reference))
    got, want = np.asarray(values)[:count], np.asarray(reference)[:count]
    size = np.asarray(scale)[:count].reshape(-1, *[1] * (got.ndim - 1))
    return f"{(np.abs(got - want) / size).max():.1e}"


def other_end(values: np.ndarray, reference: np.ndarray, scale: np.ndarray) -> list[str]:
    """A note for a method that finds max |lambda|, where that is not lambda_max."""
    count = min(len(values), len(reference))
    turned = np.abs(reference[:count, 0]) < (1 - 1e-12) * scale[:count]
    if not turned.any():
        return []
    note = f"max |lambda| is -lambda_min in {turned.sum()} of {count} models"
    if turned.all():
        return [note]
    rest = relative_error(
        values[:count][~turned], reference[:count][~turned], scale[:count][~turned]
    )
    return [f"{note}, error in the others {rest}"]
