"""Logistic regression: outliers, and where they end (C, D)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check
from spectral_atlas.papers.benarous2024 import theory
from spectral_atlas.papers.benarous2024.claims.alignment import measured
from spectral_atlas.papers.benarous2024.claims.regimes import LIMIT, MODERATE, RECALLED, THEOREM
from spectral_atlas.papers.benarous2024.claims.seeds import Values, every_seed
from spectral_atlas.papers.benarous2024.claims.study import (
    Regime,
    Study,
    at,
    at_all,
    class_one,
    until,
)

Array = np.ndarray
LIMIT_POINT = theory.mixture_fixed_point(LIMIT.classes, LIMIT.ridge)
FIXED_POINT = "derived fixed point of infinite precision"
INITIAL = theory.initial_gradient_ratio(THEOREM.classes)
START = theory.initial_hessian_outlier(THEOREM.classes)


def _ratio(regime: Regime, matrix: str, above: int, below: int, select: Callable) -> Values:
    """lambda_above / lambda_below of class 1's block, counted from 1."""

    def values(study: Study) -> Array:
        spectra = class_one(select(study.files(regime).spectra)).sel(matrix=matrix)
        eigenvalues = spectra["eigenvalues"].transpose("run", ..., "rank").values
        return eigenvalues[..., above - 1] / eigenvalues[..., below - 1]

    return values


def _time(t: float) -> Callable[[xr.Dataset], xr.Dataset]:
    return lambda spectra: at(spectra, t)


def _early(spectra: xr.Dataset) -> xr.Dataset:
    return at_all(spectra, (0, 10, 30))


def _initial_hessian(study: Study) -> Array:
    spectra = class_one(at(study.files(THEOREM).spectra, 0)).sel(matrix="hessian")
    top = spectra["eigenvalues"].values[:, : THEOREM.classes]
    return np.abs(top.mean(axis=1) / START - 1)


def _to_100(spectra: xr.Dataset) -> xr.Dataset:
    return until(spectra, 100)


def with_noise(classes: int, precision: float) -> float:
    """Top over smaller eigenvalues of the population's G_11 at x = 0, with the noise in it.

    Noise adds E[w] / lambda = (k - 1) / (k^2 lambda) to the outliers (1 - 1/k)^2 / k, 1 / k^3.
    """
    noise = classes * (classes - 1) / precision
    return float((theory.initial_gradient_ratio(classes) + noise) / (1 + noise))


def _initial_gradient(study: Study) -> Array:
    spectra = class_one(at(study.files(THEOREM).spectra, 0)).sel(matrix="gradient")
    k, eigenvalues = THEOREM.classes, spectra["eigenvalues"].values
    ratio = eigenvalues[:, 0] / eigenvalues[:, 1:k].mean(axis=1)
    return np.abs(ratio / with_noise(k, THEOREM.precision) - 1)


def _A(study: Study) -> tuple[Array, str]:
    on_means = at(study.files(LIMIT).runs, 300)["on_means"].values
    A = np.einsum("rcc->rc", on_means)
    return np.abs(A - LIMIT_POINT.A), f"{A.shape[1]} classes, mean A {np.nanmean(A):.4f}"


def _norm(study: Study) -> tuple[Array, str]:
    norm = np.linalg.norm(at(study.files(LIMIT).runs, 300)["x"].values, axis=-1)
    return np.abs(norm - LIMIT_POINT.norm), f"{norm.shape[1]} classes, mean {np.nanmean(norm):.4f}"


def _from_limit(matrix: str) -> Values:
    rho = measured(LIMIT, "rho_1", matrix, 300)

    def values(study: Study) -> tuple[Array, str]:
        found = np.asarray(rho(study))
        return np.abs(found - LIMIT_POINT.rho_1), f"mean rho_1 {np.nanmean(found):.4f}"

    return values


def _minibulk(study: Study) -> tuple[Array, str]:
    spectra = class_one(at(study.files(LIMIT).spectra, 300)).sel(matrix="hessian")
    found = spectra["eigenvalues"].values[:, 1 : LIMIT.classes].mean(axis=1)
    shown = ", ".join(f"{v:.3g}" for v in found)
    return np.abs(found / LIMIT_POINT.hessian_mini - 1), f"means {shown}"


