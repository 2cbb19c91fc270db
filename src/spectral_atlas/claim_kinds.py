"""The kinds of claims: on the worst value, the median, the mean, a share or a number of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectral_atlas.checks import Check, Unmeasured

Array = np.ndarray
LOST = 1e9  # a value that is lost: this, or minus this, whichever counts against the claim
SHOWN = 12  # cases listed one by one
KINDS = ("worst", "median", "mean", "share", "count", "sum")


@dataclass(frozen=True)
class Style:
    """How details are worded: significant digits, one case listed too, those outside counted."""

    digits: int = 6
    single: bool = False
    tally: bool = True


@dataclass(frozen=True)
class Sample:
    """One value for each case; NaN for a case that diverged, did not finish or never got there.

    For a share or a count of cases the values are 1 where it is as claimed, else 0. For a sum they
    are how many there are in each case, out of `sizes`; cases of one row are `random` draws, or a
    grid. Rows may share their draws, so that only a row bounds a probability.
    """

    values: Array
    labels: Sequence[str]
    remark: str = ""
    sizes: Array | None = None
    random: bool = True

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            raise ValueError(f"labels: must be {len(self.values)}, not {len(self.labels)}")


Samples = Callable[[Any], Sample]


def one(value: float, label: str, remark: str = "") -> Sample:
    """A single case."""
    return Sample(np.array([value], dtype=float), [label], remark)


def joined(samples: Iterable[tuple[str, Sample]]) -> Sample:
    """Several samples as one, each with a word in front of its labels."""
    parts = list(samples)
    if not parts:
        return Sample(np.empty(0), [])
    sizes = [s.sizes for _, s in parts if s.sizes is not None]
    return Sample(
        np.concatenate([np.asarray(s.values, dtype=float) for _, s in parts]),
        [f"{name} {label}".strip() for name, s in parts for label in s.labels],
        "; ".join(dict.fromkeys(s.remark for _, s in parts if s.remark)),
        np.concatenate(sizes) if len(sizes) == len(parts) else None,
        all(s.random for _, s in parts),
    )


def claim(
    id: str,
    figure: str,
    statement: str,
    samples: Samples,
    *,
    kind: str = "worst",
    low: float = -np.inf,
    high: float = np.inf,
    what: str,
    tolerance: str,
    evidence: str,
    style: Style = Style(),
) -> Check:
    """A claim on the cases of a sample.

    Parameters
    ----------
    kind : what is measured
        ``worst``: the value deepest in, or nearest to, where the claim fails; ``median`` and
        ``mean``, lost cases with the value that is worst for the claim; ``share`` and ``count`` of
        cases; ``sum`` of the numbers in them.
    low, high, what : the interval for the value, and the value in words
    """
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: must be one of {', '.join(KINDS)}")

    def measure(study: Any) -> tuple[float, str]:
        found = samples(study)
        if not len(found.values):
            raise Unmeasured("no case at hand")
        return measured(found, kind, low, high, style)

    return Check(
        id, figure, statement, expected(kind, what, low, high), low, high, tolerance, evidence,
        measure,
    )  # fmt: skip


def expected(kind: str, what: str, low: float, high: float) -> str:
    """The bounds in words."""
    if np.isinf(high):
        bounds = f"at least {low:.7g}"
    elif np.isinf(low):
        bounds = f"at most {high:.7g}"
    else:
        bounds = f"{low:.7g}" if low == high else f"from {low:.7g} to {high:.7g}"
    counts = {"share": "share of cases in which", "count": "number of cases in which"}
    if kind in (*counts, "sum"):
        return f"{counts.get(kind, 'number of')} {what}: {bounds}"
    return f"{what} {bounds}, {'in the worst case' if kind == 'worst' else f'{kind} of the cases'}"


def measured(
    found: Sample, kind: str, low: float, high: float, style: Style = Style()
) -> tuple[float, str]:
    """The number and what it is made of."""
    gone = np.isnan(found.values)
    filled = np.where(gone, -LOST if np.isinf(high) else LOST, found.values).astype(float)
    excess = np.maximum(low - filled, filled - high)
    if kind == "sum":
        number, parts = _sum(found, filled, gone)
    elif kind in ("share", "count"):
        number, parts = _cases(found, kind, filled, gone)
    else:
        number, parts = _values(found, kind, filled, gone, excess, style)
    if kind != "sum" and gone.any():
        parts.append(f"{int(gone.sum())} lost or unfinished: {_listed(found.labels, gone)}")
    return number, "; ".join(part for part in (*parts, found.remark) if part)


def _sum(found: Sample, filled: Array, gone: Array) -> tuple[float, list[str]]:
    """How many in all; where there are none in a row of draws, what that still allows."""
    if gone.any():
        return float(filled[gone][0]), [f"lost: {_listed(found.labels, gone)}"]
    number, sizes = int(filled.sum()), np.zeros(0) if found.sizes is None else found.sizes
    parts = [f"{number} of {int(sizes.sum())}" if sizes.any() else f"{number}"]
    if found.random and sizes.any() and not number:
        parts.append(_allowed(sizes))
    if number:
        each = [f"{name} {int(v)}" for name, v in zip(found.labels, filled, strict=True) if v]
        parts.append(", ".join(each[:SHOWN]))
    parts.append(f"{len(filled)} rows: {_listed(found.labels, filled >= 0)}")
    return float(number), parts


def _allowed(sizes: Array) -> str:
    """The share of draws that a row without any still allows."""
    low, high = int(sizes.min()), int(sizes.max())
    if low == high:
        return f"each row allows a share of 3/{low} = {3 / low:.2g} of random cases (95 %)"
    return f"each row allows a share of 3/n of random cases (95 %), n from {low} to {high}"


def _cases(found: Sample, kind: str, filled: Array, gone: Array) -> tuple[float, list[str]]:
    """In which cases, or in which not; lost ones are none, or for an upper bound too many."""
    held = (filled > 0.5) & ~gone
    parts = [f"{int(held.sum())} of {len(held)}"]
    if kind == "share":
        against = _listed(found.labels, ~held & ~gone)
        return float(held.mean()), [*parts, f"not: {against}" if against else ""]
    parts.append(_listed(found.labels, held))
    return float(LOST if (filled[gone] > 0).any() else held.sum()), parts


def _values(
    found: Sample, kind: str, filled: Array, gone: Array, excess: Array, style: Style
) -> tuple[float, list[str]]:
    """The worst value or a mean one; how they spread, and which are outside of the bounds."""
    at, count, kept = int(np.argmax(excess)), len(filled), filled[~gone]
    g, fewest = f".{style.digits}g", 1 if style.single else 2
    number = {"worst": filled[at], "median": np.median(filled), "mean": filled.mean()}[kind]
    parts = [f"n = {count}", f"worst {filled[at]:{g}} ({found.labels[at]})"]
    if kept.size >= fewest:
        low, high = kept.min(), kept.max()
        parts.append(f"median {np.median(kept):{g}}, from {low:{g}} to {high:{g}}")
    if fewest <= count <= SHOWN:
        each = zip(found.labels, found.values, strict=True)
        parts.append(", ".join(f"{label} {v:{g}}" for label, v in each if np.isfinite(v)))
    elif (outside := (excess > 0) & ~gone).any():
        tally = f"{int(outside.sum())} " if style.tally else ""
        parts.append(f"{tally}outside: {_listed(found.labels, outside)}")
    return float(number), parts


def _listed(labels: Sequence[str], which: Array) -> str:
    names = [label for label, listed in zip(labels, which, strict=True) if listed]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
