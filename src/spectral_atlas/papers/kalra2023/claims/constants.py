"""Critical constants of fully connected networks, by depth and width (L, M)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, check
from spectral_atlas.papers.kalra2023.claims.kinds import ROUNDING, every_run, in_order, means
from spectral_atlas.papers.kalra2023.claims.regimes import (
    NARROW,
    OTHERS,
    SETTING,
    SHALLOW,
    fcn,
    listed,
)
from spectral_atlas.papers.kalra2023.claims.samples import Sample, all_of, constant
from spectral_atlas.papers.kalra2023.claims.study import Study

Array = np.ndarray
WIDTHS = (64, 128, 256)
DEPTHS = (16, 8, 4)
CLAIMED = f"claimed for CIFAR-10 by the authors; {OTHERS}"


def at_infinity(samples: list[Sample], widths: tuple[int, ...]) -> tuple[float, float]:
    """Least squares of order 1 in 1/w through the means: value at 1/w = 0, standard error."""
    A = np.stack([np.ones(len(widths)), 1 / np.array(widths)], axis=1)
    weights = np.linalg.pinv(A)[0]
    error = np.sqrt(sum((w * s.error) ** 2 for w, s in zip(weights, samples, strict=True)))
    return float(weights @ [s.mean for s in samples]), float(error)


@check(
    "L3", "fig3",
    f"{SETTING}, d = 4: the line in 1/w through <c_loss> at w = 64, 128, 256 ends near 2 at "
    f"1/w = 0.",
    expected="from 1.5 to 2.4", low=1.5, high=2.4,
    tolerance="about two standard errors around 1.93, and the curvature in 1/w",
    evidence=f"limit 2 claimed; {OTHERS}, 1.93; not so for d = 8 and 16",
)  # fmt: skip
def _extrapolated(study: Study) -> tuple[float, str]:
    samples = [constant(fcn(4, w), "c_loss")(study) for w in WIDTHS]
    value, error = at_infinity(samples, WIDTHS)
    return value, f"standard error {error:.2g}; " + "; ".join(s.listed for s in samples)


def _grows_with_depth(id: str, name: str) -> Check:
    return in_order(
        id, "fig3", f"{SETTING}, w = 128: {name} grows with the depth, from 4 to 8 to 16.",
        all_of(*(constant(fcn(d, 128), name) for d in DEPTHS)), evidence=CLAIMED,
    )  # fmt: skip


def _over_25(id: str, depth: int, width: int, seen: str) -> Check:
    return means(
        id, "fig3", f"{SETTING}, d = {depth}, w = {width}, so d / w = 1/8: <c_max> is over 25.",
        all_of(constant(fcn(depth, width), "c_max")), low=25.0 + ROUNDING, what="c_max",
        tolerance="none", evidence=f"{OTHERS}: {seen}",
    )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    in_order(
        "L1", "fig3", f"{SETTING}, d = 4: c_loss falls as w grows, from 64 to 128 to 256.",
        all_of(*(constant(fcn(4, w), "c_loss") for w in WIDTHS)), evidence=CLAIMED,
    ),
    means(
        "L2", "fig3", f"{SETTING}, d = 4, w = 256: <c_loss> is a little above 2.",
        all_of(constant(fcn(4, 256), "c_loss")), low=2.3, high=2.9, what="c_loss",
        tolerance="five standard errors of independent runs, and half a grid step, 3.5 %",
        evidence=f"{OTHERS}: 2.57",
    ),
    _extrapolated,
    _grows_with_depth("L4", "c_loss"),
    *(
        in_order(
            id, "fig3", f"{SETTING}, d = 4: c_sharp falls as w grows, from {a} to {b}.",
            all_of(*(constant(fcn(4, w), "c_sharp") for w in (a, b))),
            evidence=f"{CLAIMED}: 6.95, 4.57, 3.54 at w = 64, 128, 256",
        )
        for id, a, b in (("L5", 64, 256), ("L6", 128, 256))
    ),
    _grows_with_depth("L7", "c_sharp"),
    every_run(
        "L8", "fig3",
        f"{SETTING}, {listed((*SHALLOW, *NARROW))}: the loss does not catapult up to c = 2 in any "
        f"run, c_loss > 2, so that the phase 2 < c < c_loss is there.",
        all_of(*(constant(fcn(*n), "c_loss") for n in (*SHALLOW, *NARROW))),
        low=2.0 + ROUNDING, what="c_loss", tolerance="none",
        evidence="claimed for CIFAR-10 by the authors",
    ),
    *(
        means(
            id, "fig3", f"{SETTING}, d = 4, w = {width}: <c_max> is about 13.6.",
            all_of(constant(fcn(4, width), "c_max")), low=12.0, high=16.0, what="c_max",
            tolerance="about three standard errors, and the spread over widths",
            evidence=f"{OTHERS}; 12 to 14 in the authors' outputs for d = 8",
        )
        for id, width in (("M1", 128), ("M2", 256))
    ),
    in_order(
        "M3", "fig3", f"{SETTING}: c_max grows with the depth at w = 128, from 4 to 8 to 16.",
        all_of(*(constant(fcn(d, 128), "c_max") for d in DEPTHS)), evidence=OTHERS,
    ),
    _over_25("M4", 8, 64, "33.0"),
    _over_25("M5", 16, 128, "33.0 for (8, 64) and 25.4 for (4, 32)"),
    _over_25("M6", 4, 32, "25.4"),
    in_order(
        "M7", "fig3", f"{SETTING}, d = 4: c_max grows as w falls from 128 to 32.",
        all_of(constant(fcn(4, 32), "c_max"), constant(fcn(4, 128), "c_max")), evidence=OTHERS,
    ),
)  # fmt: skip