EMERGENCE = "independent runs had 1.01 at t = 0, 3.9 at t = 30"
CHECKS: tuple[Check, ...] = (
    every_seed(
        "C1", "fig3_4", f"{MODERATE.text}, t = 0: no single eigenvalue of H_11 stands out.",
        _ratio(MODERATE, "hessian", 1, 2, _time(0)), most=1.1, what="lambda_1 / lambda_2",
        tolerance="sampling of the means' weights", evidence=EMERGENCE,
    ),
    every_seed(
        "C2", "fig3_4",
        f"{MODERATE.text}, t = 30: the top eigenvalue of H_11 has separated from the next.",
        _ratio(MODERATE, "hessian", 1, 2, _time(30)), least=3, what="lambda_1 / lambda_2",
        tolerance="a quarter below independent runs", evidence=EMERGENCE,
    ),
    every_seed(
        "C3", "fig3_4",
        f"{MODERATE.text}, all t <= 100: k eigenvalues of H_11 are separated from the bulk.",
        _ratio(MODERATE, "hessian", 10, 11, _to_100), least=2.5, what="lambda_10 / lambda_11",
        tolerance="a fifth below independent runs, 6.1 to 3.1", evidence="k outliers at all times",
    ),
    every_seed(
        "C4", "fig3_4",
        f"{MODERATE.text}, t = 0, 10, 30: one eigenvalue of G_11 stands far above the others.",
        _ratio(MODERATE, "gradient", 1, 2, _early), least=20, what="lambda_1 / lambda_2",
        tolerance="independent runs had 24 to 26", evidence="measured in independent runs",
    ),
    every_seed(
        "C5", "fig3_4",
        f"{THEOREM.text}, all t <= 100: k eigenvalues of H_11 are separated from the bulk.",
        _ratio(THEOREM, "hessian", 10, 11, _to_100), least=10, what="lambda_10 / lambda_11",
        tolerance="independent runs had 40 at t = 0, 30 at t = 100, to one digit",
        evidence="k outliers at all times",
    ),
    every_seed(
        "C6", "fig3_4",
        f"{THEOREM.text}, all t <= 100: k eigenvalues of G_11, too, are separated from the bulk.",
        _ratio(THEOREM, "gradient", 10, 11, _to_100), least=2, what="lambda_10 / lambda_11",
        tolerance="independent runs had 3, to one digit", evidence="k outliers at all times",
    ),
    every_seed(
        "C7", "fig3_4",
        f"{RECALLED.text}, t = 0: k eigenvalues of H_11 are separated from the bulk.",
        _ratio(RECALLED, "hessian", 10, 11, _time(0)), least=1.1, what="lambda_10 / lambda_11",
        tolerance="neighbours in the bulk are 1.01 apart; independent runs had 1.20",
        evidence="k outliers at all times",
    ),
    every_seed(
        "C8", "fig3_4",
        f"{RECALLED.text}, t = 100: k outliers of H_11 are not there at all times; the k - 1 "
        f"smaller ones have merged with the bulk.",
        _ratio(RECALLED, "hessian", 10, 11, _time(100)), most=1.05, what="lambda_10 / lambda_11",
        tolerance="neighbours in the bulk are 1.01 apart; independent runs had 1.00",
        evidence="effective theory: one outlier of ten is left",
    ),
    every_seed(
        "C9", "fig3_4",
        f"{THEOREM.text}, t = 0: the top eigenvalue of G_11 over the mean of the next k - 1 is "
        f"(k - 1)^2 = {INITIAL:g}, lowered by noise to "
        f"{with_noise(THEOREM.classes, THEOREM.precision):.1f}.",
        _initial_gradient, most=0.1, what="relative distance",
        tolerance="fluctuations of M samples raise the smaller ones further",
        evidence="derived: all classes are equally likely at x = 0",
    ),
    every_seed(
        "C10", "fig3_4",
        f"{THEOREM.text}, t = 0: the k outliers of H_11 average (k - 1) / k^3 = {START:g}.",
        _initial_hessian, most=0.1, what="relative distance",
        tolerance="p differs from 1 / k by the scores of a random start",
        evidence="derived: all classes are equally likely at x = 0",
    ),
    every_seed(
        "D1", "fig3_3",
        f"{LIMIT.text}, t = 300: x^c has come to A mu_c + B sum of the others, A = "
        f"{LIMIT_POINT.A:.3f}.",
        _A, most=0.05, what="|<x^c, mu_c> - A|", tolerance="2 % of A: steps 1/d, finite lambda",
        evidence=FIXED_POINT,
    ),
    every_seed(
        "D2", "fig3_3", f"{LIMIT.text}, t = 300: |x^c| has come to {LIMIT_POINT.norm:.3f}.",
        _norm, most=0.05, what="| |x^c| - limit |", tolerance="2 %: steps 1/d, finite lambda",
        evidence=FIXED_POINT,
    ),
    *(
        every_seed(
            id, "fig3_1",
            f"{LIMIT.text}, t = 300: the alignment of x^1 with the single top eigenvector of "
            f"{symbol} ends at sqrt((k - 1) / k) = {LIMIT_POINT.rho_1:.3f}, short of one.",
            _from_limit(matrix), most=0.01, what="|rho_1 - sqrt((k - 1) / k)|",
            tolerance="finite lambda and M", evidence=FIXED_POINT,
        )
        for id, matrix, symbol in (("D3", "hessian", "H_11"), ("D4", "gradient", "G_11"))
    ),
    *(
        every_seed(
            id, "fig3_1",
            f"{LIMIT.text}, t = 300: the alignment of x^1 with the top-k eigenspace of {symbol} "
            f"ends at one.",
            measured(LIMIT, "rho_k", matrix, 300), least=0.99, what="rho_k",
            tolerance="ten times 1 / lambda", evidence="theorem",
        )
        for id, matrix, symbol in (("D5", "hessian", "H_11"), ("D6", "gradient", "G_11"))
    ),
    every_seed(
        "D7", "fig3_4",
        f"{LIMIT.text}, t = 300: the k - 1 smaller outliers of H_11 average "
        f"q (1 - q) / k = {LIMIT_POINT.hessian_mini:.3g}.",
        _minibulk, most=0.1, what="relative distance",
        tolerance="independent run: 7.6 % above, finite lambda and M", evidence=FIXED_POINT,
    ),
)  # fmt: skip
