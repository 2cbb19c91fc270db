"""Figures of periodic orbits and of SGD-stable minimizers, against their files; odd settings."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from drawing import JOB, drawn

from spectral_atlas.papers.craciun2024.bifurcation import bifurcation as bifurcation_stage
from spectral_atlas.papers.craciun2024.figures.bifurcation import bifurcation
from spectral_atlas.papers.craciun2024.figures.sgd_stability import sgd_stability
from spectral_atlas.papers.craciun2024.minibatch import minibatch
from spectral_atlas.papers.craciun2024.run_sections import Bifurcation, Minibatch
from spectral_atlas.papers.craciun2024.theory import diagonal_map, sgd_exponent

BIFURCATION = {
    "values": 45,
    "transient": 300,
    "kept": 16,
    "periods": [1, 2, 4],
    "inputs": [0.9, 2.5],
    "start": [1.48, 0.775676],
    "learning_rates": [0.25, 0.325],
    "steps": 200,
}
MINIBATCH = {
    "inputs": [0.9, 2.5],
    "learning_rates": [0.15, 0.3],
    "probabilities": [0.5, 0.58],
    "extent": 4,
    "points": 40,
    "starts": 12,
    "every": 6,
    "steps": 64,
}


@cache
def orbits() -> xr.Dataset:
    return bifurcation_stage(Bifurcation(**BIFURCATION), {}, JOB)


def sgd(**changed: object) -> xr.Dataset:
    return minibatch(Minibatch(**{**MINIBATCH, **changed}), {}, JOB)


def test_the_diagram_shows_orbits_of_the_map():
    runs = orbits()
    table, facts, text = drawn(bifurcation, {"runs/bifurcation": runs}, lay_out=True)
    points = table[table["panel"] == "a, b, d"]
    for (a, period), own in points.groupby(["a", "period"]):
        for _, orbit in own.groupby("orbit"):
            x = orbit["x"].to_numpy()
            assert len(x) == period
            np.testing.assert_array_equal(orbit["branch"], np.arange(period))
            np.testing.assert_allclose(np.sort(diagonal_map(x, a)), x, atol=1e-9)
    shown = table[table["panel"] == "a, b"]
    one = runs.sel(start="critical")
    for v, a in enumerate(runs["a"].values):
        x = shown[shown["a"] == a]["x"].to_numpy()
        kept = one["attractor"].values[v]
        period = int(one["attractor_period"][v])
        assert len(x) == (period or np.isfinite(kept).sum())
        assert np.isin(x, kept).all()
    assert facts["one"] == (one["attractor_period"] == 1).sum()
    assert facts["left"] == (one["left_at"] >= 0).sum()
    assert "1.23607 (2 to 4)" in text
    assert facts["two_along"] < 1e-9


def test_trajectories_and_where_they_end():
    runs = orbits()
    table, facts, _ = drawn(bifurcation, {"runs/bifurcation": runs})
    paths = table[table["panel"] == "c"]
    for k, eta in enumerate(BIFURCATION["learning_rates"]):
        own = paths[paths["eta"] == eta]
        np.testing.assert_array_equal(own[["t_1", "t_2"]], runs["trajectory"].values[0, k])
    assert "η = 0.25: minimum, (1.21, 0.8264)" in facts["half_ends"]
    assert "η = 0.325: period two, (0.7715, 0.7715) and (1.13, 1.13)" in facts["half_ends"]
    assert facts["full_ends"].count("dead") == 2
    assert facts["full_multipliers"] == "none"


@pytest.mark.parametrize(
    "changed",
    [
        # no doubling, dead after a step
        {"highest": 0.9, "values": 3, "learning_rates": [0.1], "start": [3.0, 3.0]},
        # every orbit leaves, trajectories overflow or die
        {"lowest": 1.7, "highest": 1.9, "values": 4, "learning_rates": [5.0], "start": [50, 40]},
        # nothing of the cascade
        {"periods": [3, 5], "values": 12, "learning_rates": [0.3], "steps": 10, "inputs": [1.0]},
    ],
)
def test_unusual_diagrams(changed):
    runs = bifurcation_stage(Bifurcation(**{**BIFURCATION, **changed}), {}, JOB)
    table, facts, _ = drawn(bifurcation, {"runs/bifurcation": runs}, lay_out=changed["values"] == 3)
    assert len(table)
    assert facts["n_values"] == changed["values"]


def test_minimizers_and_runs_of_sgd():
    runs = sgd()
    table, facts, text = drawn(sgd_stability, {"runs/minibatch": runs}, lay_out=True)
    exponents, returns = (table[table["panel"] == name] for name in ("exponents", "runs"))
    assert len(exponents) == 2 * 40
    for k, (eta, p) in enumerate([(0.15, 0.5), (0.3, 0.58)]):
        own, near = (frame[frame["eta"] == eta] for frame in (exponents, returns))
        s = own["t_1"] ** 2 + own["t_1"] ** -2
        np.testing.assert_allclose(own["sgd_exponent"], sgd_exponent(s, eta, (0.9, 2.5), p))
        np.testing.assert_array_equal(near["sgd_returned"], runs["sgd_returned"].values[k])
        assert (near["sgd_low"] <= near["sgd_returned"] + 1e-12).all()
        assert (near["gd_high"] >= near["gd_returned"] - 1e-12).all()
        by_t = dict(zip(own["t_1"], own["gd_exponent"], strict=True))
        assert near["gd_exponent"].tolist() == [by_t[t] for t in near["t_1"]]
    assert "(2.5510, 3.0312)" in text  # the island beyond the set of gradient descent
    gd, measured = runs["gd_measured"].values[1] < 0, runs["sgd_measured"].values[1] < 0
    counts = f"{(gd & measured).sum()} both, {(gd & ~measured).sum()} GD only"
    assert f"η = 0.3: {counts}" in facts["sets"]


@pytest.mark.parametrize(
    "changed",
    [
        {"learning_rates": [0.2], "probabilities": [0.5], "starts": 1, "points": 3, "every": 3},
        {"learning_rates": [50.0], "probabilities": [0.1], "steps": 10},  # nothing is stable
        {"learning_rates": [0.1, 0.2, 0.4], "probabilities": [0.3, 0.5, 0.9], "extent": 1.5},
        {"inputs": [1.0, 1.01]},
    ],
)
def test_unusual_sgd(changed):
    runs = sgd(**changed)
    table, facts, _ = drawn(sgd_stability, {"runs/minibatch": runs})
    assert len(table) == runs.sizes["rate"] * (runs.sizes["point"] + runs.sizes["near"])
    assert facts["n_points"] == runs.sizes["point"]
