"""Claims on every seed: the worst one decides, all are shown, lost runs count against them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.benarous2024.claims.study import Study

Array = np.ndarray
FEWEST = 3
LOST = 1e9  # a run that overflowed: minus this where a claim asks for much, this where for little
SHOWN = 12  # seeds listed one by one

Values = Callable[[Study], Array | tuple[Array, str]]


def every_seed(
    id: str,
    figure: str,
    statement: str,
    values: Values,
    *,
    least: float | None = None,
    most: float | None = None,
    what: str,
    tolerance: str,
    evidence: str,
    fewest: int = FEWEST,
) -> Check:
    """A claim that holds if it does for every seed.

    Parameters
    ----------
    values : function
        Numbers with the seeds along the first axis; of each seed the worst number is taken. With
        a remark for the detail, if there is one.
    least, most : float
        One of the two: the bound.
    what : str
        The measured number, in words: "rho_k", ...
    fewest : int
        Seeds that are needed.
    """
    if (least is None) == (most is None):
        raise ValueError(f"{id}: one of least and most must be given")

    def measure(study: Study) -> tuple[float, str]:
        found = values(study)
        numbers, remark = found if isinstance(found, tuple) else (found, "")
        if len(numbers) < fewest:
            raise Unmeasured(f"{len(numbers)} of at least {fewest} seeds")
        return worst(numbers, least is not None, remark)

    bound = f"at least {least:g}" if least is not None else f"at most {most:g}"
    return Check(
        id=id,
        figure=figure,
        statement=statement,
        expected=f"{what} {bound} in the worst seed",
        low=-np.inf if least is None else least,
        high=np.inf if most is None else most,
        tolerance=tolerance,
        evidence=evidence,
        measure=measure,
    )


def worst(values: Array, smallest: bool, remark: str = "") -> tuple[float, str]:
    """The worst number of all seeds, and the worst of each in words.

    Parameters
    ----------
    values : (seeds, ...); NaN marks a lost run
    smallest : whether small numbers are bad
    remark : appended to the detail
    """
    rows = np.asarray(values, dtype=float).reshape(len(values), -1)
    if not rows.size:
        raise Unmeasured("nothing to measure in any seed")
    each = rows.min(axis=1) if smallest else rows.max(axis=1)  # NaN wins in both
    kept = each[~np.isnan(each)]
    parts = []
    if len(each) <= SHOWN:
        shown = ", ".join("lost" if np.isnan(v) else f"{v:.4g}" for v in each)
        parts.append(f"{len(each)} seeds: {shown}")
    else:
        parts.append(f"{len(each)} seeds")
    if kept.size:
        parts.append(f"mean {kept.mean():.4g}, spread {np.ptp(kept):.2g}")
    if kept.size < len(each):
        sign = "-" if smallest else ""
        parts.append(f"{len(each) - kept.size} lost, each counted as {sign}{LOST:g}")
    if remark:
        parts.append(remark)
    each = np.where(np.isnan(each), -LOST if smallest else LOST, each)
    return float(each.min() if smallest else each.max()), "; ".join(parts)
