"""Trajectories: lines, crosses, table and facts against made-up runs; hopeless runs; same bytes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from jinja2 import Environment, StrictUndefined
from made_up_runs import WORDS
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.papers.marion2024 import data
from spectral_atlas.papers.marion2024.config import RegressionData
from spectral_atlas.papers.marion2024.experiments import PAPER
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.publish import Drawing, publish
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve
from spectral_atlas.stage import Job

FIGURES = {f.id: f for f in PAPER.figures}
CHOICE = {
    "fig1c": ("gaussian", 0.02), "fig1d": ("gaussian", 0.4),
    "fig4c": ("residual", 0.02), "fig4d": ("residual", 0.4),
}  # fmt: skip
STEPS, RUNS, DEPTH, LOST_AT = np.array([0, 5, 10, 15, 20]), 3, 4, 2
LOST = {"none": [], "one": [1], "first": [0], "all": [0, 1, 2]}


@cache
def files(case: str) -> dict[str, xr.Dataset]:
    """Three runs of each initialization and rate; lost ones end at step 5. Seeds come unsorted."""
    problems = data.regression(RegressionData(n=20, d=3, draws=1), {}, Job(seed=3))
    kinds, rates = np.array([c[0] for c in CHOICE.values()]), [c[1] for c in CHOICE.values()]
    seed = np.tile([2, 0, 1], len(CHOICE))
    rate = np.repeat(rates, RUNS)
    sharpness = (3 + STEPS)[:, None] * (1 + 0.1 * seed + rate)
    distance = np.exp(-0.2 * STEPS)[:, None] * (1 + 0.1 * seed + rate)
    lost = np.isin(seed, LOST[case])
    for values in (sharpness, distance):
        values[LOST_AT:, lost] = np.nan
    coords = {
        "checkpoint": STEPS,
        "initialization": ("run", np.repeat(kinds, RUNS)),
        **{name: ("run", np.full(seed.size, v)) for name, v in (("problem", 0), ("depth", DEPTH))},
        "scale": ("run", np.full(seed.size, 0.35)),
        "learning_rate": ("run", rate),
        "seed": ("run", seed),
    }
    dims = ("checkpoint", "run")
    outcome = np.where(lost, 3, 1).astype(np.int8)
    runs = {
        "squared_distance": (dims, distance),
        "outcome": ("run", outcome, {"flag_meanings": " ".join(WORDS)}),
    }
    spectra = {"lambda_max": (dims, sharpness), "power_estimate": (dims, 0.9 * sharpness)}
    return {
        "data/linear": problems,
        "runs/evolution": xr.Dataset(runs, coords),
        "spectra/evolution": xr.Dataset(spectra, coords),
    }


@cache
def drawn(name: str, case: str = "none") -> Drawing:
    with use_style(Style(dpi=72)):
        drawing = resolve(FIGURES[name].draw)(files(case), Style(dpi=72))
    plt.close(drawing.figure)
    return drawing


def chosen(name: str, case: str = "none") -> tuple[np.ndarray, np.ndarray]:
    """Distances and sharpnesses of a figure's runs in the order of their seeds."""
    runs, spectra = files(case)["runs/evolution"], files(case)["spectra/evolution"]
    kind, rate = CHOICE[name]
    mine = (runs["initialization"].values == kind) & (runs["learning_rate"].values == rate)
    rows = np.flatnonzero(mine)[np.argsort(runs["seed"].values[mine])]
    return runs["squared_distance"].values[:, rows], spectra["lambda_max"].values[:, rows]


def bounds() -> tuple[float, float]:
    """2 L a and 8 L Lambda."""
    one = files("none")["data/linear"].isel(problem=0)
    Sigma, w = one["X"].values.T @ one["X"].values / one.sizes["sample"], one["w_star"].values
    return 2 * DEPTH * w @ Sigma @ w, 8 * DEPTH * np.linalg.eigvalsh(Sigma)[-1]


