"""Beyond equal weights and orthonormal means: the eigenspace stays, its top does not (K)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.benarous2024.claims.regimes import CORRELATED, GAUSSIAN, UNEQUAL
from spectral_atlas.papers.benarous2024.claims.seeds import Values, every_seed
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at

Array = np.ndarray
TIME = 100.0


def _every_class(regime: Regime, name: str) -> Values:
    """A variable of the Hessian's blocks of all classes, of every run."""

    def values(study: Study) -> tuple[Array, str]:
        files = study.files(regime)
        found = at(files.spectra, TIME).sel(matrix="hessian")[name].values
        alive = files.runs["diverged_at"].values < 0
        if np.isnan(found[alive]).any():
            raise Unmeasured("the blocks of all classes are not measured for every seed")
        return found, f"{found.shape[1]} classes"

    return values


def _rarest(study: Study) -> tuple[Array, str]:
    rho, _ = _every_class(UNEQUAL, "rho_1")(study)
    return np.asarray(rho)[:, -1], "the class with the smallest share"


ORTHONORMAL = "with equal shares and orthonormal means it ends at sqrt((k - 1) / k) = .949"
NAMES = ((UNEQUAL, "unequal shares"), (CORRELATED, "correlated means"), (GAUSSIAN, "Gaussian ones"))
CHECKS: tuple[Check, ...] = (
    *(
        every_seed(
            f"K{i}", "variants",
            f"{regime.text}, t = 100: every x^c lives in the top-k eigenspace of H_cc.",
            _every_class(regime, "rho_k"), least=0.9, what="rho_k",
            tolerance="as for orthonormal means with equal shares",
            evidence="theorem: linearly independent means, any shares",
        )
        for i, (regime, _) in enumerate(NAMES, start=1)
    ),
    every_seed(
        "K4", "variants",
        f"{UNEQUAL.text}, t = 100: x^c of the rarest class does not live along the top eigenvector "
        f"of H_cc.",
        _rarest, most=0.5, what="rho_1", tolerance=ORTHONORMAL,
        evidence="the single top eigenvector needs comparable weights",
    ),
    every_seed(
        "K5", "variants",
        f"{CORRELATED.text}, t = 100: no x^c lives along the top eigenvector of H_cc.",
        _every_class(CORRELATED, "rho_1"), most=0.5, what="rho_1", tolerance=ORTHONORMAL,
        evidence="the single top eigenvector needs orthogonal means",
    ),
    every_seed(
        "K6", "variants",
        f"{GAUSSIAN.text}, t = 100: nearly orthonormal means do; x^c lives along the top "
        f"eigenvector of H_cc.",
        _every_class(GAUSSIAN, "rho_1"), least=0.85, what="rho_1",
        tolerance="a tenth below the limit of orthonormal means, .949",
        evidence="inner products of the means are about 1 / sqrt(d)",
    ),
)  # fmt: skip
