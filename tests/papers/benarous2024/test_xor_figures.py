"""Figures of the XOR network, against numbers computed here from the files."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from jinja2 import Environment, StrictUndefined
from xor_runs import CASES, FIGURES, RIDGE, D, K, draw, drawn, files

from spectral_atlas.papers.benarous2024.theory import xor_constant, xor_readout_eigenvalues
from spectral_atlas.plan import ROOT


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_draws_without_warnings_and_fills_its_caption(name, case):
    drawing = drawn(name, case)
    if case != "last lost":
        drawing.figure.canvas.draw()  # what is wrong with the layout warns only then
    facts = json.loads(json.dumps(dict(drawing.facts), allow_nan=False))
    text = (ROOT / "workflow" / "report" / "benarous2024" / f"{name}.rst").read_text("utf-8")
    template = Environment(undefined=StrictUndefined).from_string(text)
    caption = template.render(snakemake=SimpleNamespace(params=SimpleNamespace(facts=facts)))
    assert 80 <= len(caption.split()) <= 260
    assert "nan" not in caption.replace(",", " ").split()
    assert "without ridge" in caption
    assert ("recalled" in caption) == (name not in ("outcome_law", "heatmaps_xor"))
    assert not drawing.table.empty
    assert drawing.table.columns.is_unique


@pytest.mark.parametrize("name", FIGURES)
def test_lost_runs_are_counted_on_the_figure_and_in_the_facts(name):
    for case, count in (("ordinary", 0), ("last lost", 1)):
        drawing = drawn(name, case)
        told = drawing.figure._suptitle.get_text() if drawing.figure._suptitle else ""
        lost = [v for key, v in drawing.facts.items() if key == "lost" or key.endswith("_lost")]
        if name == "outcome_law":
            assert lost == [4 * count]  # of K = 4, and of each of three widths
            assert ("4 runs overflowed" if count else "no run overflowed") in told
        else:
            assert lost
            assert set(lost) == {count}
            assert ("overflowed" in told) == bool(count)


def test_fig4_1_draws_every_neuron_of_run_0_and_v_of_every_run():
    drawing, inputs = drawn("fig4_1"), files()
    axes = [ax for part in drawing.figure.subfigs for ax in part.axes]
    assert len(axes) == 8
    for row, name in enumerate(("xor_recalled", "xor_theorem")):
        spectra, runs = inputs[f"spectra/{name}"], inputs[f"runs/{name}"]
        last = np.abs(runs["v"].values[0, -1])
        cut = np.sqrt(xor_constant(RIDGE[name]) / K)
        for m, matrix in enumerate(("hessian", "gradient")):
            neurons, readout = axes[4 * row + m], axes[4 * row + 2 + m]
            curves = [line for line in neurons.lines if len(line.get_xdata()) == 3]
            expected = spectra["neuron_rho_2"].values[m, 0].T
            np.testing.assert_array_equal([c.get_ydata() for c in curves[:K]], expected)
            grey = [c.get_color() == "0.72" for c in curves[:K]]
            assert grey == list(last <= cut)
            assert 0 < sum(grey) < K
            overlap = spectra["neuron_overlap"].values[m, 0][:, last > cut]
            plane = np.median(np.sqrt(overlap), axis=1)
            np.testing.assert_allclose(curves[K].get_ydata(), plane, rtol=1e-12)
            assert neurons.lines[-1].get_ydata()[0] == pytest.approx((2 / D) ** 0.5)
            of_v = [line.get_ydata() for line in readout.lines[:-1]]
            np.testing.assert_array_equal(of_v, spectra["readout_rho"].values[m, :, :, 3])
            assert readout.lines[-1].get_ydata()[0] == pytest.approx((4 / K) ** 0.5)
            own = drawing.table["study"].eq(name) & drawing.table["matrix"].eq(matrix)
            table = drawing.table[own]
            found = table.query("layer == 1 and run == 1 and neuron == 2")["rho"]
            np.testing.assert_array_equal(found, spectra["neuron_rho_2"].values[m, 1, :, 2])
            assert len(table) == 3 * (2 * K + 3)
    assert drawing.facts["theorem_cut"] == pytest.approx(cut, rel=5e-3)
    assert drawing.facts["recalled_baseline_second"] == pytest.approx(0.5**0.5, rel=5e-3)


def test_fig4_1_says_that_the_span_is_left_only_where_it_is():
    inputs = dict(files())
    assert drawn("fig4_1").facts["theorem_gradient_falls"] == 0
    spectra = inputs["spectra/xor_theorem"].copy(deep=True)
    spectra["neuron_overlap"][{"matrix": 1, "time": -1}] = 0.01
    inputs["spectra/xor_theorem"] = spectra
    facts = draw("fig4_1", inputs).facts
    assert (facts["theorem_gradient_falls"], facts["theorem_hessian_falls"]) == (1, 0)
    assert facts["theorem_gradient_plane_end"] == pytest.approx(0.1)


def test_fig4_2_draws_all_eigenvalues_and_the_fixed_points():
    drawing, inputs = drawn("fig4_2"), files()
    axes = [ax for part in drawing.figure.subfigs for ax in part.axes]
    for i, ax in enumerate(axes):
        name, m = ("xor_recalled", "xor_theorem")[i // 2], i % 2
        values = inputs[f"spectra/{name}"]["readout_eigenvalues"].values[m]
        fixed = xor_readout_eigenvalues(RIDGE[name])[m]
        dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
        assert [line.get_ydata()[0] for line in dashed] == [fixed]
        others = 2 * 4
        own = np.array([line.get_ydata() for line in ax.lines[others : others + K]])
        np.testing.assert_array_equal(own, np.maximum(values[0].T[::-1], ax.get_ylim()[0]))
        marked = [line.get_marker() == "o" for line in ax.lines[others : others + K]]
        assert marked == [False] * (K - 4) + [True] * 4
        matrix = ("hessian", "gradient")[m]
        chosen = drawing.table["study"].eq(name) & drawing.table["matrix"].eq(matrix)
        table = drawing.table[chosen]
        np.testing.assert_array_equal(table["eigenvalue"], values.ravel())
        ratios = values[:, 0, 0] / values[:, 0, 1]
        told = str(drawing.facts[f"{name[4:]}_{matrix}_start_1_2"])
        found = [float(number) for number in re.findall(r"[\d.]+", told)]
        np.testing.assert_allclose(found, [ratios.min(), ratios.max()], rtol=5e-3)


def test_fig4_2_counts_what_the_axis_clips():
    inputs = dict(files())
    spectra = inputs["spectra/xor_theorem"].copy(deep=True)
    spectra["readout_eigenvalues"][{"matrix": 0, "run": 0, "time": -1, "order": slice(5, 8)}] = 0.0
    inputs["spectra/xor_theorem"] = spectra
    drawing = draw("fig4_2", inputs)
    assert drawing.facts["theorem_hessian_clipped"] == 3
    assert drawing.facts["theorem_gradient_clipped"] == 0
    ax = drawing.figure.subfigs[1].axes[0]
    assert min(float(line.get_ydata()[-1]) for line in ax.lines) == ax.get_ylim()[0] > 0


@pytest.mark.parametrize("name", ["heatmaps_xor", "heatmaps_xor_recalled"])
def test_heatmaps_show_one_neuron_of_each_sign_and_the_second_layer(name):
    drawing, inputs = drawn(name), files()
    which = "xor_recalled" if "recalled" in name else "xor_theorem"
    runs, spectra = inputs[f"runs/{which}"], inputs[f"spectra/{which}"]
    v = runs["v"].values[0, -1]
    chosen = [int(v.argmax()), int(v.argmin())]
    table = drawing.table
    assert list(table.query("neuron >= 0")["neuron"].unique()) == chosen
    for neuron in chosen:
        W = runs["W"].values[0, :, neuron]
        own = table[table["vector"].eq(r"$W_i/|W_i|$") & table["neuron"].eq(neuron)]
        unit = W / np.linalg.norm(W, axis=1, keepdims=True)
        np.testing.assert_allclose(own["value"], unit[:, : spectra.sizes["coordinate"]].ravel())
    lower = drawing.figure.subfigs[1].axes
    mesh = lower[1].collections[0].get_array().reshape(K, 3)  # 2nd of the Hessian
    expected = spectra["readout_vectors"].values[0, :, 1].T
    np.testing.assert_allclose(np.sort(mesh, axis=0), np.sort(expected, axis=0))
    towards = (runs["W"].values[0, -1] @ inputs[f"data/{which}"]["means"].values.T).argmax(-1)
    order = sorted(range(K), key=lambda i: (towards[i], -abs(v[i])))
    np.testing.assert_allclose(mesh, expected[order])