def paths_on(ax) -> list[tuple[float, np.ndarray]]:
    """Line width and heights of every curve over the steps, in the order of drawing."""
    return [
        (line.get_linewidth(), line.get_ydata()) for line in ax.lines if len(line.get_xdata()) > 2
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", LOST)
@pytest.mark.parametrize("name", CHOICE)
def test_every_run_is_drawn_and_the_first_thick(name, case):
    drawing, (distance, sharpness) = drawn(name, case), chosen(name, case)
    for ax, wanted in zip(drawing.figure.axes, (distance, sharpness), strict=True):
        curves = paths_on(ax)
        np.testing.assert_array_equal([y for _, y in curves[:RUNS]], wanted.T[::-1])
        widths = [width for width, _ in curves[:RUNS]]
        assert widths[-1] > 2 * max(widths[:-1])
        assert ax.get_yscale() == "log"
        assert np.isfinite(ax.get_ylim()).all()
        shown = wanted[np.isfinite(wanted)]
        assert ax.get_ylim()[0] < shown.min() < shown.max() < ax.get_ylim()[1]
    _, estimate = paths_on(drawing.figure.axes[1])[RUNS]
    np.testing.assert_allclose(estimate, 0.9 * sharpness[:, 0])


@pytest.mark.parametrize("case", LOST)
def test_a_run_that_diverges_ends_in_a_cross_and_is_counted(case):
    drawing, lost = drawn("fig1d", case), LOST[case]
    for ax, wanted in zip(drawing.figure.axes, chosen("fig1d", case), strict=True):
        crosses = [line for line in ax.lines if line.get_marker() == "X"]
        assert [line.get_xdata()[0] for line in crosses] == [STEPS[LOST_AT - 1]] * len(lost)
        assert [line.get_ydata()[0] for line in crosses] == list(wanted[LOST_AT - 1, lost])
    assert drawing.facts["n_diverged"] == len(lost)
    assert drawing.facts["n_unconverged"] == RUNS - len(lost)
    note = drawing.figure.get_supxlabel()
    assert (f"{len(lost)} diverged" in note) == bool(lost)
    assert note.endswith("of 3 runs")


@pytest.mark.parametrize("name", CHOICE)
def test_lines_of_theory_with_their_values(name):
    drawing, (lower, upper) = drawn(name), bounds()
    edge, right = 2 / CHOICE[name][1], drawing.figure.axes[1]
    across = (line for line in right.lines if list(line.get_xdata()) == [0, 1])
    found = sorted((line.get_linestyle(), line.get_ydata()[0]) for line in across)
    dotted = sorted([lower, upper] if CHOICE[name][0] == "gaussian" else [lower])
    assert [style for style, _ in found] == ["--", *[":"] * len(dotted)]
    np.testing.assert_allclose([y for _, y in found], [edge, *dotted])
    texts = {text.get_text() for text in right.texts}
    assert {rf"$2/\eta$ = {edge:.4g}", f"$2La$ = {lower:.4g}"} <= texts
    table = drawing.table
    np.testing.assert_allclose(table[["two_over_eta", "lower_bound"]].iloc[-1], [edge, lower])
    assert table["upper_bound"].isna().all() == (len(dotted) == 1)


@pytest.mark.parametrize("case", ["none", "one"])
def test_table_holds_every_recorded_number(case):
    distance, sharpness = chosen("fig4d", case)
    table = drawn("fig4d", case).table.sort_values(["step", "run"])
    assert len(table) == RUNS * len(STEPS)
    np.testing.assert_array_equal(table["squared_distance"], distance.ravel())
    np.testing.assert_array_equal(table["sharpness"], sharpness.ravel())
    assert (table["outcome"] == "diverged").sum() == len(LOST[case]) * len(STEPS)


@pytest.mark.parametrize("case", LOST)
def test_facts_count_diverged_runs_too(case):
    facts, (_, sharpness) = drawn("fig1d", case).facts, chosen("fig1d", case)
    edge = 2 / 0.4
    assert facts["n_crossing"] == (sharpness > edge).any(axis=0).sum() == RUNS
    assert facts["largest_peak"] == pytest.approx(np.nanmax(sharpness) / edge, rel=5e-3)
    own = sharpness[np.isfinite(sharpness[:, 0]), 0]
    assert facts["percent_beyond_edge"] == pytest.approx(100 * (own > edge).mean(), rel=5e-3)
    if case in ("none", "one"):
        assert facts["end_per_edge"] == pytest.approx(own[-1] / edge, rel=5e-3)
        assert facts["end_per_lower"] == pytest.approx(own[-1] / bounds()[0], rel=5e-3)
    else:
        assert facts["end_sharpness"] == facts["late_per_edge"] == "n/a"


@pytest.mark.parametrize("case", LOST)
@pytest.mark.parametrize("name", CHOICE)
def test_caption_is_complete(name, case):
    facts = json.loads(json.dumps(dict(drawn(name, case).facts), allow_nan=False))
    text = (ROOT / "workflow" / "report" / "marion2024" / f"{name}.rst").read_text("utf-8")
    template = Environment(undefined=StrictUndefined, trim_blocks=True).from_string(text)
    printed = template.render(snakemake=SimpleNamespace(params=SimpleNamespace(facts=facts)))
    assert f"{len(LOST[case])} diverged" in printed
    assert ("crosses" in printed) == bool(LOST[case])
    assert "nan" not in printed.split()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CHOICE)
