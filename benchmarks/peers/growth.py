"""How the cost per model grows: with the number of models, the width, and the number k of pairs.

Each package at the setting that is at once accurate and cheapest for it (PyHessian at its defaults,
where a tighter tolerance costs up to ten times as much and ends near 2e-6).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from . import ours, solvers
from .cases import Problem, classifier, deep_linear, reference
from .timing import COLUMNS as ROW
from .timing import Answer, Clock

COLUMNS = ("against", "value", "package", *ROW)
PEERS = {  # what a row's method starts with -> the package, for the plot's legend
    "curvlinops, no check": "curvlinops",
    "hessian-eigenthings, LA": "hessian-eigenthings",
    "PyHessian, defaults": "PyHessian (defaults: 1 to 4 digits)",
    "torch.func": "torch.func + eigsh",
    "double backward": "double backward + eigsh",
}
FEW = 3  # models that a peer is timed on
SLOW = 50_000  # parameters from which on a first call is not thrown away


class Table:
    """Rows for one curve after another."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.rows = clock, []

    def point(
        self,
        against: str,
        value: int,
        problem: Problem,
        known: tuple[np.ndarray, np.ndarray],
        mine: dict[str, Callable[[], Answer]],
        k: int = 1,
        peers: bool = True,
    ) -> None:
        """Every method at one abscissa."""
        first, members = len(self.clock.rows), len(problem.modules)
        enter = partial(
            self.clock.enter,
            problem.name,
            members,
            parameters=problem.n_params,
            reference=known[0],
            scale=known[1],
            warm=problem.n_params < SLOW,
        )
        labels = []
        for name, solve in mine.items():
            enter(method=name, solve=solve)
            labels.append(name)
        listed = solvers.peers(solvers.steps_for(problem, *known)) if peers else {}
        for name, (solver, _) in listed.items():
            label = next((text for start, text in PEERS.items() if name.startswith(start)), None)
            if label is None or name.endswith("tol=1e-06"):
                continue
            part = problem.first(FEW)
            solve = partial(solvers.one_by_one, solver, part, k)
            enter(method=name, solve=solve, measured=len(part.modules))
            labels.append(label)
        self.clock.race()
        for found, label in zip(self.clock.rows[first:], labels, strict=True):
            self.rows.append({"against": against, "value": value, "package": label, **found})

    def against_models(
        self,
        against: str,
        make: Callable[[int], Problem],
        counts: tuple[int, ...],
        solve: Callable[[Problem], Answer],
    ) -> None:
        """This package at every count; the peers, whose cost per model is flat, at both ends."""
        whole = make(max(counts))
        known = reference(whole, FEW)[:2]
        for count in counts:
            part = whole.first(count)
            ends = count in (counts[0], counts[-1])
            self.point(against, count, part, known, {ours.NAME: partial(solve, part)}, peers=ends)


def measure(clock: Clock, quick: bool) -> list[dict[str, object]]:
    """All growth curves."""
    table = Table(clock)
    counts = (1, 10) if quick else (1, 3, 10, 30, 100, 300, 1000)
    print("\ngrowth with the number of models")
    table.against_models("models, deep linear", deep_linear, counts, ours.linear)
    counts = (1, 4) if quick else (1, 2, 4, 8, 16, 32, 64)
    table.against_models("models, softmax FCN", classifier, counts, ours.modules)
    print("\ngrowth with the width")
    for width in (32, 64) if quick else (32, 64, 128, 256, 512):
        problem = classifier(1, width)
        known = reference(problem, 1)[:2]
        table.point("width", width, problem, known, {ours.NAME: partial(ours.modules, problem)})
    print("\ngrowth with k")
    problem = classifier(1)
    values, scale, _ = reference(problem, 1, 32)
    for k in (1, 4) if quick else (1, 2, 4, 8, 16, 32):
        mine = {ours.NAME: partial(ours.top, problem, k)}
        table.point("k", k, problem, (values[:, :k], scale), mine, k)
    return table.rows
