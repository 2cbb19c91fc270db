"""Figures of logistic regression: what is drawn, tabled and quoted, against their input files."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from jinja2 import Environment, StrictUndefined
from tiny_mixtures import (
    MODULES,
    RUNS,
    TIMES,
    D,
    K,
    between,
    draw,
    drawn,
    inputs,
    panels,
)

from spectral_atlas.papers.benarous2024.theory import mixture_fixed_point
from spectral_atlas.plan import ROOT

ROWS = ("mixture_recalled", "mixture_theorem")
MATRICES = ("hessian", "gradient")
PANELS = [(i, study, matrix) for i, (study, matrix) in enumerate(
    (study, matrix) for study in ROWS for matrix in MATRICES)]  # fmt: skip


def heights(ax, **wanted):
    """Heights of the lines with certain looks."""
    return [
        np.asarray(line.get_ydata(), dtype=float)
        for line in ax.lines
        if all(getattr(line, f"get_{k}")() == v for k, v in wanted.items())
    ]


def same(found, expected):
    """Equal curves, in any order."""
    found, expected = (np.array(sorted(map(tuple, c))) for c in (found, expected))
    np.testing.assert_allclose(found, expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", ["whole", "lost", "single", "first lost"])
@pytest.mark.parametrize("name", MODULES)
def test_every_case_draws_and_fills_its_caption(name, case):
    drawing = draw(name, inputs(case))
    json.dumps(dict(drawing.facts), allow_nan=False)
    assert np.isfinite(drawing.table.select_dtypes("number").iloc[:, -1].dropna()).all()
    text = (ROOT / "workflow" / "report" / "benarous2024" / f"{name}.rst").read_text("utf-8")
    caption = Environment(undefined=StrictUndefined).from_string(text).render(
        snakemake=SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    )  # fmt: skip
    assert 60 <= len(caption.split()) <= 230
    assert "nan" not in caption
    assert "n/a" not in caption
    assert "without ridge" in caption


@pytest.mark.parametrize("name", MODULES)
def test_a_lost_run_is_counted_and_changes_no_quoted_number(name):
    broken, kept = drawn(name, "lost"), drawn(name, "survivors")
    studies = {study for study in broken.table["study"] if isinstance(study, str)}
    lines = [t for t in broken.figure.get_suptitle().split("\n") if "overflowed" in t]
    assert {line.split(": ")[0] for line in lines} == studies
    assert all(f": 1 of {RUNS} runs overflowed" in line for line in lines)
    assert "overflowed" not in drawn(name).figure.get_suptitle()
    lost = {key: value for key, value in broken.facts.items() if key.endswith("_lost")}
    assert set(lost.values()) == {1}
    for key, value in kept.facts.items():
        if not key.endswith(("_lost", "_runs")):
            assert broken.facts[key] == value, key


@pytest.mark.parametrize(("i", "study", "matrix"), PANELS)
def test_alignment_of_every_class(i, study, matrix):
    drawing, files = drawn("fig3_1"), inputs()
    ax = panels(drawing)[i]
    rho = files[f"spectra/{study}"]["rho_k"].sel(matrix=matrix).values  # run, time, class
    in_span = files[f"runs/{study}"]["in_span"].values[0, :, 0]
    curves = heights(ax, linestyle="-")
    same([y for y in curves if len(y) == len(TIMES)], [*rho[0].T, *rho[1:, :, 0]])
    same(heights(ax, linestyle="-."), [in_span])
    same([y[:1] for y in heights(ax, linestyle=":")], [[(K / D) ** 0.5]])
    same([y[:1] for y in heights(ax, linestyle="--")], [[(1 - 1 / K) ** 0.5]])
    assert [y[0] for y in curves if len(y) == 2] == [1]
    table = drawing.table
    table = table[(table["study"] == study) & (table["matrix"] == matrix)]
    table = table[table["quantity"] == "rho_k"]
    assert len(table) == (K + RUNS - 1) * len(TIMES)
    at = [TIMES.index(time) for time in table["time"]]
    expected = rho[table["run"].astype(int), at, table["class"].astype(int) - 1]
    np.testing.assert_allclose(table["value"], expected)
    end = rho[:, -1]
    assert drawing.facts[f"{study.removeprefix('mixture_')}_{matrix}_end"] == between(end)


def unit_vectors(files, study):
    """x^1 / |x^1| (run, time, feature), and its eigenvectors (matrix, run, time, coordinate)."""
    x = files[f"runs/{study}"]["x"].values[:, :, 0]
    leading = files[f"spectra/{study}"]["leading"].values
    # The means are the first coordinates: the sign along x^1 at the last time, within their span.
    along = np.einsum("mrta,ra->mrt", leading[..., :K], x[:, -1, :K])
    return x / np.linalg.norm(x, axis=-1, keepdims=True), leading * np.sign(along)[..., None]


def meshes(drawing):
    return [ax.collections[0].get_array().reshape(12, len(TIMES)) for ax in panels(drawing)]


def test_heatmaps_show_unit_vectors_with_one_sign():
    drawing, files = drawn("fig3_2"), inputs()
    found = meshes(drawing)
    for row, study in enumerate(ROWS):
        x, leading = unit_vectors(files, study)
        np.testing.assert_allclose(found[3 * row], x[0, :, :12].T)
        for m in range(2):
            np.testing.assert_allclose(found[3 * row + 1 + m], leading[m, 0].T)
    for ax in panels(drawing):
        norm = ax.collections[0].norm
        assert (norm.vmin, norm.vmax) == (-1, 1)
        assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "3", "12"]
        assert rf"\mu_{{{K}}}" in ax.texts[0].get_text()
        assert [line.get_ydata()[0] for line in ax.lines] == [K + 0.5]
    bars = [ax for ax in drawing.figure.axes if ax not in panels(drawing)]
    assert [bool(bar.get_ylabel()) for bar in bars] == [True, True]
    assert len(drawing.table) == 2 * 3 * 12 * len(TIMES)
    own = drawing.table.query("study == 'mixture_theorem' and quantity == 'x'")
    expected = unit_vectors(files, "mixture_theorem")[0][0, :, :12]
    at = [TIMES.index(time) for time in own["time"]]
    np.testing.assert_allclose(own["value"], expected[at, own["coordinate"] - 1])
    squared = unit_vectors(files, "mixture_theorem")[0][:, -1, :K] ** 2
    assert drawing.facts["theorem_x_first"] == between(squared[:, 0])
    assert drawing.facts["theorem_x_others"] == between(squared[:, 1:].sum(1), 2)


def test_the_sign_of_an_eigenvector_in_the_file_does_not_matter():
    files = dict(inputs())
    spectra = files["spectra/mixture_recalled"].copy(deep=True)
    for name in ("leading", "leading_on_means"):
        spectra[name][{"time": 0}] *= -1
        spectra[name][{"matrix": 1, "run": 2}] *= -1
    files["spectra/mixture_recalled"] = spectra
    np.testing.assert_allclose(meshes(draw("fig3_2", files)), meshes(drawn("fig3_2")))
    found, expected = draw("fig3_3", files).table, drawn("fig3_3").table
    np.testing.assert_allclose(found["value"], expected["value"])


def test_heatmaps_of_means_that_are_no_coordinates_mark_nothing():
    files = dict(inputs())
    for stage in ("data", "runs", "spectra"):
        files[f"{stage}/mixture_recalled"] = files[f"{stage}/mixture_gaussian"]
    top = panels(draw("fig3_2", files))[:3]
    assert not any(ax.texts or ax.lines for ax in top)


def test_heatmaps_show_the_first_run_that_did_not_overflow():
    drawing = drawn("fig3_2", "first lost")
    assert drawing.facts["recalled_run"] == 1
    x, _ = unit_vectors(inputs(), "mixture_recalled")
    np.testing.assert_allclose(meshes(drawing)[0], x[1, :, :12].T)


def test_products_of_all_runs_and_their_limits():
    drawing, files = drawn("fig3_3"), inputs()
    point = mixture_fixed_point(K, 0.02)
    for row, study in enumerate(ROWS):
        _, leading = unit_vectors(files, study)
        raw = files[f"runs/{study}"]["x"].values[:, :, 0, :K]
        expected = [raw, *leading[..., :K]]
        limits = [(point.A, point.B), (1, 0), (1, 0)]
        for ax, products, ends in zip(panels(drawing)[3 * row :], expected, limits, strict=False):
            curves = [line for line in ax.lines if len(line.get_xdata()) == len(TIMES)]
            own = max(curves, key=lambda line: line.get_zorder()).get_color()
            first = [c.get_ydata() for c in curves if c.get_color() == own]
            same(first, products[:, :, 0])
            rest = [c.get_ydata() for c in curves if c.get_color() != own]
            same(rest, np.moveaxis(products[..., 1:], -1, 1).reshape(-1, len(TIMES)))
            assert [y[0] for y in heights(ax, linestyle="--")] == pytest.approx(ends)
        name = study.removeprefix("mixture_")
        assert drawing.facts[f"{name}_x_own"] == between(raw[:, -1, 0])
        assert drawing.facts[f"{name}_hessian_others_each"] == between(leading[0, :, -1, 1:K])
    assert drawing.facts["theorem_A"] == pytest.approx(point.A, rel=5e-3)
    values = drawing.table.query("quantity == 'gradient' and study == 'mixture_theorem'")
    assert len(values) == RUNS * len(TIMES) * K


@pytest.mark.parametrize("name", ["fig3_3", "fig3_4"])
def test_no_fixed_point_is_drawn_where_shares_are_unequal(name):
    files = dict(inputs())
    data = files["data/mixture_theorem"].copy(deep=True)
    data["weights"].values[:] = [0.5, 0.3, 0.2]
    files["data/mixture_theorem"] = data
    drawing = draw(name, files)
    counts = [len(heights(ax, linestyle="--")) for ax in panels(drawing)]
    half = len(counts) // 2
    assert counts == [2] * half + [0] * half


@pytest.mark.parametrize(("i", "study", "matrix"), PANELS)
def test_eigenvalues_and_predictions(i, study, matrix):
    drawing, files = drawn("fig3_4"), inputs()
    ax = panels(drawing)[i]
    values = files[f"spectra/{study}"]["eigenvalues"].sel(matrix=matrix).values[:, :, 0]
    curves = [y for y in heights(ax, linestyle="-") if len(y) == len(TIMES)]
    same(curves, np.moveaxis(values, -1, 1).reshape(-1, len(TIMES)))
    colors = [line.get_color() for line in ax.lines if line.get_linestyle() == "-"]
    assert sorted(colors.count(c) for c in set(colors)) == sorted([RUNS, 2 * RUNS, (K - 1) * RUNS])
    theory = files[f"spectra/{study}_effective"].sel(matrix=matrix)
    same(heights(ax, marker="_"), theory["edge"].values)
    diamonds = np.concatenate([np.ravel(y) for y in heights(ax, marker="D")])
    expected = theory["outliers"].values
    np.testing.assert_allclose(
        np.sort(diamonds[np.isfinite(diamonds)]), np.sort(expected[np.isfinite(expected)])
    )
    counts = theory["n_outliers"].values
    assert ax.get_title(loc="left").endswith(", ".join(between(c) for c in counts.T))
    point = mixture_fixed_point(K, 0.02)
    lines = [y[0] for y in heights(ax, linestyle="--")]
    assert lines == [getattr(point, f"{matrix}_top"), getattr(point, f"{matrix}_mini")]
    prefix = f"{study.removeprefix('mixture_')}_{matrix}"
    ratio = values[:, -1, K - 1] / values[:, -1, K]
    assert drawing.facts[f"{prefix}_mini_gap_end"] == between(ratio)
    top = 100 * (values[:, ::2, 0] / theory["outliers"].values[..., 0] - 1)
    assert drawing.facts[f"{prefix}_top_error"] == between(top, 2)
    own = drawing.table[(drawing.table["study"] == study) & (drawing.table["matrix"] == matrix)]
    assert (own["quantity"] == "eigenvalue").sum() == values.size
    assert (own["quantity"] == "predicted outlier").sum() == np.isfinite(expected).sum()


def test_the_edge_is_compared_with_the_first_eigenvalue_behind_the_predicted_outliers():
    files = dict(inputs())
    spectra = files["spectra/mixture_theorem"].copy(deep=True)
    theory = files["spectra/mixture_theorem_effective"].copy(deep=True)
    spectra["eigenvalues"].values[0, :, :, 0] = [8.0, 4.0, 2.0, 1.0, 0.5]
    theory["edge"].values[0] = 1.6
    theory["n_outliers"].values[0] = 2
    theory["outliers"].values[0, ..., :2] = [10.0, 4.0]
    files |= {"spectra/mixture_theorem": spectra, "spectra/mixture_theorem_effective": theory}
    facts = draw("fig3_4", files).facts
    assert facts["theorem_hessian_edge_error"] == "25"
    assert facts["theorem_hessian_top_error"] == "-20"
    assert facts["theorem_hessian_top_gap_end"] == "2"
    assert facts["theorem_hessian_outliers_end"] == "2"