def test_one_run_at_one_rate_on_the_published_data(name):
    rate = CHOICE[name][1]
    inputs = {
        ref: one if ref.startswith("data/") else one.isel(
            run=(one["seed"].values == 1) & (one["learning_rate"].values == rate)
        )
        for ref, one in files("none").items()
    }  # fmt: skip
    published = ("problem", [True])
    inputs["data/linear"] = inputs["data/linear"].assign_coords(published=published)
    with use_style(Style(dpi=72)):
        drawing = resolve(FIGURES[name].draw)(inputs, Style(dpi=72))
    plt.close(drawing.figure)
    (curve,) = paths_on(drawing.figure.axes[0])
    np.testing.assert_array_equal(curve[1], chosen(name)[0][:, 1])
    assert (drawing.facts["n_runs"], drawing.facts["rate"]) == (1, rate)
    text = (ROOT / "workflow" / "report" / "marion2024" / f"{name}.rst").read_text("utf-8")
    template = Environment(undefined=StrictUndefined).from_string(text)
    printed = template.render(
        snakemake=SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    )
    assert "1 run on the data set of the published code" in printed
    assert not set("{}") & set(printed)


@pytest.mark.parametrize("name", CHOICE)
def test_late_averages_span_the_survivors(name):
    sharpness, edge = chosen(name)[1], 2 / CHOICE[name][1]
    late = sharpness[STEPS >= 16] / edge
    for case, alive in (("none", [0, 1, 2]), ("one", [0, 2])):
        facts, means = drawn(name, case).facts, late[:, alive].mean(axis=0)
        assert facts["least_late"] == pytest.approx(means.min(), rel=5e-3)
        assert facts["largest_late"] == pytest.approx(means.max(), rel=5e-3)
    lost = drawn(name, "all").facts
    assert lost["least_late"] == lost["largest_late"] == "n/a"


@pytest.mark.filterwarnings("error")
def test_a_run_that_explodes_before_it_is_lost_does_not_stretch_the_axes():
    inputs = {ref: one.copy(deep=True) for ref, one in files("one").items()}
    runs, spectra = inputs["runs/evolution"], inputs["spectra/evolution"]
    lost = (runs["seed"].values == 1) & (runs["learning_rate"].values == 0.4)
    for values in (runs["squared_distance"].values, spectra["lambda_max"].values):
        values[LOST_AT - 1, lost] = 1e300
    with use_style(Style(dpi=72)):
        drawing = resolve(FIGURES["fig1d"].draw)(inputs, Style(dpi=72))
    plt.close(drawing.figure)
    for ax in drawing.figure.axes:
        top = ax.get_ylim()[1]
        assert top < 1e12
        (cross,) = (line for line in ax.lines if line.get_marker() == "X")
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (STEPS[LOST_AT - 1], top)
    assert drawing.table["sharpness"].max() == 1e300


def test_published_twice_is_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for attempt in "ab":
        names = {form: f"{attempt}/fig1d.{form}" for form in ("pdf", "svg", "png", "csv")}
        planned = SimpleNamespace(key="0123abc", files=names, figure=FIGURES["fig1d"])
        with use_style(Style(dpi=72)):
            publish(resolve(FIGURES["fig1d"].draw)(files("one"), Style(dpi=72)), planned)
        found.append([Path(name).read_bytes() for name in names.values()])
    assert found[0] == found[1]
