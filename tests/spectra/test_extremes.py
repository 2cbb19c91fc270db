"""The certified front door."""

import subprocess
import sys

import numpy as np
import pytest
from spectra_oracles import architectures, problem, statistics, torch_derivatives

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import (
    MatrixOperator,
    UnconvergedError,
    extreme_eigenvalues,
    hessian_operator,
)


@pytest.mark.parametrize("name", architectures())
@pytest.mark.parametrize("dense_limit", [0, 10**6])
def test_both_solvers_match_autograd(name, dense_limit):
    arch = architectures()[name]
    X, y, theta, p = problem(11, arch, 4, scale=0.4)
    exact = np.linalg.eigvalsh(torch_derivatives(arch, X, y, theta, p)[1])
    operator = hessian_operator(arch, theta, *statistics(X, y), p)
    r = extreme_eigenvalues(operator, np.random.default_rng(0), dense_limit=dense_limit)
    size = 1e-12 * abs(exact).max(1)
    assert (abs(r.largest - exact[:, -1]) <= size).all()
    assert (abs(r.smallest - exact[:, 0]) <= size).all()
    assert r.converged.all()
    assert (r.bound_largest <= 101 * size).all()
    assert ((r.steps == 0) == (dense_limit > 0)).all()


def test_negative_sharpness_is_not_a_magnitude():
    # near the saddle: |lambda_min| > lambda_max for some members of a small-scale ensemble
    arch = DeepLinear.plain(5, 10)
    X, y, theta, _ = problem(1, arch, 40, scale=0.25, samples=50)
    operator = hessian_operator(arch, theta, *statistics(X, y))
    r = extreme_eigenvalues(operator, np.random.default_rng(0))
    exact = np.linalg.eigvalsh(operator.dense())
    assert (-exact[:, 0] > exact[:, -1]).any()
    size = abs(exact).max(1)
    assert (abs(r.largest - exact[:, -1]) <= 1e-12 * size).all()


def test_zero_weights_have_zero_extremes():
    # all weights zero from depth three on: the Hessian vanishes
    arch = DeepLinear.plain(3, 4)
    r = extreme_eigenvalues(
        hessian_operator(arch, np.zeros((2, arch.n_params)), np.eye(3), np.ones(3)),
        np.random.default_rng(0),
        dense_limit=0,
    )
    assert not r.largest.any()
    assert not r.smallest.any()
    assert r.converged.all()


def test_chunks_and_given_starts_change_nothing():
    arch = DeepLinear.plain(5, 8)
    X, y, theta, _ = problem(2, arch, 21, samples=30)
    operator = hessian_operator(arch, theta, *statistics(X, y))
    whole = extreme_eigenvalues(operator, np.random.default_rng(3))
    pieces = extreme_eigenvalues(operator, np.random.default_rng(3), memory_mb=0.3)
    given = extreme_eigenvalues(
        operator, np.random.default_rng(3).standard_normal((21, arch.n_params))
    )
    for other in (pieces, given):
        np.testing.assert_array_equal(whole.largest, other.largest)
        np.testing.assert_array_equal(whole.bound_smallest, other.bound_smallest)
    assert (whole.steps > 0).all()


def hard(members=3, size=90):
    return MatrixOperator(np.stack([np.diag(np.linspace(-1, 1, size))] * members))


def test_unconverged_members_are_solved_densely_where_that_fits():
    r = extreme_eigenvalues(hard(), np.random.default_rng(0), max_steps=10)
    assert (r.steps == 0).all()
    assert r.converged.all()
    np.testing.assert_allclose(r.largest, 1.0, rtol=1e-14)


def test_unconverged_members_raise_or_are_flagged():
    settings = {"max_steps": 10, "memory_mb": 0.1}
    with pytest.raises(UnconvergedError, match=r"members 0 \(\+- ") as caught:
        extreme_eigenvalues(hard(), np.random.default_rng(0), **settings)
    assert caught.value.members.tolist() == [0, 1, 2]
    assert caught.value.bounds.shape == (3, 2)
    assert (caught.value.bounds > 0).all()
    r = extreme_eigenvalues(hard(), np.random.default_rng(0), on_unconverged="flag", **settings)
    assert not r.converged.any()
    assert (abs(r.largest - 1) <= r.bound_largest).all()


@pytest.mark.parametrize("dense_limit", [0, 10**6])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_non_finite_members_are_named_or_flagged(dense_limit, value):
    arch = DeepLinear.plain(3, 4)
    X, y, theta, _ = problem(4, arch, 200)
    theta[[130, 150]] = value
    operator = hessian_operator(arch, theta, *statistics(X, y))
    settings = {"dense_limit": dense_limit}
    with pytest.raises(ValueError, match="members 130, 150"):
        extreme_eigenvalues(operator, np.random.default_rng(0), memory_mb=9e3, **settings)
    r = extreme_eigenvalues(operator, np.random.default_rng(0), on_nonfinite="flag", **settings)
    assert np.flatnonzero(~r.converged).tolist() == [130, 150]
    assert np.isnan(r.largest[[130, 150]]).all()
    assert np.isfinite(np.delete(r.largest, [130, 150])).all()


def test_ensemble_of_one():
    r = extreme_eigenvalues(
        hessian_operator(DeepLinear.plain(1, 1), np.ones((1, 1)), np.array([[2.0]]), np.ones(1)),
        np.random.default_rng(0),
    )
    assert r.largest.tolist() == [4.0] == r.smallest.tolist()


def test_import_loads_no_torch():
    code = "import sys, spectral_atlas.spectra; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class Embedded(MatrixOperator):
    """H = Q C Q^T of size 5 with C = `inner` of size 2, for members whose C is definite."""

    inner = MatrixOperator(np.array([np.diag([1.0, 2.0]), np.diag([-2.0, -1.0])]))

    def __init__(self):
        super().__init__(np.pad(self.inner.matrices, ((0, 0), (0, 3), (0, 3))))

    def compressed(self):
        return self.inner

    def restrict(self, V, members=None):
        return V[:, :2].copy()


@pytest.mark.parametrize("dense_limit", [0, 40])
def test_the_zeros_that_compression_leaves_out_are_eigenvalues(dense_limit):
    r = extreme_eigenvalues(Embedded(), np.random.default_rng(0), dense_limit=dense_limit)
    np.testing.assert_allclose(r.largest, [2.0, 0.0], rtol=1e-14)
    np.testing.assert_allclose(r.smallest, [0.0, -2.0], rtol=1e-14)
