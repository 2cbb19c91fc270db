"""Claims: all hold on ideal files, and each fails where what it is about is spoiled."""

from __future__ import annotations

import numpy as np
import pytest
from test_claims_ideal_paths import BLURRED, TOP, along_pairs, ideal_paths
from test_claims_ideal_ridge import ideal_ridge

from spectral_atlas.claims import as_rows
from spectral_atlas.papers.jacot2021.claims import CHECKS, evaluate
from spectral_atlas.papers.jacot2021.claims.study import Study
from spectral_atlas.papers.jacot2021.experiments import FIGURES

BY_ID = {check.id: check for check in CHECKS}
NTK = {2: 0.5, 3: 2 / 3, 4: 0.75}


def to(value):
    return lambda old: np.full_like(old, value)


def times(factor):
    return lambda old: (old * factor).astype(old.dtype)


def plus(number):
    return lambda old: old + number


def power(exponent):
    return lambda old: old**exponent


def _of(stage, file):
    """A change of one variable of a file, at some coordinates and indices."""
    return lambda name, change, **at: (f"{stage}/{file}", name, at, change)


path, seen = _of("runs", "saddle_to_saddle"), _of("spectra", "saddle_to_saddle")
starts, seen_starts = _of("runs", "initializations"), _of("spectra", "initializations")
shares, plane = _of("spectra", "shares"), _of("runs", "plane")
greedy, saddles = _of("runs", "greedy"), _of("spectra", "saddles")
escape, first = _of("runs", "escape"), _of("runs", "first_path")
lazy, seen_lazy, kernels = _of("runs", "lazy"), _of("spectra", "lazy"), _of("spectra", "kernels")
regimes, seen_regimes = _of("runs", "regimes"), _of("spectra", "regimes")
far, identity = _of("runs", "distances"), _of("runs", "identity")
scan, basin = _of("runs", "thresholds"), _of("runs", "basin")
found, hessians = _of("runs", "landscape"), _of("spectra", "landscape")
descent = _of("runs", "ridge_gd")
noisy, clean, full = (_of("runs", f"minima_{n}") for n in ("noisy", "clean", "full"))
SEVEN = list(range(7))
WIDE = {"depth": 3, "width": 1000}
SOME = {"depth": 3, "width": 1000, "target": 3}
ONE = {"ridge": 1e-3, "target": 3}

