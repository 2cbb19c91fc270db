"""Figures of descents to the edge of stability, against their files and where runs are lost."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from drawing import JOB, drawn

from spectral_atlas.papers.craciun2024.along import along
from spectral_atlas.papers.craciun2024.edge import chain, edge, edge_fresh
from spectral_atlas.papers.craciun2024.figures.edge_paths import paths
from spectral_atlas.papers.craciun2024.figures.eos_run import eos_run
from spectral_atlas.papers.craciun2024.figures.eos_seeds import eos_seeds
from spectral_atlas.papers.craciun2024.figures.wide_edge import wide_edge
from spectral_atlas.papers.craciun2024.sections import Chain, Edge, EdgeFresh, Wide
from spectral_atlas.papers.craciun2024.spectra_sections import EdgeSpectra, WideSpectra
from spectral_atlas.papers.craciun2024.wide import wide
from spectral_atlas.papers.craciun2024.wide_spectra import wide_spectra

NET = {"widths": [2, 3, 2], "singular_values": [1.5, 1], "slowdown": 4, "every_step_until": 40}
UNBALANCED = [1.5, 0.2]
STUDIES = ("edge", "chain", "edge_fresh")


@cache
def files() -> dict[str, xr.Dataset]:
    starts = [
        {"name": "A", "numpy_seed": 1, "scales": UNBALANCED, "share": 0.9, "steps": 300},
        {"name": "B", "numpy_seed": 2, "scales": UNBALANCED, "share": 0.97, "steps": 120},
    ]
    fresh = {"initialization_seeds": [0, 1, 2], "scales": UNBALANCED, "share": 0.95, "steps": 200}
    wide_net = {"widths": [3, 12, 12, 3], "singular_values": [2, 1, 0.5], "scales": [0.8, 0.5, 0.5]}
    wide_net |= {"initialization_seeds": [0, 1], "share": 0.9, "steps": 150, "checkpoints": 20}
    start = {"start": [1.6, 0.5, 0.3], "learning_rates": [0.3, 0.1], "max_steps": 200}
    found = {
        "runs/edge": edge(Edge(**NET, starts=starts), {}, JOB),
        "runs/edge_fresh": edge_fresh(EdgeFresh(**NET, **fresh), {}, JOB),
        "runs/chain": chain(Chain(**start, slowdown=5), {}, JOB),
        "runs/wide": wide(Wide(**wide_net), {}, JOB),
    }
    for name in STUDIES:
        runs = {f"runs/{name}": found[f"runs/{name}"]}
        found[f"spectra/{name}"] = along(EdgeSpectra(values=4), runs, JOB)
    runs = {"runs/wide": found["runs/wide"]}
    found["spectra/wide"] = wide_spectra(WideSpectra(values=2), runs, JOB)
    return found


def inputs(*names: str) -> dict[str, xr.Dataset]:
    """Copies of both files of these studies."""
    return {
        f"{stage}/{name}": files()[f"{stage}/{name}"].copy(deep=True)
        for name in names
        for stage in ("runs", "spectra")
    }


def lose(found: dict[str, xr.Dataset], name: str, run: int, step: int) -> None:
    """Let a run and its reference overflow at a step."""
    runs, spectra = found[f"runs/{name}"], found[f"spectra/{name}"]
    gone = runs["checkpoint_step"].values[run] >= step
    runs["loss"].values[run, step:] = np.nan
    for variable in ("theta", "reference_theta", "reference_loss"):
        runs[variable].values[run, gone] = np.nan
    for variable in spectra.data_vars:
        spectra[variable].values[run, gone] = np.nan


@pytest.mark.parametrize("name", STUDIES)
def test_paths_hold_what_the_files_say(name):
    runs, spectra = files()[f"runs/{name}"], files()[f"spectra/{name}"]
    for k, path in enumerate(paths(runs, spectra)):
        last, eta = int(runs["last_step"][k]), float(runs["learning_rate"][k])
        assert path.steps[-1] == last
        assert len(path.loss) == len(path.steps) == len(path.ratio)
        assert len(path.rises) == int(runs["increases"][k]) == path.increases
        ratio = spectra["eigenvalues"].values[k, :, 0] * eta / 2
        assert path.peak == np.nanmax(ratio)
        lost = not np.isfinite(runs["loss"].values[k, last])
        assert path.diverged_at == (last if lost else -1)
        end = np.nan if lost else ratio[len(path.steps) - 1]
        assert path.final == pytest.approx(end, nan_ok=True)
        above = path.steps[path.ratio > 1]
        assert path.crossing == (above[0] if above.size else -1)
        assert path.share == pytest.approx(eta / float(runs["critical_step"][k]))


def test_parameters_stay_in_the_file(tmp_path):
    """They are most of it, and no figure shows them."""
    files()["runs/edge"].to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "runs.nc", engine="h5netcdf") as runs:
        paths(runs, files()["spectra/edge"])
        assert not {"theta", "reference_theta"} & {n for n in runs if runs[n].variable._in_memory}


def test_single_descents():
    found = inputs("edge", "chain")
    table, facts, text = drawn(eos_run, found)
    runs, spectra = found["runs/edge"], found["spectra/edge"]
    rose = table["quantity"] == "loss rose"
    one = table[(table["kind"] == "network") & (table["run"] == "A") & ~rose]
    assert rose.sum() == sum(int(found[f"runs/{n}"]["increases"].sum()) for n in STUDIES[:2])
    steps = runs["checkpoint_step"].values[0]
    steps = steps[steps >= 0]
    np.testing.assert_array_equal(one["step"], steps)
    np.testing.assert_array_equal(one["loss"], runs["loss"].values[0, steps])
    eta = float(runs["learning_rate"][0])
    second = spectra["eigenvalues"].values[0, : len(steps), 1] * eta / 2
    np.testing.assert_allclose(one["eigenvalue_2"], second)
    assert table[table["run"] == "B"]["eigenvalue_2"].isna().all()
    assert set(table[table["kind"] == "chain"]["run"]) == {"0.3", "0.1"}
    increases = runs["increases"].values
    assert facts["nets_increases"] == f"A: {increases[0]}, B: {increases[1]}"
    assert facts["nets_increases"] in text
    assert facts["dense"] == 40


def test_fresh_seeds():
    found = inputs("edge_fresh")
    table, facts, _ = drawn(eos_seeds, found)
    ends = table[table["panel"] == "c, d, e"].set_index("run")
    assert (np.diff(ends["slow_final"]) >= 0).all()
    for k, seed in enumerate(found["runs/edge_fresh"]["run"].values):
        row = ends.loc[f"{seed}"]
        assert row["increases"] == int(found["runs/edge_fresh"]["increases"][k])
        ratio = found["spectra/edge_fresh"]["eigenvalues"].values[k, :, 0]
        eta = float(found["runs/edge_fresh"]["learning_rate"][k])
        assert row["peak"] == pytest.approx(np.nanmax(ratio) * eta / 2)
    settled = ends[ends["fate"] == "settled"]
    assert facts["settled"] == len(settled)
    assert facts["over_edge"] == (settled["final"] > 1).sum()
    assert facts["slow_above"] + facts["slow_below"] == len(settled)


def test_wide_networks():
    found = inputs("wide")
    table, facts, _ = drawn(wide_edge, found, lay_out=True)
    bounds = table[table["panel"] == "b, c, d, e"]
    spectra = found["spectra/wide"]
    np.testing.assert_allclose(bounds["eigenvalue_1"], spectra["ratio"].values.ravel())
    worst = spectra["bound"].max("value") / spectra["eigenvalues"].sel(value=1)
    np.testing.assert_allclose(bounds["relative_bound"], worst.values.ravel())
    assert bounds["products"].sum() == spectra["products"].sum()
    assert facts["weights"] == 3 * 12 + 12 * 12 + 12 * 3
    assert facts["unconverged"] == 0


@pytest.mark.parametrize("step", [0, 30])
def test_diverged_descents(step):
    found, reached = inputs(*STUDIES), []
    for name in STUDIES:
        runs = found[f"runs/{name}"]
        own = ~np.isfinite(runs["loss"].sel(step=runs["last_step"]).values)
        reached.append(int(((runs["last_step"].values >= step) | own).sum()))
        for k in range(found[f"runs/{name}"].sizes["run"]):
            lose(found, name, k, step)
    _, facts, text = drawn(eos_run, found, lay_out=True)
    assert [facts["nets_diverged"], facts["chain_diverged"]] == reached[:2]
    assert "A: n/a" in text
    _, facts, _ = drawn(eos_seeds, found, lay_out=True)
    assert (facts["diverged"], facts["settled"]) == (reached[2], 0)
    assert facts["final"] == "n/a"


def test_one_diverged_of_several():
    found = inputs("edge_fresh")
    lose(found, "edge_fresh", 1, 25)
    table, facts, _ = drawn(eos_seeds, found)
    ends = table[table["panel"] == "c, d, e"].set_index("run")
    assert (facts["diverged"], facts["seeds"]) == (1, 3)
    assert np.isnan(ends.loc["1", "final"])
    assert np.isfinite(ends.loc["1", "peak"])


@pytest.mark.parametrize("step", [0, 1, 20])
def test_diverged_wide_networks(step):
    found = inputs("wide")
    runs, spectra = found["runs/wide"], found["spectra/wide"]
    gone = runs["checkpoint_step"].values >= step
    runs["diverged_at"].values[:] = step
    for variable in ("loss", "gradient_norm"):
        runs[variable].values[:, step:] = np.nan
    for variable in ("eigenvalues", "bound", "smallest", "smallest_bound", "ratio"):
        spectra[variable].values[:, gone] = np.nan
    spectra["converged"].values[:, gone] = False
    _, facts, _ = drawn(wide_edge, found, lay_out=True)
    assert facts["diverged"] == 2
    assert facts["measured"] == 2 * int((~gone).sum())


def test_one_run_of_each():
    found = {ref: one.isel(run=[0]) for ref, one in inputs(*STUDIES).items()}
    found |= {ref: one.isel(run=[1]) for ref, one in inputs("wide").items()}
    for function in (eos_run, eos_seeds, wide_edge):
        table, _, _ = drawn(function, found, palette="cividis")
        assert len(table)


def test_seeds_beyond_the_names():
    found = inputs("edge_fresh")
    many = {
        ref: xr.concat([one] * 10, "run").assign_coords(run=np.arange(30))
        for ref, one in found.items()
    }
    many = {ref: one.assign_attrs(found[ref].attrs) for ref, one in many.items()}
    _, facts, _ = drawn(eos_seeds, many)
    assert facts["seeds"] == 30
