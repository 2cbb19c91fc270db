"""Regression problems: their algebra, their published numbers, their refusals."""

import numpy as np
import pytest

from spectral_atlas.data import threefry
from spectral_atlas.data.regression import linear_regression, threefry_regression


def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize(("n", "d"), [(40, 6), (6, 6), (8, 12)])
def test_w_star_is_the_smallest_least_squares_solution(n, d):
    r = linear_regression(rng(), n, d, n_test=3)
    assert np.allclose(r.Sigma @ r.w_star, r.b, atol=1e-12)
    assert np.allclose(np.linalg.pinv(r.X) @ r.y, r.w_star, atol=1e-9)
    assert np.linalg.norm(r.w_star) == pytest.approx(1, abs=1e-14)
    assert r.risk_min == pytest.approx(r.risk_zero - r.a, abs=1e-10)
    assert (r.risk_min < 1e-20) == (n <= d)
    assert r.X_test.shape == (3, d)
    assert r.y_test.shape == (3,)


def test_normalisation_divides_all_labels_and_nothing_else():
    raw, unit = (linear_regression(rng(), 30, 4, normalise=flag) for flag in (False, True))
    scale = np.linalg.norm(raw.w_star)
    assert abs(scale - 1) > 0.05
    assert np.array_equal(raw.X, unit.X)
    for name in ("y", "y_test", "w_star"):
        assert np.allclose(getattr(raw, name) / scale, getattr(unit, name), rtol=1e-14)


def test_noise_is_a_standard_deviation():
    quiet, loud = (
        linear_regression(rng(), 20_000, 2, noise=s, normalise=False) for s in (0.0, 3.0)
    )
    assert quiet.risk_min < 1e-25
    assert loud.risk_min == pytest.approx(9, rel=0.05)


@pytest.mark.parametrize("kappa", [1.0, 10.0, 1e4])
def test_condition_number(kappa):
    r = linear_regression(rng(), 50, 5, condition_number=kappa, n_test=50_000)
    eigenvalues = np.linalg.eigvalsh(r.Sigma)
    ratios = eigenvalues[1:] / eigenvalues[:-1]
    assert eigenvalues[-1] / eigenvalues[0] == pytest.approx(kappa, rel=1e-9)
    assert np.allclose(ratios, kappa**0.25, rtol=1e-9)
    assert eigenvalues.sum() == pytest.approx(5, rel=1e-12)
    # The test inputs went through the same map A: their covariance is near A^T A.
    plain = linear_regression(rng(), 50, 5, n_test=50_000)
    A = np.linalg.lstsq(plain.X, r.X, rcond=None)[0]
    assert np.allclose(r.X_test, plain.X_test @ A, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n": 0}, "n = 0"),
        ({"d": 0}, "d = 0"),
        ({"n_test": 0}, "n_test = 0"),
        ({"noise": -1.0}, "noise = -1.0"),
        ({"noise": np.nan}, "noise = nan"),
        ({"condition_number": 0.5}, "condition_number = 0.5"),
        ({"condition_number": 2.0, "d": 30}, "needs n >= d"),
    ],
)
def test_refusals_name_the_argument_and_the_value(changes, words):
    with pytest.raises(ValueError, match=words):
        linear_regression(rng(), **{"n": 20, "d": 3, **changes})


def test_published_overdetermined_problem():
    r = threefry_regression(50, 5, 1.0)
    expected = [0.5975, 0.7949, 1.0263, 1.3804, 1.5942]
    assert np.allclose(np.linalg.eigvalsh(r.Sigma), expected, atol=6e-5)
    assert r.a == pytest.approx(0.93281, abs=6e-6)
    assert 20 * r.a == pytest.approx(18.65611, abs=6e-6)
    assert np.allclose(r.w_star, [-0.5867, 0.6091, 0.0630, 0.2985, 0.4378], atol=6e-5)
    assert r.risk_min == pytest.approx(0.36822, abs=6e-6)
    assert r.risk_zero == pytest.approx(1.30103, abs=6e-6)


def test_published_noiseless_and_underdetermined_problems():
    assert threefry_regression(50, 5, 0.0).a == pytest.approx(0.96741, abs=6e-6)
    r = threefry_regression(15, 20, 1.0, position=20)
    assert r.a == pytest.approx(1.71668, abs=6e-6)
    assert np.linalg.eigvalsh(r.Sigma)[[5, -1]] == pytest.approx([0.0190, 3.3752], abs=6e-5)


def test_published_readout():
    p = threefry.normal(threefry.subkey(0, 5), (5,))
    expected = [-0.6707, -0.6671, -0.2490, -0.0195, -0.2070]
    assert np.allclose(p / np.linalg.norm(p), expected, atol=6e-5)


def test_threefry_known_words():
    # Random123's known answers for threefry2x32 with 20 rounds.
    ones = np.full(2, 0xFFFFFFFF, dtype=np.uint32)
    zeros = np.zeros(2, dtype=np.uint32)
    assert [hex(v) for v in threefry.threefry2x32(zeros, zeros)] == ["0x6b200159", "0x99ba4efe"]
    assert [hex(v) for v in threefry.threefry2x32(ones, ones)] == ["0x1cb996fc", "0xbb002be7"]


def test_threefry_normals_are_normal():
    x = threefry.normal(threefry.prng_key(3), (100_001,))  # odd: the last counter is padded
    assert x.shape == (100_001,)
    assert abs(x.mean()) < 0.015
    assert abs(x.std() - 1) < 0.01
    assert np.array_equal(x, x.astype(np.float32))
