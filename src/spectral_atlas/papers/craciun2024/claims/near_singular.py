"""How near to singular the gradient-descent map comes at random parameters (C6, C14)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, claim
from spectral_atlas.papers.craciun2024.claims.jacobians import DRAWN, FILE, RECALLED
from spectral_atlas.papers.craciun2024.claims.study import NETS, Study, etas

RARE = 10  # draws below eps from which a factor can be told


def _smallest(study: Study) -> Sample:
    found = study.dataset(FILE)
    sizes = [int(found.attrs["points"])] * found.sizes["learning_rate"]
    sizes += [int(found.attrs["draws"])] * found.sizes["net"]
    size = np.concatenate([found["smallest"].values, found["net_smallest"].values])
    zeros = (~(size > 0)).astype(float)
    zeros[found.sizes["learning_rate"] :] = found["net_exact_zeros"].values
    names = [*etas(found), *found["net"].values.tolist()]
    least = ", ".join(f"{name} {v:.2g}" for name, v in zip(names, size, strict=True))
    return Sample(zeros, names, f"smallest |det|: {least}", np.array(sizes))


def _falls(study: Study) -> Sample:
    """By what factor P falls with each decade of eps; beside it the example on the line."""
    found = study.dataset(FILE)
    draws = int(found.attrs["draws"])
    if draws < 40_000:
        raise Unmeasured(f"{draws} of at least 40000 draws in {FILE}")
    eps = np.sort(found["epsilon"].values)[::-1]
    if len(eps) < 2 or not np.allclose(eps[:-1] / eps[1:], 10):
        raise Unmeasured(f"epsilons in {FILE} are not decades")
    some = found.sel(epsilon=eps)
    share = some["net_share"].transpose("net", "epsilon").values
    values, labels = [], []
    for k, name in enumerate(some["net"].values):
        for high, low, e in zip(share[k, :-1], share[k, 1:], eps[:-1], strict=True):
            if not high * draws < RARE:
                values.append(high / max(low, 1 / draws) if np.isfinite(low) else np.nan)
                labels.append(f"{name} from eps = {e:g}")
    line = some["singular_share"].transpose("singular_rate", "epsilon").values
    least = (line[:, :-1] / line[:, 1:]).min(axis=1)
    rates = some["singular_rate"].values
    beside = ", ".join(f"{v:.3g} at eta = {e:g}" for v, e in zip(least, rates, strict=True))
    remark = f"{draws} draws each, fewer than {RARE} left out; example on the line: {beside}"
    return Sample(np.array(values), labels, remark)


CHECKS: tuple[Check, ...] = (
    claim(
        "C6", "gd_jacobian", f"{DRAWN}, and {NETS} with weights N(0, 1): no determinant is 0.",
        _smallest, kind="sum", low=0, high=0, what="determinants that are 0",
        tolerance="none; little power: in floating point a map that is singular everywhere would "
        "pass, see C14",
        evidence=RECALLED,
    ),
    claim(
        "C14", "gd_jacobian", f"{NETS}, weights N(0, 1): P(|det| < eps) keeps falling with eps, "
        "down to where draws get rare; on a set of positive measure it would not.",
        _falls, low=2, what="P(|det| < eps) over P(|det| < eps / 10)",
        tolerance="ours: a factor of 2 a decade; 10 would be the slope 1 of a smooth zero set",
        evidence=RECALLED,
    ),
)  # fmt: skip
