"""Claims: all hold on ideal files, and each fails where what it is about is spoiled in one run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ideal_studies import ideal_inputs

import spectral_atlas
from spectral_atlas.claims import as_rows
from spectral_atlas.papers.benarous2024 import outcomes, theory
from spectral_atlas.papers.benarous2024.claims import CHECKS, evaluate
from spectral_atlas.papers.benarous2024.claims.study import Study

BY_ID = {check.id: check for check in CHECKS}
FIGURES = {
    "", "fig3_1", "fig3_2", "fig3_3", "fig3_4", "fig4_1", "fig4_2", "fig4_3", "train_vs_test",
    "bulk_and_outliers", "bulk_and_outliers_xor", "outcome_law", "heatmaps_xor", "variants",
}  # fmt: skip
H, G = 0, 1  # along `matrix`
T10, T30, T50, T75, T100 = range(1, 6)  # along `time` of the long mixture studies
C4 = theory.xor_constant(0.05)
ALL = C4 * outcomes.SIGNS
REC, MOD, THE, LIM = (f"mixture_{n}" for n in ("recalled", "moderate", "theorem", "limit"))


def to(value):
    return lambda _: value


def times(factor):
    return lambda old: factor * old


def blocks(study, name, change, m, t, **at):
    """Class 1's block of run 1."""
    place = {"matrix": m, "run": 1, "time": t, "class": 0, **at}
    return f"spectra/{study}", name, place, change


def neuron(name, change, m, t=3, study="xor_theorem", **at):
    """The block of live neuron 4 of run 1."""
    place = {"matrix": m, "neuron_run": 1, "time": t, "neuron": 4, **at}
    return f"spectra/{study}", name, place, change


def readout(study, change, m, t, order, run=1, name="readout_eigenvalues"):
    place = {"matrix": m, "run": run, "time": t, "order": order}
    return f"spectra/{study}", name, place, change


def effective(study, name, change, m, t, **at):
    return f"spectra/{study}_effective", name, {"matrix": m, "run": 1, "time": t, **at}, change


def ratio(study, change, m, value):
    place = {"matrix": m, "run": 1, "ratio": 0, "value": value}
    return f"spectra/{study}", "ratio_spectrum", place, change


def runs(study, name, change, **at):
    return f"runs/{study}", name, at, change


