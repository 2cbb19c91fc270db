"""Claims keep to their regime: on other files they are not measured, and say why."""

from __future__ import annotations

import numpy as np
import pytest
from asked_craciun import IDEAL, on, unmeasured

from spectral_atlas.papers.craciun2024.claims import CHECKS, evaluate
from spectral_atlas.papers.craciun2024.claims.paths import SCALES, drawn
from spectral_atlas.papers.craciun2024.claims.study import REGRESSIONS
from spectral_atlas.papers.craciun2024.edge import draw
from spectral_atlas.papers.craciun2024.problems import linear, load


@pytest.mark.parametrize("ref", sorted(IDEAL))
def test_a_missing_file_is_a_reason(ref):
    rest = {key: ds for key, ds in IDEAL.items() if key != ref}
    unmeasured(rest, on(ref), f"no {ref} at hand")


def test_nothing_at_hand_is_no_error():
    found = evaluate({})
    assert len(found) == len(CHECKS)
    assert {c.verdict for c in found} <= {"not measured", "holds"}
    assert all("at hand" in c.detail for c in found)


def test_numpy_alone_draws_the_starts():
    for seed, letter in ((2, "A"), (3, "B")):
        arch = linear([5] * 5)
        theta, _ = draw(np.random.default_rng(seed), arch, [3, 1.5, 1, 0.5, 0.25], SCALES[letter])
        np.testing.assert_array_equal(drawn(seed, SCALES[letter]), theta)


def test_regimes_of_networks_tell_them_apart():
    data = IDEAL["data/nets"]
    for name, regression in REGRESSIONS.items():
        assert regression.differs(load(data, name)) == ""
    assert "widths" in REGRESSIONS["2-3-2"].differs(load(data, "3-4-2"))
    assert REGRESSIONS["2-3-2"].differs(load(data, "2-3-2-colored")) == "another S"
    assert REGRESSIONS["two-parameter"].differs(load(data, "two-parameter")) == ""


ATTRIBUTES = [
    ("runs/edge", "widths", [5, 6, 6, 6, 5], on("runs/edge"), "has widths"),
    ("runs/edge", "slowdown", 10, on("runs/edge"), "have eta / 10"),
    ("runs/edge_fresh", "slowdown", 10, on("runs/edge_fresh"), "have eta / 10"),
    ("runs/chain", "widths", [1, 1, 1], on("runs/chain"), "has widths"),
    ("runs/wide", "widths", [4, 9, 4], on("runs/wide"), "has widths"),
    ("runs/wide", "share", 0.8, on("runs/wide"), "0.8 eta_C instead of"),
    ("runs/two_parameter", "steps", 1999, on("runs/two_parameter"), "1999 of at least"),
    ("runs/two_parameter", "box", 2.0, on("runs/two_parameter"), "a square of 2"),
    ("runs/nets", "steps", 19_999, on("runs/nets"), "19999 of at least 20000 steps"),
    ("runs/nets", "window", 100, on("runs/nets"), "a window of 100"),
    ("runs/basins", "steps", 999, on("runs/basins"), "999 of at least"),
    ("runs/nonlinear", "width", 10, on("runs/nonlinear"), "10 instead of 20 neurons"),
    ("runs/nonlinear", "steps", 100, on("runs/nonlinear"), "100 of at least"),
    ("runs/nonlinear", "still", 1e-5, on("runs/nonlinear"), "gradient of 1e-05"),
    ("spectra/stable_set", "net", "3-4-2", ["B10"], "is on 3-4-2"),
    ("spectra/jacobian", "box", 2.0, ["C3", "C4", "C5"], "a square of 2"),
    ("spectra/jacobian", "points", 1000, ["C3", "C4", "C5", "C10", "C13"], "1000 of at least"),
    ("spectra/orbits", "gap", 1e-3, ["E14", "E15"], "close to 0.001 only"),
    ("runs/bifurcation", "mean_square", 1.0, [f"H{k}" for k in range(1, 6)], "other points"),
    ("runs/minibatch", "inputs", [1.0, 2.0], on("runs/minibatch"), "other samples"),
    ("runs/minibatch", "steps", 10, ["H14", "H15", "H16", "H17"], "too short"),
]


@pytest.mark.parametrize(("ref", "name", "value", "ids", "reason"), ATTRIBUTES)
def test_another_regime_is_not_measured(ref, name, value, ids, reason):
    unmeasured(IDEAL | {ref: IDEAL[ref].assign_attrs({name: value})}, ids, reason)


