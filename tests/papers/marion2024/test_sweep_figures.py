"""Sweep figures: lines, dots, strips and tables against numbers computed here from made-up runs."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise, product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from jinja2 import Environment, StrictUndefined
from made_up_runs import WORDS, table
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from scipy.stats import binomtest

from spectral_atlas.config import Style
from spectral_atlas.papers.marion2024 import data
from spectral_atlas.papers.marion2024.config import RegressionData
from spectral_atlas.papers.marion2024.experiments import PAPER
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.outcomes import OUTCOME_COLORS
from spectral_atlas.plotting.publish import Drawing, publish
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve
from spectral_atlas.stage import Job

FIGURES = {f.id: f for f in PAPER.figures}
DISTANCE, SHARPNESS, DIVERGENCE = (
    ("fig1a", "fig4a"),
    ("fig1b", "fig4b", "fig6a", "fig7"),
    ("fig3", "fig5"),
)
SWEEPS = DISTANCE + SHARPNESS + DIVERGENCE
CONVERGED, UNCONVERGED, COLLAPSED, DIVERGED = range(4)
DEPTH = 3
POISON = 1e9  # stands in the files where a run diverged; it must not reach a figure


def fates(members: pd.DataFrame) -> np.ndarray:
    """The outcome of every made-up run of the ordinary case: one of each kind at least."""
    rate, scale, seed = (members[name] for name in ("learning_rate", "scale", "seed"))
    return np.select(
        [
            (members["problem"] > 0) & (seed == 3),
            (rate == 0.1) & (scale == 0.8) & (seed <= 2),
            (rate == 0.02) & (scale == 0.8) & (seed == 0),
            (rate == 0.9) & (seed == 0),
            (rate == 0.9) & (scale == 0.2),
            rate == 0.9,
        ],
        [DIVERGED, DIVERGED, UNCONVERGED, DIVERGED, COLLAPSED, UNCONVERGED],
        CONVERGED,
    )


def sweep(
    *, draws=1, rates=(0.02, 0.1, 0.9), scales=(0.2, 0.4, 0.8), repeats=4, outcome=fates,
    published=False,
) -> dict[str, xr.Dataset]:  # fmt: skip
    """Files of one sweep; runs start alike at all rates, and no two of their numbers are equal."""
    problems = data.regression(
        RegressionData(n=20, d=3, draws=draws, published=published), {}, Job(seed=3)
    )
    members = table(
        problem=list(range(draws)), depth=[DEPTH], scale=list(scales), learning_rate=list(rates),
        seed=list(range(repeats)),
    )  # fmt: skip
    problem, scale, rate, seed = (
        members[name].to_numpy() for name in ("problem", "scale", "learning_rate", "seed")
    )
    codes = np.broadcast_to(outcome(members), len(members)).astype(np.int8)
    first = (1 + problem) * (0.5 + 20 * scale) * (1 + 0.1 * seed)
    last = (1 + 0.2 * problem) * (6 + scale + rate) * (1 + 0.03 * seed)
    distance = np.stack([first / 10, np.where(codes == CONVERGED, 1e-9, 0.5) * last])
    sharpness = np.stack([first, last])
    estimate = sharpness * [[1.0], [0.75]]
    certified = np.ones((2, len(members)), dtype=np.int8)
    certified[1, [0, codes.argmax()]] = 0
    for values in (distance, sharpness, estimate):
        values[1, codes == DIVERGED] = POISON
    coords = {name: ("run", members[name].to_numpy()) for name in members}
    coords["checkpoint"] = ["initial", "final"]
    dims = ("checkpoint", "run")
    runs = {
        "outcome": ("run", codes, {"flag_meanings": " ".join(WORDS)}),
        "squared_distance": (dims, distance),
    }
    spectra = {
        "lambda_max": (dims, sharpness),
        "power_estimate": (dims, estimate),
        "certified": (dims, certified),
    }
    return {
        "data/made_up": problems,
        "runs/made_up": xr.Dataset(runs, coords),
        "spectra/made_up": xr.Dataset(spectra, coords),
    }


def one_block_lost(members: pd.DataFrame) -> np.ndarray:
    """All runs at the middle learning rate diverged."""
    return np.where(members["learning_rate"] == 0.1, DIVERGED, CONVERGED)


CASES = {
    "ordinary": {},
    "three draws, the first published": {"draws": 3, "published": True},
    "single scale and repeat": {"scales": (0.4,), "repeats": 1},
    "single rate, above the critical one": {"rates": (0.9,)},
    "a block all diverged": {"outcome": one_block_lost},
    "all diverged": {"draws": 2, "outcome": lambda members: DIVERGED},
}
THREE = "three draws, the first published"


@cache
def files(case: str) -> dict[str, xr.Dataset]:
    return sweep(**CASES[case])


@cache
def drawn(name: str, case: str = "ordinary") -> Drawing:
    return draw(name, files(case))


def draw(name: str, inputs: dict[str, xr.Dataset]) -> Drawing:
    if name == "fig7":  # a GELU network has no linear map and so no distance
        runs = inputs["runs/made_up"].drop_vars("squared_distance", errors="ignore")
        inputs = inputs | {"runs/made_up": runs}
    with use_style(Style(dpi=72)):
        drawing = resolve(FIGURES[name].draw)(inputs, Style(dpi=72))
    plt.close(drawing.figure)
    return drawing


def members(case: str = "ordinary") -> pd.DataFrame:
    """The runs of a case as a table, read from its files without the package."""
    inputs = files(case)
    runs, spectra = inputs["runs/made_up"], inputs["spectra/made_up"]
    names = ("problem", "scale", "learning_rate", "seed")
    frame = pd.DataFrame({name: runs[name].values for name in names})
    frame["outcome"] = runs["outcome"].values
    frame["alive"] = frame["outcome"] != DIVERGED
    frame["start_distance"], frame["distance"] = runs["squared_distance"].values
    frame["start_sharpness"], frame["sharpness"] = spectra["lambda_max"].values
    return frame


def theory_of(case: str = "ordinary", problem: int = 0) -> tuple[float, float]:
    """2 L a and 8 L Lambda with |w*| = 1."""
    one = files(case)["data/made_up"].isel(problem=problem)
    X, w = one["X"].values[:, : int(one["d"])], one["w_star"].values[: int(one["d"])]
    Sigma = X.T @ X / len(X)
    assert np.linalg.norm(w) == pytest.approx(1)
    return 2 * DEPTH * w @ Sigma @ w, 8 * DEPTH * np.linalg.eigvalsh(Sigma)[-1]


def caption(name: str, facts: dict) -> str:
    """The caption as the report prints it; a fact that is missing is an error."""
    text = (ROOT / "workflow" / "report" / "marion2024" / f"{name}.rst").read_text("utf-8")
    template = Environment(undefined=StrictUndefined).from_string(text)
    return template.render(snakemake=SimpleNamespace(params=SimpleNamespace(facts=facts)))


def labelled(ax, label: str):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line


def horizontals(ax) -> list[tuple[float, str]]:
    """Height and style of every line across the axes."""
    across = (line for line in ax.lines if list(line.get_xdata()) == [0, 1])
    return sorted((line.get_ydata()[0], line.get_linestyle()) for line in across)


def hollow(ax) -> dict[tuple, list[float]]:
    """Scales with open markers, by colour."""
    white = to_rgba("white")
    return {
        to_rgba(line.get_color()): list(line.get_xdata())
        for line in ax.lines
        if to_rgba(line.get_markerfacecolor()) == white
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SWEEPS)
def test_caption_is_complete(name, case):
    (group,) = (group for group in (DISTANCE, SHARPNESS, DIVERGENCE) if name in group)
    # The facts of a group are the same: two cases say so, and in the others its first is drawn.
    drawing = drawn(name if case in ("ordinary", "all diverged") else group[0], case)
    assert drawing.facts == drawn(group[0], case).facts
    facts = json.loads(json.dumps(dict(drawing.facts), allow_nan=False))
    text = caption(name, facts)
    assert not set("{}") & set(text)
    words = set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
    assert not {"nan", "None", "inf", "-inf", "np.float64"} & words
    frame = members(case)
    own = frame[frame["problem"] == 0]
    assert facts["n_runs"] == len(own)
    assert facts["n_runs_all_draws"] == len(frame)
    assert facts["n_draws"] == frame["problem"].nunique()
    for code, word in enumerate(WORDS):
        assert facts[f"n_{word}"] == (own["outcome"] == code).sum()
        assert facts[f"percent_{word}"] == pytest.approx(
            100 * (own["outcome"] == code).mean(), rel=5e-3
        )
    lost = int((~own["alive"]).sum())
    if name in DIVERGENCE:
        assert f"Diverged: {facts['lost']}." in text
        assert sum(int(n) for n in re.findall(r"(\d+) of \d+", facts["lost"])) == lost
    else:
        assert f"and {lost} diverged" in text
    published = case == THREE
    assert ("the data set of the published code" in text) == published
    assert ("a fresh data set" in text) != published
    for bound, fact in zip(theory_of(case), ("lower_bound", "upper_bound"), strict=True):
        assert facts[fact] == pytest.approx(bound, rel=5e-4)
    assert facts["critical_rate"] == pytest.approx(2 / theory_of(case)[0], rel=5e-3)
    assert POISON not in facts.values()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["fig1a", "fig1b"])
def test_tables_hold_the_means_of_the_survivors(name, case):
    value = "distance" if name in DISTANCE else "sharpness"
    frame, means = members(case), drawn(name, case).table.query("kind == 'mean'")
    start = means[means["curve"] == "initialization"]
    final = means[means["curve"] != "initialization"]
    by = ["problem", "learning_rate", "scale"]
    groups = dict(list(frame.groupby(by)))
    assert len(final) == len(groups)
    for row in final.itertuples():
        own = groups[tuple(getattr(row, column) for column in by)]
        alive = own.loc[own["alive"], value]
        assert (row.n, row.runs) == (len(alive), len(own))
        assert [getattr(row, word) for word in WORDS] == [
            (own["outcome"] == code).sum() for code in range(4)
        ]
        if len(alive):
            assert row.value == pytest.approx(alive.mean(), rel=1e-12)
            ends = np.array([alive.min(), row.low, row.value, row.high, alive.max()])
            assert (np.diff(ends) >= -1e-12 * ends[1:]).all()
        else:
            assert np.isnan([row.value, row.low, row.high]).all()
        if value == "sharpness" and len(alive):
            assert row.published_estimator == pytest.approx(0.75 * row.value)
    one_rate = frame[frame["learning_rate"] == frame["learning_rate"].min()]
    assert len(start) == len(one_rate.groupby(["problem", "scale"]))
    for row in start.itertuples():
        own = one_rate[(one_rate["problem"] == row.problem) & (one_rate["scale"] == row.scale)]
        assert (row.n, row.runs) == (len(own), len(own))
        assert row.value == pytest.approx(own[f"start_{value}"].mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        *((name, "ordinary") for name in DISTANCE + SHARPNESS),
        *product(["fig1a", "fig1b"], [THREE, "a block all diverged"]),
    ],
)
def test_main_panel_shows_the_first_draw(name, case):
    value = "distance" if name in DISTANCE else "sharpness"
    drawing, frame = drawn(name, case), members(case)
    main, strip = drawing.figure.axes[:2]
    own = frame[frame["problem"] == 0]
    lower = theory_of(case)[0]
    rates = sorted(own["learning_rate"].unique())
    shown = [r for r in rates if value == "distance" or r < 0.9 * 2 / lower]
    scales = sorted(own["scale"].unique())
    one_rate = own[own["learning_rate"] == rates[0]]
    first = labelled(main, "initialization")
    np.testing.assert_allclose(first.get_xdata(), scales)
    expected = one_rate.groupby("scale")[f"start_{value}"].mean()
    np.testing.assert_allclose(first.get_ydata(), expected)

    labels = {line.get_label() for line in main.lines}
    open_markers, dots = hollow(main), 0
    assert {label for label in labels if "eta" in label} == {rf"$\eta$ = {r:g}" for r in shown}
    for rate in shown:
        line, part = labelled(main, rf"$\eta$ = {rate:g}"), own[own["learning_rate"] == rate]
        np.testing.assert_allclose(line.get_xdata(), scales)
        alive = part[part["alive"]]
        expected = alive.groupby("scale")[value].mean().reindex(scales)
        np.testing.assert_allclose(line.get_ydata(), expected)
        missing = sorted(part.loc[~part["alive"], "scale"].unique())
        assert open_markers.get(to_rgba(line.get_color()), []) == missing
        dots += len(alive)
    single = [
        line
        for line in main.lines
        if line.get_marker() in (".", "v") and not line.get_label()[0].isalpha()
    ]
    assert sum(np.isfinite(line.get_ydata()).sum() for line in single) == dots + len(one_rate)
    assert np.isfinite(main.get_ylim()).all()
    bottom, top = main.get_ylim()
    heights = np.concatenate([np.ravel(line.get_ydata()) for line in main.lines])
    assert bottom <= np.nanmin(heights)
    assert np.nanmax(heights) <= top < POISON
    assert [t.get_text() for t in strip.get_yticklabels()] == [rf"$\eta$ = {r:g}" for r in rates]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["fig1a", "fig1b"])
def test_strip_shows_the_share_of_diverged_runs_of_every_point(name, case):
    strip, frame = drawn(name, case).figure.axes[1], members(case)
    own = frame[frame["problem"] == 0]
    black = to_rgba(OUTCOME_COLORS["diverged"])
    rates, scales = (sorted(own[c].unique()) for c in ("learning_rate", "scale"))
    middles = [(a + b) / 2 for a, b in pairwise(scales)]
    found = np.zeros((2, len(rates), len(scales)))  # everything, diverged
    for collection in strip.collections:
        for path in collection.get_paths():
            (left, bottom), (right, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            at = (round((bottom + top) / 2), np.searchsorted(middles, (left + right) / 2))
            found[0][at] += right - left
            found[1][at] += (right - left) * (tuple(collection.get_facecolor()[0]) == black)
    assert (found[0] > 0).all()
    for (i, rate), (k, scale) in product(enumerate(rates), enumerate(scales)):
        part = own[(own["learning_rate"] == rate) & (own["scale"] == scale)]
        assert found[1, i, k] / found[0, i, k] == pytest.approx(1 - part["alive"].mean())


@pytest.mark.parametrize("name", ["fig1a", "fig1b"])
def test_legend_explains_open_markers_where_there_are_any(name):
    calm = draw(name, sweep(outcome=lambda members: CONVERGED))
    for drawing, expected in ((drawn(name), True), (calm, False)):
        texts = {text.get_text() for legend in drawing.figure.legends for text in legend.texts}
        assert ("mean of the runs that did not diverge" in texts) == expected
        assert bool(hollow(drawing.figure.axes[0])) == expected
        assert set(WORDS) <= texts


@pytest.mark.parametrize("name", SHARPNESS)
def test_sharpness_has_the_lines_of_theory(name):
    drawing = drawn(name)
    main, edge = drawing.figure.axes[0], drawing.figure.axes[-1]
    lower, upper = theory_of()
    bounds = [lower, upper] if name in ("fig1b", "fig7") else [lower]
    expected = sorted([*((b, ":") for b in bounds), (2 / 0.02, "--"), (2 / 0.1, "--")])
    found = horizontals(main)
    assert [style for _, style in found] == [style for _, style in expected]
    np.testing.assert_allclose([y for y, _ in found], [y for y, _ in expected])
    lines = drawing.table.query("kind == 'line'")
    np.testing.assert_allclose(sorted(lines["value"]), [y for y, _ in expected])
    texts = {text.get_text() for text in main.texts}
    assert {f"$2La$ = {lower:.4g}", r"$2/\eta$ = 100", r"$2/\eta$ = 20"} <= texts
    assert (rf"$8L\Lambda$ = {upper:.4g}" in texts) == (len(bounds) == 2)
    assert horizontals(edge) == [(1, "--")]


@pytest.mark.parametrize("case", ["ordinary", THREE])
def test_side_panels_show_every_rate_and_every_draw(case):
    drawing, frame = drawn("fig1b", case), members(case)
    frame.loc[~frame["alive"], "sharpness"] = np.nan
    draws, side = frame["problem"].nunique(), drawing.figure.axes[2:]
    assert len(side) == 1 + (draws > 1)
    lowers = np.array([theory_of(case, i)[0] for i in range(draws)])
    frame["per_edge"] = frame["sharpness"] * frame["learning_rate"] / 2
    frame["per_lower"] = frame["sharpness"] / lowers[frame["problem"]]
    wanted = [(side[-1], "per_edge", frame)]
    if draws > 1:
        wanted.append((side[0], "per_lower", frame[frame["learning_rate"] < 0.9]))
    for ax, column, used in wanted:
        curves = used.groupby(["problem", "learning_rate", "scale"])[column].mean()
        lines = [line for line in ax.lines if list(line.get_xdata()) != [0, 1]]
        heights = [line.get_ydata() for line in lines]
        expected = [part.to_numpy() for _, part in curves.groupby(level=[0, 1])]
        assert len(heights) == len(expected)
        np.testing.assert_allclose(heights, expected)
        thick = [line.get_linewidth() > 1 for line in lines]
        assert thick == [key[0] == 0 for key, _ in curves.groupby(level=[0, 1])]


def test_distance_of_every_draw_has_a_panel():
    drawing, frame = drawn("fig1a", THREE), members(THREE)
    assert len(drawn("fig1a").figure.axes) == 2
    (side,) = drawing.figure.axes[2:]
    frame.loc[~frame["alive"], "distance"] = np.nan
    curves = frame.groupby(["problem", "learning_rate", "scale"])["distance"].mean()
    expected = [part.to_numpy() for _, part in curves.groupby(level=[0, 1])]
    np.testing.assert_allclose([line.get_ydata() for line in side.lines], expected)
    assert side.get_title() == "thick: data draw 0\nthin: the 2 others"


def test_facts_of_the_distance():
    facts, frame = drawn("fig1a").facts, members()
    critical = 2 / theory_of()[0]
    assert 0.1 < critical < 0.9
    above = frame[frame["alive"] & (frame["learning_rate"] > critical)]
    below = frame[(frame["outcome"] == CONVERGED) & (frame["learning_rate"] < 0.9 * critical)]
    assert (facts["n_above"], facts["n_learned_above"]) == (len(above), 0) == (9, 0)
    assert facts["least_distance_above"] == pytest.approx(above["distance"].min(), rel=5e-3)
    assert facts["largest_distance_below"] == pytest.approx(below["distance"].max(), rel=5e-3)
    assert facts["percent_learned"] == "91.7 % (η = 0.02), 75 % (η = 0.1) and 0 % (η = 0.9)"
    assert facts["rates"] == "0.02, 0.1 and 0.9"


def test_facts_of_the_sharpness():
    facts, frame = drawn("fig1b").facts, members()
    lower = theory_of()[0]
    alive = frame[frame["alive"]]
    shown = alive[alive["learning_rate"] < 0.9]
    assert (facts["shown_rates"], facts["hidden_rates"]) == ("0.02 and 0.1", "0.9")
    edge = alive["sharpness"] * alive["learning_rate"] / 2
    assert facts["largest_edge"] == pytest.approx(edge[shown.index].max(), rel=5e-4)
    hidden = edge[alive["learning_rate"] == 0.9].mean()
    assert facts["hidden_edge"] == f"{hidden:.3g} (η = 0.9)"
    for scale, word in ((0.2, "smallest"), (0.8, "largest")):
        part = shown[shown["scale"] == scale]
        ratios = (part["sharpness"] / lower).groupby(part["learning_rate"]).mean()
        assert facts[f"ratio_{word}"] == " and ".join(
            f"{v:.3g} (η = {r:g})" for r, v in ratios.items()
        )
        start = frame.loc[frame["scale"] == scale, "start_sharpness"].mean()
        assert facts[f"start_{word}"] == pytest.approx(start, rel=5e-3)
    beyond = alive["start_sharpness"] > 2 / alive["learning_rate"]
    assert facts["n_started_beyond_edge"] == beyond.sum() > 0
    assert facts["percent_estimator_low"] == 25
    certified = files("ordinary")["spectra/made_up"]["certified"].values[1]
    assert facts["n_uncertified"] == ((certified == 0) & frame["alive"]).sum() == 1


@pytest.mark.parametrize("case", CASES)
def test_shares_have_wilson_intervals(case):
    drawing, frame = drawn("fig3", case), members(case)
    frame["diverged"], frame["failed"] = ~frame["alive"], frame["outcome"] != CONVERGED
    by = ["problem", "learning_rate", "scale"]
    groups = dict(list(frame.groupby(by)))
    assert len(drawing.table) == 2 * len(groups)
    for row in drawing.table.itertuples():
        own = groups[tuple(getattr(row, column) for column in by)]
        hits = own["diverged" if row.event == "diverged" else "failed"].sum()
        exact = binomtest(int(hits), len(own)).proportion_ci(0.95, method="wilson")
        assert (row.runs, row.share) == (len(own), pytest.approx(hits / len(own)))
        assert (row.low, row.high) == (
            pytest.approx(exact.low, abs=1e-12),
            pytest.approx(exact.high),
        )


@pytest.mark.parametrize(
    ("name", "case"),
    [("fig5", "ordinary"), *product(["fig3"], ["ordinary", THREE, "single scale and repeat"])],
)
def test_shares_are_drawn_for_every_draw(name, case):
    drawing, frame = drawn(name, case), members(case)
    frame["diverged"], frame["failed"] = ~frame["alive"], frame["outcome"] != CONVERGED
    rates = sorted(frame["learning_rate"].unique())
    draws = frame["problem"].nunique()
    for ax, event in zip(drawing.figure.axes, ("diverged", "failed"), strict=True):
        shares = frame.groupby(["problem", "learning_rate", "scale"])[event].mean()
        containers = {container.get_label(): container for container in ax.containers}
        assert list(containers) == [rf"$\eta$ = {r:g}" for r in rates]
        for rate in rates:
            line, _, (bars,) = containers[rf"$\eta$ = {rate:g}"]
            expected = shares[0, rate]
            np.testing.assert_allclose(line.get_ydata(), expected)
            scales = expected.index.to_numpy()
            away = np.abs(np.asarray(line.get_xdata())[:, None] - scales)
            assert away.argmin(axis=1).tolist() == list(range(len(scales)))
            n = (
                frame[(frame["problem"] == 0) & (frame["learning_rate"] == rate)]
                .groupby("scale")
                .size()
            )
            for segment, share, runs in zip(bars.get_segments(), expected, n, strict=True):
                exact = binomtest(round(share * runs), int(runs)).proportion_ci(0.95, "wilson")
                np.testing.assert_allclose(segment[:, 1], [exact.low, exact.high], atol=1e-12)
        own = {id(artist) for c in ax.containers for artist in (c[0], *c[1])}
        thin = [line.get_ydata() for line in ax.lines if id(line) not in own]
        assert len(thin) == (draws - 1) * len(rates)
        wanted = [shares[i, rate].to_numpy() for i in range(1, draws) for rate in rates]
        np.testing.assert_allclose(thin, wanted)


@pytest.mark.parametrize("name", SWEEPS)
def test_axes_name_the_initialization(name):
    names = {ax.get_xlabel() for ax in drawn(name).figure.axes} - {"", "scale"}
    (name_of_scale,) = names
    assert ("residual" in name_of_scale) == (name in ("fig4a", "fig4b", "fig5"))


def test_a_run_far_below_the_axis_is_marked_at_its_end():
    inputs = sweep()
    outcome, sharpness = inputs["runs/made_up"]["outcome"], inputs["spectra/made_up"]["lambda_max"]
    sharpness.values[1, 5], outcome.values[5] = -1e-9, COLLAPSED
    drawing = draw("fig1b", inputs)
    main = drawing.figure.axes[0]
    (triangles,) = (line for line in main.lines if line.get_marker() == "v")
    assert list(triangles.get_ydata()) == [main.get_ylim()[0]]
    assert drawing.facts["n_collapsed"] == 1 + (members()["outcome"] == COLLAPSED).sum()


def test_a_run_without_a_finite_value_opens_its_marker_though_it_did_not_diverge():
    inputs = sweep(outcome=lambda members: UNCONVERGED)
    inputs["runs/made_up"]["squared_distance"].values[1, 0] = np.inf
    drawing = draw("fig1a", inputs)
    means = drawing.table.query("kind == 'mean' and learning_rate == 0.02 and scale == 0.2")
    assert (means["n"].item(), means["runs"].item()) == (3, 4)
    assert list(hollow(drawing.figure.axes[0]).values()) == [[0.2]]


def test_facts_of_divergence():
    facts = drawn("fig3").facts
    assert facts["lost"] == "0 of 12 (η = 0.02), 3 of 12 (η = 0.1) and 3 of 12 (η = 0.9)"
    assert facts["largest_safe_scale"] == "0.8 (η = 0.02), 0.4 (η = 0.1) and none (η = 0.9)"


def test_published_twice_is_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, found = "fig1b", []
    for attempt in "ab":
        files_of = {form: f"{attempt}/{name}.{form}" for form in ("pdf", "svg", "png", "csv")}
        planned = SimpleNamespace(key="0123abc", files=files_of, figure=FIGURES[name])
        with use_style(Style(dpi=72)):
            publish(resolve(FIGURES[name].draw)(files("ordinary"), Style(dpi=72)), planned)
        found.append({form: (tmp_path / file).read_bytes() for form, file in files_of.items()})
    assert found[0] == found[1]
    starts = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG", "csv": b"# " + name.encode()}
    for form, start in starts.items():
        assert found[0][form].startswith(start)
        assert b"0123abc" in found[0][form]
