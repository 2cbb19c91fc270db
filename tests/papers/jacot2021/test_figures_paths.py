"""Figures of paths between saddles: tables against the files, facts, captions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tiny_paths import COLUMNS, FIGURES, WIDTH, caption, draw, drawn, files

from spectral_atlas.config import Style
from spectral_atlas.papers.jacot2021 import readings
from spectral_atlas.papers.jacot2021.figures import paths_shared
from spectral_atlas.papers.jacot2021.plateaus import quietest
from spectral_atlas.plotting.publish import publish
from spectral_atlas.plotting.style import use_style


def test_fig1a_shows_the_plane_and_the_distances():
    table, plane = drawn("fig1a").table, files()["runs/plane"].isel(gamma=0)
    wide = table[table["kind"] == "wide path"]
    kept = plane["step"].values >= 0
    np.testing.assert_allclose(wide[["x", "y"]], plane["coordinates"].values[kept])
    assert (np.diff(wide["step"]) > 0).all()
    for stage in plane["stage"].values:
        own = table[(table["panel"] == "distance") & (table["stage"] == stage)]
        np.testing.assert_allclose(own["distance"], plane["distances"].sel(stage=stage)[kept])
    start = float(plane["squared_norm"][0]) ** 0.5
    nearest = ", ".join(f"{d / start:.3f}" for d in plane["distances"].min("record").values)
    assert nearest in drawn("fig1a").facts["distances"]
    assert drawn("fig1a").facts["settled"] == drawn("fig1a").facts["stages"] == 2


def test_fig1b_costs_are_those_of_the_files():
    table = drawn("fig1b").table
    runs, spectra = files()["runs/saddle_to_saddle"], files()["spectra/saddle_to_saddle"]
    costs = table[table["panel"] == "targets"]
    assert costs["member"].nunique() == runs.sizes["member"]
    for m, own in costs.groupby("member"):
        count = int(runs["n_records"][int(m)])
        np.testing.assert_allclose(own["train"], runs["train_cost"].values[int(m), :count])
        np.testing.assert_allclose(own["test"], spectra["test_cost"].values[int(m), :count])
    assert drawn("fig1b").facts["gamma"] == 1.5  # 2 is nearer to that than to 4
    assert drawn("fig1b").facts["target"] == 0


def test_fig1b_compares_plateaus_with_the_saddles_of_the_same_problem():
    table, greedy = drawn("fig1b").table, files()["runs/greedy"]
    runs = files()["runs/saddle_to_saddle"]
    found = table[table["panel"] == "agreement"]
    assert len(found) == runs.sizes["member"]  # one saddle each, rank two is the minimum
    for row in found.itertuples():
        run = runs.isel(member=int(row.member))
        mine = (greedy["depth"] == run["depth"]) & (greedy["target"] == run["target"])
        saddle = float(greedy["cost"].values[np.flatnonzero(mine)[0], 0])
        record = quietest(run, 1)
        assert row.cost == float(run["train_cost"][record])
        assert row.deviation == pytest.approx(abs(row.cost / saddle - 1))
    small = found[found["gamma"] == 4]
    assert (small["deviation"] < 0.01).all()
    within = f"γ = 4: median {small['deviation'].median():.1e}"
    assert within in drawn("fig1b").facts["agreement"]


def test_fig1b_counts_who_completes_the_matrix():
    table, facts = drawn("fig1b").table, drawn("fig1b").facts
    runs, spectra = files()["runs/shares"], files()["spectra/shares"]
    shares = table[table["panel"] == "entries"]
    for row in shares.itertuples():
        m = int(row.member)
        end = spectra["test_cost"].values[m, int(runs["n_records"][m]) - 1]
        assert row.ratio == pytest.approx(end / float(spectra["test_at_zero"][m]))
    for n, own in shares.groupby("observed"):
        text = f"{int((own['ratio'] < facts['threshold']).sum())} of {len(own)} at N = {n:g}"
        assert text in facts["recovered"]


def test_fig1b_spread_over_starts():
    runs = files()["runs/initializations"]
    for target in (0, 1):
        mine = np.flatnonzero(runs["target"].values == target)
        costs = [readings.plateau(runs.isel(member=int(m)), 1).cost for m in mine]
        spread = (max(costs) - min(costs)) / np.median(costs)
        text = f"γ = 4, target {target}: {100 * spread:.2g} %"
        assert text in drawn("fig1b").facts["spread"]


def test_fig1c_compares_saddles_over_depths_and_epsilons():
    table, greedy = drawn("fig1c").table, files()["runs/greedy"]
    saddles = table[table["panel"] == "saddles"]
    reference = saddles[(saddles["depth"] == 3) & (saddles["epsilon"] == 0.1)]
    assert reference["deviation"].isna().all()
    for row in saddles[np.isfinite(saddles["deviation"])].itertuples():
        own = reference[(reference["target"] == row.target) & (reference["stage"] == row.stage)]
        assert row.deviation == pytest.approx(abs(row.cost / own["cost"].item() - 1))
        assert row.cost == float(greedy["cost"][int(row.member), int(row.stage) - 1])
    facts = drawn("fig1c").facts
    assert facts["compared"] == 6  # all but the reference's, of one saddle for each target
    assert facts["deviation_worst"] < 1e-6
    assert facts["moving"] == 0


def test_fig1c_ways_down_are_strict_for_two_layers_only():
    table = drawn("fig1c").table
    found, spectra = table[table["panel"] == "hessians"], files()["spectra/saddles"]
    assert len(found) == 2 * 2 * 2  # without minima
    for row in found.itertuples():
        (m,) = np.flatnonzero((spectra["depth"] == row.depth) & (spectra["target"] == row.target))
        one = spectra.isel(member=int(m))
        k = int(row.stage)
        values, limit = one["eigenvalues"].values[k], float(one["limit"][k])
        assert row.ways == (values < -limit).sum()
        assert row.limit == pytest.approx(limit / float(one["slope"][0]))
        assert row.free == (WIDTH - k) * (COLUMNS - k)
        assert row.ways == (row.free if row.depth == 2 else 0)
        assert row.depth > 2 or row.fall == pytest.approx(row.slope, rel=1e-6)
    facts = drawn("fig1c").facts
    assert facts["deep_flat"] == facts["deep"] == facts["shallow_as_counted"] == 4
    assert facts["uncertain"] == 0


def test_escape_times_and_their_law():
    table, facts = drawn("escape_law").table, drawn("escape_law").facts
    times = table[table["panel"] == "times"]
    for name in ("escape", "saddle_to_saddle"):
        spectra, own = files()[f"spectra/{name}"], times[times["file"] == name]
        saddle = readings.saddle_values(spectra, files()["runs/first_path"])
        expected = readings.escape_times(files()[f"runs/{name}"], spectra, saddle)
        np.testing.assert_allclose(own["time"], expected)
        np.testing.assert_allclose(own["scaled"], expected * spectra["origin_slopes"].values[:, 0])
    deep = times[times["depth"] == 3]
    np.testing.assert_allclose(
        deep["scale"].astype(float), deep["width"] ** ((deep["gamma"] - 1) / 2)
    )
    constant = table[table["panel"] == "constants"]["constant"].item()
    ratio = (deep["scaled"] / deep["scale"]).to_numpy(float)
    assert constant == pytest.approx(np.exp(np.log(ratio[np.isfinite(ratio)]).mean()))
    assert facts["missing"] == int((~np.isfinite(times["time"].astype(float))).sum())
    assert facts["first_unsettled"] == 0


def test_radii_and_their_law_fall_alike_at_first():
    table = drawn("escape_law").table
    for (L, _), own in table[table["panel"] == "radii"].groupby(["depth", "target"]):
        time = own["time"].to_numpy(float)
        np.testing.assert_allclose(own["law"], np.maximum(1 - time, 0), atol=1e-9)
        early = time < 0.3
        np.testing.assert_allclose(own["left"][early], 1 - time[early], atol=0.02 if L > 2 else 0.1)


def test_escape_directions_and_distances():
    table = drawn("escape_law").table
    runs, spectra = files()["runs/saddle_to_saddle"], files()["spectra/saddle_to_saddle"]
    found = table[table["panel"] == "directions"].set_index("member")
    near = table[table["panel"] == "closest"].set_index("member")["closest"]
    saddle = readings.saddle_values(spectra, files()["runs/first_path"])
    for m in np.flatnonzero(runs["gamma"].values == 4):
        s = spectra["singular_values"].values[m]
        cosine = spectra["cosine"].values[m]
        i = int(np.flatnonzero(s[:, 0] > 0.02 * saddle[m])[0])
        assert sorted(cosine[[i - 1, i]])[0] <= found.loc[m, "cosine"] <= cosine[[i - 1, i]].max()
        assert found.loc[m, "second"] < 0.01
        assert near[m] < 0.05
    heights = table[table["panel"] == "heights"]
    assert (heights["height"] <= 1.05).all()


def test_stages_that_still_move_are_no_saddles():
    greedy = files()["runs/greedy"].copy(deep=True)
    greedy["gradient_norm"][:, 0] = 0.1
    one = paths_shared.greedy_member(greedy, 3, 0)
    assert list(paths_shared.stages_table(one)["settled"]) == [True, False, True]
    zero = float(one["cost_at_zero"])
    costs = paths_shared.saddle_costs(greedy, 3, 0, zero)
    assert costs[0] == zero
    assert np.isnan(costs[1])
    assert len(costs) == 2
    assert list(paths_shared.saddle_costs(greedy, 3, 0, 2 * zero)) == [2 * zero]
    assert draw("fig1c", files() | {"runs/greedy": greedy}).facts["moving"] == 8


@pytest.mark.parametrize("name", FIGURES)
def test_captions_find_their_facts(name):
    text = caption(name, drawn(name))
    assert "nan" not in text
    assert "built-in" not in text


def test_published(tmp_path):
    kinds = {form: tmp_path / f"fig1a.{form}" for form in ("pdf", "svg", "png", "csv")}
    planned = SimpleNamespace(key="0123abc", files=kinds, figure=SimpleNamespace(id="fig1a"))
    with use_style(Style(dpi=72)):
        publish(FIGURES["fig1a"](files(), Style(dpi=72)), planned)
    assert all(path.stat().st_size > 500 for path in kinds.values())
