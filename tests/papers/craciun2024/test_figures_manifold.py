"""The figure of spectra at minimizers, against its files; few networks, zeros, failed searches."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from drawing import JOB, drawn

from spectral_atlas.papers.craciun2024.critical import critical
from spectral_atlas.papers.craciun2024.figures.spectra_on_manifold import spectra_on_manifold
from spectral_atlas.papers.craciun2024.manifold import manifold
from spectral_atlas.papers.craciun2024.problems import problems
from spectral_atlas.papers.craciun2024.run_sections import Critical
from spectral_atlas.papers.craciun2024.sections import Nets
from spectral_atlas.papers.craciun2024.spectra_sections import Manifold

REGRESSIONS = [
    {"name": "1-1-1", "widths": [1, 1, 1], "singular_values": [1], "samples": 3, "noise": 0.2},
    {"name": "2-3-2", "widths": [2, 3, 2], "singular_values": [1.5, 1], "samples": 4},
    {
        "name": "3-3-2-deficient", "widths": [3, 3, 2], "singular_values": [1.5, 1], "samples": 2,
        "second_moment": [2, 1, 0], "rotated": True, "allow_rank_deficient": True,
    },
]  # fmt: skip


@cache
def files() -> dict[str, xr.Dataset]:
    data = problems(Nets(nets=REGRESSIONS), {}, JOB)
    nets = problems(Nets(nets=REGRESSIONS[:2]), {}, JOB)
    search = Critical(restarts=1, random_widths=[[2, 2, 2]], random_problems=2)
    return {
        "spectra/manifold": manifold(Manifold(points=4), {"data/regressions": data}, JOB),
        "runs/critical": critical(search, {"data/nets": nets}, JOB),
    }


def copies() -> dict[str, xr.Dataset]:
    return {ref: one.copy(deep=True) for ref, one in files().items()}


def test_spectra_against_the_file():
    found = copies()
    table, facts, text = drawn(spectra_on_manifold, found, lay_out=True)
    spectra = found["spectra/manifold"]
    values, points = (table[table["panel"] == panel] for panel in "ab")
    for net, rank, count in (("1-1-1", 1, 2), ("2-3-2", 4, 12), ("3-3-2-deficient", 4, 15)):
        own, at = values[values["net"] == net], points[points["net"] == net]
        assert len(own) == 4 * count
        assert (own["rank"] == rank).all()
        exact = spectra["eigenvalues"].sel(net=net).values[:, :count]
        np.testing.assert_array_equal(own["eigenvalue"], exact.ravel())
        np.testing.assert_allclose(at["least_nonzero"], np.abs(exact[:, rank - 1] / exact[:, 0]))
        closed = spectra["closed"].sel(net=net).values[:, :rank]
        error = np.abs(closed - exact[:, :rank]).max(axis=1) / exact[:, 0]
        assert (at["closed_error"] >= error - 1e-18).all()
    assert facts["separated"] == facts["minimizers"] == 12
    assert facts["closed_error"] < 1e-13
    assert facts["deficient"] == "3-3-2-deficient"
    assert facts["noisy"] == "1-1-1"
    assert "no further one is seen" in text


def test_flattest_minimizers_against_the_file():
    found = copies()
    table, facts, _ = drawn(spectra_on_manifold, found)
    own, critical_ = table[table["panel"] == "c"], found["runs/critical"]
    np.testing.assert_allclose(own["excess"], critical_["sharpness"] / critical_["bound"] - 1)
    assert own["group"].tolist() == ["1-1-1", "2-3-2", "2-2-2 random", "2-2-2 random"]
    assert (facts["named"], facts["random"]) == (2, 2)
    assert facts["attained"] == (own["excess"].abs() < 1e-3).sum()


def test_a_wrong_closed_form_shows():
    found = copies()
    found["spectra/manifold"]["closed"].values[1, 2, 0] *= 1.01
    table, facts, _ = drawn(spectra_on_manifold, found)
    assert facts["closed_error"] == pytest.approx(0.01, rel=0.2)
    assert table[table["panel"] == "b"]["closed_error"].max() == pytest.approx(0.01, rel=1e-6)


def test_further_zeros_show():
    found = copies()
    found["spectra/manifold"]["eigenvalues"].values[1, 0, 3] = 0.0
    _, facts, text = drawn(spectra_on_manifold, found)
    assert facts["separated"] == 11
    assert "no further one is seen" not in text


def test_few_networks_exact_zeros_and_failed_searches():
    found = copies()
    spectra = found["spectra/manifold"].isel(net=[1], point=[0])
    spectra["eigenvalues"].values[0, 0, 4:12] = 0.0
    searches = found["runs/critical"].isel(problem=[0, 2])
    searches["sharpness"].values[:] = np.nan
    searches["misfit"].values[:] = np.nan
    inputs = {"spectra/manifold": spectra, "runs/critical": searches}
    _, facts, _ = drawn(spectra_on_manifold, inputs, lay_out=True)
    assert facts["largest_zero"] == 0
    assert facts["gap"] == "n/a"
    assert facts["attained"] == 0
