"""The vectorized tanh and ELU on the whole range of float64."""

import numba as nb
import numpy as np
import pytest

from spectral_atlas.training.simd import LANES, load, store
from spectral_atlas.training.simd_activations import copy_sign, elu, magnitude, square_root, tanh


def compiled(function):
    @nb.njit
    def loop(x, y, slope):
        for i in range(x.shape[0]):
            h, g = function(load(x, i))
            store(y, i, h)
            store(slope, i, g)

    def apply(x):
        padded = np.zeros(-(-len(x) // LANES) * LANES)
        padded[: len(x)] = x
        out = np.empty((2, len(padded) // LANES, LANES))
        loop(padded.reshape(-1, LANES), *out)
        return out.reshape(2, -1)[:, : len(x)]

    return apply


apply_tanh, apply_elu = compiled(tanh), compiled(elu)


def arguments(most):
    """Both signs of tiny, small, usual and large arguments, and both sides of |v| = ln 2 / 2."""
    rng = np.random.default_rng(0)
    edges = np.log(2) / 4 * (1 + np.linspace(-1e-3, 1e-3, 2001))
    x = [np.geomspace(1e-300, 1, 20_001), np.linspace(0, most, 20_001), edges, 2 * edges]
    x = np.concatenate([*x, np.abs(rng.standard_normal(40_000))])
    return np.concatenate([x, -x])


def exact_tanh(x):
    wide = np.abs(x.astype(np.longdouble))
    below, e = np.expm1(-2 * wide), np.exp(-2 * wide)
    return np.sign(x) * -below / (1 + e), 4 * e / (1 + e) ** 2


def exact_elu(x):
    down = np.minimum(x.astype(np.longdouble), 0)
    return np.where(x > 0, x, np.expm1(down)), np.exp(down)


def relative_error(value, exact):
    zero = exact == 0
    assert not value[zero].any()
    return np.max(np.abs(value[~zero] / exact[~zero] - 1))


@pytest.mark.parametrize(
    ("apply", "exact", "most"), [(apply_tanh, exact_tanh, 353), (apply_elu, exact_elu, 706)]
)
def test_values_and_slopes_to_a_few_units_in_the_last_place(apply, exact, most):
    x = arguments(most)
    for value, reference in zip(apply(x), exact(x), strict=True):
        assert relative_error(value, reference) < 8e-16


def test_against_numpy():
    x = arguments(40)
    np.testing.assert_allclose(apply_tanh(x)[0], np.tanh(x), rtol=1e-15)
    down = np.minimum(x, 0)
    np.testing.assert_allclose(apply_elu(x)[0], np.maximum(x, 0) + np.expm1(down), rtol=1e-15)
    np.testing.assert_allclose(apply_elu(x)[1], np.exp(down), rtol=1e-15)


@pytest.mark.parametrize("apply", [apply_tanh, apply_elu], ids=["tanh", "elu"])
def test_tiny_arguments_come_back_as_they_are(apply):
    x = np.array([0.0, 5e-324, 1e-310, 1e-300, 1e-20])
    x = np.concatenate([x, -x])
    y, slope = apply(x)
    assert np.array_equal(y, x)
    assert slope.tolist() == [1] * 10


def test_tanh_is_odd_and_bounded_and_its_slope_even():
    x = arguments(60)
    (y, slope), (mirror, same) = apply_tanh(x), apply_tanh(-x)
    assert np.array_equal(y, -mirror)
    assert np.array_equal(slope, same)
    assert np.abs(y).max() == 1
    assert (slope > 0).all()
    assert slope.max() == 1


def test_positive_elu_is_the_identity():
    x = np.abs(arguments(1e6))
    y, slope = apply_elu(x)
    assert np.array_equal(y, x)
    assert np.array_equal(slope, np.ones_like(x))


def test_the_ends():
    far = np.array([np.inf, 1e307, 1e6, 353.6])
    far = np.concatenate([far, -far])
    y, slope = apply_tanh(far)
    assert y.tolist() == [1] * 4 + [-1] * 4
    assert slope.tolist() == [0] * 8
    y, slope = apply_elu(2 * far)
    assert y.tolist() == [*2 * far[:4], -1, -1, -1, -1]
    assert slope.tolist() == [1] * 4 + [0] * 4


@pytest.mark.parametrize("apply", [apply_tanh, apply_elu], ids=["tanh", "elu"])
def test_nan_stays_in_its_lane(apply):
    x = np.linspace(-2, 2, LANES)
    for lane in range(LANES):
        mixed = x.copy()
        mixed[lane] = np.nan
        out, clean = apply(mixed), apply(x)
        clean[:, lane] = np.nan
        assert np.array_equal(out, clean, equal_nan=True)


def test_sign_and_root():
    @nb.njit
    def loop(x, y):
        store(y, 0, magnitude(load(x, 0)))
        store(y, 1, copy_sign(load(x, 1), load(x, 0)))
        store(y, 2, square_root(load(x, 1)))

    x = np.array([[1.5, -2.0, 0.0, -0.0, np.inf, -np.inf, -1e-310, 3.0], np.arange(2.0, 10.0)])
    y = np.empty((3, LANES))
    loop(x, y)
    assert np.array_equal(y, [np.abs(x[0]), np.copysign(x[1], x[0]), np.sqrt(x[1])])
