"""Two trajectories of the ReLU chain, with either normalization of its loss (H1 to H5)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim, one
from spectral_atlas.papers.craciun2024.claims.study import Study

Array = np.ndarray
FILE = "runs/bifurcation"
START, INPUTS = (1.48, 1 / 1.48 + 0.1), (0.9, 2.5)
LIMIT, ORBIT = (1.2101, 0.8264), (0.7715, 1.1298)
DEAD = {0.25: (-2.33, -2.69), 0.325: (-10.6, -7.2)}


def _trajectories(study: Study, normalization: str, eta: float) -> xr.Dataset:
    found = study.dataset(FILE)
    if not np.isclose(float(found.attrs["mean_square"]), np.mean(np.square(INPUTS))):
        raise Unmeasured(f"other points in {FILE}")
    start = found["trajectory"].values[0, 0, 0]
    if not np.allclose(start, START):
        raise Unmeasured(f"another start, {start}, in {FILE}")
    at = np.flatnonzero(np.isclose(found["rate_eta"].values, eta))
    if not at.size:
        raise Unmeasured(f"no trajectory with eta = {eta:g} in {FILE}")
    return found.isel(rate=int(at[0])).sel(normalization=normalization)


def _ends_as(found: xr.Dataset, ending: str) -> bool:
    names = found["ending"].attrs["flag_meanings"].split()
    return bool(names[int(found["ending"])] == ending)


def _distance(eta: float, ending: str, wanted: Array) -> Samples:
    """Of the last two parameters, the smaller t_1 t_2 first; NaN where the run ends otherwise."""

    def samples(study: Study) -> Sample:
        found = _trajectories(study, "half", eta)
        cycle = found["cycle"].transpose("phase", "parameter").values
        far = np.abs(cycle - wanted).max() if _ends_as(found, ending) else np.nan
        return one(far, f"eta = {eta:g}", f"ends at {np.round(cycle, 5).tolist()}")

    return samples


def _moduli(study: Study) -> Sample:
    found = _trajectories(study, "half", 0.325)
    wanted = np.array([0.706, -0.221])
    values = np.abs(found["multiplier"].values - wanted)
    return Sample(values, ["across the diagonal", "along the diagonal"])


def _printed(value: Callable[[xr.Dataset, float], float]) -> Samples:
    def samples(study: Study) -> Sample:
        runs = {eta: _trajectories(study, "full", eta) for eta in DEAD}
        values = [value(found, eta) for eta, found in runs.items()]
        losses = ", ".join(f"{float(found['loss'][-1]):.4g}" for found in runs.values())
        return Sample(np.array(values), [f"eta = {eta:g}" for eta in DEAD], f"losses {losses}")

    return samples


def _dies(found: xr.Dataset, eta: float) -> float:
    return float(_ends_as(found, "dead"))


def _dies_at(found: xr.Dataset, eta: float) -> float:
    end = found["cycle"].isel(phase=-1).values
    return float(np.abs(end / np.array(DEAD[eta]) - 1).max()) if _dies(found, eta) else np.nan


CHAIN = "L = 3.53/2 (1 - ReLU(t_2 ReLU(t_1)))^2 from (1.48, 1/1.48 + .1)"
PRINTED = "L = 3.53 (1 - ReLU(t_2 ReLU(t_1)))^2, as printed, from (1.48, 1/1.48 + .1)"
READ = "read in the follow-up"
CHECKS: tuple[Check, ...] = (
    claim(
        "H1", "bifurcation", f"{CHAIN}, eta = .25: descent ends at the minimizer (1.2101, .8264).",
        _distance(0.25, "minimum", np.array([LIMIT, LIMIT])), high=1e-3, what="distance",
        tolerance="+- .001", evidence=f"{READ} that it converges; the limit by another program",
    ),
    claim(
        "H2", "bifurcation", f"{CHAIN}, eta = .325: it ends in an orbit of period two on the "
        "diagonal, .7715 and 1.1298.",
        _distance(0.325, "period_two", np.array(ORBIT)[:, None] * np.ones(2)), high=1e-3,
        what="distance", tolerance="+- .001",
        evidence=f"{READ} that it ends in such an orbit; its points by another program",
    ),
    claim(
        "H3", "bifurcation", f"{CHAIN}, eta = .325: that orbit is stable, with multipliers .706 "
        "and -.221.",
        _moduli, high=1e-3, what="distance", tolerance="+- .001", evidence="another program",
    ),
    claim(
        "H4", "bifurcation", f"{PRINTED}, eta = .25 and .325: both runs end where ReLU is dead.",
        _printed(_dies), kind="share", low=1, high=1, what="it is dead, at a loss of 3.53",
        tolerance="none", evidence="another program; against the follow-up's caption, which the "
        "loss with a factor 1/2 fits",
    ),
    claim(
        "H5", "bifurcation", f"{PRINTED}, eta = .25 and .325: they end near (-2.33, -2.69) and "
        "(-10.6, -7.2).",
        _printed(_dies_at), high=0.01, what="relative distance",
        tolerance="1 %: two or three digits are known", evidence="another program",
    ),
)  # fmt: skip