# Which file, which variable, where, and what becomes of it: each fails one claim at least.
SPOILED = {
    "A1": blocks(MOD, "rho_k", to(0.89), H, T30),
    "A2": blocks(MOD, "rho_k", to(0.83), G, T30),
    "A3": blocks(MOD, "rho_k", to(0.18), H, 0),
    "A4": blocks(MOD, "rho_k", to(0.18), G, 0),
    "A5": blocks(MOD, "overlap", to(0.96), H, T30),
    "B1": blocks(THE, "rho_k", to(0.941), H, T30),
    "B2": blocks(THE, "rho_k", to(0.929), G, T30),
    "B3": blocks(THE, "overlap", to(0.994), H, T30),
    "B4": blocks(THE, "overlap", to(0.97), G, T30),
    "B5": blocks(THE, "rho_k", to(0.97), G, T100, **{"class": 7}),
    "B6": (f"spectra/{THE}", "cross_overlap", {"matrix": H, "run": 1}, to(0.98)),
    "B7": (f"spectra/{THE}", "cross_overlap", {"matrix": G, "run": 1}, to(0.98)),
    "B8": (f"spectra/{THE}", "cross_eigenvalues", {"matrix": H, "run": 1, "rank": 9}, to(1.0)),
    "B9": (f"spectra/{THE}", "cross_eigenvalues", {"matrix": G, "run": 1, "rank": 5}, to(-1.0)),
    "C1": blocks(MOD, "eigenvalues", to(0.0116), H, 0, rank=0),
    "C2": blocks(MOD, "eigenvalues", to(0.017), H, T30, rank=0),
    "C3": blocks(MOD, "eigenvalues", to(0.0039), H, T75, rank=9),
    "C4": blocks(MOD, "eigenvalues", to(0.0238), G, T30, rank=0),
    "C5": blocks(THE, "eigenvalues", to(0.0019), H, T50, rank=9),
    "C6": blocks(THE, "eigenvalues", to(1.9e-4), G, T10, rank=9),
    "C7": blocks(REC, "eigenvalues", to(0.0168), H, 0, rank=9),
    "C8": blocks(REC, "eigenvalues", to(0.0165), H, T100, rank=9),
    "C9": blocks(THE, "eigenvalues", times(0.88), G, 0, rank=0),
    "C10": blocks(THE, "eigenvalues", times(1.2), H, 0, rank=slice(0, 10)),
    "D1": runs(LIM, "on_means", to(2.76), run=1, time=1, component=4, **{"class": 4}),
    "D2": runs(LIM, "x", times(1.02), run=1, time=1, **{"class": 3}),
    "D3": blocks(LIM, "rho_1", to(0.935), H, 1),
    "D4": blocks(LIM, "rho_1", to(0.962), G, 1),
    "D5": blocks(LIM, "rho_k", to(0.98), H, 1),
    "D6": blocks(LIM, "rho_k", to(0.98), G, 1),
    "D7": blocks(LIM, "eigenvalues", times(1.12), H, 1, rank=slice(1, 10)),
    "E1": effective(REC, "edge", times(1.08), H, T30),
    "E2": effective(MOD, "edge", times(0.93), G, T10),
    "E3": effective(THE, "edge", times(1.08), G, 0),
    "E4": effective(REC, "given_outliers", times(1.03), G, T30, rank=0),
    "E5": effective(MOD, "given_outliers", times(0.97), H, T30, rank=0),
    "E6": effective(THE, "given_outliers", times(1.03), H, T100, rank=0),
    "E7": effective(MOD, "n_outliers", to(9), H, T30),
    "E8": blocks(THE, "eigenvalues", to(1e-4), G, T10, rank=slice(9, 10)),
    "E9": blocks(REC, "eigenvalues", to(0.021), G, T30, rank=1),
    "E10": ratio(REC, times(1.07), H, slice(None)),
    "E11": ratio(MOD, times(0.93), H, slice(None)),
    "E12": ratio(THE, times(1.07), H, slice(None)),
    "E13": ratio(REC, times(1.07), G, slice(None)),
    "E14": ratio(MOD, times(0.93), G, slice(None)),
    "E15": ratio(THE, times(1.07), G, slice(None)),
    "E16": ratio(REC, times(1.08), H, 0),
    "E17": ratio(MOD, times(0.92), G, 0),
    "E18": ratio(THE, times(1.08), G, 0),
    "E19": ratio(MOD, times(0.01), H, slice(9, None)),
    "E20": ratio(THE, times(0.01), G, slice(0, None)),
    "E21": effective("xor_theorem", "edge", times(1.08), H, 1),
    "E22": effective("xor_theorem", "outliers", times(1.08), G, 1, rank=0),
    "E23": effective("xor_theorem", "n_outliers", to(1), H, 1),
    "E24": effective(REC, "n_outliers", to(10), G, T30),
    "E25": effective(REC, "outliers", times(1.08), G, T100, rank=0),
    "E26": effective(MOD, "outliers", times(0.92), H, 0, rank=0),
    "E27": effective(THE, "outliers", times(1.08), H, T30, rank=0),
    "E28": effective(REC, "given_edge", times(1.08), G, T100),
    "E29": effective(MOD, "given_edge", times(0.93), H, 0),
    "E30": effective(THE, "given_edge", times(1.08), H, T30),
    "F1": readout("xor_recalled", to(0.04), H, 0, 0),
    "F2": readout("xor_recalled", to(0.011), H, 0, 1),
    "F3": readout("xor_recalled", to(4e-5), H, 1, 3),
    "F4": readout("xor_recalled", to(2.4e-5), G, 1, 3),
    "F5": readout("xor_recalled", to(0.94), H, 1, 3, name="readout_rho"),
    "F6": readout("xor_recalled", to(0.94), G, 1, 3, name="readout_rho"),
    "F7": readout("xor_recalled", to(0.04), G, 0, 0),
    "F8": runs("xor_recalled", "f_means", to(0.0), run=1, time=2, mean=3),
    "F9": neuron("neuron_rho_2", to(0.5), H, 2, "xor_recalled", neuron=slice(0, 9)),
    "F10": neuron("neuron_overlap", to(0.5), G, 2, "xor_recalled", neuron=slice(0, 9)),
    "G1": neuron("neuron_rho_2", to(0.94), H),
    "G2": neuron("neuron_rho_2", to(0.94), G),
    "G3": neuron("neuron_rho_2", to(0.21), H, 0),
    "G4": neuron("neuron_rho_2", to(0.21), G, 0),
    "G5": readout("xor_theorem", to(0.03), H, 3, 4),
    "G6": readout("xor_theorem", to(1e-5), G, 3, 3),
    "G7": readout("xor_theorem", times(1.35), H, 3, 0),
    "G8": readout("xor_theorem", times(1.6), G, 3, 0),
    "G9": readout("xor_theorem", times(1.14), H, 3, slice(0, 4)),
    "G10": readout("xor_theorem", times(1.35), G, 3, slice(0, 4)),
    "G11": neuron("neuron_eigenvalues", times(0.65), H, rank=1),
    "G12": neuron("neuron_eigenvalues", times(1.6), G, rank=1),
    "G13": neuron("neuron_overlap", to(0.94), H),
    "G14": neuron("neuron_overlap", to(0.94), G),
    "G15": ("spectra/xor_theorem", "v_in_features", {"run": 1, "time": 3}, to(0.98)),
    "G16": readout("xor_theorem", to(0.98), H, 3, 3, name="readout_rho"),
    "G17": readout("xor_theorem", to(0.98), G, 3, 3, name="readout_rho"),
    "G18": runs("xor_theorem", "W", times(1.06), run=1, time=3, neuron=4),
    "G19": neuron("neuron_eigenvalues", times(2e4), H, neuron=15),
    "G20": neuron("neuron_eigenvalues", times(2e4), G, neuron=15),
    "H1": runs("xor_four", "f_means", to(ALL), run=slice(70, 85), time=1),
    "H2": readout("xor_four", to(0.05), H, 1, 3, run=slice(70, 96)),
    "H3": readout("xor_four", to(0.05), G, 1, 3, run=slice(70, 96)),
    "H4": readout("xor_four", to(0.05), H, 1, 3, run=slice(70, 77)),
    "H5": readout("xor_four", to(0.05), G, 1, 3, run=slice(70, 84)),
    "H6": readout("xor_four", to(0.003), H, 1, 2, run=slice(3, 23)),
    "H7": readout("xor_four", to(0.89), H, 1, slice(None), run=7, name="readout_rho"),
    "H8": runs("xor_four", "f_means", to(-0.4 * C4), run=slice(80, 101), time=1, mean=3),
    "H9": readout("xor_four", times(1.06), H, 1, slice(None), run=slice(None)),
    "H10": runs("xor_four", "basin", to(0), run=slice(70, 121)),
    "H11": runs("xor_four_recalled", "f_means", times(0.0)),
    "L1": runs("xor_widths", "f_means", to(0.0), neurons=0, run=slice(150, 170), mean=[2, 3]),
    "L2": runs("xor_widths", "f_means", to(0.0), neurons=1, run=slice(150, 170), mean=[2, 3]),
    "L3": runs("xor_widths", "f_means", to(0.0), neurons=2, run=slice(150, 170), mean=[2, 3]),
    "L4": runs("xor_widths", "basins", to(2), neurons=0, run=slice(150, 170)),
    "L5": runs("xor_widths", "basins", to(2), neurons=1, run=slice(150, 170)),
    "L6": runs("xor_widths", "basins", to(2), neurons=2, run=slice(150, 170)),
    "L7": runs("xor_widths_moderate", "basins", to(4), run=slice(0, 35)),
    "I1": ("spectra/agreement", "deviation", {"block": 1}, to(2e-12)),
    "I2": ("spectra/agreement", "deviation", {"block": 8}, to(2e-12)),
    "J1": blocks(f"{MOD}_train", "rho_k", to(0.96), H, T30),
    "J2": blocks(f"{MOD}_train", "rho_k", to(0.67), G, T10),
    "J3": blocks(f"{REC}_train", "rho_k", to(0.71), H, T10),
    "J4": blocks(f"{REC}_train", "rho_k", to(0.71), G, T10),
    "J5": neuron("neuron_rho_2", to(0.965), H, study="xor_theorem_train"),
    "J6": neuron("neuron_rho_2", to(0.965), G, study="xor_theorem_train"),
    "K1": blocks("mixture_unequal", "rho_k", to(0.89), H, 1, **{"class": 6}),
    "K2": blocks("mixture_correlated", "rho_k", to(0.89), H, 1, **{"class": 6}),
    "K3": blocks("mixture_gaussian", "rho_k", to(0.89), H, 1, **{"class": 6}),
    "K4": blocks("mixture_unequal", "rho_1", to(0.51), H, 1, **{"class": 9}),
    "K5": blocks("mixture_correlated", "rho_1", to(0.51), H, 1, **{"class": 6}),
    "K6": blocks("mixture_gaussian", "rho_1", to(0.84), H, 1, **{"class": 6}),
}