def test_another_start_share_or_length_is_not_measured():
    ref, ids = "runs/edge", [f"A{k}" for k in range(1, 11)]
    theta = IDEAL[ref].assign(theta=IDEAL[ref]["theta"] + 1e-3)
    unmeasured(IDEAL | {ref: theta}, ids, "another start than numpy's seed 2 gives")
    share = IDEAL[ref].assign(critical_step=IDEAL[ref]["critical_step"] * 1.01)
    unmeasured(IDEAL | {ref: share}, ids, "instead of 0.92")
    target = IDEAL[ref].assign(target=2 * IDEAL[ref]["target"])
    unmeasured(IDEAL | {ref: target}, ids, "other singular values")
    last = IDEAL[ref].copy(deep=True)
    last["checkpoint_step"][0, 1040:] = -1
    unmeasured(IDEAL | {ref: last}, ids, "3995 instead of 4000 steps")
    unmeasured(IDEAL | {r: IDEAL[r].isel(run=[1]) for r in (ref, "spectra/edge")}, ids, "no run A")
    few = {r: IDEAL[r].isel(run=[0, 1]) for r in ("runs/edge_fresh", "spectra/edge_fresh")}
    unmeasured(IDEAL | few, on("runs/edge_fresh"), "2 of at least 3 seeds")
    other = IDEAL["runs/chain"].assign(theta=IDEAL["runs/chain"]["theta"] + 1)
    unmeasured(IDEAL | {"runs/chain": other}, on("runs/chain"), "another start")


@pytest.mark.parametrize("name", ["edge", "edge_fresh", "chain", "wide"])
def test_spectra_of_other_runs_are_not_measured(name):
    ref = f"spectra/{name}"
    ds = IDEAL[ref].isel(run=slice(None, None, -1))
    unmeasured(IDEAL | {ref: ds}, on(ref), "other members")


@pytest.mark.parametrize("ref", ["spectra/nets", "spectra/orbits"])
def test_spectra_of_other_networks_are_not_measured(ref):
    unmeasured(IDEAL | {ref: IDEAL[ref].isel(share=slice(1, None))}, on(ref), "other members")


def test_other_networks_and_starts_are_not_measured():
    data = IDEAL["data/nets"]
    white = ["D7", "D9", "D10", "E1", "E2", "E7", "E9", "E10"]
    unmeasured(IDEAL | {"data/nets": data.assign(y=2 * data["y"])}, white, "another W*")
    gone = data.isel(net=np.flatnonzero(data["net"].values != "1-4-1"))
    unmeasured(IDEAL | {"data/nets": gone}, white, "no network 1-4-1 in data/nets")
    std = IDEAL["runs/nets"].assign(std=IDEAL["runs/nets"]["std"] * 2)
    unmeasured(IDEAL | {"runs/nets": std}, white, "other weights")
    few = {r: IDEAL[r].isel(start=slice(0, 49)) for r in ("runs/nets", "spectra/nets")}
    unmeasured(IDEAL | few, on("runs/nets"), "49 of at least")
    shares = {
        ref: IDEAL[ref].isel(share=slice(5, None))
        for ref in ("runs/nets", "spectra/nets", "spectra/orbits")
    }
    unmeasured(IDEAL | shares, ["D7", "D14", "E1", "E8"], "nothing at eta / eta_C = ")
    unmeasured(IDEAL | shares, ["D10", "D13", "E6"], "no share from ")
    other = IDEAL["data/points"].assign(x=IDEAL["data/points"]["x"] + 1)
    unmeasured(IDEAL | {"data/points": other}, on("data/points"), "other points")


@pytest.mark.parametrize(
    ("ref", "ids"),
    [
        ("spectra/hyperbola", ["B3", "B4"]), ("spectra/jacobian", ["C3", "C4", "C5"]),
        ("runs/two_parameter", ["B9", "D1", "D5", "D6", "E3"]), ("runs/nonlinear", ["G1", "G2"]),
        ("runs/basins", ["F3", "F6", "F8"]),
    ],
)  # fmt: skip
def test_missing_rates_are_a_reason(ref, ids):
    ds = IDEAL[ref]
    unmeasured(IDEAL | {ref: ds.assign_coords(learning_rate=ds["learning_rate"] + 7)}, ids, "no")