SPOILED = {
    "A1": seen("singular_values", to(0), gamma=2, target=3, value=2),
    "A2": seen("singular_values", to(0), gamma=2.5, target=3, value=2),
    "A3": path("train_cost", times(1.02), gamma=2, target=3),
    "A4": path("train_cost", times(1.002), gamma=2.5, target=3),
    "A5": path("train_cost", times(1.02), gamma=2),
    "A6": path("train_cost", times(1.002), gamma=2.5),
    "A7": path("train_cost", times(1.001), gamma=2.5, target=3),
    "A8": path("map", times(1.02), gamma=2.5),
    "A9": path("gradient_norm", lambda old: np.where(old == BLURRED, 1e-3, old), gamma=1.5),
    "A10": starts("train_cost", times(1.003), gamma=2, target=6, initialization=5),
    "A11": starts("train_cost", times(1.003), gamma=2.5, target=6, initialization=5),
    "A12": seen_starts("test_cost", to(0.01), gamma=2, target=6, initialization=5),
    "A13": shares("test_cost", to(0.002), observed=80, target=3),
    "A14": shares("test_cost", to(1.0), observed=80),
    "A15": shares("singular_values", to(4.0), observed=70, target=3, value=1),
    "A16": plane("distances", times(1.1), gamma=2, stage=1),
    "A17": plane("distances", times(1.1), gamma=2.5, stage=0),
    "A18": plane("distances", times(1.1), gamma=2.5, stage=1),
    "A19": plane("distances", times(1.2), gamma=2.5, stage=0),
    "A20": greedy("width", to(2), depth=4, epsilon=0.1, target=3),
    "A21": greedy("converged", to(False), depth=2, epsilon=0.1, target=3),
    "A22": greedy("test", to(0.001), depth=4, epsilon=0.1, target=3, stage=2),
    "A23": greedy("test", to(0.001), depth=2, epsilon=0.1, target=3, stage=2),
    "A24": greedy("cost", times(1.001), depth=4, epsilon=0.05, target=3, stage=1),
    "A25": greedy("cost", times(1.001), depth=3, epsilon=0.05, target=3, stage=1),
    "A26": greedy("cost", times(1.01), depth=3, epsilon=0.1, target=3, stage=1),
    "A27": greedy("cost", times(1.001), depth=2, epsilon=0.1, target=3, stage=0),
    "A28": saddles("negative", plus(-1), depth=2, target=3, stage=1),
    "A29": saddles("negative", to(4), depth=3, target=3, stage=2),
    "A30": saddles("zero", to(30), depth=4, target=3, stage=2),
    "B1": path("learning_rate", times(1.2), gamma=2.5, target=3),
    "B2": path("learning_rate", times(1.2), gamma=2.5, target=3),
    "B2b": path("learning_rate", times(1.2), gamma=2.5),
    "B3": escape("learning_rate", times(1.3), depth=4, width=50, target=1, initialization=2),
    "B4": path("learning_rate", times(1.3), gamma=2, target=3),
    "B5": escape("learning_rate", times(1.3), depth=3, width=50, target=1, initialization=2),
    "B6": escape("learning_rate", times(1.3), depth=2, width=50, gamma=2, target=1),
    "B6b": escape("learning_rate", times(1.3), depth=2, width=50, gamma=2, target=1),
    "B7": escape("learning_rate", times(1.3), depth=4, width=200, gamma=2),
    "B8": first("squared_norm", times(0.98), depth=3, target=3),
    "B9": first("squared_norm", times(0.98), depth=4, target=3),
    "B10": first("squared_norm", power(1.05), depth=2, target=3),
    "B11": seen("cosine", to(0.9), gamma=2, target=3),
    "B12": seen("cosine", to(0.9), gamma=2.5, target=3),
    "B13": seen("cosine", to(0.9), gamma=2.5),
    "B14": path("map", lambda old: 0 * old + along_pairs(3, [TOP], 0.05), gamma=2.5, target=3),
    "B15": seen("singular_values", times(20), gamma=2, target=3, value=1),
    "B16": seen("singular_values", times(2000), gamma=2.5, target=3, value=1),
    "B17": seen("singular_values", times(3), gamma=2.5, target=3, value=1),
    "B18": path("map", times(1.3), gamma=2, target=3),
    "B19": path("map", times(1.3), gamma=2.5, target=3),
    "B20": path("map", times(1.3), gamma=2.5),
    "C1": lazy("map", times(1.3), **SOME),
    "C2": lazy("map", times(1.3), **SOME),
    "C3": lazy("map", times(1.3), **WIDE),
    "C4": seen_lazy("test_cost", times(1.2), **SOME),
    "C5": seen_lazy("singular_values", to(0), **SOME, value=slice(4, None)),
    "C6": seen_lazy("singular_values", times(1.1), **SOME, value=2),
    "C7": seen_lazy("test_cost", to(0.5), **SOME),
    "C8": seen_lazy("test_cost", to(0.5), width=1000),
    "C9": lazy("train_cost", power(1.1), **SOME),
    "C9b": lazy("train_cost", power(1.1), **WIDE),
    "C10": lazy("train_cost", power(1.1), **WIDE),
    "C11": kernels("deviation", times(1.3), **WIDE),
    "C12": kernels("deviation", times(1.3), depth=3, width=100),
    "C13": kernels("deviation", times(1.6), **WIDE),
    "D1": seen_regimes("test_cost", to(0.5), depth=4, gamma=0.75, target=3),
    "D2": seen_regimes("test_cost", to(0.5), depth=2, gamma=0.5, target=3),
    "D3": seen_regimes("test_cost", to(0.5), depth=4, gamma=0.75),
    "D4": seen_regimes("test_cost", to(0.5), depth=2, gamma=0.5),
    "D5": seen_regimes("test_cost", to(0.01), depth=4, gamma=1.5, target=3),
    "D6": seen_regimes("test_cost", to(0.01), depth=4, gamma=1.5),
    "D8": seen_regimes("test_cost", to(0.3), depth=4, gamma=1.25, target=3),
    "D9": seen_regimes("test_cost", to(0.1), depth=4, gamma=1.5),
    "D10": seen_regimes("test_cost", to(0.6), depth=2, gamma=1.25),
    "D11": seen_regimes("test_cost", to(0.6), depth=4, gamma=1.25),
    "D12": seen_regimes("singular_values", to(0.6), depth=2, gamma=2, target=3, value=3),
    "D12b": seen_regimes("singular_values", to(1.0), depth=2, gamma=2, value=3),
    "D13": seen_regimes("singular_values", to(0.5), depth=2, gamma=0.5, target=3, value=3),
    "D14": seen_regimes("singular_values", to(0.5), depth=4, gamma=0.75, target=3, value=3),
    "D15": seen_regimes("singular_values", to(0.1), depth=4, gamma=2, target=3, value=3),
    "D16": regimes("stopped", to(False), depth=2, gamma=1, target=3),
    "D17": regimes("stopped", to(False), depth=4, gamma=1, target=3),
    "E1": far("displacement", times(1.1), depth=3, width=400, gamma=NTK[3], target=1),
    "E2": far("displacement", times(1.1), depth=3, width=400, gamma=0.85, target=1),
    "E3": far("displacement", times(1.3), depth=3, width=400, gamma=NTK[3]),
    "E4": far("displacement", times(1.5), depth=3, width=400, gamma=1),
    "E5": far("end_layers", times(1.1), depth=3, width=400, gamma=1.5),
    "E6": far("end_layers", times(1.1), depth=3, width=400, gamma=NTK[3]),
    "E7": far("displacement", to(1e3), depth=3, width=400, gamma=NTK[3], target=1),
    "E8": far("end_layers", to(10.0), depth=3, width=400, gamma=1.5),
    "F1": identity("norm_at_minimum", times(1.0001), depth=3, target=1),
    "F2": identity("imbalance", to(1e-3), depth=5, target=1),
    "F3": identity("value", times(1.001), depth=2, target=1),
    "F4": scan("appears_at", plus(0.01), depth=3, ridge=0.01),
    "F5": scan("wins_at", plus(0.01), depth=5, ridge=0.01),
    "F6": scan("appears_at", plus(0.01), depth=2, ridge=0.01),
    "F7": scan("wins_at", plus(0.01), depth=2, ridge=0.01),
    "F8": scan("minimizer", times(1.001), depth=3, ridge=0.01),
    "F9": basin("end_norm", to(5.0), depth=3, ridge=0.001, factor=0.97, target=1),
    "G1": hessians("negative", to(0), depth=2, rank=4, **ONE),
    "G2": hessians("negative", to(2), depth=3, rank=6, **ONE),
    "G3": found("value", plus(1e-6), depth=2, rank=9, **ONE),
    "G4": hessians("negative", to(2), depth=3, rank=[1, 2, 3, 4, 5, 6], **ONE),
    "G5": hessians("negative", to(2), depth=4, rank=[1, 2, 3, 4, 5], **ONE),
    "G6": hessians("negative", to(2), depth=3, rank=[1, 2, 3], **ONE),
    "G7": hessians("negative", to(2), depth=4, rank=[1, 2], **ONE),
    "G8": hessians("eigenvalues", times(1.01), depth=3, rank=0, index=2, **ONE),
    "G9": hessians("zero", plus(1), depth=3, rank=4, **ONE),
    "G10": found("stable", np.logical_not, depth=3, rank=4, **ONE),
    "G11": found("stable", np.logical_not, depth=2, **ONE),
    "G12": found("value", to(0.0), depth=2, rank=5, **ONE),
    "G13": found("value", to(0.0), depth=2, rank=5, **ONE),
    "G14": descent("squared_norm", times(1.1), depth=2, gamma=1.5, target=3),
    "G15": descent("train_cost", plus(-0.02), depth=3, gamma=1.5, target=3),
    "G16": descent("train_cost", plus(-0.02), depth=4, gamma=1.5, target=3),
    "G17": descent("train_cost", to(0.04), depth=3),
    "G18": descent("train_cost", plus(0.005), depth=3, gamma=1.5, target=3),
    "G19": descent("train_cost", plus(-0.001), depth=3, gamma=1, target=3),
    "H1": noisy("value", to(0.0), depth=3, rank=3, **ONE),
    "H2": noisy("test_cost", to(0.3), depth=3, rank=3, ridge=1e-3, target=SEVEN),
    "H3": noisy("test_cost", to(0.3), depth=4, rank=3, ridge=1e-3, target=SEVEN),
    "H4": noisy("test_cost", to(0.3), depth=3, rank=3, ridge=3e-3, target=SEVEN),
    "H5": noisy("test_cost", to(0.3), depth=4, rank=3, ridge=3e-3, target=SEVEN),
    "H6": noisy("test_cost", to(0.18), depth=4, rank=3, ridge=3e-3),
    "H7": noisy("test_cost", to(0.3), rank=3),
    "H8": clean("value", to(0.0), depth=3, rank=2, **ONE),
    "H9": clean("test_cost", to(0.3), depth=4, rank=3, ridge=0.008),
    "H10": clean("test_cost", to(0.3), rank=3, ridge=0.02),
    "H11": clean("test_cost", to(0.3), rank=3),
    "H12": full("test_cost", to(0.3), depth=3, ridge=0.0188, rank=3, target=3),
    "H13": full("test_cost", to(0.3), depth=4, ridge=0.017, rank=3, target=3),
    "H14": full("value", to(0.0), depth=3, ridge=0.0188, rank=1, target=3),
    "H15": full("map", times(1.001), depth=3, ridge=0.01, rank=3, target=3),
}


