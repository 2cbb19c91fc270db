"""The maps of where starts end, against their file; odd grids, one rate, all diverged."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from drawing import JOB, drawn

from spectral_atlas.papers.craciun2024.basins import basins as stage
from spectral_atlas.papers.craciun2024.figures.basins import basins
from spectral_atlas.papers.craciun2024.figures.basins_table import (
    MAPS,
    SIDE,
    drawn_places,
    drawn_rates,
)
from spectral_atlas.papers.craciun2024.run_sections import Basins

NAMES = ("minimum", "saddle", "bounded", "diverged")


@cache
def found(side: int = 24, *rates: float) -> xr.Dataset:
    config = Basins(learning_rates=list(rates) or [0.75, 0.45], side=side, steps=800, window=50)
    return stage(config, {}, JOB)


def draw(runs: xr.Dataset, **settings: object):
    return drawn(basins, {"runs/basins": runs.copy(deep=True)}, **settings)


def test_counts_and_cells_against_the_file():
    runs = found()
    table, facts, text = draw(runs, lay_out=True)
    counts, cells = (table[table["kind"] == kind] for kind in ("count", "start"))
    assert counts["learning_rate"].tolist() == [0.45, 0.75]
    for row in counts.to_dict("records"):
        one = runs.sel(learning_rate=row["learning_rate"])
        for code, name in enumerate(NAMES):
            assert row[name] == int((one["outcome"] == code).sum())
            assert row[f"moved_{name}"] == int((one["nudged"] == code).sum())
        column = next(c for c in cells if c.startswith(f"outcome at {row['learning_rate']:g}"))
        np.testing.assert_array_equal(cells[column], one["outcome"].values.ravel())
        sharpness = cells[f"sharpness at {row['learning_rate']:g}"]
        np.testing.assert_allclose(sharpness, one["sharpness"].values.ravel(), atol=1e-3)
        on = np.abs(one["w1"].values) < np.sqrt(1 / row["learning_rate"] - 1)
        assert row["expected"] == on.sum() == row["saddle"]
    w1, w2 = np.meshgrid(runs["w1"], runs["w2"])
    np.testing.assert_allclose(cells["w_1"], w1.ravel(), atol=1e-5)
    np.testing.assert_allclose(cells["w_2"], w2.ravel(), atol=1e-5)
    assert facts["minima_above"] == 0
    assert facts["tried_above"] == 24**2
    assert facts["missed"] == facts["extra"] == facts["off"] == facts["back"] == 0
    assert facts["below_to_minima"] == facts["below_saddles"] > 0
    assert facts["above_to_bounded"] == facts["above_saddles"] > 0
    ratio = float((runs["sharpness"] * runs["learning_rate"]).max()) / 2
    assert facts["largest_ratio"] == pytest.approx(ratio, rel=1e-3)
    assert facts["largest_ratio"] < 1
    assert "zero of 576 random starts" in text


def test_what_disagrees_with_theory_is_counted():
    runs = found().copy(deep=True)
    below = runs.sel(learning_rate=0.45)
    on = np.argwhere(below["outcome"].values == 1)
    runs["outcome"].loc[{"learning_rate": 0.45}].values[tuple(on[0])] = 0  # one missed
    runs["outcome"].loc[{"learning_rate": 0.75}].values[0, 1] = 1  # one too many, off the line
    runs["outcome"].loc[{"learning_rate": 0.45}].values[3, 3] = 2  # one still moving
    _, facts, text = draw(runs)
    assert (facts["missed"], facts["extra"], facts["off"]) == (1, 1, 1)
    assert facts["moving"] == 1
    assert "1 at 0.45" in facts["moving_where"]
    assert "rings" in text


def test_a_minimum_above_the_critical_step_is_reported():
    runs = found().copy(deep=True)
    runs["outcome"].loc[{"learning_rate": 0.75}].values[2, 3] = 0
    _, facts, text = draw(runs)
    assert facts["minima_above"] == 1
    assert "zero of" not in text


@pytest.mark.parametrize(("side", "rates"), [(2, (0.5,)), (7, (0.3, 0.5, 1.0, 1.2))])
def test_small_grids_and_rates_at_the_thresholds(side, rates):
    table, facts, _ = draw(found(side, *rates), lay_out=True)
    assert facts["drawn"] == len(rates)
    assert (table["kind"] == "start").sum() == side**2
    if side == 7:  # the saddle itself rests at every rate
        assert facts["missed"] == facts["extra"] == 0


def test_all_diverged():
    runs = found().copy(deep=True)
    runs["outcome"].values[:] = 3
    runs["nudged"].values[:] = -1
    runs["sharpness"].values[:] = np.nan
    _, facts, _ = draw(runs, lay_out=True)
    assert facts["largest_ratio"] == facts["least_sharpness"] == "n/a"
    assert facts["moved"] == 0


def test_dimensions_in_another_order():
    table, _, _ = draw(found())
    other, _, _ = draw(found().transpose("w1", "learning_rate", "w2"))
    assert table.equals(other)


@pytest.mark.parametrize("side", [SIDE - 1, SIDE, SIDE + 1, 333, 1000])
def test_thinned_grids_keep_the_antidiagonal(side):
    at = drawn_places(side)
    assert len(at) <= SIDE
    assert np.all(np.diff(at) > 0)
    assert (at[0], at[-1]) == (0, side - 1)
    np.testing.assert_array_equal(at, side - 1 - at[::-1])


def test_many_rates_are_thinned():
    etas = np.linspace(1, 0.1, 20)
    kept = drawn_rates(etas)
    assert len(kept) == MAPS
    assert (kept[0], kept[-1]) == (etas.min(), etas.max())
    assert np.isin(kept, etas).all()
