"""Figures of the regimes: tables and facts against the runs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tiny_regimes import RANK, SIDE, drawn, files

from spectral_atlas.papers.jacot2021.figures import common


@pytest.mark.parametrize(("name", "depth"), [("regimes_a", 2), ("regimes_b", 4)])
def test_costs_are_those_of_the_runs(name, depth):
    table = drawn(name).table
    ntk = 1 - 1 / depth
    assert sorted(table["gamma"].unique()) == pytest.approx([ntk, 1, 1.5, 2])
    assert set(table["depth"]) == {depth}
    for (cost, gamma, target), path in table.groupby(["cost", "gamma", "target"]):
        study = "lazy" if np.isclose(gamma, ntk) else "regimes"
        runs, spectra = files()[f"runs/{study}"], files()[f"spectra/{study}"]
        (m,) = np.flatnonzero(
            (runs["depth"] == depth)
            & np.isclose(runs["gamma"], gamma)
            & (runs["target"] == target)
            & (runs["width"] == (16 if study == "lazy" else 8))
        )
        count = int(runs["n_records"][m])
        own = (
            (runs["train_cost"] / runs["cost_at_zero"])
            if cost == "train"
            else (spectra["test_cost"] / spectra["test_at_zero"])
        )
        np.testing.assert_allclose(path["value"], own.values[m, :count])
        np.testing.assert_array_equal(path["step"], runs["step"].values[m, :count])
        assert set(path["bold"]) == {target == 0}
        assert set(path["fate"]) == {"stopped" if runs["stopped"][m] else "unfinished"}


def test_costs_say_who_was_cut_off():
    table, facts = drawn("regimes_b").table, drawn("regimes_b").facts
    cut = table[(table["fate"] == "unfinished") & (table["gamma"] == 2)]
    assert cut["member"].nunique() == 2
    assert "2 of 2 unfinished at γ = 2" in facts["lost"]
    assert facts["widths"] == "16 (γ = 1 − 1/L); 8 (γ = 1, γ = 1.5, γ = 2)"
    assert facts["members"] == "2 targets"


def test_values_are_those_of_the_maps():
    table = drawn("regimes_d").table
    runs = files()["runs/regimes"]
    own = table[np.isclose(table["gamma"], 1.5)]
    assert set(own[own["bold"]]["index"]) == set(range(1, SIDE + 1))
    assert set(own[~own["bold"]]["index"]) == set(range(1, RANK + 2))
    for member, path in own.groupby("member"):
        s = np.linalg.svd(runs["map"].values[member, : int(runs["n_records"][member])])[1]
        for index, line in path.groupby("index"):
            np.testing.assert_allclose(line["value"], s[:, index - 1], atol=1e-12)
    star = np.linalg.svd(files()["data/completion"]["matrix"].values[0])[1][:RANK]
    shown = [float(x) for x in drawn("regimes_d").facts["star"].split(" and ")]
    np.testing.assert_allclose(shown, star, rtol=5e-3)


def test_ends_and_their_medians():
    drawing = drawn("regimes_e")
    table = drawing.table
    runs, spectra = files()["runs/regimes"], files()["spectra/regimes"]
    assert (table["source"] == "regimes").sum() == runs.sizes["member"]
    for row in table[table["source"] == "regimes"].itertuples():
        last = int(runs["n_records"][row.member]) - 1
        s = np.linalg.svd(runs["map"].values[row.member, last])[1]
        test = spectra["test_cost"].values[row.member, last]
        assert row.gap == pytest.approx(s[RANK] / s[0], rel=1e-8)
        assert row.test == pytest.approx(test / float(spectra["test_at_zero"][row.member]))
    wide = table[table["source"] == "lazy"]
    assert set(wide["width"]) == {16}
    assert sorted(wide["depth"].unique()) == [2, 4]  # the depths of `regimes`
    own = common.choose(table, depth=2, gamma=1)
    own = own[own["fate"] == "stopped"]
    lines = drawing.figure.axes[0].get_lines()
    points = [dict(zip(*line.get_data(), strict=True)) for line in lines]
    medians = [p[1.0] for p in points if 1.0 in p and len(p) > 1]
    assert len(own)
    assert any(np.isclose(m, own["test"].median()) for m in medians)


def test_members_and_their_ends():
    runs = files()["runs/regimes"]
    frame = common.members_frame(runs)
    assert list(frame["member"]) == list(range(runs.sizes["member"]))
    assert (frame["fate"] == "stopped").sum() == int(runs["stopped"].sum())
    ends = common.at_end(runs, runs, "step")
    np.testing.assert_array_equal(ends, runs["last_step"])
    assert len(common.along_path(runs, runs, 3, "map")) == int(runs["n_records"][3])
    lost = runs.assign(diverged_at=runs["diverged_at"] * 0 + 3)
    assert set(common.members_frame(lost)["fate"]) == {"diverged"}


def test_names():
    assert common.gamma_label(0.75, 4) == "γ = 1 − 1/L"
    assert common.gamma_label(0.75, 2) == common.gamma_label(0.75) == "γ = 0.75"
    assert common.fates_text(["stopped", "unfinished"]) == "2 runs: 1 unfinished, 0 diverged"
    frame = pd.DataFrame({"target": [0, 0, 1, 1], "initialization": [0, 1, 0, 1]})
    assert common.networks_text(frame) == "2 targets × 2 starts"
    assert len(common.choose(frame, target=1, initialization=0)) == 1
