"""Figures on outputs, losses, training sets and robustness: numbers by brute force, odd inputs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from synthetic_variants import Files, draw, early, estimated, files, saturated, with_constants

from spectral_atlas.papers.kalra2023.figures.columns import select
from spectral_atlas.papers.kalra2023.figures.data_names import data_sets, families
from spectral_atlas.papers.kalra2023.figures.estimator_errors import two_level_error
from spectral_atlas.papers.kalra2023.figures.shared import runs_frame
from spectral_atlas.plotting.publish import Drawing

NAMES = ("fig5", "fig6", "a1", "a2", "a3", "a5", "a6", "a8")


@cache
def drawn(name: str) -> Drawing:
    return draw(name, files())


def bare(inputs: Files) -> Files:
    """No c recorded, as where ``recorded`` is empty, no constant found, every other number NaN."""
    found = {}
    for ref, one in inputs.items():
        one = one.isel(multiple=slice(0)) if "step" in one.dims else one.copy(deep=True)
        for name in ("loss", "sharpness", "sharpness_bound", "second", "power", "lanczos"):
            if name in one:
                one[name] = xr.full_like(one[name], np.nan)
        found[ref] = (
            with_constants(one, k_loss=-9, k_sharp=-9, k_max=-9) if "k_loss" in one else one
        )
    return found


def lost(inputs: Files) -> Files:
    """Every run diverges at step 3; constants are below the grid's start and beyond its end."""
    found = {}
    for ref, one in inputs.items():
        one = one.copy(deep=True)
        if "step" in one.dims:
            for name, at in (("loss", np.inf), ("sharpness", np.nan)):
                one[name][:, :, 3] = at
                one[name][:, :, 4:] = np.nan
            one = with_constants(one, k_loss=0, k_sharp=0, k_max=one.attrs["grid"])
        found[ref] = one
    return found


def small(inputs: Files) -> Files:
    """One network in each study, one seed, other sizes; no variant that a figure waits for."""
    one: dict[str, Any] = {"seeds": 1}
    tiny = {"depth": 3, "width": 8}
    return {
        "runs/fcn": early([tiny], **one),
        "runs/fcn_deep": early([tiny | {"depth": 5}], **one),
        "runs/fcn_deeper": early([tiny | {"depth": 6}], (), **one),
        "runs/myrtle": early([tiny | {"network": "myrtle", "data": "fields"}], **one),
        "runs/resnet": early([tiny | {"network": "resnet", "data": "fields_large"}], **one),
        "runs/output": early([tiny | {"alpha": 0.1}], **one),
        "runs/cross_entropy": early([tiny | {"loss_name": "cross_entropy"}], **one),
        "runs/data_sets": early([tiny | {"data": "teacher"}], (3.0,), **one),
        "runs/variants": early([tiny | {"activation": "tanh"}], **one),
        "runs/authors": early([tiny | {"batch": 128}], (), **one),
        "runs/saturation_variants": saturated([tiny], (1.0,), 1),
        "spectra/estimators": estimated([tiny], 1),
    }


@pytest.mark.parametrize("name", NAMES)
def test_draws_usual_files(name: str):
    drawing = drawn(name)
    assert len(drawing.table) > 0
    assert not any(isinstance(v, float) and not np.isfinite(v) for v in drawing.facts.values())


@pytest.mark.parametrize("change", [bare, lost, small])
@pytest.mark.parametrize("name", NAMES)
def test_draws_odd_files(name: str, change: Any):
    assert draw(name, change(files(seeds=1))).figure.axes


def c_of(runs: xr.Dataset, name: str, **where: Any) -> np.ndarray:
    """Values of a constant, straight from the file."""
    kept = np.ones(runs.sizes["run"], dtype=bool)
    for coordinate, value in where.items():
        kept &= runs[coordinate].values == value
    return runs[name].values[kept]


