"""Drawn numbers against numbers computed here from made-up runs; hopeless runs; same bytes."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from jinja2 import Environment
from made_up_runs import bounds, inputs_of, members_of
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.papers.marion2024.experiments import PAPER
from spectral_atlas.papers.marion2024.problem import Problem
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.publish import Drawing, publish
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve

FIGURES = {f.id: f for f in PAPER.figures}
MINE = (
    "fig2", "fig6b", "sharpness_vs_depth", "ratio_vs_conditioning", "rank_one_alignment",
)  # fmt: skip


def draw(name: str, inputs: dict[str, xr.Dataset]) -> tuple[Drawing, bytes]:
    """The drawing and its SVG."""
    figure, svg = FIGURES[name], BytesIO()
    with use_style(Style()):
        drawing = resolve(figure.draw)({ref: inputs[ref] for ref in figure.inputs}, Style())
        drawing.figure.savefig(svg, format="svg", metadata={"Date": None})
    plt.close(drawing.figure)
    return drawing, svg.getvalue()


@cache
def standard_inputs(broken: bool = False) -> dict[str, xr.Dataset]:
    return inputs_of(broken)


@cache
def standard(name: str, broken: bool = False) -> tuple[Drawing, bytes]:
    return draw(name, standard_inputs(broken))


@pytest.fixture
def inputs():
    return standard_inputs()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("name", MINE)
def test_facts_fill_the_caption(name, broken):
    drawing, _ = standard(name, broken)
    json.dumps(dict(drawing.facts), allow_nan=False)
    assert len(drawing.table) or (name, broken) == ("fig6b", True)
    text = (ROOT / "workflow" / "report" / "marion2024" / f"{name}.rst").read_text("utf-8")
    template = Environment().from_string(text)
    caption = template.render(
        snakemake=SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    )
    assert 50 <= len(caption.split()) <= 190
    assert "nan" not in caption.split()
    # Every fact that the caption names exists.
    for word in text.replace("(", " ").replace(",", " ").replace(")", " ").split():
        if word.startswith("f."):
            assert word[2:] in drawing.facts


def test_fig2(inputs):
    drawing, _ = standard("fig2")
    curves = drawing.table[drawing.table["panel"] == "a, b, c"]
    runs = inputs["runs/depth_sweep"].sel(checkpoint="final")
    a = [Problem.load(inputs["data/linear"], i).a for i in (0, 1)]
    assert len(curves) == 2 * 2 * 5
    for _, row in curves.iterrows():
        own = runs.isel(
            run=(runs["problem"] == row["draw"]).values
            & (runs["depth"] == row["depth"]).values
            & (runs["learning_rate"] == row["learning_rate"]).values
        )
        alive = own["outcome"].values != 3
        assert (row["n"], row["runs"]) == (alive.sum(), 3)
        assert row["mean"] == pytest.approx(own["squared_distance"].values[alive].mean())
        assert row["share_diverged"] == pytest.approx(1 - alive.mean())
        expected = row["learning_rate"] * row["depth"] * a[int(row["draw"])]
        assert row["relative"] == pytest.approx(expected)
        assert row["low"] <= row["mean"] <= row["high"]
    pooled = drawing.table[drawing.table["panel"] == "d"]
    assert pooled["runs"].sum() == 60
    assert (pooled.loc[pooled["relative"] < 1, "failed"] == 0).all()
    assert (pooled.loc[pooled["relative"] > 1, "failed"] == 1).all()
    assert drawing.facts["below_converged"] == 1
    assert drawing.facts["above_converged"] == 0
    assert drawing.facts["share_diverged"] == pytest.approx((runs["outcome"] == 3).mean())


def test_fig6b(inputs):
    drawing, _ = standard("fig6b")
    runs = inputs["runs/underdetermined_sweep"].sel(checkpoint="final")
    small = (runs["learning_rate"] == 0.001).values
    spectra = inputs["spectra/underdetermined_sweep"].sel(checkpoint="final")
    x = np.log10(spectra["lambda_max"].values[small])
    least = Problem.load(inputs["data/underdetermined"], 0).risk_min()
    y = np.log10((runs["test_risk"] - runs["excess_risk"] - least).values[small])
    np.testing.assert_allclose(np.sort(drawing.table["x"]), np.sort(x))
    np.testing.assert_allclose(drawing.facts["slope"], np.polyfit(x, y, 1)[0])
    np.testing.assert_allclose(drawing.facts["r2"], np.corrcoef(x, y)[0, 1] ** 2)
    scales = runs["scale"].values[small]
    dummies = (scales[:, None] == np.unique(scales)).astype(float)
    design = np.column_stack([x, dummies])
    expected = np.linalg.lstsq(design, y, rcond=None)[0][0]
    np.testing.assert_allclose(drawing.facts["within_slope"], expected)
    assert (drawing.facts["n"], drawing.facts["gap_not_positive"]) == (15, 0)


def test_fig6b_counts_what_a_logarithm_cannot_show(inputs):
    runs = inputs["runs/underdetermined_sweep"].copy(deep=True)
    rows = np.flatnonzero(runs["learning_rate"].values == 0.001)
    runs["test_risk"].values[1, rows[0]] = 0.0
    runs["outcome"].values[rows[1]] = 3
    drawing, _ = draw("fig6b", inputs | {"runs/underdetermined_sweep": runs})
    counts = [drawing.facts[name] for name in ("runs", "n", "diverged", "gap_not_positive")]
    assert counts == [15, 13, 1, 1]


def test_sharpness_vs_depth(inputs):
    drawing, _ = standard("sharpness_vs_depth")
    ratio = inputs["spectra/minimizers"]["lambda_max"].values[0]
    ratio = ratio / bounds(inputs["data/linear"], members_of(inputs["runs/minimizers"]))
    assert drawing.facts["least_ratio"] == pytest.approx(ratio.min())
    assert drawing.facts["largest_ratio"] == pytest.approx(ratio.max())
    assert drawing.facts["violations"] == 0
    lines = drawing.table[drawing.table["source"] == "theory"]
    assert (lines["bound"] <= lines["least_rank_one"]).all()
    assert (lines["rank_one_limit"] <= lines["upper_end"]).all()
    family = drawing.table[drawing.table["panel"] == "d"]
    assert family["ratio"].min() >= 1
    assert family["ratio"].max() > 300
    assert drawing.facts["small_runs"] == 2 * 2 * 2
    assert drawing.facts["residual_learning_rate"] == 0.05


def test_sharpness_vs_depth_reports_a_violation(inputs):
    spectra = inputs["spectra/minimizers"].copy(deep=True)
    spectra["lambda_max"].values[0, 0] = 1e-3
    drawing, _ = draw("sharpness_vs_depth", inputs | {"spectra/minimizers": spectra})
    assert drawing.facts["violations"] == 1


def test_ratio_vs_conditioning(inputs):
    drawing, _ = standard("ratio_vs_conditioning")
    table = drawing.table
    runs = members_of(inputs["runs/ratio"])
    sets = inputs["data/ratio"]
    own = runs["problem"].to_numpy()
    ratio = inputs["spectra/ratio"]["lambda_max"].values[1] / bounds(sets, runs)
    kappa = sets["condition_number"].values[own].round(6)
    for panel, keep, value in (
        ("a", (sets["d"].values[own] == 3) & runs["depth"].isin([2, 4]), kappa),
        ("b", (kappa == 3) & runs["depth"].isin([2, 4]), sets["d"].values[own]),
        ("c", sets["base"].values[own], runs["depth"].to_numpy()),
    ):
        drawn = table[table["panel"] == panel]
        used = pd.DataFrame({"k": runs["initialization"], "v": value, "p": own, "r": np.log(ratio)})
        by_problem = used[np.asarray(keep)].groupby(["k", "v", "p"])["r"].mean()
        expected = np.exp(by_problem.groupby(["k", "v"]).mean())
        got = drawn.set_index(["initialization", "value"])["mean"].sort_index()
        assert len(got) == len(expected)
        np.testing.assert_allclose(got, expected.sort_index())
        assert (drawn["low"] <= drawn["high"]).all()
    assert drawing.facts["largest_condition_number"] == 5


def test_rank_one_alignment_recovers_powers(inputs):
    drawing, _ = standard("rank_one_alignment")
    for name in ("shallow", "deep"):
        assert drawing.facts[f"{name}_mass_slope"] == pytest.approx(2)
        assert drawing.facts[f"{name}_misalignment_slope"] == pytest.approx(4, rel=1e-6)
        assert drawing.facts[f"{name}_deviation_slope"] == pytest.approx(3, rel=1e-6)
        assert drawing.facts[f"{name}_mass_constant"] == pytest.approx(7)
    assert drawing.facts["below_limit"] == 0
    means = drawing.table[drawing.table["quantity"] == "mass"]
    np.testing.assert_allclose(means["mean"], 7 * means["scale"] ** 2)


def test_rank_one_alignment_leaves_unfinished_runs_out_of_slopes(inputs):
    runs, spectra = (inputs[f"{s}/alignment"].copy(deep=True) for s in ("runs", "spectra"))
    runs["outcome"].values[0] = 1
    spectra["rank_one_mass"].values[1, 0] = 1e6
    drawing, _ = draw(
        "rank_one_alignment", inputs | {"runs/alignment": runs, "spectra/alignment": spectra}
    )
    assert drawing.facts["shallow_mass_slope"] == pytest.approx(2)
    assert drawing.facts["not_converged"] == 1


@pytest.mark.filterwarnings("error")
def test_fig2_shows_failures_where_every_run_diverged(inputs):
    runs = inputs["runs/depth_sweep"].copy(deep=True)
    runs["outcome"].values[:] = 3
    drawing, _ = draw("fig2", inputs | {"runs/depth_sweep": runs})
    shares = drawing.figure.axes[3]
    low, high = shares.get_xlim()
    pooled = drawing.table[drawing.table["panel"] == "d"]
    assert low <= pooled["relative"].min() < pooled["relative"].max() <= high
    assert (pooled["diverged"] == 1).all()


@pytest.mark.filterwarnings("error")
def test_rank_one_alignment_says_what_it_leaves_out(inputs):
    runs, spectra = (inputs[f"{s}/alignment"].copy(deep=True) for s in ("runs", "spectra"))
    runs["outcome"].values[:] = 3
    for name in ("rank_one_mass", "alignment", "lambda_max"):
        spectra[name].values[:] = np.nan
    changed = inputs | {"runs/alignment": runs, "spectra/alignment": spectra}
    drawing, _ = draw("rank_one_alignment", changed)
    count = runs.sizes["run"]
    assert (
        drawing.figure.get_suptitle() == f"{count} runs: {count} diverged (100 %), 0 not converged"
    )
    texts = [text.get_text() for ax in drawing.figure.axes for text in ax.texts]
    assert not any("nan" in text or "slope" in text for text in texts)
    assert sum(f"{count} runs without a value" in text for text in texts) == 3


@pytest.mark.parametrize("name", MINE)
def test_same_bytes(name, inputs):
    (drawing, svg), (again, svg_again) = standard(name), draw(name, inputs)
    assert svg == svg_again
    assert drawing.table.equals(again.table)
    assert drawing.facts == again.facts


def test_published_files_are_the_same_bytes(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    figure, found = FIGURES["fig6b"], []
    for attempt in "ab":
        files = {form: f"{attempt}/fig6b.{form}" for form in ("pdf", "svg", "png", "csv")}
        planned = SimpleNamespace(key="0123abc", files=files, figure=SimpleNamespace(id="fig6b"))
        with use_style(Style(dpi=72)):
            drawing = resolve(figure.draw)({r: inputs[r] for r in figure.inputs}, Style(dpi=72))
            publish(drawing, planned)
        found.append([(tmp_path / file).read_bytes() for file in files.values()])
    assert found[0] == found[1]