@pytest.fixture(scope="module")
def ideal():
    return ideal_paths() | ideal_ridge()


@pytest.fixture(scope="module")
def claims(ideal):
    return evaluate(ideal)


def changed(inputs, ref, name, at, change):
    """The inputs with one variable changed where coordinates, or else indices, are as named."""
    ds = inputs[ref].copy()
    ds[name] = ds[name].copy(deep=True)
    ds[name].attrs = {}
    place = {}
    for key, wanted in at.items():
        if key not in ds.coords or key in ("stage", "value", "index"):
            place[key] = wanted
            continue
        (dim,) = ds[key].dims
        mine = np.isclose(ds[key].values[:, None], np.atleast_1d(wanted)[None]).any(1)
        place[dim] = place.get(dim, True) & mine
    place = {k: np.flatnonzero(v) if np.ndim(v) else v for k, v in place.items()}
    assert all(np.size(v) for v in place.values()), (ref, at)
    ds[name][place] = change(ds[name][place].values)
    return inputs | {ref: ds}


def test_ideal_files_hold_every_claim(claims):
    assert [(c.id, c.verdict, c.detail) for c in claims if c.verdict != "holds"] == []


def test_every_claim_is_spoiled_by_something():
    assert set(SPOILED) == set(BY_ID)
    assert len(BY_ID) == len(CHECKS)


