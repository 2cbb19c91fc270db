"""Figures of variants and of training samples: what is drawn and quoted, against their inputs."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_mixtures import RUNS, TIMES, K, between, draw, drawn, inputs, panels

from spectral_atlas.papers.benarous2024.theory import xor_constant

VARIANTS = ("unequal", "correlated", "gaussian")
MATRICES = ("hessian", "gradient")


def points(ax, marker):
    """Points (n, 2) drawn with a marker."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    return np.concatenate([np.transpose(line.get_data()).astype(float) for line in lines])


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", VARIANTS)
def test_variants_show_every_class_of_every_run_at_the_last_time(name, matrix):
    drawing, files = drawn("variants"), inputs()
    ax = panels(drawing)[2 * VARIANTS.index(name) + MATRICES.index(matrix)]
    spectra = files[f"spectra/mixture_{name}"].sel(matrix=matrix).isel(time=-1)
    at = [0.5, 0.3, 0.2] if name == "unequal" else [1, 2, 3]
    in_span = files[f"runs/mixture_{name}"]["in_span"].values[:, -1]
    for marker, values in (
        ("o", spectra["rho_k"].values),
        ("D", spectra["rho_1"].values),
        ("_", in_span),
    ):
        found = points(ax, marker)
        assert len(found) == RUNS * K
        for c, x in enumerate(at):  # beside each other, but nearest to their own class
            nearest = np.abs(found[:, :1] - np.array(at)).argmin(axis=1) == c
            np.testing.assert_allclose(np.sort(found[nearest, 1]), np.sort(values[:, c]))
            assert np.abs(found[nearest, 0] - x).max() > 0
    facts = drawing.facts
    assert facts[f"{name}_{matrix}_rho_1"] == between(spectra["rho_1"].values, 2)
    rare = spectra["rho_k"].values[:, 2] if name == "unequal" else spectra["rho_k"].values
    assert facts[f"{name}_{matrix}_rho_k_rare"] == between(rare, 2)
    own = drawing.table
    own = own[(own["study"] == f"mixture_{name}") & (own["matrix"] == matrix)]
    expected = spectra["rho_1"].values[own["run"], own["class"] - 1]
    np.testing.assert_allclose(own["rho_1"], expected)


def test_variants_have_lines_of_the_ordinary_mixture():
    base = inputs()["spectra/mixture_moderate"].isel({"time": -1, "class": 0})
    for i, ax in enumerate(panels(drawn("variants"))):
        dotted = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"]
        one = base.sel(matrix=MATRICES[i % 2])
        np.testing.assert_allclose(dotted, [*one["rho_k"].values, *one["rho_1"].values])


def test_variants_take_the_nearest_checkpoint_of_the_ordinary_mixture():
    files = dict(inputs())
    for stage in ("runs", "spectra"):
        files[f"{stage}/mixture_moderate"] = files[f"{stage}/mixture_moderate"].isel(time=[0, 1])
    assert drawn("variants").facts["base_time"] == TIMES[2]
    assert draw("variants", files).facts["base_time"] == TIMES[1]


def test_titles_name_parameters_once_where_studies_agree():
    files = dict(inputs())
    note = drawn("variants").figure.get_suptitle()
    assert note.startswith("all panels: k = 3, d = 40, λ = 100, β = 0.02, M/d = 5, t = 12, 3 runs")
    runs = files["runs/mixture_unequal"].copy()
    runs.attrs["ridge"] = 0.03
    files["runs/mixture_unequal"] = runs
    lines = draw("variants", files).figure.get_suptitle().split("\n")
    assert [line.split(": ")[0] for line in lines[:3]] == [
        "unequal shares", "correlated means", "Gaussian means",
    ]  # fmt: skip
    assert "β = 0.03" in lines[0]


GROUPS = {
    "recalled_class": ("mixture_recalled", "class"),
    "moderate_class": ("mixture_moderate", "class"),
    "theorem_readout": ("xor_theorem", "readout"),
    "theorem_neuron": ("xor_theorem", "neuron"),
}


