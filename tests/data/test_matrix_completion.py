"""Matrix completion: the instance of known numbers, draws, costs against loops and autograd."""

import inspect

import numpy as np
import pytest
import torch

from spectral_atlas.data.matrix_completion import (
    MatrixCompletion,
    chosen_spectrum,
    degrees_of_freedom,
    entry_order,
    gaussian_factors,
    linear_model_limit,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def problem(seed, rows=5, columns=7, count=20, noise=0.0):
    draws = rng(seed)
    target = gaussian_factors(draws, rows, columns, 2)
    order = entry_order(draws, rows, columns)
    return MatrixCompletion.observe(
        target, order, count, noise * draws.standard_normal(target.shape)
    )


def unchecked(**fields):
    """A problem made without the shape checks that wrap it in tests, and would refuse first."""
    made = object.__new__(MatrixCompletion)
    inspect.unwrap(MatrixCompletion.__init__)(made, **fields)
    return made


def test_instance_of_known_numbers():
    draws = rng(0)
    target = gaussian_factors(draws, 10, 10, 3)
    known = MatrixCompletion.observe(target, entry_order(draws, 10, 10), 80)
    s = np.linalg.svd(target, compute_uv=False)
    assert s[:3].round(2).tolist() == [11.31, 5.36, 3.17]
    assert s[3:].max() < 1e-14
    zero = np.zeros((10, 10))
    assert round(float(known.cost(zero)), 4) == 1.6617
    slopes = np.linalg.svd(known.gradient(zero), compute_uv=False)[:3]
    assert slopes.round(4).tolist() == [0.2309, 0.1270, 0.0794]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rows", "columns", "rank"), [(4, 6, 1), (6, 4, 4), (1, 1, 1)])
def test_gaussian_factors_draw_the_left_one_first(seed, rows, columns, rank):
    again = rng(seed)
    left, right = again.standard_normal((rows, rank)), again.standard_normal((rank, columns))
    A = gaussian_factors(rng(seed), rows, columns, rank)
    assert np.allclose(A, [[sum(a * b) for b in right.T] for a in left], atol=1e-14)
    assert np.linalg.matrix_rank(A) == rank


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rows", "columns"), [(4, 7), (7, 4), (3, 3)])
def test_chosen_spectrum(seed, rows, columns):
    wanted = [5.0, 2.0, 2.0]
    s = np.linalg.svd(chosen_spectrum(rng(seed), rows, columns, wanted), compute_uv=False)
    assert np.allclose(s[:3], wanted, rtol=1e-13)
    assert s[3:].max(initial=0.0) < 1e-14


def test_singular_vectors_are_uniform():
    """For a Haar-random U all entries of A have mean 0 and E A_ij^2 = |s|^2 / (rows columns)."""
    draws = rng(3)
    A = np.array([chosen_spectrum(draws, 3, 2, [3.0, 1.0]) for _ in range(4000)])
    assert np.abs(A.mean(0)).max() < 5 * np.sqrt(10 / 6 / 4000)
    assert np.abs((A**2).mean(0) * 6 / 10 - 1).max() < 0.12
    U = np.array([chosen_spectrum(draws, 3, 3, [1.0, 1.0, 1.0]) for _ in range(4000)])
    traces = np.einsum("kii->k", U)  # of a Haar matrix: moments 0, 1
    assert abs(traces.mean()) < 5 / np.sqrt(4000)
    assert abs((traces**2).mean() - 1) < 0.15


@pytest.mark.parametrize("seed", range(4))
def test_entry_order_is_the_inverse_of_the_permutation(seed):
    order, drawn = entry_order(rng(seed), 4, 5), rng(seed).permutation(20)
    assert order.shape == (4, 5)
    for k, entry in enumerate(drawn):
        assert order[entry // 5, entry % 5] == k
    target = np.arange(1.0, 21).reshape(4, 5)
    before = np.zeros((4, 5), dtype=bool)
    for count in range(1, 21):
        mask = MatrixCompletion.observe(target, order, count).mask
        assert set(np.flatnonzero(mask)) == set(drawn[:count])
        assert not (before & ~mask).any()
        before = mask


def test_degrees_of_freedom_is_the_rank_of_the_factorization():
    """The tangent space at G1 G2 is spanned by X G2 + G1 Y."""
    draws = rng(5)
    for rows, columns, rank in [(5, 4, 2), (3, 6, 3), (4, 4, 1)]:
        left, right = draws.standard_normal((rows, rank)), draws.standard_normal((rank, columns))
        moves = np.hstack([np.kron(np.eye(rows), right.T), np.kron(left, np.eye(columns))])
        assert degrees_of_freedom(rows, columns, rank) == np.linalg.matrix_rank(moves)
    assert degrees_of_freedom(10, 10, 3) == 51
    assert degrees_of_freedom(10, 10, 0) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_costs_are_means_over_entries(seed, noise):
    made = problem(seed, noise=noise)
    A = rng(100 + seed).standard_normal((2, 3, 5, 7))
    for i, j in np.ndindex(2, 3):
        seen, hidden = [], []
        for at in np.ndindex(5, 7):
            if made.mask[at]:
                seen.append((A[i, j][at] - made.observed[at]) ** 2)
            else:
                hidden.append((A[i, j][at] - made.target[at]) ** 2)
        assert (len(seen), len(hidden)) == (made.n_observed, 15)
        assert made.cost(A)[i, j] == pytest.approx(np.mean(seen), rel=1e-13)
        assert made.test_cost(A)[i, j] == pytest.approx(np.mean(hidden), rel=1e-13)
        assert made.cost(A[i, j]) == pytest.approx(np.mean(seen), rel=1e-13)
    assert made.weights.sum() == pytest.approx(1)
    assert made.cost(A).shape == made.test_cost(A).shape == (2, 3)


@pytest.mark.parametrize("seed", range(3))
def test_gradient_agrees_with_autograd(seed):
    made = problem(seed, noise=0.1)
    A = torch.tensor(rng(seed).standard_normal((3, 5, 7)), requires_grad=True)
    mask = torch.as_tensor(made.mask)
    for a in A:
        ((a - torch.as_tensor(made.observed))[mask] ** 2).mean().backward(retain_graph=True)
    assert np.allclose(made.gradient(A.detach().numpy()), A.grad.numpy(), atol=1e-15)


def test_noise_is_on_observed_entries_and_the_test_cost_knows_none():
    target, order = np.ones((3, 4)), entry_order(rng(1), 3, 4)
    noise = rng(2).standard_normal((3, 4))
    made = MatrixCompletion.observe(target, order, 7, noise)
    assert np.array_equal(made.observed, np.where(order < 7, target + noise, 0.0))
    assert made.cost(target) == pytest.approx((noise[order < 7] ** 2).mean())
    assert made.test_cost(target) == 0
    assert made.cost(target + noise) == 0


def test_nothing_is_left_to_test_where_all_is_observed():
    made = problem(0, count=35)
    assert np.isnan(made.test_cost(np.zeros((5, 7))))
    assert np.isnan(made.test_cost(np.zeros((2, 5, 7)))).tolist() == [True, True]
    assert made.cost(made.target) == 0


@pytest.mark.parametrize("seed", range(3))
def test_linear_model_limit_is_where_descent_of_the_entries_ends(seed):
    made = problem(seed, noise=0.2)
    A0 = rng(50 + seed).standard_normal((2, 5, 7))
    kernel, dt, A = 3.0, 1e-3, A0.copy()
    for _ in range(1000):  # residuals: (1 - 2 kernel dt / N)^1000, about exp(-2 kernel / N)
        A -= dt * kernel * made.gradient(A)
    limit = linear_model_limit(made, A0)
    left = np.exp(-2 * kernel / made.n_observed)
    assert np.allclose(A, limit + left * (A0 - limit), atol=1e-3)
    for _ in range(200):
        A -= made.n_observed / 4 * made.gradient(A)
    assert np.allclose(A, limit, rtol=0, atol=1e-13)
    assert made.cost(limit).tolist() == [0, 0]
    assert np.allclose(made.test_cost(limit), made.test_cost(A0), rtol=1e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gaussian_factors(rng(), 4, 3, 4), r"rank = 4: must be from 1 to min\(4, 3\)"),
        (lambda: gaussian_factors(rng(), 4, 3, 0), "rank = 0: must be from 1"),
        (lambda: degrees_of_freedom(4, 3, 5), r"rank = 5: must be from 0 to min\(4, 3\)"),
        (lambda: chosen_spectrum(rng(), 4, 3, [1.0] * 4), "rank = 4"),
        (lambda: chosen_spectrum(rng(), 4, 3, []), "rank = 0"),
        (lambda: chosen_spectrum(rng(), 4, 3, [1.0, 2.0]), r"singular_values = \[1.0, 2.0\]"),
        (lambda: chosen_spectrum(rng(), 4, 3, [1.0, 0.0]), r"singular_values = \[1.0, 0.0\]"),
        (lambda: chosen_spectrum(rng(), 4, 3, [np.inf]), r"singular_values = \[inf\]"),
        (lambda: problem(0, count=0), "count = 0: must be an integer from 1 to 35"),
        (lambda: problem(0, count=36), "count = 36"),
    ],
)
def test_refusals_name_the_number(call, words):
    with pytest.raises(ValueError, match=words) as refusal:
        call()
    assert "\n" not in str(refusal.value)


def test_misfitting_arrays_are_refused():
    whole, mask = np.zeros((2, 3)), np.ones((2, 3), dtype=bool)
    with pytest.raises(ValueError, match="mask = all False"):
        MatrixCompletion(whole, ~mask, whole)
    with pytest.raises(ValueError, match=r"observed \(3, 2\)"):
        unchecked(target=whole, mask=mask, observed=whole.T)
    observe = inspect.unwrap(MatrixCompletion.observe.__func__)
    for changes in ({"order": np.arange(4).reshape(2, 2)}, {"noise": np.zeros((2, 2, 3))}):
        good = {"order": np.arange(6).reshape(2, 3), "noise": None}
        with pytest.raises(ValueError, match=r"order = .*noise = .*must be"):
            observe(MatrixCompletion, whole, count=2, **{**good, **changes})