@pytest.mark.parametrize("id", sorted(SPOILED))
def test_one_spoiled_variable_fails_the_claim(ideal, id):
    claim = BY_ID[id](Study(changed(ideal, *SPOILED[id])))
    assert claim.verdict == "fails", (claim.measured, claim.detail)


def test_claims_name_their_regime_their_source_and_a_figure():
    figures = {figure.id for figure in FIGURES}
    for check in CHECKS:
        assert check.figure in figures
        assert check.tolerance
        assert check.evidence
        assert any(f"{word} = " in check.statement for word in ("L", "lambda")), check.statement
        assert check.statement.endswith(".")


def test_claims_are_in_order_and_json(claims):
    assert [c.id[0] for c in claims] == sorted(c.id[0] for c in claims)
    assert len({row["id"] for row in as_rows("jacot2021", claims)}) == len(claims)


def test_the_detail_names_who_fails(ideal):
    claim = BY_ID["A3"](Study(changed(ideal, *SPOILED["A3"])))
    assert "worst 0.02" in claim.detail
    assert "outside: target 3 k = 1, target 3 k = 2" in claim.detail
    assert "n = 20" in claim.detail


def test_a_weaker_claim_stands_where_one_target_fails(ideal):
    spoiled = Study(changed(ideal, *SPOILED["A3"]))
    assert BY_ID["A3"](spoiled).verdict == "fails"
    assert BY_ID["A5"](spoiled).verdict == "holds"
