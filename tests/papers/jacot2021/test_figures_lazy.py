"""Figures of lazy networks and of distances against direct computations; all at odd scales."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from tiny_regimes import FIGURES, SIDE, STUDIES, N, caption, draw, drawn, files

from spectral_atlas.config import Style
from spectral_atlas.papers.jacot2021.readings import FALL
from spectral_atlas.plotting.publish import publish
from spectral_atlas.plotting.style import use_style


def test_lazy_against_a_direct_computation():
    table = drawn("lazy").table
    members = table[table["panel"] == "a, b, e"]
    runs, data = files()["runs/lazy"], files()["data/completion"]
    assert len(members) == runs.sizes["member"]
    for row in members.itertuples():
        one = data.sel(target=row.target)
        seen = one["order"].values < N
        star, path = one["matrix"].values, runs["map"].values[int(row.member)]
        last = int(runs["n_records"][int(row.member)]) - 1
        linear = np.where(seen, star, path[0])
        far = np.linalg.norm((star - path[0])[seen])
        assert row.error == pytest.approx(np.linalg.norm(path[last] - linear) / far, rel=1e-6)
        tests = [((A - star)[~seen] ** 2).mean() for A in (path[last], linear, 0 * star)]
        assert row.test == pytest.approx(tests[0] / tests[1])
        assert row.test_zero == pytest.approx(tests[0] / tests[2])
        theta = row.depth * row.width ** ((1 - row.gamma) * (row.depth - 1))
        eta = float(runs["learning_rate"][int(row.member)])
        assert row.law == pytest.approx(2 * np.log(1 - 2 * eta * theta / N))


def test_the_rate_is_that_of_the_claims():
    members = drawn("lazy").table.query("panel == 'a, b, e'")
    runs = files()["runs/lazy"]
    row = members.iloc[-1]
    count = int(runs["n_records"][int(row["member"])])
    step = runs["step"].values[int(row["member"]), :count]
    cost = runs["train_cost"].values[int(row["member"]), :count]
    at = np.argmax(cost < FALL * cost[0])
    assert row["rate"] == pytest.approx(np.log(cost[at] / cost[0]) / step[at])
    assert row["rate_ratio"] == pytest.approx(row["rate"] / row["law"])


def test_lazy_spectra_and_kernels():
    table = drawn("lazy").table
    spectra = table[table["panel"] == "c"]
    assert len(spectra) == 3 * SIDE
    star = np.linalg.svd(files()["data/completion"]["matrix"].values[0])[1]
    np.testing.assert_allclose(spectra["star"].to_numpy()[:SIDE], star, atol=1e-12)
    shown = table[table["panel"] == "f"]
    found = files()["spectra/kernels"]
    np.testing.assert_allclose(shown["deviation"], found["deviation"])
    np.testing.assert_allclose(shown["largest"], found["eigenvalues"].max("index"))
    assert (shown["smallest"] < shown["largest"]).all()


def test_distances_against_a_direct_computation():
    table = drawn("distances").table
    runs, data = files()["runs/distances"], files()["data/completion"]
    np.testing.assert_allclose(table["displacement"], runs["displacement"])
    np.testing.assert_allclose(table["bound"], runs["end_layers"])
    for row in table.itertuples():
        if row.gamma >= 1:
            assert np.isnan(row.prediction)
            continue
        one = data.sel(target=row.target)
        seen = one["order"].values < N
        start = runs["map"].values[row.member, 0]
        residual = np.linalg.norm((0.25 * one["matrix"].values - start)[seen])
        theta = row.depth * row.width ** ((1 - row.gamma) * (row.depth - 1))
        assert row.prediction == pytest.approx(residual / np.sqrt(theta))
        assert row.ratio == pytest.approx(row.displacement / row.prediction)


def test_states_of_distances():
    drawing = drawn("distances")
    table = drawing.table
    cost = table["cost"]
    assert (table[table["fate"] == "stopped"]["state"] == "stopped").all()
    cut = table["fate"] == "unfinished"
    assert ((table["state"] == "arrived") == (cut & (cost < 1e-2))).all()
    assert drawing.facts["on_the_way"] == int((cut & (cost >= 1e-2)).sum()) > 0


@pytest.mark.parametrize("name", FIGURES)
def test_captions_find_their_facts(name):
    text = caption(name, drawn(name))
    assert "built-in" not in text
    assert "nan" not in text
    assert len(drawn(name).table) > 20


def test_published(tmp_path):
    kinds = {form: tmp_path / f"lazy.{form}" for form in ("pdf", "svg", "png", "csv")}
    planned = SimpleNamespace(key="0123abc", files=kinds, figure=SimpleNamespace(id="lazy"))
    with use_style(Style(dpi=72)):
        publish(draw("lazy", files()), planned)
    assert all(path.stat().st_size > 1000 for path in kinds.values())
    assert kinds["csv"].read_bytes().startswith(b"# lazy, key 0123abc")


def changed(case: str) -> dict[str, xr.Dataset]:
    """The files of an unusual scale."""
    found = dict(files())
    for name in STUDIES:
        runs, spectra = found[f"runs/{name}"], found[f"spectra/{name}"]
        kept = np.ones(runs.sizes["member"], dtype=bool)
        if case == "one target":
            kept = runs["target"].values == 1
        elif case == "one gamma":
            kept = runs["gamma"].values == (1.0 if name != "lazy" else 0.75)
        elif case == "no shallow network":
            kept = runs["depth"].values > 2
        elif case == "only shallow networks":
            kept = runs["depth"].values == 2
        elif case == "one member":
            kept = np.arange(kept.size) == 0
        at = np.flatnonzero(kept)
        runs, spectra = runs.isel(member=at), spectra.isel(member=at)
        if case == "all cut off at once":
            runs = runs.assign(stopped=runs["stopped"] & False, n_records=runs["n_records"] * 0 + 1)
        if case == "all diverged":
            runs = runs.assign(stopped=runs["stopped"] & False)
            runs["diverged_at"] = runs["diverged_at"] * 0 + 7
            runs["displacement"] = runs["displacement"] * np.inf
            spectra = (
                spectra.where(spectra["record"] < 1) if "record" in spectra.coords else spectra
            )
        if case == "all observed":
            for quantity in ("test_cost", "test_at_zero", "test_of_limit"):
                spectra = spectra.assign({quantity: spectra[quantity] * np.nan})
        found |= {f"runs/{name}": runs, f"spectra/{name}": spectra}
    if case == "rank of all":
        data = found["data/completion"].copy()
        data.attrs = data.attrs | {"rank": SIDE}
        found["data/completion"] = data
    return found


@pytest.mark.parametrize(
    "case",
    [
        "one target", "one gamma", "no shallow network", "only shallow networks", "one member",
        "all cut off at once", "all diverged", "all observed", "rank of all",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_unusual_scales(case):
    inputs = changed(case)
    for name in FIGURES:
        drawing = draw(name, inputs)
        caption(name, drawing)
        if case == "all cut off at once" and name in ("regimes_c", "distances"):
            drawing.figure.canvas.draw()  # what reaches out of the axes would warn here
        plt.close("all")
