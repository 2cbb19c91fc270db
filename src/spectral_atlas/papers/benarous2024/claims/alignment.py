"""Logistic regression: x^c lives in the leading eigenspaces of its blocks (A, B)."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.benarous2024.claims.regimes import MODERATE, THEOREM
from spectral_atlas.papers.benarous2024.claims.seeds import Values, every_seed
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at, class_one

Array = np.ndarray
SEEN = "about half the distance of the measured numbers from 1 is left as room"
SYMBOLS = {"hessian": "H_11", "gradient": "G_11"}
BLOCKS = tuple(SYMBOLS)


def measured(regime: Regime, name: str, matrix: str, time: float) -> Values:
    """A variable of class 1's block at one checkpoint, one number for each seed."""

    def values(study: Study) -> Array:
        spectra = class_one(at(study.files(regime).spectra, time))
        return spectra[name].sel(matrix=matrix).values

    return values


def _as_random(matrix: str) -> Values:
    """Chance of a random vector to be as aligned, times the number of seeds."""
    k, d = MODERATE.classes, MODERATE.d
    start = measured(MODERATE, "rho_k", matrix, 0)

    def values(study: Study) -> tuple[Array, str]:
        rho = np.asarray(start(study))
        shown = ", ".join(f"{r:.3f}" for r in rho)
        p = stats.beta.sf(rho**2, k / 2, (d - k) / 2)
        return np.minimum(1, p * len(rho)), f"rho_k {shown}"

    return values


def _distance(matrix: str) -> Values:
    """|rho_k - rho(x^1, span of the means)| at t = 30."""

    def values(study: Study) -> Array:
        files = study.files(THEOREM)
        found, runs = (class_one(at(ds, 30)) for ds in (files.spectra, files.runs))
        return np.abs(found["rho_k"].sel(matrix=matrix).values - runs["in_span"].values)

    return values


def _all_classes(time: float) -> Values:
    """Rho_k of every class and both matrices, of the runs for which all are measured."""

    def values(study: Study) -> tuple[Array, str]:
        files = study.files(THEOREM)
        rho = at(files.spectra, time)["rho_k"].transpose("run", "class", "matrix").values
        whole = np.flatnonzero(np.isfinite(rho[:, 1:]).any(axis=(1, 2)))
        if not whole.size and files.runs["diverged_at"].values[0] < 0:
            raise Unmeasured("the blocks of all classes are not measured for any seed")
        upto = int(whole.max(initial=0)) + 1  # the first seeds; lost ones among them count
        return rho[:upto], f"{rho.shape[1]} classes, both matrices"

    return values


def _cross(study: Study) -> xr.Dataset:
    """Spectra with the off-diagonal block, which is measured at the last time, t = 100."""
    files = study.files(THEOREM)
    at(files.spectra, 100)
    alive = files.runs["diverged_at"].values < 0
    if alive.any() and np.isnan(files.spectra["cross_overlap"].values[:, alive]).all():
        raise Unmeasured("the off-diagonal block is not measured")
    return files.spectra


def _cross_overlap(matrix: str) -> Values:
    def values(study: Study) -> Array:
        return _cross(study)["cross_overlap"].sel(matrix=matrix).values

    return values


def _wrong_signs(matrix: str) -> Values:
    """How many of the top k eigenvalues of block (1, 2) are negative, against what is derived."""

    def values(study: Study) -> tuple[Array, str]:
        spectra, k = _cross(study), THEOREM.classes
        top = spectra["cross_eigenvalues"].sel(matrix=matrix).values[:, :k]
        negative = np.where(np.isnan(top), np.nan, top < 0).sum(axis=1)
        expected = k if matrix == "hessian" else 2
        shown = ", ".join(f"{n:g}" for n in negative)
        return np.abs(negative - expected), f"negative ones: {shown} of {k}"

    return values


