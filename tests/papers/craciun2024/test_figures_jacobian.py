"""Figures of the map's determinant and of the singular example: tables against the file."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from tiny_minima import draw, drawn, files

from spectral_atlas.papers.craciun2024 import determinants, theory
from spectral_atlas.papers.craciun2024.figures import gd_jacobian as jacobian_figure
from spectral_atlas.papers.craciun2024.figures.determinant_maps import determinants as maps
from spectral_atlas.papers.craciun2024.figures.small_shares import Shares
from spectral_atlas.plotting.intervals import share_interval


def test_maps_and_shares_against_the_file():
    table, found = drawn("gd_jacobian").table, files()["spectra/jacobian"]
    for panel, eta in (("a", 0.25), ("b", 0.5)):
        own = table[(table["panel"] == panel) & (table["kind"] == "map")]
        assert set(own["learning_rate"]) == {eta}
        np.testing.assert_allclose(
            own["det"], theory.determinant(own["w_1"], own["w_2"], eta), atol=1e-12
        )
        assert len(own) == 81
    curve = table[table["kind"] == "zero curve"].dropna(subset=["w_1"])
    assert len(curve) > 4
    shares = table[(table["panel"] == "c") & (table["name"] == "η = 0.25")]
    wanted = found["share"].sel(learning_rate=0.25).sortby("epsilon").values
    np.testing.assert_array_equal(shares["share"], wanted)
    row = shares.iloc[-1]
    assert (row["low"], row["high"]) == share_interval(round(row["share"] * 3000), 3000)
    flat = table[table["name"] == "line, η = 0.5"]
    assert (flat["share"] > 0.45).all()
    facts = drawn("gd_jacobian").facts
    assert facts["zeros"] == int((found["share"] == 0).sum() + (found["singular_share"] == 0).sum())
    assert facts["exact_zeros"] == facts["vanished"] == 0
    assert facts["coincidence_rates"] == "0.3333, 0.5"


def test_the_number_of_checked_parameters_is_that_of_the_spectra():
    assert jacobian_figure.CHECKED == determinants.CHECKED


def test_slopes():
    epsilon = np.array([1e-3, 1e-1, 1e-2])
    assert Shares.of("x", epsilon, 0.25 * epsilon, 10**6).slope() == pytest.approx(1)
    some = Shares.of("x", epsilon, np.array([0, 0.04, 0.0004]), 10**6)
    assert list(some.share) == [0, 0.0004, 0.04]
    assert some.slope() == pytest.approx(2)
    assert np.isnan(Shares.of("x", epsilon[:1], epsilon[:1], 10).slope())


def test_fine_maps_are_thinned_for_drawing():
    axis = np.linspace(-3, 3, 241)
    values = np.ones((9, 241, 241))
    dims = ("learning_rate", "w2", "w1")
    found = xr.Dataset(
        {"sign": (dims, values.astype(np.int8)), "log_determinant": (dims, 0 * values)},
        coords={"learning_rate": np.arange(9, 0, -1) / 10, "w1": axis, "w2": axis},
    )
    shown = maps(found)
    assert [eta for eta, _ in shown] == sorted(eta for eta, _ in shown)
    assert len(shown) == 6
    assert (shown[0][0], shown[-1][0]) == (0.1, 0.9)
    assert shown[0][1].shape == (121, 121)


def test_arrows_of_the_singular_map():
    table, found = drawn("singular_map").table, files()["spectra/jacobian"]
    arrows = table[table["kind"] == "arrow"]
    assert (arrows.loc[arrows["panel"] == "a", "map"] == 0).all()
    own = arrows[arrows["panel"] == "b"]
    assert set(own["learning_rate"]) == {0.25}
    image = found["singular_image"].sel(singular_rate=0.25).values
    np.testing.assert_allclose([own["map"].min(), own["map"].max()], image)
    facts = drawn("singular_map").facts
    assert facts["images"] == "η = 0.5: the point 0; η = 0.25: [1.25, 1.75]"
    assert (facts["upper"], facts["lower"], facts["last"]) == ("a, b", "c, d", "e")


def test_no_network():
    """A configuration may name none."""
    found = files()["spectra/jacobian"].isel(net=[])
    drawing = draw("gd_jacobian", {"spectra/jacobian": found})
    assert drawing.facts["net_shares"] == "n/a"
    assert drawing.facts["coincidences"] == 0
