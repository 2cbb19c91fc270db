"""Hessians of C at the saddles of the greedy algorithm (A28 to A30)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples
from spectral_atlas.papers.jacot2021.claims.greedy import labels_of
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.saddles import REST
from spectral_atlas.papers.jacot2021.claims.study import RANK, SETTING, SIDE, Study
from spectral_atlas.papers.jacot2021.plateaus import at_rest

Array = np.ndarray
Held = Callable[[xr.Dataset, int, int], bool]  # point, its rank, width


def _hessians(depths: tuple[int, ...], held: Held, only_at_rest: bool = False) -> Samples:
    """Whether something holds at the origin and the first two saddles of each target."""

    def samples(study: Study) -> Sample:
        values, labels, left_out = [], [], 0
        for L in depths:
            some = study.by_target("spectra/saddles", depth=L)
            width = int(some.attrs["width"])
            for i, label in enumerate(labels_of(some)):
                for k in range(RANK):
                    point = some.isel(member=i, stage=k)
                    began = some["slope"].values[i, max(k - 1, 0)]
                    if only_at_rest and not at_rest(point["gradient_norm"].values, began):
                        left_out += 1
                        continue
                    known = bool(point["certain"]) and np.isfinite(float(point["negative"]))
                    values.append(held(point, k, width) if known else np.nan)
                    labels.append(f"L = {L}, {label} k = {k}")
        remark = f"{left_out} not at rest, left out" if left_out else ""
        return Sample(np.array(values, dtype=float), labels, remark)

    return samples


def _strict(point: xr.Dataset, k: int, width: int) -> bool:
    # The mask may leave dC/dA fewer than 10 - k singular values above rounding.
    values = min(int(point["slope_rank"]), SIDE - k)
    return int(point["negative"]) == (width - k) * values


def _degenerate(point: xr.Dataset, k: int, width: int) -> bool:
    return int(point["negative"]) == 0 and int(point["zero"]) > int(point["rotations"])


CHECKS: tuple[Check, ...] = (
    claim(
        "A28", "fig1c", f"{SETTING}, N = 80, L = 2: the origin and the first two saddles are "
        "strict, with w - k directions down at the saddle of rank k for each of the 10 - k "
        "singular values of dC/dA, fewer where some of these are zero.",
        _hessians((2,), _strict), kind="share", low=1, high=1, what="the certified Hessian has "
        "them",
        tolerance="none", evidence="derived: w - k dead neurons, each with the singular values "
        "of dC/dA; the first abstract has strict saddles with L2, which is not here",
    ),
    *(
        claim(
            id, "fig1c", f"{SETTING}, N = 80, L = 3, 4{text}: the origin and the first two saddles "
            f"are degenerate: no direction down to second order, and flat ones beyond rotations.",
            _hessians((3, 4), _degenerate, only_at_rest=rest), kind="share", low=1, high=1,
            what="the certified Hessian is so", tolerance="none",
            evidence=f"derived: dead neurons enter with the power L or L - 1{more}",
        )
        for id, rest, text, more in (
            ("A29", False, "", ""),
            ("A30", True, f", {REST}", "; at critical points only"),
        )
    ),
)  # fmt: skip
