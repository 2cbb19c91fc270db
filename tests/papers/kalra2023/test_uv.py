"""The stage of the uv model: scans against loops, thresholds, what is refused."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from spectral_atlas.networks.uv import sample, top_eigenvalue
from spectral_atlas.papers.kalra2023 import uv_theory as theory
from spectral_atlas.papers.kalra2023.uv import uv
from spectral_atlas.papers.kalra2023.uv_scan import constants_grid, on_grid, saturation_grid
from spectral_atlas.papers.kalra2023.uv_sections import UV
from spectral_atlas.rng import generator
from spectral_atlas.stage import Job

RAW: dict[str, dict[str, Any]] = {
    "constants": {"widths": [2, 8, 16, 64, 512], "runs": 300},
    "averages": {"widths": [8, 128], "multiples": [0.5, 2, 4, 5], "samples": 20_000},
    "trajectories": {"widths": [8, 512], "multiples": [1, 2.5, 4.5], "runs": 3, "steps": 40},
    "saturation": {"widths": [8, 512], "runs": 50, "grid_step": 0.25, "grid_stop": 3.75},
}
SEED = 3


def run(seed: int = SEED, **changed: dict[str, Any]) -> xr.Dataset:
    sections = {name: RAW[name] | changed.get(name, {}) for name in RAW}
    return uv(UV.model_validate(sections), {}, Job(seed=seed))


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return run()


def starts(purpose: str, width: int, n: int) -> list[tuple[float, float]]:
    f, kappa = sample(generator(SEED, "kalra2023", "uv", purpose, width), width, n)
    return list(zip(f.tolist(), kappa.tolist(), strict=True))


def path(f: float, kappa: float, eta: float, width: int, steps: int) -> list[tuple[float, ...]]:
    """(loss, kappa, lambda) at 0 ... steps in the original units, cut where it diverges."""
    out = []
    for t in range(steps + 1):
        if not f * f / 2 <= 1e5:
            break
        out.append((f * f / 2, kappa, (kappa + sqrt(kappa**2 + 12 * f * f / width)) / 2))
        if t < steps:
            pull = eta**2 * f * f / width
            f, kappa = f * (1 - eta * kappa + pull), kappa + pull * (kappa - 4 / eta)
    return out


@pytest.mark.parametrize("width", [2, 8, 512])
@pytest.mark.parametrize("unit", ["c", "k"])
def test_constants_are_those_of_a_loop_over_the_grid(
    found: xr.Dataset, width: int, unit: str
) -> None:
    grid = [2 ** (0.02 * j) for j in range(176)]
    for number, (f, kappa) in enumerate(starts("constants", width, 300)[:25]):
        per = kappa if unit == "k" else path(f, kappa, 1.0, width, 0)[0][2]
        first: dict[str, float] = {}
        for j, value in enumerate(grid):
            seen = path(f, kappa, value / per, width, 10)
            diverged = len(seen) < 11
            for name, column in (("loss", 0), ("trace", 1), ("sharp", 2)):
                start = seen[0][column]
                # At k = 4 a constant trace is unstable: in these units rounding lifts it.
                if diverged or any(x[column] > start * (1 + 1e-7) for x in seen):
                    first.setdefault(name, value)
            if diverged:
                first["max"] = grid[j - 1]
                break
        for name, value in first.items():
            at = found[f"{unit}_{name}"].sel(width=width).values[number]
            assert at == pytest.approx(value, rel=1e-12), (number, name)
        assert len(first) == 4


def test_grids() -> None:
    config = UV.model_validate(RAW)
    assert constants_grid(config.constants) == pytest.approx(2 ** np.linspace(0, 3.5, 176))
    assert constants_grid(config.constants)[100] == 4  # exactly, where nothing may happen yet
    assert saturation_grid(config.saturation).tolist() == [0.25 * j for j in range(1, 16)]
    with_end = config.saturation.model_copy(update={"grid_step": 0.05, "grid_stop": 3.95})
    assert len(saturation_grid(with_end)) == 79


def test_what_is_not_on_the_grid_is_nan() -> None:
    hit = np.array([[0, 0, 1, 0], [1, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)
    grid = np.array([1.0, 2.0, 4.0, 8.0])
    assert on_grid(hit, grid) == pytest.approx([4, 1, np.nan], nan_ok=True)
    assert on_grid(hit, grid, before=True) == pytest.approx([2, np.nan, np.nan], nan_ok=True)


def test_missing_constants_are_counted() -> None:
    found = run(constants={"grid_stop": 1.5})  # up to 2.83: loss and sharpness rise, for most
    for unit in "ck":
        for name in ("loss", "trace", "sharp", "max"):
            absent = np.isnan(found[f"{unit}_{name}"]).sum("run")
            counted = found[f"{unit}_missing"].sel(criterion=name)
            assert counted.values.tolist() == absent.values.tolist()
    assert (found.k_missing.sel(criterion=["trace", "max"]) == 300).all()
    assert (found.k_missing.sel(criterion="loss", width=[64, 512]) == 0).all()
    assert 0 < found.k_missing.sel(criterion="loss", width=2) < 300


def test_thresholds_of_the_trace_are_four_at_every_width(found: xr.Dataset) -> None:
    above = 2**2.02  # the first grid value above 4
    assert found.k_trace.values == pytest.approx(above)
    assert (found.k_max >= 4).all()
    assert found.k_max.median("run").values == pytest.approx(4)
    means = found.k_max.mean("run").values
    assert (np.abs(means - 4.025) < 0.075).all()


# Means over 500 starts.
TABLE = {8: (2.378, 4.32, 4.26, 2.99), 16: (2.180, 4.21, 4.15, 2.77), 64: (2.057, 4.09, 4.04, 2.58),
         512: (2.03, 4.06, 4.01, 2.53)}  # fmt: skip


@pytest.mark.parametrize("width", TABLE)
def test_table_of_mean_constants(found: xr.Dataset, width: int) -> None:
    tolerance = {8: 0.16, 16: 0.07, 64: 0.02, 512: 0.01}[width]  # 4 s.d. over seeds, or more
    for name, value in zip(("loss", "trace", "max", "sharp"), TABLE[width], strict=True):
        mean = float(found[f"c_{name}"].sel(width=width).mean())
        assert mean == pytest.approx(value, abs=tolerance), name


def test_order_of_the_constants_of_wide_networks(found: xr.Dataset) -> None:
    wide = found.sel(width=slice(16, None))
    for unit in "ck":
        loss, sharp, largest = (wide[f"{unit}_{name}"] for name in ("loss", "sharp", "max"))
        assert float((loss > sharp).mean()) <= 0.01
        assert float((sharp > largest).mean()) <= 0.01
    assert float(found.c_loss.mean("run").diff("width").max()) < 0


def test_scans_find_the_threshold_of_the_first_step(found: xr.Dataset) -> None:
    """It is the first grid value above the formula, or a smaller one where a later step rises."""
    formula = theory.k_loss(found.a.values)
    scanned, known = found.k_loss.values, ~np.isnan(formula)
    assert (scanned[known] <= formula[known] * 2**0.02 * (1 + 1e-9)).all()
    small = found.a.values < 0.01
    assert (scanned[small] > 2).all()
    assert found.c_over_k.values == pytest.approx(theory.c_over_k(found.a.values))


def test_averages_and_their_errors(found: xr.Dataset) -> None:
    w = found.avg_width.values[:, None].astype(float)
    k = found.avg_multiple.values
    for name, expected in (
        ("avg_a", theory.mean_a(w)[:, 0]),
        ("avg_a_squared", theory.mean_a_squared(w)[:, 0]),
        ("avg_loss_ratio", theory.mean_loss_ratio(k, w)),
        ("avg_trace_ratio", theory.mean_trace_ratio(k, w)),
    ):
        error = found[f"{name}_error"].values
        assert (np.abs(found[name].values - expected) <= 4 * error).all(), name
        if name != "avg_trace_ratio":
            assert (error > 0).all()
    # The spread of a itself: <a^2> - <a>^2 over the number of samples.
    spread = np.sqrt((theory.mean_a_squared(w) - theory.mean_a(w) ** 2) / 20_000)[:, 0]
    assert found.avg_a_error.values == pytest.approx(spread, rel=0.1)
    assert (found.avg_trace_ratio.sel(avg_multiple=4) == 1).all()


def test_trajectories_are_the_map_and_nan_once_diverged(found: xr.Dataset) -> None:
    lost = 0
    for width in (8, 512):
        for number, (f, kappa) in enumerate(starts("trajectories", width, 3)):
            for k in (1, 2.5, 4.5):
                here = found.sel(traj_width=width, traj_multiple=k).isel(traj_run=number)
                expected = np.array(path(f, kappa, k / kappa, width, 40))
                alive = len(expected)
                lost += alive < 41
                got = np.stack([here.traj_loss, here.traj_trace, here.traj_top], axis=1)
                assert np.isnan(got[alive:]).all()
                # A catapult multiplies rounding errors, by less than 1e6 here.
                assert got[:alive] == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert lost == 6


def test_saturation_is_what_loops_leave(found: xr.Dataset) -> None:
    for width, k in ((8, 1.0), (8, 2.75), (512, 2.25), (512, 0.25)):
        ends = []
        for f, kappa in starts("saturation", width, 50):
            seen = path(f, kappa, k / kappa, width, round(200 / k))
            ends.append(np.array(seen[-1]) / seen[0])
        loss, trace, top = np.transpose(ends)
        here = found.sel(sat_width=width, sat_multiple=k)
        assert float(here.sat_trace) == pytest.approx(trace.mean(), rel=1e-6)
        assert float(here.sat_top) == pytest.approx(top.mean(), rel=1e-6)
        quartiles = np.quantile(top, [0.25, 0.5, 0.75])
        assert here.sat_top_quartiles.values == pytest.approx(quartiles, rel=1e-5)
        quartiles = np.quantile(trace, [0.25, 0.5, 0.75])
        assert here.sat_trace_quartiles.values == pytest.approx(quartiles, rel=1e-5)
        assert float(here.sat_loss) == pytest.approx(np.median(loss), rel=1e-3, abs=1e-12)
    assert (found.sat_diverged == 0).all()


def test_curvature_of_the_saturated_trace_marks_two() -> None:
    found = run(saturation={"widths": [8, 4096], "runs": 300, "grid_step": 0.05, "grid_stop": 3})
    k = found.sat_multiple.values
    for curve in found.sat_trace.values:
        bend = -np.diff(curve, 2)
        assert k[1:-1][bend.argmax()] == pytest.approx(2)
    assert float(found.sat_trace.sel(sat_width=4096, sat_multiple=1)) > 0.99
    assert float(found.sat_trace.sel(sat_width=8, sat_multiple=1)) < 0.95


def test_saturated_trace_of_wide_networks(found: xr.Dataset) -> None:
    wide = float(found.sat_trace.sel(sat_width=512, sat_multiple=2.25))
    assert wide == pytest.approx(theory.saturated_trace(2.25), abs=0.05)


def test_streams_depend_on_seed_and_width_only(found: xr.Dataset) -> None:
    other = run(constants={"widths": [8, 4096], "runs": 300}, averages={"samples": 500})
    assert (other.c_loss.sel(width=8).values == found.c_loss.sel(width=8).values).all()
    assert (other.a.sel(width=4096).values != other.a.sel(width=8).values).all()
    assert (run(seed=4).a.values != found.a.values).all()


def test_every_variable_says_what_it_is(found: xr.Dataset) -> None:
    names = [found[v].attrs.get("long_name") for v in found.data_vars]
    assert all(names)
    assert len(set(names)) == len(names)


BAD = {
    "widths out of order": ("constants", {"widths": [8, 8]}, "must increase"),
    "multiples out of order": ("averages", {"multiples": [2, 1]}, "must increase"),
    "one neuron": ("saturation", {"widths": [1]}, "greater than or equal to 2"),
    "no width": ("trajectories", {"widths": []}, "at least 1 item"),
    "no multiple": ("averages", {"multiples": []}, "at least 1 item"),
    "a rate of zero": ("trajectories", {"multiples": [0]}, "greater than 0"),
    "a divergence that catapults reach": (
        "constants", {"divergence": 1000}, "divergence = 1000: must be at least twice .* 1024",
    ),
    "the same in the trajectories": (
        "trajectories", {"divergence": 1000}, "divergence = 1000: must be at least twice .* 1024",
    ),
    "a grid of one point": (
        "constants", {"grid_stop": 0.01}, "grid_stop = 0.01: must be at least grid_step = 0.02",
    ),
    "no grid": (
        "saturation", {"grid_stop": 0.1}, "grid_stop = 0.1: must be at least grid_step = 0.25",
    ),
    "saturation where runs diverge": ("saturation", {"grid_stop": 4}, "less than 4"),
    "an unknown key": ("saturation", {"steps": 4}, "Extra inputs are not permitted"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_refused(what: str) -> None:
    section, change, message = BAD[what]
    with pytest.raises(ValidationError, match=message) as caught:
        UV.model_validate(RAW | {section: RAW[section] | change})
    (error,) = caught.value.errors()
    assert error["loc"][0] == section


def test_top_eigenvalue_is_the_one_of_the_starts(found: xr.Dataset) -> None:
    f, kappa = sample(generator(SEED, "kalra2023", "uv", "constants", 16), 16, 300)
    expected = top_eigenvalue(f, kappa, 16) / kappa
    assert found.c_over_k.sel(width=16).values == pytest.approx(expected, rel=1e-12)