def test_fig5_constants_and_reduction():
    drawing, output = drawn("fig5"), files()["runs/output"]
    table = drawing.table
    shown = table[(table["panel"] == "g") & (table["output"] == "zero")]
    assert len(shown) == 5
    for row in shown.itertuples():
        c = c_of(output, "c_loss", output="zero", depth=row.depth, width=row.width)
        assert row.n == c.size == 3
        assert row.mean == pytest.approx(c.mean())
        assert row.median == pytest.approx(np.median(c))
        assert (row.q25, row.q75) == pytest.approx(tuple(np.quantile(c, [0.25, 0.75])))
    lowered = table[(table["panel"] == "h") & (table["output"] == "centred")]
    for row in lowered.itertuples():
        where = (output["output"] == "centred") & (output["depth"] == row.depth)
        where &= output["width"] == row.width
        sharpness = output["sharpness"].values[where.values][:, 0]
        assert row.mean == pytest.approx((sharpness[:, -1] / sharpness[:, 0]).mean(), rel=1e-6)
    # Scaled outputs are left out, and so are standard runs of other widths.
    assert drawing.facts["zero_runs"] == drawing.facts["centred_runs"] == 15
    standard = table[(table["panel"] == "a") & (table["constant"] == "c_loss")]
    assert set(standard["width"]) == {32, 64, 128}


def test_fig5_pairs_runs_by_seed():
    inputs = dict(files())
    for name, depth, plain in (("fcn", 4, 40), ("fcn_deep", 8, 30)):
        inputs[f"runs/{name}"] = with_constants(inputs[f"runs/{name}"], k_loss=plain)
        assert depth in inputs[f"runs/{name}"]["depth"].values
    inputs["runs/output"] = with_constants(inputs["runs/output"], k_loss=10)
    facts = draw("fig5", inputs).facts
    assert facts["zero_loss"] == "2 (2 to 2)"
    assert f"d = 4, w = 32: 16, {2.0**3:g} times" in facts["factors"]
    assert f"d = 8, w = 64: 8, {2.0**2:g} times" in facts["factors"]


def test_fig6_marks_constants_at_the_start_of_the_grid():
    inputs = dict(files())
    runs = inputs["runs/cross_entropy"]
    zero = runs["output"].values == "zero"
    inputs["runs/cross_entropy"] = with_constants(
        runs, k_sharp=np.where(zero, 0, runs["k_sharp"].values)
    )
    drawing = draw("fig6", inputs)
    assert drawing.facts["zero_sharp_bounds"] == zero.sum() == 9
    assert drawing.facts["standard_sharp_bounds"] == 0
    sharp = drawing.table[drawing.table["constant"] == "c_sharp"]
    assert set(sharp[sharp["output"] == "zero"]["below"]) == {3}
    assert set(sharp[sharp["output"] == "zero"]["median"]) == {1.0}
    assert sharp["fit"].isna().all()
    assert "9 values at or below the grid" in drawing.figure.get_suptitle()


def test_a1_has_a_panel_for_each_family():
    drawing, inputs = drawn("a1"), files()
    names = ("data_sets", "fcn", "fcn_deep", "fcn_deeper", "myrtle", "resnet")
    expected = {
        key
        for name in names
        for key in zip(
            *(inputs[f"runs/{name}"][c].values.tolist() for c in ("network", "data", "depth")),
            strict=True,
        )
    }
    table = drawing.table
    assert set(zip(table["network"], table["data"], table["depth"], strict=True)) == expected
    assert drawing.facts["panels"] == table["panel"].nunique() == len(expected) == 12
    teacher = table[(table["data"] == "teacher") & (table["depth"] == 8)]
    row = teacher[(teacher["constant"] == "c_max") & (teacher["width"] == 128)].iloc[0]
    c = c_of(inputs["runs/data_sets"], "c_max", data="teacher", depth=8, width=128)
    assert row["mean"] == pytest.approx(c.mean())


