"""The uv model's critical learning rates (U5 on)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.kalra2023 import uv_theory as theory
from spectral_atlas.papers.kalra2023.claims.kinds import every_run, means
from spectral_atlas.papers.kalra2023.claims.samples import LOST, Sample
from spectral_atlas.papers.kalra2023.claims.study import Study

Array = np.ndarray
RUNS = 500
FLOOR = 512  # widest that the grid still tells from the next
GRID = "c or k = 2^(.02 j), T = 10"
OTHERS = "measured independently, other code"


def sample(study: Study, name: str, width: int) -> Sample:
    """A critical learning rate of every run of one width."""
    ds = study.dataset("runs/uv")
    if width not in ds["width"].values:
        raise Unmeasured(f"no runs of width {width} in runs/uv")
    values = ds[name].sel(width=width).values
    if len(values) < RUNS:
        raise Unmeasured(f"{len(values)} of at least {RUNS} runs in runs/uv")
    return Sample(f"w = {width}", np.where(np.isnan(values), LOST, values))


def at_widths(name: str, *widths: int) -> Callable[[Study], Sequence[Sample]]:
    """Samples of some widths, or of all at hand."""

    def samples(study: Study) -> list[Sample]:
        all_widths = study.dataset("runs/uv")["width"].values.tolist()
        return [sample(study, name, w) for w in widths or all_widths]

    return samples


def _mean_c_loss(id: str, width: int, expected: float, room: float) -> Check:
    return means(
        id, "fig7", f"uv model, {GRID}, w = {width}: <c_loss> = {expected:g}.",
        at_widths("c_loss", width), low=expected - room, high=expected + room, what="c_loss",
        tolerance=f"+-{room:g}: at least four standard errors of a mean of 500 starts",
        evidence=OTHERS,
    )  # fmt: skip


@check(
    "U11", "fig7",
    f"uv model, {GRID}: <c_loss> falls as w grows from 8 to {FLOOR}; beyond, the grid ends it.",
    expected="smallest difference of neighbouring widths' means above 0", low=1e-9, high=np.inf,
    tolerance="none",
    evidence=f"<c_loss> = 2 + 2.5 / (w + 1) to first order, derived; {OTHERS}",
)  # fmt: skip
def _falls(study: Study) -> tuple[float, str]:
    ds = study.dataset("runs/uv")
    widths = [int(w) for w in ds["width"].values if 8 <= w <= FLOOR]
    if not {8, 16, 64, FLOOR} <= set(widths):
        raise Unmeasured(f"widths {widths} only")
    found = [sample(study, "c_loss", w) for w in sorted(widths)]
    drops = [a.mean - b.mean for a, b in pairwise(found)]
    return min(drops), ", ".join(f"{s.label}: {s.mean:.4f} +- {s.error:.2g}" for s in found)


def _first_step_threshold(study: Study) -> list[Sample]:
    """Grid steps from the one-step threshold of each start up to its k_loss."""
    ds = study.dataset("runs/uv")
    found = []
    for width in ds["width"].values.tolist():
        k = sample(study, "k_loss", width)
        threshold = theory.k_loss(ds["a"].sel(width=width).values)
        there = np.isfinite(threshold)
        steps = np.log2(k.values[there] / threshold[there]) / float(ds.attrs["grid_step"])
        note = f"{(~there).sum()} starts with a >= 1/8 have no threshold"
        found.append(Sample(k.label, steps, "" if there.all() else note))
    return found


CHECKS: tuple[Check, ...] = (
    means(
        "U5", "fig7", f"uv model, {GRID}, every w: <k_max> = 4.",
        at_widths("k_max"), low=3.95, high=4.1, what="k_max",
        tolerance="half a grid step below 4; above, runs that need more than ten steps to diverge",
        evidence=f"derived: k_max = 4 at every width; {OTHERS}",
    ),
    every_run(
        "U6", "fig7", f"uv model, {GRID}, every w: the trace first exceeds its start at k = 4.",
        at_widths("k_trace"), low=4.0, high=4.1, what="k", tolerance="one grid step, 1.4 %",
        evidence="derived: kappa only falls for k < 4 and only grows for k > 4",
    ),
    _mean_c_loss("U7", 8, 2.378, 0.12),
    _mean_c_loss("U8", 16, 2.180, 0.05),
    _mean_c_loss("U9", 64, 2.057, 0.02),
    _mean_c_loss("U10", 512, 2.03, 0.02),
    _falls,
    means(
        "U12", "fig7", f"uv model, {GRID}, w = 8192: <c_loss> ends at 2.",
        at_widths("c_loss", 8192), low=2.0, high=2.06, what="c_loss",
        tolerance="from 2 to the second grid point above it",
        evidence=f"derived: 2 + 2.5 / (w + 1); {OTHERS}",
    ),
    means(
        "U13", "fig7",
        f"uv model, {GRID}, w = 512: the largest eigenvalue exceeds its start from c = 2.53 on, "
        f"where the trace does not yet.",
        at_widths("c_sharp", 512), low=2.48, high=2.58, what="c_sharp",
        tolerance="+-.05: the grid step and a first-order correction in 1/w", evidence=OTHERS,
    ),
    every_run(
        "U14", "fig7",
        f"uv model, {GRID}, every w: a run exceeds its first loss at the latest where its first "
        f"step does, k = 4 / (1 + sqrt(1 - 8 a)).",
        _first_step_threshold, high=1.0 + 1e-9, what="grid steps above that k",
        tolerance="one grid step",
        evidence="derived: the smaller root of a k^2 - k + 2 = 0",
    ),
    every_run(
        "U15", "fig7", f"uv model, {GRID}, every w: no run exceeds its first loss below k = 2.",
        at_widths("k_loss"), low=2.0, what="k", tolerance="none",
        evidence="derived: f' / f lies between -1 and 1 while k < 2",
    ),
)  # fmt: skip
