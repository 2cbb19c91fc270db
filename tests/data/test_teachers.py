"""The tanh teacher against loops, its scale, growth without change."""

from functools import partial
from math import exp, pi, sqrt, tanh

import numpy as np
import pytest
from scipy.integrate import quad

from spectral_atlas.data.teachers import tanh_teacher
from spectral_atlas.rng import generator

STREAM = partial(generator, 3)


def test_outputs_are_those_of_the_network():
    n, D, H, K = 4, 5, 3, 2
    x, y = tanh_teacher(STREAM, n, D, H, K, normalise=False)
    W = STREAM("hidden").standard_normal((H, D)) / sqrt(D)
    V = STREAM("output").standard_normal((K, H)) / sqrt(H)
    assert np.array_equal(x, STREAM("inputs").standard_normal((n, D)))
    for i in range(n):
        hidden = [tanh(sum(W[h, j] * x[i, j] for j in range(D))) for h in range(H)]
        expected = [sum(V[k, h] * hidden[h] for h in range(H)) for k in range(K)]
        assert np.allclose(y[i], expected, atol=1e-14)


def test_normalised_outputs_have_mean_square_1_and_one_common_factor():
    _, y = tanh_teacher(STREAM, 300, 20, 32, 10)
    _, raw = tanh_teacher(STREAM, 300, 20, 32, 10, normalise=False)
    assert np.mean(y**2) / 2 == pytest.approx(0.5, rel=1e-14)
    ratio = raw / y
    assert np.allclose(ratio, ratio[0, 0], rtol=1e-12)


def test_raw_scale_is_that_of_wide_layers():
    # For D, H, K large the outputs have the variance E tanh(z)^2, z ~ N(0, 1).
    expected, _ = quad(lambda z: tanh(z) ** 2 * exp(-z * z / 2) / sqrt(2 * pi), -12, 12)
    _, y = tanh_teacher(STREAM, 400, 500, 400, 300, normalise=False)
    assert np.mean(y**2) == pytest.approx(expected, rel=0.03)
    assert expected / 2 == pytest.approx(0.2, abs=0.005)  # as the docstring says


def test_more_samples_leave_the_first_ones():
    x, y = tanh_teacher(STREAM, 5, 6, 7, 3, normalise=False)
    more_x, more_y = tanh_teacher(STREAM, 50, 6, 7, 3, normalise=False)
    assert np.array_equal(x, more_x[:5])
    assert np.allclose(y, more_y[:5], atol=1e-13)
    _, scaled = tanh_teacher(STREAM, 50, 6, 7, 3)
    assert np.allclose(scaled * np.sqrt(np.mean(more_y**2)), more_y, atol=1e-13)


@pytest.mark.parametrize("name", ["n", "D", "H", "K"])
def test_sizes_below_1_are_refused(name):
    sizes = {"n": 2, "D": 2, "H": 2, "K": 2, name: 0}
    with pytest.raises(ValueError, match=f"^{name} = 0: must be an integer >= 1$"):
        tanh_teacher(STREAM, **sizes)
