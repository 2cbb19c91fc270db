"""The vectorized sigmoid and GELU on the whole range of float64."""

import numba as nb
import numpy as np
import pytest

from spectral_atlas.training.simd import LANES, load, store
from spectral_atlas.training.simd_gelu import gelu, sigmoid


@nb.njit
def _apply(x, s, t, y, slope):
    for i in range(x.shape[0]):
        v = load(x, i)
        left, right = sigmoid(v)
        store(s, i, left)
        store(t, i, right)
        h, g = gelu(v)
        store(y, i, h)
        store(slope, i, g)


def apply(x):
    padded = np.zeros(-(-len(x) // LANES) * LANES)
    padded[: len(x)] = x
    out = np.empty((4, len(padded) // LANES, LANES))
    _apply(padded.reshape(-1, LANES), *out)
    return out.reshape(4, -1)[:, : len(x)]


def test_sigmoid_to_a_few_units_in_the_last_place():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-706.9, 706.9, 20_001), rng.standard_normal(20_000), [0.0]])
    exact, complement = (1 / (1 + np.exp(sign * x.astype(np.longdouble))) for sign in (-1, 1))
    s, t, _, _ = apply(x)
    assert np.max(np.abs(s / exact - 1)) < 1e-15
    assert np.max(np.abs(t / complement - 1)) < 1e-15


def test_sigmoid_at_the_ends():
    s = apply(np.array([-np.inf, -1e300, -709.0, 709.0, 1e300, np.inf]))[0]
    assert s.tolist() == [0, 0, 0, 1, 1, 1]


def test_gelu_and_slope():
    x = np.concatenate([np.linspace(-12, 12, 4001), [-200.0, 200.0, 1e-300, -0.0]])
    wide = x.astype(np.longdouble)
    c = 2 * np.sqrt(2 / np.longdouble(np.pi))
    s = 1 / (1 + np.exp(-c * (wide + 0.044715 * wide**3)))
    exact_slope = s + wide * s * (1 - s) * c * (1 + 3 * 0.044715 * wide**2)
    _, _, y, slope = apply(x)
    assert np.max(np.abs(y - wide * s) / (1 + np.abs(x))) < 3e-16
    assert np.max(np.abs(slope - exact_slope)) < 2e-15


def test_gelu_of_huge_numbers_is_finite():
    x = np.geomspace(30, 1e150, 400)
    _, _, y, slope = apply(np.concatenate([x, -x]))
    assert np.array_equal(y, np.concatenate([x, 0 * x]))
    assert np.array_equal(slope, np.concatenate([1 + 0 * x, 0 * x]))


@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf])
def test_not_finite_in_not_finite_out(x):
    _, _, y, slope = apply(np.array([x, 1.0]))
    assert not np.isfinite(y[0])
    assert not np.isfinite(slope[0])
    assert np.isfinite([y[1], slope[1]]).all()
