"""Claims keep to their regime: other grids are not compared, odd caches break no claim."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from test_claims import claim, experiment

from spectral_atlas.checks import BROKEN
from spectral_atlas.data import threefry
from spectral_atlas.papers.marion2024 import data as data_stage
from spectral_atlas.papers.marion2024.claims import CHECKS, evaluate, published
from spectral_atlas.papers.marion2024.claims.setting import SETTINGS
from spectral_atlas.papers.marion2024.claims.study import Study, Unmeasured
from spectral_atlas.papers.marion2024.config import RatioData, RegressionData
from spectral_atlas.stage import Job


def regression(n, d, noise, position=0):
    config = RegressionData(n=n, d=d, noise=noise, draws=1, published_position=position)
    return data_stage.regression(config, {}, Job(seed=1))


DATA = {
    "linear": regression(50, 5, 1.0),
    "underdetermined": regression(15, 20, 1.0, 20),
    "noiseless": regression(50, 5, 0.0),
    "ratio": data_stage.ratio(
        RatioData(condition_numbers=[1, 10], dimensions=[5], draws=1), {}, Job(seed=1)
    ),
}
RNG = np.random.default_rng(5)


def n_params(kind, depth, d):
    return depth * d * d if kind == "residual" else (depth - 1) * d * d + d


def whole(rows, name, data, kind, depth, d, **extra):
    """An experiment whose rows share depth and dimension, with weights of the right number."""
    weights = 0.3 * RNG.standard_normal((2, n_params(kind, depth, d)))
    position = SETTINGS[name].readouts[depth] if name in SETTINGS and kind == "residual" else None
    p = None if position is None else threefry.normal(threefry.subkey(0, position), (d,))
    full = [
        {"initialization": kind, "depth": depth, "d": d, "theta": weights,
         "start": RNG.uniform(1, 9), "S": RNG.uniform(20, 21),
         "lost": row["learning_rate"] > 0.15, **extra, **row}
        for row in rows
    ]  # fmt: skip
    return experiment(DATA[data], name, full, readout=None if p is None else p / np.linalg.norm(p))


def grid(name, repeats=6):
    setting = SETTINGS[name]
    return [
        {"scale": scale, "learning_rate": rate, "steps": steps, "seed": k}
        for scale in setting.scales
        for rate, steps in setting.steps.items()
        for k in range(repeats)
    ]


def defaults():
    """All experiments on the default grids, with made-up numbers."""
    made = {f"data/{name}": ds for name, ds in DATA.items()}
    made |= whole(grid("mlp_sweep"), "mlp_sweep", "linear", "gaussian", 10, 5)
    made |= whole(grid("residual_sweep"), "residual_sweep", "linear", "residual", 10, 5)
    made |= whole(grid("depth_sweep"), "depth_sweep", "linear", "residual", 10, 5)
    made |= whole(
        grid("underdetermined_sweep"), "underdetermined_sweep", "underdetermined", "gaussian", 5, 20
    )
    test_risk = made["runs/underdetermined_sweep"]["test_risk"]
    made["runs/underdetermined_sweep"]["test_risk"] = test_risk * RNG.uniform(3, 4, test_risk.shape)
    gelu = whole(grid("gelu_sweep"), "gelu_sweep", "noiseless", "gaussian", 10, 5)
    gelu["runs/gelu_sweep"] = gelu["runs/gelu_sweep"].rename(excess_risk="risk")
    gelu["runs/gelu_sweep"] = gelu["runs/gelu_sweep"].drop_vars("squared_distance")
    made |= gelu
    rows = [
        {"scale": s, "learning_rate": 0.02, "steps": 60_000, "seed": k, "lost": False}
        for s in np.geomspace(0.01, 0.3, 8) for k in range(6)
    ]  # fmt: skip
    made |= whole(rows, "alignment", "linear", "gaussian", 3, 5)
    mass = ("rank_one_mass", "alignment")
    for name in mass:
        scale = made["spectra/alignment"]["scale"].values
        value = scale**2 * RNG.uniform(0.5, 1, scale.shape)
        value = value if name == "rank_one_mass" else 1 - value**2
        made["spectra/alignment"][name] = (("checkpoint", "run"), np.stack([value, value]))
    rows = [
        {"problem": i, "scale": 0.05, "learning_rate": 0.01, "steps": 1000, "seed": k}
        for i in range(DATA["ratio"].sizes["problem"]) for k in range(6)
    ]  # fmt: skip
    made |= whole(rows, "ratio", "ratio", "gaussian", 3, 5)
    minimizers = whole(rows[:6], "minimizers", "linear", "gaussian", 3, 5)
    for kind in ("runs", "spectra"):
        ds = minimizers[f"{kind}/minimizers"].isel(checkpoint=[1])
        ds = ds.drop_vars(["learning_rate", "scale", "steps"]).assign_coords(
            problem=("run", np.zeros(6, dtype=int)), spread=("run", np.ones(6))
        )
        made[f"{kind}/minimizers"] = ds[["theta"]] if kind == "runs" else ds
    return made | evolution(450)


def evolution(steps):
    """Trajectories of both initializations at the two published learning rates."""
    parts = []
    for kind, scale in (("gaussian", 0.35), ("residual", 0.5)):
        rows = [
            {"scale": scale, "learning_rate": rate, "steps": steps, "seed": k}
            for rate in (0.02, 0.1) for k in range(6)
        ]  # fmt: skip
        made = whole(rows, "evolution", "linear", "gaussian", 10, 5, initialization=kind)
        parts.append(made)
    records = np.arange(0, steps + 1, 5 if steps >= 5 else 1)
    joined = {}
    for ref in ("runs/evolution", "spectra/evolution"):
        ds = xr.concat([part[ref] for part in parts], dim="run")
        last = ds.isel(checkpoint=[0] + [1] * (len(records) - 1)).assign_coords(checkpoint=records)
        joined[ref] = last
    p = threefry.normal(threefry.subkey(0, 5), (5,))
    runs = joined["runs/evolution"]
    joined["runs/evolution"] = runs.assign(
        readout=(("run", "feature"), np.tile(p / np.linalg.norm(p), (runs.sizes["run"], 1)))
    )
    return joined


@pytest.fixture(scope="module")
def full():
    return defaults()


def test_on_the_default_grids_every_claim_has_a_number_or_a_reason(full):
    found = evaluate(full)
    assert not [(c.id, c.detail) for c in found if c.detail.startswith(BROKEN)]
    assert sum(c.measured is not None for c in found) >= 50


COMPARED = [
    "T7d", "T10b", "T14a", "T14b", "T14c", "T14d", "T14e", "T14f", "T14g",
    "T15f", "T15g", "T15h", "T16a", "F7b", "F7c",
]  # fmt: skip


@pytest.mark.parametrize("id", COMPARED)
@pytest.mark.parametrize("coordinate", ["depth", "scale", "steps", "learning_rate"])
def test_numbers_of_the_published_grid_are_compared_there_only(full, id, coordinate):
    assert claim(id, full).measured is not None
    if (id, coordinate) == ("T7d", "steps"):
        return  # trained until they converged, for however long
    changed = {
        ref: ds.assign_coords({coordinate: ds[coordinate] + 3})
        if ref.startswith(("runs/", "spectra/")) and coordinate in ds.coords
        else ds
        for ref, ds in full.items()
    }
    found = claim(id, changed)
    assert found.measured is None
    assert not found.detail.startswith(BROKEN)


@pytest.mark.parametrize("part", ["y", "X_test", "y_test"])
def test_other_data_with_the_same_inputs_are_not_the_published_ones(full, part):
    other = full["data/linear"].copy(deep=True)
    other[part] = other[part] + 0.1
    assert claim("T14c", full | {"data/linear": other}).measured is None


def test_a_missing_scale_leaves_an_average_over_scales_unmeasured(full):
    runs = {
        ref: full[ref].isel(run=full[ref]["scale"].values < 0.69)
        for ref in ("runs/gelu_sweep", "spectra/gelu_sweep")
    }
    found = claim("F7b", full | runs)
    assert found.verdict == "not measured"
    assert "1 of the 8" in found.detail


@pytest.mark.parametrize("id", ["T15a", "T15b", "T15c", "T15d", "T15e"])
@pytest.mark.parametrize("steps", [1, 60])
def test_short_trajectories_say_nothing(full, id, steps):
    found = claim(id, full | evolution(steps))
    assert found.verdict == "not measured"
    assert not found.detail.startswith(BROKEN)


def test_when_all_diverge_above_the_critical_rate_there_is_nothing_to_count():
    runs = experiment(
        DATA["linear"], "depth_sweep", [{"learning_rate": 0.3, "lost": True} for _ in range(3)]
    )
    found = claim("T11a", {"data/linear": DATA["linear"]}, runs)
    assert found.verdict == "not measured"
    assert "survived" in found.detail


def test_diverged_runs_fail_a_claim_with_a_finite_number():
    rows = [{"initialization": "residual", "steps": 4000, "lost": k < 5} for k in range(20)]
    runs = experiment(DATA["linear"], "residual_sweep", rows)
    assert claim("T10a", {"data/linear": DATA["linear"]}, runs).measured == pytest.approx(0.75)


def test_converged_means_what_the_runs_were_configured_to_mean():
    rows = [{"excess": 1e-4, "below": 1e-3, "steps": 4000, "seed": k} for k in range(20)]
    here = {"data/linear": DATA["linear"]}
    assert claim("T13c", here, experiment(DATA["linear"], "mlp_sweep", rows)).measured == 1
    strict = [{**row, "below": 1e-5} for row in rows]
    assert claim("T13c", here, experiment(DATA["linear"], "mlp_sweep", strict)).measured == 0


@pytest.mark.parametrize(
    ("measure", "detail"),
    [
        (lambda study: 1 / 0, f"{BROKEN}: ZeroDivisionError: division by zero"),
        (lambda study: (float("nan"), "why"), f"{BROKEN}: nan is no number; why"),
    ],
)
def test_a_broken_check_is_a_row_and_takes_no_other_with_it(measure, detail):
    found = replace(CHECKS[0], measure=measure)(Study({}))
    assert (found.verdict, found.detail) == ("not measured", detail)


def test_published_grids_are_known_for_all_compared_numbers():
    assert len(SETTINGS["mlp_sweep"].scales) == len(published.MLP_DIVERGED[0.02])
    assert len(SETTINGS["underdetermined_sweep"].scales) == len(published.UNDERDETERMINED_SHARPNESS)
    assert issubclass(Unmeasured, Exception)
