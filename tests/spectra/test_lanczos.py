"""Batched Lanczos against dense eigenvalues of matrices with difficult spectra."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import TypeCheckError
from scipy.sparse.linalg import eigsh

from spectral_atlas.spectra import MatrixOperator, lanczos, start_vectors


def with_spectrum(rng, values):
    values = np.atleast_2d(values)
    Q = np.linalg.qr(rng.standard_normal((len(values), values.shape[1], values.shape[1])))[0]
    H = np.einsum("bij,bj,bkj->bik", Q, values, Q)
    return MatrixOperator((H + H.swapaxes(1, 2)) / 2)


def solve(values, seed=0, **settings):
    rng = np.random.default_rng(seed)
    operator = with_spectrum(rng, values)
    return lanczos(operator, start_vectors(rng, operator.n_members, operator.n_params), **settings)


SPECTRA = {
    "minimum larger in magnitude": np.r_[-9.0, np.linspace(0, 1, 58), 2.0],
    "clustered top": np.r_[np.linspace(-1, 1, 57), 3.0, 3.0 + 1e-6, 3.0 + 2e-6],
    "degenerate top": np.r_[np.linspace(-1, 1, 57), 3.0, 3.0, 3.0],
    "all negative": -np.linspace(1, 2, 60),
    "rank one": np.r_[np.zeros(59), 4.0],
    "tiny": 1e-200 * np.linspace(-1, 3, 60),
    "huge": 1e100 * np.linspace(-1, 3, 60),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_extremes_are_signed_and_bounded(name):
    values = SPECTRA[name]
    r = solve(values)
    size = abs(values).max()
    assert r.converged.all()
    assert r.largest[0] == pytest.approx(values.max(), abs=1e-12 * size)
    assert r.smallest[0] == pytest.approx(values.min(), abs=1e-12 * size)
    # 60 eps is what forming the test matrix itself costs
    assert abs(r.largest[0] - values.max()) <= r.bound_largest[0] + 60 * 2.3e-16 * size
    assert abs(r.smallest[0] - values.min()) <= r.bound_smallest[0] + 60 * 2.3e-16 * size


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 40),
    steps=st.integers(1, 40),
    decay=st.floats(0, 3),
)
def test_bounds_bound_the_distance_to_the_spectrum(seed, size, steps, decay):
    # at any step, converged or not: some eigenvalue lies within the bound
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((3, size)) * np.arange(1, size + 1) ** -decay
    operator = with_spectrum(rng, values)
    r = lanczos(operator, start_vectors(rng, 3, size), max_steps=steps, tolerance=1e-12)
    exact = np.linalg.eigvalsh(operator.matrices)
    slack = size * 2.3e-16 * abs(exact).max(1)
    for value, bound in ((r.largest, r.bound_largest), (r.smallest, r.bound_smallest)):
        assert (abs(exact - value[:, None]).min(1) <= bound + slack).all()
    assert (r.largest <= exact[:, -1] + slack).all()
    assert r.steps.max() <= min(size, steps)
    done = r.converged
    assert (r.bound_largest[done] <= 1e-11 * abs(exact).max(1)[done]).all()
    if steps >= size:
        assert done.all()


def test_zero_matrix_and_one_parameter():
    r = solve(np.zeros((2, 30)))
    assert (r.steps == 1).all()
    assert r.converged.all()
    assert not r.largest.any()
    assert not r.smallest.any()
    assert not r.bound_largest.any()
    r = solve(np.array([[-3.0]]))
    np.testing.assert_allclose([r.largest[0], r.smallest[0]], -3.0)
    assert r.converged[0]


def test_one_sided_search_leaves_the_other_side_nan():
    values = np.r_[-9.0, np.linspace(0, 1, 58), 2.0]
    top, bottom = solve(values, which="LA"), solve(values, which="SA")
    assert top.largest[0] == pytest.approx(2.0)
    assert np.isnan(top.smallest[0])
    assert bottom.smallest[0] == pytest.approx(-9.0)
    assert np.isnan(bottom.largest[0])


def test_agrees_with_eigsh():
    rng = np.random.default_rng(3)
    operator = with_spectrum(rng, np.sort(rng.standard_normal(80)))
    v0 = start_vectors(rng, 1, 80)
    r = lanczos(operator, v0)
    largest = eigsh(operator.matrices[0], k=1, which="LA", v0=v0[0], return_eigenvectors=False)[0]
    assert r.largest[0] == pytest.approx(largest, rel=1e-12)


def test_vectors_solve_the_eigenproblem():
    rng = np.random.default_rng(4)
    operator = with_spectrum(rng, rng.standard_normal((3, 50)))
    r = lanczos(operator, start_vectors(rng, 3, 50), eigenvectors=True)
    for value, vector in ((r.largest, r.vector_largest), (r.smallest, r.vector_smallest)):
        np.testing.assert_allclose(operator(vector), value[:, None] * vector, atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 1.0, rtol=1e-12)


def test_a_member_does_not_depend_on_its_batch():
    rng = np.random.default_rng(5)
    operator = with_spectrum(rng, rng.standard_normal((9, 40)) * np.linspace(1, 9, 9)[:, None])
    v0 = start_vectors(rng, 9, 40)
    together = lanczos(operator, v0)
    for m in range(9):
        alone = lanczos(MatrixOperator(operator.matrices[m : m + 1]), v0[m : m + 1])
        assert alone.steps[0] == together.steps[m]
        np.testing.assert_allclose(alone.largest[0], together.largest[m], rtol=1e-14)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_products_name_the_member_or_are_flagged(value):
    rng = np.random.default_rng(6)
    matrices = with_spectrum(rng, rng.standard_normal((4, 20))).matrices
    matrices[2, 3, 3] = value
    operator, v0 = MatrixOperator(matrices), start_vectors(rng, 4, 20)
    with pytest.raises(ValueError, match="member 2"):
        lanczos(operator, v0)
    r = lanczos(operator, v0, on_nonfinite="flag")
    assert r.converged.tolist() == [True, True, False, True]
    assert np.isnan([r.largest[2], r.smallest[2], r.bound_largest[2]]).all()


def test_too_few_steps_are_not_called_converged():
    r = solve(np.linspace(0, 1, 60), max_steps=5)
    assert not r.converged[0]
    assert r.bound_largest[0] > 1e-4
    assert r.steps[0] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tolerance": 0.0}, "tolerance"),
        ({"which": "LM"}, "which"),
        ({"max_steps": 0}, "max_steps"),
        ({"on_nonfinite": "ignore"}, "on_nonfinite"),
    ],
)
def test_bad_settings_are_refused(change, message):
    # the run-time type check of the tests may catch a wrong word first
    with pytest.raises((ValueError, TypeCheckError), match=message):
        solve(np.ones(4), **change)


def test_zero_start_names_the_member():
    v0 = np.ones((3, 4))
    v0[1] = 0.0
    with pytest.raises(ValueError, match="member 1"):
        lanczos(MatrixOperator(np.zeros((3, 4, 4))), v0)
