"""What is read off the blocks of two-layer networks."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.benarous2024 import outcomes
from spectral_atlas.papers.benarous2024.claims.seeds import Values
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at

Array = np.ndarray
VV = {"hessian": "H_vv", "gradient": "G_vv"}
WW = {"hessian": "H_ii", "gradient": "G_ii"}
LIVE = "live: |v_i| > sqrt(C_beta / K) at the end"


def readout(regime: Regime, matrix: str, time: float) -> tuple[Values, Values]:
    """Functions for the eigenvalues of the block vv, and for rho_4(v) in it."""

    def eigenvalues(study: Study) -> Array:
        spectra = at(study.files(regime).spectra, time).sel(matrix=matrix)
        return spectra["readout_eigenvalues"].values

    def rho(study: Study) -> Array:
        spectra = at(study.files(regime).spectra, time).sel(matrix=matrix)
        return spectra["readout_rho"].values[:, 3]

    return eigenvalues, rho


def ratio(regime: Regime, matrix: str, time: float, above: int, below: int) -> Values:
    """Quotient lambda_above / lambda_below of the block vv, counted from 1."""
    eigenvalues, _ = readout(regime, matrix, time)

    def values(study: Study) -> Array:
        found = np.asarray(eigenvalues(study))
        return found[:, above - 1] / found[:, below - 1]

    return values


def of_neurons(
    study: Study, regime: Regime, name: str, matrix: str, time: float, end: float
) -> tuple[Array, Array]:
    """A variable of the neurons' blocks at one time, and v at the end, of the measured runs."""
    files = study.files(regime)
    if name not in files.spectra:
        raise Unmeasured(f"no blocks of neurons of {regime.study} are at hand")
    found = at(files.spectra, time).sel(matrix=matrix)[name].values
    return found, at(files.runs, end)["v"].values[: len(found)]


def neurons(
    regime: Regime, name: str, matrix: str, time: float, end: float, median: bool = False
) -> Values:
    """A variable of the blocks of the live neurons: the worst of each run, or its median."""

    def values(study: Study) -> tuple[Array, str]:
        found, v = of_neurons(study, regime, name, matrix, time, end)
        live = outcomes.live(v, regime.ridge)
        lost = np.isnan(v).any(axis=1)
        each = np.full((len(found), 2), np.nan)
        for run in np.flatnonzero(~lost):
            some = found[run, live[run]]
            each[run] = np.median(some) if median else (some.min(), some.max())
        return each, f"{live.sum()} live neurons of {live.size}; {LIVE}"

    return values
