"""What became of each member of a trained ensemble."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int, Int8

Array = np.ndarray


class Outcome(IntEnum):
    """Exactly one for every member; diverged is asked first, then converged, then collapsed."""

    CONVERGED = 0
    UNCONVERGED = 1
    COLLAPSED = 2
    DIVERGED = 3


def classify(
    diverged_at: Int[Array, "*members"],
    excess_risk: Float[Array, "*#members"],
    risk_zero_excess: float | Float[Array, "*#members"],
    predictor_norm_ratio: Float[Array, "*#members"],
    *,
    tolerance: float,
    collapse_tolerance: float,
) -> Int8[Array, "*members"]:
    """Outcome code of every member.

    Parameters
    ----------
    diverged_at : first step that was not finite, or -1
    excess_risk : R - R_min at the end
    risk_zero_excess : R(0) - R_min, the excess risk of the zero map
    predictor_norm_ratio : |W_L ... W_1| / |w*| at the end
    tolerance : CONVERGED where excess_risk <= tolerance * risk_zero_excess
    collapse_tolerance : COLLAPSED where not converged and predictor_norm_ratio <= this: the network
        sits at the zero map, a saddle

    Returns
    -------
    int8 codes of `Outcome`. A member whose excess risk or norm is not finite counts as DIVERGED.

    Raises
    ------
    ValueError
        If a tolerance is not positive.
    """
    for name, value in (("tolerance", tolerance), ("collapse_tolerance", collapse_tolerance)):
        if not value > 0:
            raise ValueError(f"{name} = {value}: must be > 0")
    lost = (np.asarray(diverged_at) >= 0) | ~np.isfinite(excess_risk)
    lost = lost | ~np.isfinite(predictor_norm_ratio)
    good = np.asarray(excess_risk) <= tolerance * np.asarray(risk_zero_excess)
    flat = np.asarray(predictor_norm_ratio) <= collapse_tolerance
    return np.select(
        [lost, good, flat],
        [np.int8(Outcome.DIVERGED), np.int8(Outcome.CONVERGED), np.int8(Outcome.COLLAPSED)],
        np.int8(Outcome.UNCONVERGED),
    )