@pytest.fixture(scope="module")
def ideal():
    return ideal_inputs()


def changed(inputs, ref, name, place, change):
    """The inputs with one variable of one file changed at one place."""
    ds = inputs[ref].copy()
    ds[name] = ds[name].copy(deep=True)
    ds[name][place] = change(ds[name][place].values)
    return inputs | {ref: ds}


def test_ideal_files_hold_every_claim(ideal):
    found = evaluate(ideal)
    assert [(c.id, c.verdict, c.detail) for c in found if c.verdict != "holds"] == []


def test_every_claim_is_spoiled_by_something():
    assert set(SPOILED) == set(BY_ID)
    assert len(BY_ID) == len(CHECKS)


@pytest.mark.parametrize("id", sorted(SPOILED))
def test_one_spoiled_number_fails_the_claim(ideal, id):
    found = BY_ID[id](Study(changed(ideal, *SPOILED[id])))
    assert found.verdict == "fails", (found.measured, found.detail)


def test_statements_name_their_regime_and_figures_exist():
    assert {c.figure for c in CHECKS} <= FIGURES
    for check in CHECKS:
        if check.id[0] != "I":
            named = [word in check.statement for word in ("lambda = ", "beta = ", "d = ", "t ")]
            assert all(named), check.statement
        assert check.tolerance
        assert check.evidence