def test_families_come_in_the_order_of_the_names():
    frame = runs_frame(files(), ["data_sets", "fcn", "resnet"])
    assert families(frame)[0] == ("fcn", "images", 4)
    assert families(frame)[-1] == ("resnet", "fields_large", 18)
    assert data_sets(frame)[:2] == ["images", "isotropic"]
    odd = frame.assign(data="made up")
    assert data_sets(odd) == ["made up"]
    assert {f[1] for f in families(odd)} == {"made up"}


def test_a2_shows_the_widest_and_the_narrowest_of_the_smallest_depth():
    table = drawn("a2").table
    fully = table[table["network"] == "fcn"]
    assert set(fully["depth"]) == {4}
    assert set(fully["width"]) == {32, 128}
    runs = files()["runs/data_sets"]
    row = table[(table["data"] == "steep") & (table["step"] == 7)].iloc[0]
    i = int(np.flatnonzero(np.isclose(runs["multiple"].values, row["multiple"]))[0])
    loss = runs["loss"].values[row["row"], i]
    assert row["relative"] == pytest.approx(loss[7] / loss[0])
    assert row["ratio"] == pytest.approx(
        runs["sharpness"].values[row["row"], i, 7] / runs["lambda0"].values[row["row"]]
    )
    assert drawn("a2").facts["diverged"] == 0
    facts = draw("a2", lost(files())).facts
    assert facts["diverged"] == facts["trajectories"] == drawn("a2").facts["trajectories"]


def test_a3_counts_violations_of_each_set():
    inputs = dict(files())
    runs = inputs["runs/data_sets"]
    higher = (runs["data"].values == "teacher") & (runs["seed"].values == 0)
    k = np.where(higher, runs["k_sharp"].values + 2, runs["k_sharp"].values - 1)
    inputs["runs/data_sets"] = with_constants(runs, k_loss=k)
    drawing = draw("a3", inputs)
    shares = drawing.table[drawing.table["share"].notna()]
    own = shares[(shares["first"] == "c_loss") & (shares["second"] == "c_sharp")]
    counts = dict(zip(own["data"], own["violated"], strict=True))
    assert counts["teacher"] == higher.sum() == 5
    assert counts["isotropic"] == counts["random_labels"] == 0
    assert set(shares[shares["first"] == "c_barrier"]["data"]) == {"images"}


def test_a5_reads_the_networks_trained_with_cross_entropy():
    drawing = drawn("a5")
    late = drawing.table[drawing.table["panel"] == "f"]
    study = files()["runs/saturation_variants"]
    kept = study["loss_name"].values == "cross_entropy"
    widths = study["width"].values
    ratio = (study["sharpness"] / study["lambda0"]).transpose("run", "multiple").values
    means = [ratio[kept & (widths == w)].mean(axis=0) for w in (64, 128)]
    values = late["mean" if "mean" in late else "value"].to_numpy(float)
    np.testing.assert_allclose(values[np.isfinite(values)], np.concatenate(means), rtol=1e-6)
    assert drawing.facts["recorded"] == 12  # two of three seeds


def test_a6_orders_scales_and_pairs_hidden_weights():
    drawing, inputs = drawn("a6"), files()
    table = drawing.table
    above = table[(table["panel"] == "a") & (table["quantity"] == "c_loss")]
    names = ["zero, layer", "$f-f_0$, ", "0.01", "0.1", "1", "3"]
    assert list(above["group"]) == names
    scaled = inputs["runs/output"]
    for name, alpha in (("0.01", 0.01), ("3", 3.0)):
        c = c_of(scaled, "c_loss", alpha=alpha)
        assert above[above["group"] == name]["mean"].item() == pytest.approx(c.mean())
    plain = c_of(inputs["runs/fcn_deep"], "c_loss", width=64)
    assert above[above["group"] == "1"]["mean"].item() == pytest.approx(plain.mean())
    pairs = table[(table["panel"] == "d") & (table["quantity"] == "c_max")]
    assert len(pairs) == drawing.facts["d_pairs"] == 15
    for row in pairs.itertuples():
        study = inputs["runs/fcn" if row.depth == 4 else "runs/fcn_deep"]
        where = {"depth": row.depth, "width": row.width, "seed": row.seed}
        assert row.x == c_of(study, "c_max", **where).item()
        assert row.y == c_of(scaled, "c_max", output="zero", **where).item()