FROM_SPAN = "theorem (large lambda); bound from independent runs, which had .932 to .938 for all"
CHECKS: tuple[Check, ...] = (
    *(
        every_seed(
            id, "fig3_1",
            f"{MODERATE.text}, t = 30: x^1 lives in the top-k eigenspace of {SYMBOLS[matrix]}.",
            measured(MODERATE, "rho_k", matrix, 30), least=bound, what="rho_k", tolerance=SEEN,
            evidence=f"theorem on the diagonal blocks; independent runs had {seen}",
        )
        for id, matrix, bound, seen in (
            ("A1", "hessian", 0.9, ".927 to .935"),
            ("A2", "gradient", 0.84, ".878 to .889"),
        )
    ),
    *(
        every_seed(
            id, "fig3_1",
            f"{MODERATE.text}, t = 0: x^1 is no more aligned with the top-k eigenspace of "
            f"{SYMBOLS[matrix]} than a random vector.",
            _as_random(matrix), least=0.01, what="p-value times the number of seeds",
            tolerance="level 0.01 for all seeds together",
            evidence="alignment starts at about sqrt(k / d); derived: rho_k^2 of a random vector "
            "is Beta(k / 2, (d - k) / 2)",
        )
        for id, matrix in (("A3", "hessian"), ("A4", "gradient"))
    ),
    every_seed(
        "A5", "fig3_2",
        f"{MODERATE.text}, t = 30: the top-k eigenspace of H_11 is the span of the means.",
        measured(MODERATE, "overlap", "hessian", 30), least=0.97, what="mean squared cosine",
        tolerance=SEEN, evidence="theorem on the diagonal blocks; independent runs had .987",
    ),
    *(
        every_seed(
            id, "fig3_1",
            f"{THEOREM.text}, t = 30: x^1 has the same alignment with the top-k eigenspace of "
            f"{SYMBOLS[matrix]} as with the span of the means.",
            _distance(matrix), most=0.005, what="|rho_k - rho(x^1, span of the means)|",
            tolerance="the theorem's error O(1 / lambda), five times 1 / lambda",
            evidence=FROM_SPAN,
        )
        for id, matrix in (("B1", "hessian"), ("B2", "gradient"))
    ),
    *(
        every_seed(
            id, "fig3_2",
            f"{THEOREM.text}, t = 30: the top-k eigenspace of {SYMBOLS[matrix]} is the span of the "
            f"means.",
            measured(THEOREM, "overlap", matrix, 30), least=bound, what="mean squared cosine",
            tolerance=SEEN, evidence=f"theorem; independent runs had {seen}",
        )
        for id, matrix, bound, seen in (
            ("B3", "hessian", 0.995, ".999"),
            ("B4", "gradient", 0.98, ".991"),
        )
    ),
    every_seed(
        "B5", "fig3_1",
        f"{THEOREM.text}, t = 100: every x^c, not only x^1, lives in the top-k "
        f"eigenspaces of H_cc and of G_cc.",
        _all_classes(100), least=0.98, what="rho_k", fewest=1,
        tolerance="twice the distance from 1 of the independent runs of class 1, .991",
        evidence="theorem: for every class",
    ),
    *(
        every_seed(
            id, "",
            f"{THEOREM.text}, t = 100: the top k eigenvectors, by size of the eigenvalue, of the "
            f"off-diagonal block {symbol} span the means.",
            _cross_overlap(matrix), least=0.99, what="mean squared cosine",
            tolerance="ten times the distance from 1 of independent runs, .999",
            evidence="theorem on all blocks",
        )
        for id, matrix, symbol in (("B6", "hessian", "H_12"), ("B7", "gradient", "G_12"))
    ),
    every_seed(
        "B8", "",
        f"{THEOREM.text}, t = 100: the k largest eigenvalues, by size, of the block H_12 are "
        f"negative.",
        _wrong_signs("hessian"), most=0, what="how many of the k are positive", tolerance="none",
        evidence="derived: samples have weights -p_1 p_2",
    ),
    every_seed(
        "B9", "",
        f"{THEOREM.text}, t = 100: of the k largest eigenvalues, by size, of the block G_12 two "
        f"are negative, those of the two classes, and k - 2 positive.",
        _wrong_signs("gradient"), most=0, what="distance of the number of negative ones from 2",
        tolerance="none",
        evidence="derived: weights (p_1 - y_1)(p_2 - y_2), negative where one is the label",
    ),
)  # fmt: skip
