"""Claims: all hold on ideal files, and each fails where what it is about is spoiled."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from synthetic_claims import STEP, ideal_inputs

import spectral_atlas
from spectral_atlas.checks import BROKEN
from spectral_atlas.claims import as_rows
from spectral_atlas.papers.kalra2023.claims import CHECKS, evaluate, long_runs, regimes, saturation
from spectral_atlas.papers.kalra2023.claims.instruments import BATCH, NETS
from spectral_atlas.papers.kalra2023.claims.regimes import entropy, fcn, learning, myrtle, output
from spectral_atlas.papers.kalra2023.claims.study import Nets, Study

BY_ID = {check.id: check for check in CHECKS}
FIGURES = {f"fig{i}" for i in range(1, 9)} | {f"a{i}" for i in range(1, 9)}


def places(ds, nets):
    """Rows of some networks."""
    found = np.ones(ds.sizes["run"], dtype=bool)
    for field in fields(nets):
        if field.name != "file":
            found &= ds[field.name].values == getattr(nets, field.name)
    assert found.any()
    return np.flatnonzero(found)


def scale(nets, name, factor, runs=slice(None)):
    """A critical constant of some runs times a factor, on the grid."""

    def change(ds):
        ds[f"k_{name}"][places(ds, nets)[runs]] += round(np.log2(factor) / STEP)

    return nets.file, change


def put(nets, name, value, runs=slice(None)):
    def change(ds):
        ds[f"k_{name}"][places(ds, nets)[runs]] = round(np.log2(value) / STEP)

    return nets.file, change


def times(nets, name, factor, runs=slice(None), **at):
    """A variable of some runs times a factor."""

    def change(ds):
        ds[name][{"run": places(ds, nets)[runs], **at}] *= factor

    return nets.file, change


def ratio(nets, factor, c, runs=slice(None), step=10):
    def change(ds):
        i = ds["multiple"].values.tolist().index(c)
        ds["sharpness"][{"run": places(ds, nets)[runs], "multiple": i, "step": step}] *= factor

    return nets.file, change


def uv(name, change, **at):
    def changed(ds):
        place = {k: ds[k].values.tolist().index(v) if k in ds.coords else v for k, v in at.items()}
        ds[name][place] = change(ds[name][place].values)

    return "runs/uv", changed


def add(value):
    return lambda old: old + value


def factor(value):
    return lambda old: old * value


LATE = {"multiple": 0, "time": 19}
EST = {"run": 3}
SAT = {f"S{w}": Nets("runs/saturation", 4, w) for w in (64, 128, 256)}
AUTHORS = Nets("runs/authors", 4, 64, batch=BATCH)
TRAJ = {d: Nets("runs/trajectories", d, w) for d, w in ((4, 256), (8, 64))}
TANH = regimes.tanh(4, 128)


def bend_at_three(ds):
    """A transition at c = 3 in place of 2."""
    rows = places(ds, SAT["S256"])
    c = ds["multiple"].values
    r = 1 - 0.5 * np.logaddexp(0, 8 * (c - 3)) / 8
    ds["sharpness"][rows] = 5 * r


# One run is enough for claims on every run; means and orders need more.
SPOILED = {
    "B1": put(fcn(4, 128), "barrier", 2.0, [0]),
    "B2": put(fcn(4, 256), "barrier", 30.0, [0]),
    "B3": put(fcn(8, 64), "barrier", 20.0),
    "B4": scale(fcn(4, 128), "barrier", 2.0),
    "C1": scale(myrtle(5, 64), "loss", 8.0),
    "C2": scale(myrtle(5, 32), "loss", 2.2),
    "C3": ratio(myrtle(5, 32), 2.1, 1.0, [1]),
    "D1": uv("traj_loss", factor(1e9), traj_width=8, traj_multiple=1.0, traj_run=2, traj_step=1),
    "D2": uv("traj_loss", lambda old: old[0], traj_width=512, traj_multiple=2.5, traj_run=2),
    "D3": uv("traj_trace", factor(9.0), traj_width=8, traj_multiple=3.5, traj_run=1, traj_step=9),
    "D4": uv("traj_trace", lambda old: 1 - 0.01 * np.arange(21), traj_width=8, traj_multiple=4.2,
             traj_run=1),
    "D5": uv("traj_loss", factor(1e9), traj_width=8, traj_multiple=3.5, traj_run=1, traj_step=1),
    "E1": times(long_runs.NET, "sharpness", 1.2, [1], multiple=0, time=19),
    "E2": times(long_runs.NET, "sharpness", 0.8, [1], multiple=1, time=19),
    "E3": times(long_runs.NET, "sharpness", np.nan, [1], multiple=2, time=19),
    "E4": times(long_runs.NET, "sharpness", 1.3, multiple=0),
    "E5": times(long_runs.NET, "sharpness", 1.3, multiple=1),
    "E6": times(long_runs.NET, "sharpness", 3.0, multiple=2),
    "E7": times(long_runs.NARROW, "sharpness", 1.9, [1], multiple=0),
    "E8": times(long_runs.NARROW, "sharpness", 1.9, [1], multiple=1),
    "E9": times(long_runs.NARROW, "sharpness", np.nan, [1], multiple=2, time=3),
    "E10": times(long_runs.NARROW, "sharpness", 1.2, [1], multiple=0, time=19),
    "E11": times(long_runs.NARROW, "sharpness", 0.8, [2], multiple=1, time=19),
    "E12": times(long_runs.NARROW, "sharpness", 1.2, [0], multiple=2, time=19),
    "L1": put(fcn(4, 128), "loss", 2.6),
    "L2": put(fcn(4, 256), "loss", 3.0),
    "L3": scale(fcn(4, 128), "loss", 0.6),
    "L4": put(fcn(8, 128), "loss", 3.1),
    "L5": put(fcn(4, 256), "sharp", 6.9),
    "L6": put(fcn(4, 256), "sharp", 4.6),
    "L7": put(fcn(16, 128), "sharp", 10.0),
    "L8": put(fcn(8, 128), "loss", 2.0, [2]),
    "M1": put(fcn(4, 128), "max", 17.0),
    "M2": put(fcn(4, 256), "max", 11.5),
    "M3": put(fcn(16, 128), "max", 20.0),
    "M4": put(fcn(8, 64), "max", 24.3),
    "M5": put(fcn(16, 128), "max", 24.3),
    "M6": put(fcn(4, 32), "max", 24.3),
    "M7": put(fcn(4, 32), "max", 14.0),
    "O1": put(fcn(4, 128), "sharp", 2.0, [0, 1, 2]),
    "O2": put(fcn(16, 64), "loss", 10.0),
    "O3": put(fcn(4, 256), "barrier", 3.5),
    "P1": times(NETS[1], "power", 0.97),
    "P2": times(NETS[1], "power", 0.97, [3]),
    "P3": times(NETS[2], "lanczos", 0.999, lanczos_steps=1),
    "P4": times(NETS[2], "lanczos", 0.999, [3], lanczos_steps=1),
    "P5": times(AUTHORS, "lambda0", 0.86, [4]),
    "P6": scale(AUTHORS, "sharp", 4.0),
    "R1": ratio(fcn(4, 256), 1.1, 1.0),
    "R2": ratio(fcn(4, 64), 1.3, 1.0),
    "R3": ratio(fcn(8, 64), 1.4, 1.0),
    "R4": ratio(fcn(4, 128), 1.3, 0.5, [1], step=3),
    "R5": ratio(fcn(4, 64), 1.3, 1.0, [1], step=3),
    "R6": ratio(fcn(4, 256), 1.3, 1.5, [1], step=3),
    "R7": ratio(fcn(4, 256), 1.2, 1.5, [1]),
    "R8": ratio(fcn(4, 64), 1.2, 1.0, [1]),
    "R9": times(TRAJ[4], "loss", 0.3, [1], multiple=0, step=slice(1, None)),
    "R10": times(TRAJ[8], "loss", 2.0, [1], multiple=0, step=5),
    "S1": uv("sat_trace", lambda old: 1 - np.maximum(0, np.arange(1, 80) * 0.05 - 2.2),
             sat_width=128),
    "S2": uv("sat_trace", lambda old: 1 - 0.1 * (old < 0.99), sat_width=512),
    "S3": ("runs/saturation", bend_at_three),
    "S4": times(SAT["S128"], "lambda0", 4.0),
    "U1": uv("avg_a", factor(1.02), avg_width=8),
    "U2": uv("avg_a_squared", factor(1.05), avg_width=32),
    "U3": uv("avg_trace_ratio", lambda old: 1 + 0.97 * (old - 1), avg_width=8, avg_multiple=3.0),
    "U4": uv("avg_loss_ratio", factor(1.01), avg_width=8, avg_multiple=2.0),
    "U5": uv("k_max", factor(1.03), width=64),
    "U6": uv("k_trace", factor(0.98), width=64, run=7),
    "U7": uv("c_loss", factor(1.1), width=8),
    "U8": uv("c_loss", factor(0.95), width=16),
    "U9": uv("c_loss", factor(1.02), width=64),
    "U10": uv("c_loss", factor(1.02), width=512),
    "U11": uv("c_loss", factor(1.03), width=128),
    "U12": uv("c_loss", factor(1.03), width=8192),
    "U13": uv("c_sharp", factor(1.6), width=512),
    "U14": uv("k_loss", factor(1.05), width=256, run=3),
    "U15": uv("k_loss", factor(0.97), width=512, run=3),
    "V1": put(learning("isotropic", 4, 128), "loss", 4.5),
    "V2": put(learning("steep", 4, 128), "loss", 4.5),
    "V3": put(learning("teacher", 4, 128), "loss", 4.5),
    "V4": put(learning("random_labels", 4, 64), "loss", 3.1),
    "V5": put(learning("teacher_scalar", 4, 64), "loss", 4.5),
    "V6": put(TANH, "loss", 4.5),
    "V7": put(regimes.variant(4, 128, batch=128), "loss", 4.5),
    "V8": put(regimes.variant(4, 64, batch=32), "loss", 2.0, [5]),
    "V9": put(regimes.linear(4, 128), "loss", 4.0),
    "W1": times(fcn(8, 128), "flops", 2.0),
    "X1": put(entropy(4, 64), "loss", 4.3),
    "X2": put(entropy(4, 128), "max", 13.6),
    "X3": put(entropy(4, 128, "zero"), "loss", 15.0, [3]),
    "X4": put(entropy(8, 64, "zero"), "sharp", 2.0, [1]),
    "Z1": ratio(output(8, 64, "zero"), 1.06, 1.0),
    "Z2": ratio(output(4, 64, "centred"), 0.9, 1.0),
    "Z3": put(output(4, 32, "zero"), "loss", 2.8),
    "Z4": put(output(8, 64, "centred"), "loss", 1.8),
    "Z5": put(output(8, 64, "zero"), "loss", 4.0),
    "Z6": put(output(8, 64, alpha=0.01), "loss", 14.0),
    "Z7": put(output(8, 64, alpha=0.1), "loss", 14.0),
}  # fmt: skip


@pytest.fixture(scope="module")
def ideal():
    return ideal_inputs()


def changed(inputs, ref, change):
    """The inputs with one file changed in place."""
    ds = inputs[ref].copy(deep=True)
    change(ds)
    return inputs | {ref: ds}


def test_ideal_files_hold_every_claim(ideal):
    found = evaluate(ideal)
    assert [(c.id, c.verdict, c.detail) for c in found if c.verdict != "holds"] == []


def test_every_claim_is_spoiled_by_something():
    assert set(SPOILED) == set(BY_ID)
    assert len(BY_ID) == len(CHECKS)


@pytest.mark.parametrize("id", sorted(SPOILED))
def test_what_is_spoiled_fails_the_claim(ideal, id):
    found = BY_ID[id](Study(changed(ideal, *SPOILED[id])))
    assert found.verdict == "fails", (found.measured, found.detail)
    assert not found.detail.startswith(BROKEN)


def test_claims_say_where_they_are_seen_and_what_is_expected():
    assert {c.figure for c in CHECKS} <= FIGURES
    for check in CHECKS:
        assert check.statement.endswith("."), check.statement
        assert check.tolerance, check.id
        assert check.evidence, check.id
        assert check.low <= check.high, check.id


def test_claims_are_in_order_and_json(ideal):
    letters = [c.id[0] for c in CHECKS]
    assert letters == sorted(letters)
    rows = as_rows("kalra2023", evaluate(ideal))
    assert len({row["id"] for row in rows}) == len(rows)


def test_claims_need_no_torch():
    code = (
        "import sys, spectral_atlas.papers.kalra2023.claims as c; c.evaluate({}); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'numba', 'matplotlib')))"
    )
    source = str(Path(spectral_atlas.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source})
    assert done.returncode == 0


def test_saturated_files_know_the_window(ideal):
    """The window is wide enough for the transition to be found elsewhere."""
    c = ideal["runs/saturation"]["multiple"].values
    assert c[1] <= saturation.FIRST
    assert saturation.LAST + saturation.STEP <= 3.5