def test_a8_compares_the_same_runs():
    inputs = dict(files())
    variants, authors = inputs["runs/variants"], inputs["runs/authors"]
    own = variants.isel(run=np.flatnonzero(variants["batch"].values == 128))
    shift = np.where(authors["seed"].values == 1, -3, 0)
    order = [
        int(np.flatnonzero((own["width"] == w) & (own["seed"] == s))[0])
        for w, s in zip(authors["width"].values, authors["seed"].values, strict=True)
    ]
    k = {f"k_{n}": own[f"k_{n}"].values[order] for n in ("loss", "sharp", "max")}
    k["k_sharp"] = k["k_sharp"] + shift
    inputs["runs/authors"] = with_constants(authors, **k)
    drawing = draw("a8", inputs)
    facts, steps = drawing.facts, drawing.table[drawing.table["panel"] == "c"]
    assert list(steps[steps["quantity"] == "c_sharp"]["mean"]) == [-1.0, -1.0]
    assert (steps[steps["quantity"] != "c_sharp"]["mean"] == 0).all()
    assert (facts["sharp_lower"], facts["sharp_higher"]) == (2, 0)
    assert facts["authors_loss"] == "1 (1 to 1)"
    assert facts["authors_sharp"] == f"1 ({2**-0.3:.3f} to 1)"
    assert facts["measured"] == "6 runs"


def test_a8_columns_hold_one_variant_each():
    table, variants = drawn("a8").table, files()["runs/variants"]
    shown = table[(table["panel"] == "b") & (table["quantity"] == "c_loss")]
    groups = {row.group: row for row in shown.itertuples()}
    plain = {"width": 128, "activation": "relu", "output_exponent": 0.0}
    for name, where in (
        ("batch, 32", plain | {"batch": 32}),
        ("tanh, ", plain | {"activation": "tanh"}),
        ("ReLU, $s=0.5$", plain | {"output_exponent": 0.5}),
        ("linear, $s=0$", plain | {"activation": "linear"}),
    ):
        assert groups[name].mean == pytest.approx(c_of(variants, "c_loss", **where).mean())
        assert groups[name].n == 3
    full = c_of(files()["runs/fcn"], "c_loss", width=128)
    assert groups["full, batch"].mean == pytest.approx(full.mean())


def test_a8_errors_of_estimators():
    drawing, study = drawn("a8"), files()["spectra/estimators"]
    power = drawing.table[drawing.table["estimator"] == "power"]
    best = study["certified"].values
    np.testing.assert_allclose(power["error"], 1 - study["power"].values / best)
    np.testing.assert_allclose(power["gap"], 1 - study["second"].values / best)
    assert drawing.facts["lanczos_6_percent"] == pytest.approx(2.0)


@pytest.mark.parametrize("gap", [0.01, 0.1, 0.4])
def test_two_level_error_is_that_of_power_iteration(gap: float):
    A, x = np.diag([1.0, 1 - gap]), np.ones(2)
    for _ in range(20):
        x = A @ x
    expected = 1 - x @ A @ x / (x @ x)
    assert two_level_error(np.array([gap]))[0] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_select_takes_values_and_lists():
    frame = runs_frame(files(), ["data_sets"])
    assert len(select(frame, data="teacher", depth=8)) == 6
    assert len(select(frame, data=["teacher", "steep"], width=32)) == 6
    assert select(frame, data="none").empty
