"""The effective theory of bulk and outliers against the measured spectra (E)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.benarous2024.claims.compared import EDGE, Compared
from spectral_atlas.papers.benarous2024.claims.regimes import (
    MODERATE,
    RECALLED,
    THEOREM,
    XOR_THEOREM,
)
from spectral_atlas.papers.benarous2024.claims.seeds import every_seed
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at_all, class_one
from spectral_atlas.papers.benarous2024.study import MATRICES

Array = np.ndarray
TOP, TOP_TEN, TOP_FEWER = 0.07, 0.02, 0.05  # of the top outlier; given the samples, M = 10 d, less
RATIOS = (2.0, 5.0)
EDGE_TIMES = (0.0, 10.0, 30.0)
ALL_TIMES = (*EDGE_TIMES, 100.0)
FEWER_TIME = 30.0
GIVEN = "the test samples' own projections on parameters and means are given to the theory"
EQUATIONS = "equations of the authors' later work; independent checks agreed as well"


def _classes(study: Study, regime: Regime) -> Compared:
    return _at_times(study, regime, EDGE_TIMES)


def _given(study: Study, regime: Regime) -> Compared:
    return _at_times(study, regime, ALL_TIMES, "given_")


def _drawn(study: Study, regime: Regime) -> Compared:
    return _at_times(study, regime, ALL_TIMES)


def _at_times(study: Study, regime: Regime, times: Sequence[float], prefix: str = "") -> Compared:
    files, predicted = study.files(regime), study.prediction(regime)
    eigenvalues = class_one(at_all(files.spectra, times))["eigenvalues"]
    return _compared(_named(at_all(predicted, times), prefix), eigenvalues)


def _named(predicted: xr.Dataset, prefix: str) -> xr.Dataset:
    """One of the predictions in a file, under plain names."""
    names = {f"{prefix}{name}": name for name in ("edge", "outliers", "n_outliers")}
    if missing := [name for name in names if name not in predicted]:
        raise Unmeasured(f"no {missing[0]} among the predictions")
    return predicted[list(names)].rename(names)


def _neurons(study: Study, regime: Regime) -> Compared:
    files, predicted = study.files(regime), study.prediction(regime)
    if "neuron_eigenvalues" not in files.spectra:
        raise Unmeasured(f"no block of a neuron of {regime.study} is at hand")
    spectra = at_all(files.spectra, EDGE_TIMES)["neuron_eigenvalues"]
    n = spectra.sizes["neuron_run"]
    predicted = at_all(predicted, EDGE_TIMES).isel(run=slice(0, n))
    chosen = predicted["spectrum_neuron"].values
    one = [spectra.isel(neuron_run=i, neuron=int(chosen[i])) for i in range(n)]
    return _compared(predicted, xr.concat(one, dim="run"))


def _compared(predicted: xr.Dataset, values: xr.DataArray, last: str = "time") -> Compared:
    order = ("run", "matrix", last)
    (rank,) = set(values.dims) - set(order)
    predicted, values = predicted.sel(matrix=list(MATRICES)), values.sel(matrix=list(MATRICES))
    where = ", ".join(f"{v:g}" for v in predicted[last].values)
    return Compared(
        predicted["edge"].transpose(*order).values,
        predicted["n_outliers"].transpose(*order).values,
        predicted["outliers"].isel(rank=0).transpose(*order).values,
        values.transpose(*order, rank).values,
        f"{'t' if last == 'time' else 'M / d'} = {where}",
    )


def _fewer(study: Study, regime: Regime) -> Compared:
    """Smaller sets of samples, at t = 30."""
    spectra, predicted = study.files(regime).spectra, study.prediction(regime)
    for ds, name in ((spectra, "ratio_spectrum"), (predicted, "ratio_edge")):
        if name not in ds or not set(RATIOS) <= set(ds["ratio"].values.tolist()):
            raise Unmeasured(f"no {name} at M / d = 2 and 5")
    if not all(np.isclose(ds.attrs["ratio_time"], FEWER_TIME) for ds in (spectra, predicted)):
        raise Unmeasured(f"smaller sets are not measured and predicted at t = {FEWER_TIME:g}")
    fewer = _named(predicted, "ratio_").sel(ratio=list(RATIOS))
    return _compared(fewer, spectra["ratio_spectrum"].sel(ratio=list(RATIOS)), "ratio")


_Source = Callable[[Study, Regime], Compared]
_SOURCES: dict[str, _Source] = {  # three claims share one comparison
    name: lru_cache(maxsize=8)(compare)
    for name, compare in (
        ("classes", _classes), ("given", _given), ("drawn", _drawn), ("neurons", _neurons),
        ("fewer", _fewer),
    )
}  # fmt: skip
WHEN = {
    "classes": "t = 0, 10, 30",
    "drawn": "t = 0, 10, 30, 100",
    "given": f"t = 0, 10, 30, 100, where {GIVEN}",
    "neurons": "t = 0, 10, 30",
    "fewer": f"but M = 2 d and 5 d, t = 30, where {GIVEN}",
}
SAID = {
    "edge": ("the bulk ends at the predicted edge", "relative distance of the first eigenvalue "
             "that is not among the predicted outliers"),
    "top": ("the top outlier is the predicted one", "relative distance"),
    "count": ("there are as many outliers as predicted", "difference"),
}  # fmt: skip


def _check(
    id: str, source: str, regime: Regime, kind: str, most: float, only: str | None = None
) -> Check:
    symbols = ("H_ii", "G_ii") if source == "neurons" else ("H_11", "G_11")
    blocks = " and ".join(s for s in symbols if only is None or s == only)
    if source == "neurons":
        blocks += " of the neuron i with the largest |v_i|"
    matrices = [m for m, s in zip(MATRICES, symbols, strict=True) if only is None or s == only]

    def values(study: Study) -> tuple[Array, str]:
        compared = _SOURCES[source](study, regime).of(matrices)
        found: tuple[Array, str] = getattr(compared, f"{kind}_error")()
        return found

    said, what = SAID[kind]
    tolerance = ABOVE if kind == "count" else CHANCE if source == "drawn" else FINITE
    figure = "bulk_and_outliers_xor" if source == "neurons" else "bulk_and_outliers"
    return every_seed(
        id, figure, f"{regime.text}, {WHEN[source]}: {said} in {blocks}.",
        values, most=most, what=what, tolerance=tolerance, evidence=EQUATIONS,
    )  # fmt: skip


FINITE = "fluctuations of finite d and M"
CHANCE = "the chance of M samples; given them, the same claim is made for 2 %"
ABOVE = f"an eigenvalue counts from {EDGE:.0%} above the predicted edge"
CHECKS: tuple[Check, ...] = (
    _check("E1", "classes", RECALLED, "edge", EDGE),
    _check("E2", "classes", MODERATE, "edge", EDGE),
    _check("E3", "classes", THEOREM, "edge", EDGE),
    _check("E4", "given", RECALLED, "top", TOP_TEN),
    _check("E5", "given", MODERATE, "top", TOP_TEN),
    _check("E6", "given", THEOREM, "top", TOP_TEN),
    _check("E7", "classes", MODERATE, "count", 0),
    _check("E8", "classes", THEOREM, "count", 0),
    _check("E9", "classes", RECALLED, "count", 0, "G_11"),
    _check("E10", "fewer", RECALLED, "edge", EDGE, "H_11"),
    _check("E11", "fewer", MODERATE, "edge", EDGE, "H_11"),
    _check("E12", "fewer", THEOREM, "edge", EDGE, "H_11"),
    _check("E13", "fewer", RECALLED, "edge", EDGE, "G_11"),
    _check("E14", "fewer", MODERATE, "edge", EDGE, "G_11"),
    _check("E15", "fewer", THEOREM, "edge", EDGE, "G_11"),
    _check("E16", "fewer", RECALLED, "top", TOP_FEWER),
    _check("E17", "fewer", MODERATE, "top", TOP_TEN),
    _check("E18", "fewer", THEOREM, "top", TOP_TEN),
    _check("E19", "fewer", MODERATE, "count", 0),
    _check("E20", "fewer", THEOREM, "count", 0),
    _check("E25", "drawn", RECALLED, "top", TOP),
    _check("E26", "drawn", MODERATE, "top", TOP),
    _check("E27", "drawn", THEOREM, "top", TOP),
    _check("E28", "given", RECALLED, "edge", EDGE),
    _check("E29", "given", MODERATE, "edge", EDGE),
    _check("E30", "given", THEOREM, "edge", EDGE),
    _check("E21", "neurons", XOR_THEOREM, "edge", EDGE),
    _check("E22", "neurons", XOR_THEOREM, "top", TOP),
    _check("E23", "neurons", XOR_THEOREM, "count", 0),
    every_seed(
        "E24", "bulk_and_outliers",
        f"{RECALLED.text}, t = 0, 10, 30: the effective theory leaves G_11 a single outlier, not "
        f"k.",
        lambda study: np.abs(
            _SOURCES["classes"](study, RECALLED).of(["gradient"]).counted().astype(float) - 1
        ),
        most=0, what="distance of the predicted number from 1", tolerance="none",
        evidence="independent solutions of the same equations",
    ),
)  # fmt: skip