def test_claims_are_in_order_and_json(ideal):
    letters = [c.id[0] for c in CHECKS]
    assert letters == sorted(letters)
    rows = as_rows("benarous2024", evaluate(ideal))
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_detail_names_every_seed(ideal):
    spoiled = changed(ideal, *SPOILED["A1"])
    assert "3 seeds: 0.935, 0.89, 0.935" in BY_ID["A1"](Study(spoiled)).detail


def test_means_without_a_neuron_are_not_held_against_the_rest(ideal):
    """One run starts without a neuron for one mean, and has three outliers: as it should."""
    study = "xor_theorem"
    without = changed(ideal, *runs(study, "basin", to(0), run=1))
    spoiled = changed(without, *SPOILED["G6"])
    found = BY_ID["G6"](Study(spoiled))
    assert found.measured is None
    assert "2 of at least 3" in found.detail


def test_exact_test_against_the_law():
    from spectral_atlas.papers.benarous2024.claims.widths import exact

    law = np.repeat([1, 2, 3, 4], [16, 336, 576, 96])  # 1024 runs of four neurons
    assert exact(law, 4)[0] == 1
    assert exact(np.full(1024, 4), 4)[0] < 1e-9


def test_claims_take_seconds_and_no_torch(ideal):
    start = time.perf_counter()
    evaluate(ideal)
    assert time.perf_counter() - start < 10
    code = (
        "import sys, spectral_atlas.papers.benarous2024.claims as c; c.evaluate({}); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'numba', 'matplotlib')))"
    )
    source = str(Path(spectral_atlas.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source})
    assert done.returncode == 0
