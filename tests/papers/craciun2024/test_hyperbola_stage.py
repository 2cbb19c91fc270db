"""Minimizers of L = (1 - w_1 w_2)^2: what is measured, against the closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.papers.craciun2024.hyperbola import KINDS, hyperbola
from spectral_atlas.papers.craciun2024.spectra_sections import Hyperbola
from spectral_atlas.stage import Job

RATES = [0.02, 0.1, 0.3, 0.49, 0.5, 0.501, 0.8]
STABLE = 4  # of them
CONFIG = Hyperbola(learning_rates=RATES, extent=2.5, points=31)


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    return hyperbola(CONFIG, {}, Job(seed=5))


def outer(eta: float) -> float:
    """The larger end of the stable w_1 > 0."""
    return float(np.sqrt((1 / eta + np.sqrt(1 / eta**2 - 4)) / 2))


def by_differences(w: np.ndarray) -> np.ndarray:
    """Eigenvalues of the Hessian from central differences of the gradient."""

    def slope(x: np.ndarray) -> np.ndarray:
        return -2 * (1 - x[0] * x[1]) * x[::-1]

    h = 1e-5
    H = np.array([(slope(w + e) - slope(w - e)) / (2 * h) for e in h * np.eye(2)])
    return np.linalg.eigvalsh((H + H.T) / 2)


def test_points_are_minimizers_of_both_signs_over_the_extent(found: xr.Dataset) -> None:
    w = found["w"].values
    np.testing.assert_allclose(w.prod(axis=-1), 1, rtol=1e-14)
    assert found["branch"].values.tolist() == [1, -1]
    for sign, branch in zip((1, -1), w, strict=True):
        np.testing.assert_allclose(branch[[0, -1], 0], [sign / 2.5, sign * 2.5])
        assert (np.diff(np.abs(branch[:, 0])) > 0).all()
    assert float(found["loss"].max()) < 1e-28


def test_hessians_have_a_zero_along_the_minimizers_and_the_sharpness_across(
    found: xr.Dataset,
) -> None:
    w, values = found["w"].values, found["eigenvalues"].values
    np.testing.assert_allclose(values[..., 0], 0, atol=1e-13)
    np.testing.assert_allclose(values[..., 1], 2 * (w**2).sum(axis=-1), rtol=1e-13)
    np.testing.assert_array_equal(found["sharpness"], values[..., 1])
    for point in (0, 7, 30):
        np.testing.assert_allclose(values[1, point], by_differences(w[1, point]), atol=1e-8)


def test_measured_ends_are_those_of_the_formula_beyond_the_extent_too(found: xr.Dataset) -> None:
    for i, eta in enumerate(RATES[:STABLE]):
        high = outer(eta)
        np.testing.assert_allclose(found["interval"][i, 0], [1 / high, high], rtol=1e-9)
        np.testing.assert_allclose(found["interval"][i, 1], [-high, -1 / high], rtol=1e-9)
        np.testing.assert_allclose(found["largest_norm"][i], eta**-0.5, rtol=1e-9)
    assert float(found["interval"][0, 0, 1]) > CONFIG.extent


def test_arclength_is_that_of_a_fine_polygon(found: xr.Dataset) -> None:
    for i, eta in enumerate(RATES[:STABLE]):
        reach = np.log(outer(eta))
        w_1 = np.exp(np.linspace(-reach, reach, 20001))
        length = np.hypot(np.diff(w_1), np.diff(1 / w_1)).sum()
        np.testing.assert_allclose(found["arclength"][i], length, rtol=1e-6)


def test_at_the_critical_step_a_point_is_left_and_beyond_it_nothing(found: xr.Dataset) -> None:
    kinds = [KINDS[k] for k in found["kind"].values[:, 0]]
    assert kinds == ["interval"] * STABLE + ["point", "empty", "empty"]
    np.testing.assert_array_equal(found["kind"][:, 0], found["kind"][:, 1])
    assert found["kind"].attrs["flag_meanings"].split() == list(KINDS)
    np.testing.assert_allclose(found["interval"][STABLE], [[1, 1], [-1, -1]], atol=1e-6)
    np.testing.assert_array_equal(found["arclength"][STABLE], 0)
    np.testing.assert_allclose(found["largest_norm"][STABLE], 2**0.5, rtol=1e-12)
    for name in ("interval", "arclength", "largest_norm"):
        assert np.isnan(found[name].values[STABLE + 1 :]).all(), name
    np.testing.assert_allclose(found["flattest"], [1, -1], atol=1e-6)
    np.testing.assert_allclose(found["least_sharpness"], 4, rtol=1e-14)
