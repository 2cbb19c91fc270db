"""Figures of the regularized loss, of files that lack what they compare."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_jacot import Files
from tiny_ridge import DRAW, FEW, drawn, panel, ridge_files


@pytest.fixture(scope="module")
def files() -> Files:
    return ridge_files()


def test_ridge_gd_without_minima_of_the_same_loss(files: Files) -> None:
    other = files["runs/landscape"].assign_attrs(noise=0.1)
    drawing = drawn("ridge_gd", files | {"runs/landscape": other})
    assert (drawing.table["kind"] == "run").all()
    assert drawing.facts["compared"] == 0
    least = drawing.table.groupby(["target", "depth"])["excess"].min()
    np.testing.assert_allclose(least, 0.0)


def test_ridge_gd_leaves_diverged_runs_out(files: Files) -> None:
    runs = files["runs/ridge_gd"].copy(deep=True)
    runs["diverged_at"][0] = 7
    drawing = drawn("ridge_gd", files | {"runs/ridge_gd": runs})
    assert drawing.facts["n_diverged"] == 1
    assert drawing.table.loc[drawing.table["end"] == "diverged", "loss"].isna().all()


def test_figures_of_little(files: Files) -> None:
    few = dict(files)
    for name in ("minima_noisy", "minima_clean", "minima_full", "landscape"):
        few[f"runs/{name}"] = files[f"runs/{name}"].isel(FEW)
    few["spectra/landscape"] = files["spectra/landscape"].isel(FEW)
    for name in ("runs/ridge_gd", "spectra/ridge_gd"):
        few[name] = files[name].isel(member=[0])
    few["runs/identity"] = files["runs/identity"].isel(member=[1])
    few["runs/thresholds"] = files["runs/thresholds"].isel(depth=[1], ridge=[0])
    few["runs/basin"] = files["runs/basin"].isel(factor=[1])
    for name in DRAW:
        found = drawn(name, few, rendered=True)
        if name == "generalize":
            table = panel(found, "ratios")
    assert set(table["outcome"]) == {"missing"}  # the true rank was not searched


def test_figures_of_nothing_stable(files: Files) -> None:
    none = dict(files)
    for name in ("minima_noisy", "minima_clean", "minima_full", "landscape"):
        one = files[f"runs/{name}"]
        never = xr.zeros_like(one["stable"])
        none[f"runs/{name}"] = one.assign(stable=never, rank_found=one["rank_found"] * 0 - 1)
    runs = files["runs/ridge_gd"].copy(deep=True)
    runs["diverged_at"][:] = 5
    none["runs/ridge_gd"] = runs
    identity = files["runs/identity"].copy(deep=True)
    identity["squared_norm"][:] = np.nan
    none["runs/identity"] = identity
    none["runs/basin"] = files["runs/basin"] * np.nan
    for name in DRAW:
        drawn(name, none, rendered=True)
