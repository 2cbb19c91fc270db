"""Figures of minimizers: tables against the files, facts, captions, unusual scales."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot as plt
from tiny_minima import FIGURES, LOOK, NAN, USED, caption, draw, drawn, files, odd

from spectral_atlas.papers.craciun2024.figures.stable_limits import from_the_box, norms_at_minima
from spectral_atlas.plotting.publish import publish
from spectral_atlas.plotting.style import use_style


def test_hyperbola_against_the_file():
    table, found = drawn("minima_hyperbola").table, files()["spectra/hyperbola"]
    points = table[table["panel"] == "a, b"]
    np.testing.assert_array_equal(points["sharpness"], found["sharpness"].values.ravel())
    np.testing.assert_allclose(points["w_1"] * points["w_2"], 1)
    ends = table[table["panel"] == "a, b, c"].set_index(["learning_rate", "branch"])
    assert ends.loc[(0.1, 1), "high"] == pytest.approx(3.14626, abs=1e-4)
    for (eta, branch), row in ends.iterrows():
        one = found.sel(learning_rate=eta, branch=branch)
        assert row["kind"] == ("empty", "point", "interval")[int(one["kind"])]
        size = np.sort(np.abs(one["interval"].values))
        np.testing.assert_array_equal([row["low"], row["high"]], size)
        np.testing.assert_equal(row["arclength"], float(one["arclength"]))
    facts = drawn("minima_hyperbola").facts
    assert (facts["rates"], facts["points_only"], facts["empty"]) == ("0.1 and 0.3", "0.5", "0.7")
    assert facts["critical"] == pytest.approx(0.5)
    assert facts["apart"] < 1e-9


def test_norms_of_limits_count_only_minima():
    table, runs = drawn("stable_set").table, files()["runs/two_parameter"]
    rows = table[table["kind"] == "all limits"].set_index("learning_rate")
    for i, eta in enumerate(runs["learning_rate"].values):
        norms = np.linalg.norm(runs["theta"].values[i], axis=1)[runs["outcome"].values[i] == 0]
        assert rows.loc[eta, "minima"] == norms.size == (39 if eta < 0.5 else 0)
        if norms.size:
            assert rows.loc[eta, "largest"] == norms.max() <= rows.loc[eta, "bound"]
            sample = table[(table["kind"] == "sample") & (table["learning_rate"] == eta)]
            np.testing.assert_array_equal(sample["norm"], np.sort(norms))
    facts = drawn("stable_set").facts
    assert (facts["minima_below"], facts["minima_beyond"], facts["above"]) == (78, 0, 0)
    assert facts["at_most"] == f"{3 / 40:.2g}"
    assert facts["capped"] == "0.05"


def test_norms_above_the_bound_are_counted():
    runs = files()["runs/two_parameter"].copy(deep=True)
    runs["theta"][0, 1] = [10.0, 0.1]
    assert draw("stable_set", files() | {"runs/two_parameter": runs}).facts["above"] == 1


def test_flow_from_the_box_ends_at_the_cap():
    box = 3.0
    corner = np.array([box, 0.0])
    u = (-(corner**2).sum() + np.sqrt(box**4 + 4)) / 2  # w_h^2 grow by the same u, product 1
    end = np.sqrt(corner**2 + u)
    assert np.prod(end) == pytest.approx(1)
    assert np.linalg.norm(end) == pytest.approx(from_the_box(box))


def test_families_against_the_file():
    table, found = drawn("stable_set").table, files()["spectra/stable_set"]
    wide = table[table["panel"] == "b"].set_index("learning_rate")
    assert wide.loc[0.2, "squared_norm"] == float(
        found["largest_squared_norm"].sel(learning_rate=0.2)
    )
    assert np.isnan(wide.loc[0.5, "squared_norm"])
    long = table[table["panel"] == "c"]
    assert list(long["stretch"]) == [1, 100]
    np.testing.assert_allclose(long["sharpness"], 6)
    np.testing.assert_allclose(long["norm"], long["predicted_norm"])
    narrow = table[table["panel"] == "d"].set_index("e")
    values = found["narrow_eigenvalues"].sel(e=0.01).values
    assert narrow.loc[0.01, "least"] == values[-2] == pytest.approx(2e-4, rel=1e-6)
    assert narrow.loc[0.01, "most"] == values[-1]
    facts = drawn("stable_set").facts
    assert facts["none_found"] == 1
    assert facts["error"] < 1e-6


@pytest.mark.parametrize("name", FIGURES)
def test_captions_find_their_facts(name):
    text = caption(name, drawn(name))
    assert "built-in" not in text
    assert not NAN.search(text)
    assert len(drawn(name).table) > 20


def test_published(tmp_path):
    name = "singular_map"
    kinds = {form: tmp_path / f"x.{form}" for form in ("pdf", "svg", "png", "csv")}
    planned = SimpleNamespace(key="0123abc", files=kinds, figure=SimpleNamespace(id=name))
    with use_style(LOOK):
        publish(draw(name, files()), planned)
    assert kinds["csv"].read_bytes().startswith(f"# {name}, key 0123abc".encode())
    plt.close("all")


@pytest.mark.parametrize(
    "case", ["one rate beyond", "small rates", "many rates", "all diverged", "a wide box"]
)
@pytest.mark.filterwarnings("error")
def test_unusual_scales(case):
    changed = odd(case)
    for name in FIGURES:
        if USED[name] & set(changed):
            drawing = draw(name, files() | changed)
            assert not NAN.search(caption(name, drawing))
            if case == "many rates" and name == "gd_jacobian":
                # what has no room would warn here
                drawing.figure.get_layout_engine().execute(drawing.figure)
            plt.close("all")


def test_norms_at_minima_are_sorted():
    for norms in norms_at_minima(files()["runs/two_parameter"]):
        assert (np.diff(norms) >= 0).all()
