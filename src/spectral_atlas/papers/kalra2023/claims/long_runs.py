"""Whole trainings: fall, saturation, progressive sharpening, edge of stability (E)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.kalra2023.claims.kinds import every_run, means
from spectral_atlas.papers.kalra2023.claims.samples import LOST, Sample
from spectral_atlas.papers.kalra2023.claims.study import Nets, Study, at

Array = np.ndarray
SETTING = (
    "tanh FCN with hidden variance 1 / fan_in, random labels (D = 32, N = 512, K = 10), squared "
    "error, full batches, 2400 steps"
)
OTHERS = "measured independently, other code"
FEWEST = 2  # runs; they are long
MULTIPLES = (1.0, 2.0, 4.0)
SAMPLES = Callable[[Study], Sequence[Sample]]


def tanh(depth: int, width: int) -> Nets:
    """The networks of the four regimes."""
    return Nets(
        "runs/regimes", depth, width, data="random_labels", activation="tanh", weight_variance=1.0
    )


def _edges(study: Study, nets: Nets, c: float) -> Array:
    """eta lambda, (runs, times); NaN once diverged."""
    rows = at(study.rows(nets, FEWEST), c)
    return np.asarray((c * rows["sharpness"] / rows["lambda0"]).transpose("run", "time").values)


def last(nets: Nets, c: float) -> SAMPLES:
    """eta lambda at the last step."""

    def samples(study: Study) -> list[Sample]:
        end = _edges(study, nets, c)[:, -1]
        return [Sample(f"{nets.text}, c = {c:g}", np.where(np.isfinite(end), end, LOST))]

    return samples


def lowest(nets: Nets, c: float) -> SAMPLES:
    """The lowest eta lambda before the end, over c."""

    def samples(study: Study) -> list[Sample]:
        edges = _edges(study, nets, c)
        if edges.shape[1] < 10:
            raise Unmeasured(f"{edges.shape[1]} of at least 10 recorded steps")
        before = edges[:, :-1].min(axis=1) / c
        return [Sample(f"{nets.text}, c = {c:g}", np.where(np.isfinite(before), before, LOST))]

    return samples


def _late(id: str, nets: Nets, c: float) -> Check:
    return every_run(
        id, "fig1", f"{SETTING}, d = {nets.depth}, w = {nets.width}, c = {c:g}: the sharpness ends "
        f"at the edge of stability, 2 / eta.",
        last(nets, c), low=1.8, high=2.2, what="eta lambda at the last step",
        tolerance="a tenth around 2: it oscillates",
        evidence=f"regime (iv) of the paper; {OTHERS}: 2.00 to 2.06 for d = 5, w = 64",
    )  # fmt: skip


def _falls(id: str, nets: Nets, c: float) -> Check:
    return means(
        id, "fig1", f"{SETTING}, d = {nets.depth}, w = {nets.width}, c = {c:g}: the sharpness "
        f"falls before it rises.",
        lowest(nets, c), high=0.85, what="lowest eta lambda before the end, over c,",
        tolerance="independent runs had .73, .69 and .42 for c = 1, 2 and 4, one run each; seeds "
        "differ by a standard deviation of .1, so their mean is compared",
        evidence=f"regimes (i) to (iii) of the paper; {OTHERS}",
    )  # fmt: skip


NET, NARROW = tanh(5, 64), tanh(10, 32)
CHECKS: tuple[Check, ...] = (
    *(_late(f"E{i}", NET, c) for i, c in enumerate(MULTIPLES, 1)),
    *(_falls(f"E{i}", NET, c) for i, c in enumerate(MULTIPLES, 4)),
    *(_falls(f"E{i}", NARROW, c) for i, c in enumerate(MULTIPLES, 7)),
    *(_late(f"E{i}", NARROW, c) for i, c in enumerate(MULTIPLES, 10)),
)
