"""Asymptotic gradient norms (E1 to E8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.study import (
    BOUNDED,
    DIVERGED,
    NETS,
    TWO,
    NetRuns,
    Study,
    at_rates,
    etas,
)
from spectral_atlas.papers.craciun2024.theory import asymptotic_gradient

Array = np.ndarray
SHALLOW = ("two-parameter", "1-4-1", "2-3-2", "3-4-2")  # two layers, white data
SINGLE = ("two-parameter", "1-4-1")  # with one singular value
TWO_MODES = ("2-3-2", "3-4-2")  # with 1.5 and 1
NAMED = (1.01, 1.05, 1.1, 1.2)
DEEP = {1.01: 0.526, 1.02: 0.735, 1.05: 1.12, 1.1: 1.49, 1.2: 1.88}
TWO_ETAS = (0.501, 0.505, 0.51, 0.55, 0.6)


def bounded(found: NetRuns) -> xr.DataArray:
    """Mean |gradient| of the window where runs stay bounded, else NaN."""
    return found.runs["gradient_mean"].where(found.outcome == BOUNDED)


def _counts(found: NetRuns) -> str:
    number = (found.outcome == BOUNDED).sum("start").values
    return f"{int(number.min())} to {int(number.max())} bounded runs each"


def _each(values: xr.DataArray) -> Array:
    return np.asarray(values.transpose("net", "share").values.ravel())


def _formula(found: NetRuns) -> xr.DataArray:
    sigma = found.runs["largest_singular_value"]
    values = asymptotic_gradient(found.runs["share"].values, sigma.values[:, None])
    return xr.DataArray(values, dims=("net", "share"))


def _off(aggregate: Callable[[xr.DataArray], xr.DataArray]) -> Samples:
    """Relative distance from the formula, of one number for each network and share."""

    def samples(study: Study) -> Sample:
        found = study.nets(SHALLOW).at(NAMED)
        formula = _formula(found)
        off = aggregate(abs(bounded(found).drop_vars(["net", "share"]) / formula - 1))
        return Sample(_each(off), found.labels, _counts(found))

    return samples


def _two_parameter(study: Study) -> Sample:
    runs = study.two_parameter(steps=2000, starts=100)
    found = at_rates(runs, TWO_ETAS, "runs/two_parameter")
    mean = found["gradient_mean"].where(found["outcome"] == BOUNDED).median("start").values
    formula = asymptotic_gradient(2 * found["learning_rate"].values)
    return Sample(np.abs(mean / formula - 1), etas(found))


def _spread(study: Study) -> Sample:
    """(largest - smallest) / median of all runs that stay bounded."""
    found = study.nets().between(1 + 1e-6, 1.2)
    mean = bounded(found)
    spread = (mean.max("start") - mean.min("start")) / mean.median("start")
    return Sample(_each(spread), found.labels, _counts(found))


def _deep(study: Study) -> Sample:
    found = study.nets(("2-3-3-2",)).at(list(DEEP))
    mean = bounded(found).median("start").values[0]
    values = np.abs(mean / np.array(list(DEEP.values())) - 1)
    listed = ", ".join(f"{v:.4g}" for v in mean)
    return Sample(values, found.labels, f"medians {listed}; {_counts(found)}")


def _below(names: Sequence[str], shares: Sequence[float] = ()) -> Samples:
    """Medians of those that do not diverge; NaN where all do."""

    def samples(study: Study) -> Sample:
        every = study.nets(names)
        found = every.at(shares) if shares else every.between(0, 0.95)
        mean = found.runs["gradient_mean"].where(found.outcome != DIVERGED)
        number = (found.outcome == BOUNDED).sum().item()
        remark = f"of those that do not diverge; {number} runs in all are still moving"
        return Sample(_each(mean.median("start")), found.labels, remark)

    return samples


def _jump(study: Study) -> Sample:
    """The median just above eta_C over that just below."""
    found = study.nets()
    if not found.runs.sizes["net"]:
        raise Unmeasured("no network in runs/nets")
    mean = found.runs["gradient_mean"].where(found.outcome != DIVERGED).median("start")
    below, above = (mean.isel(share=_place(found, a)).values for a in (0.99, 1.01))
    return Sample(above / below, found.runs["net"].values.tolist(), "medians of those not diverged")


def _place(found: NetRuns, share: float) -> int:
    found.at([share])
    return int(np.argmin(np.abs(found.runs["share"].values - share)))


START = "W ~ N(0, std^2), T >= 20000, window 200"
FORMULA = "2 sqrt2 s_1(W*)^1.5 sqrt(1 - 1/a) / a"
NORM = "mean |gradient| of the window"
SHARP = "later abstracts: a sharp transition of the asymptotic gradient norm"
CHECKS: tuple[Check, ...] = (
    claim(
        "E1", "asymptotic_gradient", f"{NETS}, H = 2, S = I, {START}, a = eta / eta_C = 1.01, "
        f"1.05, 1.1, 1.2: the gradient goes to {FORMULA}.",
        _off(lambda off: off.median("start")), high=0.01,
        what=f"relative distance of {NORM}, median of bounded runs",
        tolerance="1 %; with s(W*) = 1.5, 1 a = 1.2 is where the orbit loses its stability",
        evidence=f"{SHARP}; the formula derived",
    ),
    claim(
        "E2", "asymptotic_gradient", f"{NETS}, H = 2, S = I, {START}, a = eta / eta_C = 1.01, "
        "1.05, 1.1, 1.2: so it does from every start that does not diverge.",
        _off(lambda off: off.max("start")), high=0.01,
        what=f"relative distance of {NORM}, largest of bounded runs", tolerance="as E1",
        evidence="another program with 50 other starts",
    ),
    claim(
        "E3", "asymptotic_gradient", f"{TWO}, uniform starts, T >= 2000, eta = "
        f"{', '.join(f'{e:g}' for e in TWO_ETAS)}: the gradient goes to 2 sqrt2 sqrt(1 - 1/a) / a.",
        _two_parameter, high=0.01, what=f"relative distance of the median {NORM}",
        tolerance="1 %", evidence="derived",
    ),
    claim(
        "E4", "asymptotic_gradient", f"{NETS}, every network and S, {START}, eta_C < eta <= 1.2 "
        "eta_C: it is the same from every start that does not diverge.",
        _spread, high=0.005, what=f"spread of {NORM} over its median",
        tolerance="equal to three digits", evidence="another program with 50 other starts",
    ),
    claim(
        "E5", "asymptotic_gradient", f"{NETS}, H = 3, 2-3-3-2, S = I, {START}, eta / eta_C = "
        f"{', '.join(f'{a:g}' for a in DEEP)}: it goes to "
        f"{', '.join(f'{g:g}' for g in DEEP.values())}.",
        _deep, high=0.01, what="relative distance of the median", tolerance="1 %, as E1; three "
        "digits are known",
        evidence="another program",
    ),
    claim(
        "E6", "asymptotic_gradient", f"{NETS}, every network and S, {START}, eta <= .95 eta_C: the "
        "gradient goes to 0.",
        _below(()), high=1e-12, what=f"median {NORM}", tolerance="1e-12",
        evidence="another program",
    ),
    claim(
        "E7", "asymptotic_gradient", f"{NETS}, H = 2, S = I, {START}, eta = .99 eta_C: it still "
        "does.",
        _below(SHALLOW, (0.99,)), high=1e-13, what=f"median {NORM}", tolerance="1e-13",
        evidence="another program",
    ),
    claim(
        "E8", "asymptotic_gradient", f"{NETS}, every network and S, {START}: from eta = .99 eta_C "
        "to 1.01 eta_C it jumps by orders of magnitude.",
        _jump, low=1e6, what=f"median {NORM} at 1.01 over that at .99",
        tolerance="ours: six orders", evidence=SHARP,
    ),
)  # fmt: skip