def measured(key, suffix):
    """Alignment and top eigenvalue (matrix, run, time[, neuron]) at the common times."""
    study, block = GROUPS[key]
    spectra = inputs()[f"spectra/{study}{suffix}"].sel(time=TIMES[1:])
    if block == "class":
        return spectra["rho_k"].values[..., 0], spectra["eigenvalues"].values[..., 0, 0]
    if block == "readout":
        return spectra["readout_rho"].values[..., 3], spectra["readout_eigenvalues"].values[..., 0]
    return spectra["neuron_rho_2"].values, spectra["neuron_eigenvalues"].values[..., 0]


def live():
    """Neurons (run, neuron) with |v_i| above sqrt(C_beta / K) at the end."""
    v = inputs()["runs/xor_theorem"]["v"].values[:2, -1]
    return np.abs(v) > np.sqrt(xor_constant(0.05) / v.shape[-1])


@pytest.mark.parametrize("key", GROUPS)
def test_training_against_test(key):
    drawing = drawn("train_vs_test")
    study, block = GROUPS[key]
    (rho, top), (rho_train, top_train) = measured(key, ""), measured(key, "_train")
    own = drawing.table
    own = own[(own["study"] == study) & (own["block"] == block)]
    assert len(own) == np.isfinite(rho).sum() == np.isfinite(rho_train).sum() > 0
    alive = np.broadcast_to(live()[None, :, None] if block == "neuron" else True, rho.shape)
    assert 0 < alive.mean() < 1 or block != "neuron"
    columns = [own["matrix"].map(MATRICES.index), own["run"], own["time"].map(TIMES[1:].index)]
    columns += [own["neuron"]] if block == "neuron" else []
    index = tuple(column.to_numpy(int) for column in columns)
    np.testing.assert_allclose(own["rho_test"], rho[index])
    np.testing.assert_allclose(own["rho_train"], rho_train[index])
    np.testing.assert_allclose(own["ratio"], (top_train / top)[index])
    assert (own["live"].to_numpy(bool) == alive[index]).all()
    for m, matrix in enumerate(MATRICES):
        kept = alive[m]
        difference = (rho_train - rho)[m][kept]
        assert drawing.facts[f"{key}_{matrix}_difference"] == between(difference, 2)
        assert drawing.facts[f"{key}_{matrix}_ratio"] == between((top_train / top)[m][kept])
        assert drawing.facts[f"{key}_{matrix}_largest"] == between(np.abs(difference).max(), 2)


def test_training_against_test_is_drawn_whole_in_the_scatter_and_live_in_time():
    one, two, difference, ratio = panels(drawn("train_vs_test"))
    table = drawn("train_vs_test").table
    for ax, names in ((one, ["mixture_recalled", "mixture_moderate"]), (two, ["xor_theorem"])):
        own = table[table["study"].isin(names)]
        found = np.concatenate([points(ax, "o"), points(ax, "s")])
        expected = own[["rho_train", "rho_test"]].to_numpy()
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0))
        assert ax.get_xlim()[0] <= found.min() <= found.max() <= ax.get_xlim()[1]
    alive = table[table["live"].astype(bool)]
    for ax, column in ((difference, "difference"), (ratio, "ratio")):
        for marker, matrix in (("o", "hessian"), ("s", "gradient")):
            found = points(ax, marker)
            own = alive[alive["matrix"] == matrix]
            for position, time in enumerate(TIMES[1:]):
                here = np.abs(found[:, 0] - position) < 0.5
                expected = own.loc[own["time"] == time, column]
                np.testing.assert_allclose(np.sort(found[here, 1]), np.sort(expected))


def test_equal_sample_sets_do_not_differ():
    files = dict(inputs())
    for study in ("mixture_recalled", "mixture_moderate", "xor_theorem"):
        files[f"spectra/{study}_train"] = files[f"spectra/{study}"].isel(time=[0, 2])
    drawing = draw("train_vs_test", files)
    assert (drawing.table["difference"] == 0).all()
    assert (drawing.table["ratio"] == 1).all()
    assert drawing.facts["times"] == "0, 12"
    assert drawing.facts["theorem_neuron_hessian_ratio"] == "1"
