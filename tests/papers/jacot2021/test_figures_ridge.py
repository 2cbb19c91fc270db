"""Figures of the regularized loss: their numbers against the files."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_jacot import Files
from tiny_ridge import DRAW, RIDGE, WINDOW, drawn, panel, ridge_files

from spectral_atlas.papers.jacot2021.theory import a_critical
from spectral_atlas.plotting.publish import Drawing


@pytest.fixture(scope="module")
def files() -> Files:
    return ridge_files()


@pytest.fixture(scope="module")
def drawings(files: Files) -> dict[str, Drawing]:
    return {name: drawn(name, files) for name in DRAW}


def test_generalize_compares_the_true_rank_with_the_lowest(
    files: Files, drawings: dict[str, Drawing]
) -> None:
    drawing = drawings["generalize"]
    runs = files["runs/minima_noisy"]
    table = panel(drawing, "ratios")
    table = table[table["study"] == "noisy"]
    assert len(table) == 2 * 2 * 2
    for row in table.itertuples():
        one = runs.sel(target=row.target, depth=int(row.depth), ridge=row.ridge)
        own = (one["rank_found"] == one["rank"]).values
        lowest = int(np.argmin(np.where(own, one["value"].values, np.inf)))
        if not (own & one["stable"].values)[[2, lowest]].all():
            assert row.outcome == "missing"
            continue
        expected = float(one["test_cost"][2] / one["test_cost"][lowest])
        np.testing.assert_allclose(row.ratio, expected)
        assert row.lowest_rank == lowest
        assert row.outcome == ("same" if lowest == 2 else "edge" if lowest == 3 else row.outcome)
        if row.outcome in ("better", "worse", "within"):
            assert (row.outcome == "better") == (expected < 0.9)
    total = sum(drawing.facts[f"noisy_{o}"] for o in ("same", "edge", "missing", "better", "worse"))
    assert total + drawing.facts["noisy_within"] == drawing.facts["noisy_cells"] == 8


def test_generalize_draws_stable_minima_of_their_rank_only(drawings: dict[str, Drawing]) -> None:
    table = panel(drawings["generalize"], "by rank")
    assert (table["rank"] == table["rank_found"]).all()
    assert table["stable"].all()
    assert table["converged"].all()
    assert set(table["target"]) == {0}  # the first
    at_zero = table[table["rank"] == 0]["relative"]
    np.testing.assert_allclose(at_zero.astype(float), 1.0)


def test_generalize_inside_the_window_the_true_rank_is_local_and_better(
    files: Files, drawings: dict[str, Drawing]
) -> None:
    drawing = drawings["generalize"]
    assert drawing.facts["shaded"] == 1
    table = panel(drawing, "ratios")
    full = table[table["study"] == "full"].set_index(["target", "ridge"])
    inside = full.xs(sum(WINDOW) / 2, level="ridge")
    assert (inside["lowest_rank"] == 1).all()
    assert (inside["outcome"] == "better").all()
    assert (full.xs(0.02, level="ridge")["outcome"] == "same").all()
    assert drawing.facts["full_spread"] < 1e-6  # rotations of one problem
    without = {ref: one for ref, one in files.items() if not ref.startswith("data")}
    assert drawn("generalize", without).facts["shaded"] == 0


def test_landscape_kinds_are_those_of_the_spectra(
    files: Files, drawings: dict[str, Drawing]
) -> None:
    drawing = drawings["landscape"]
    table = drawing.table
    spectra = files["spectra/landscape"]
    own = table[table["own"]]
    for row in own.itertuples():
        at = {"target": row.target, "depth": row.depth, "ridge": row.ridge, "rank": row.rank}
        values = spectra["eigenvalues"].sel(at).dropna("index").values
        rotations = int(spectra["rotations"].sel(at))
        kept = values[np.argsort(np.abs(values))][rotations:]
        np.testing.assert_allclose(row.eigenvalue, kept.min())
        assert row.kind == ("saddle" if kept.min() < -row.limit else "minimum")
    shallow = own[own["depth"] == 2]
    assert (shallow.loc[~shallow["lowest"], "kind"] == "saddle").all()
    assert (own[own["depth"] == 3]["kind"] == "minimum").all()
    assert (own.loc[own["lowest"], "excess"] == 0).all()
    assert drawing.facts["points"] + drawing.facts["left_out"] == len(table) == 2 * 2 * 5


def test_ridge_gd_losses_and_lines(files: Files, drawings: dict[str, Drawing]) -> None:
    drawing = drawings["ridge_gd"]
    table, runs = drawing.table, files["runs/ridge_gd"]
    ends = table[table["kind"] == "run"]
    for row in ends.itertuples():
        one = runs.isel(member=int(row.member))
        last = int(one["n_records"]) - 1
        loss = float(one["train_cost"][last] + RIDGE * one["squared_norm"][last])
        np.testing.assert_allclose(row.loss, loss)
        s = np.linalg.svd(one["map"].values[last], compute_uv=False)
        assert row.rank == (s > drawing.facts["counts"]).sum()
        values = files["runs/landscape"].sel(target=row.target, depth=row.depth, ridge=RIDGE)
        np.testing.assert_allclose(row.excess, loss / float(values["value"].min()) - 1)
    assert drawing.facts["n"] == len(ends) == 8
    assert set(table.loc[table["kind"] != "run", "ridge"]) == {RIDGE}
    shallow = ends[ends["depth"] == 2]
    assert (shallow["excess"] > -1e-9).all()


def test_ridge_gd_tells_where_a_run_was_cut_off(files: Files) -> None:
    runs = files["runs/ridge_gd"].copy(deep=True)
    for settled in (False, True):
        runs["settled"][:] = settled
        drawing = drawn("ridge_gd", files | {"runs/ridge_gd": runs})
        ends = drawing.table.loc[drawing.table["kind"] == "run", "end"]
        assert set(ends) <= {"minimum", "other" if settled else "cut"}
        facts = drawing.facts
        assert facts["settled"] == 8 * settled
        assert facts["n_cut"] == (0 if settled else 8 - facts["n_minimum"])
    assert facts["most"] == 800
    last = runs["last_step"].values
    assert facts["steps"].startswith(str(last.min()))
    assert facts["steps"].endswith(str(last.max()))


def test_schatten_identity_and_thresholds(files: Files, drawings: dict[str, Drawing]) -> None:
    drawing = drawings["schatten"]
    runs = files["runs/identity"]
    paths = panel(drawing, "identity")
    for i, L in enumerate(runs["depth"].values):
        own = paths[paths["depth"] == L]
        kept = runs["step"].values[i] >= 0
        expected = (runs["squared_norm"] / runs["penalty"]).values[i][kept] - 1
        np.testing.assert_allclose(own["excess"].astype(float), expected)
        assert (own["excess"] > -1e-9).all()
    assert drawing.facts["at_minimum"] < 1e-9
    assert drawing.facts["convex"] < 1e-9
    points = panel(drawing, "minimizer")
    L4 = points[(points["depth"] == 4) & (points["ridge"] == 0.01)]
    s, a = L4["theory"].astype(float), L4["a"].astype(float)
    np.testing.assert_allclose((s + 1.0 * s**-0.5)[s > 0], a[s > 0])  # a = s + (lambda/c) s^-m
    assert (s[a < a_critical(0.01, 0.01, 4)] == 0).all()
    assert drawing.facts["minimizer_error"] < 1e-5
    assert drawing.facts["inside_share"] < 1e-3
    assert drawing.facts["outside"] == drawing.facts["inside"] == 1
