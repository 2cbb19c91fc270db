"""Hutch++ and Hutchinson against exact traces, ranks and each other's variance."""

import tracemalloc

import jaxtyping
import numpy as np
import pytest
import torch
from spectra_oracles import Dense, with_spectrum

from spectral_atlas.spectra.trace import frobenius_norm_squared, hutch_plus_plus, hutchinson

ESTIMATORS = [hutch_plus_plus, hutchinson, frobenius_norm_squared]
DECAY = np.arange(1, 101) ** -2.0
TRUTH = {
    hutch_plus_plus: lambda values: values.sum(-1),
    hutchinson: lambda values: values.sum(-1),
    frobenius_norm_squared: lambda values: (values**2).sum(-1),
}


@pytest.mark.parametrize("distribution", ["rademacher", "gaussian"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_standard_errors_cover_the_truth(estimator, distribution):
    # one matrix 200 times: the members draw on their own
    values = np.random.default_rng(0).standard_normal(60) + 0.3
    matrix = with_spectrum(1, values).matrices
    operator = Dense(np.tile(matrix, (200, 1, 1)))
    result = estimator(operator, np.random.default_rng(1), products=30, distribution=distribution)
    off = result.value - TRUTH[estimator](values)
    covered = (abs(off) <= result.standard_error).mean()
    assert 0.5 < covered < 0.8
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(200)  # unbiased
    assert (abs(off) < 7 * result.standard_error).all()
    assert operator.vectors == 200 * result.products == 6000


def test_hutchinson_has_the_variance_of_its_docstring():
    matrix = with_spectrum(2, DECAY).matrices
    operator = Dense(np.tile(matrix, (400, 1, 1)))
    result = hutchinson(operator, np.random.default_rng(3), products=10)
    off_diagonal = matrix[0] - np.diag(np.diag(matrix[0]))
    assert result.value.var() == pytest.approx(2 * (off_diagonal**2).sum() / 10, rel=0.2)


def test_hutch_plus_plus_has_the_smaller_spread_on_a_decaying_spectrum():
    operator = Dense(np.tile(with_spectrum(2, DECAY).matrices, (200, 1, 1)))
    rough = hutchinson(operator, np.random.default_rng(3))
    fine = hutch_plus_plus(operator, np.random.default_rng(3))
    assert rough.products == fine.products == 30
    assert fine.value.std() < rough.value.std() / 20
    assert np.median(fine.standard_error) < np.median(rough.standard_error) / 20


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e150])
def test_low_rank_is_exact(scale):
    values = np.zeros((3, 80))
    values[0, :10], values[1, :3], values[2, 0] = np.linspace(-2, 5, 10), [7, -7, 1e-3], -4
    result = hutch_plus_plus(with_spectrum(4, values * scale), np.random.default_rng(5))
    np.testing.assert_allclose(result.value / scale, values.sum(1), atol=1e-12)
    assert (result.standard_error < 1e-12 * scale).all()
    one_more = np.r_[np.linspace(1, 5, 11), np.zeros(69)]
    rest = hutch_plus_plus(with_spectrum(4, one_more), np.random.default_rng(5))
    assert rest.standard_error[0] > 1e-4


@pytest.mark.parametrize("memory_mb", [1e-6, 256.0])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_as_many_products_as_parameters_are_exact(estimator, memory_mb):
    values = np.random.default_rng(6).standard_normal((4, 12))
    operator = with_spectrum(7, values)
    result = estimator(operator, np.random.default_rng(8), products=12, memory_mb=memory_mb)
    np.testing.assert_allclose(result.value, TRUTH[estimator](values), rtol=1e-13, atol=1e-13)
    assert not result.standard_error.any()
    assert result.products == 12
    assert operator.vectors == 48
    one = estimator(with_spectrum(1, [-3.0]), np.random.default_rng(8), products=1)
    assert one.value[0] == pytest.approx(TRUTH[estimator](np.array([-3.0])))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_zero_matrix(estimator):
    result = estimator(Dense(np.zeros((2, 40, 40))), np.random.default_rng(9))
    assert not result.value.any()
    assert not result.standard_error.any()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_torch_gives_the_numbers_of_numpy(estimator):
    operator = with_spectrum(10, np.random.default_rng(1).standard_normal((3, 50)))
    ours = estimator(operator, np.random.default_rng(2))
    exact = torch.from_numpy(operator.matrices)
    theirs = estimator(Dense(exact), np.random.default_rng(2))
    assert isinstance(theirs.value, np.ndarray)
    np.testing.assert_allclose(theirs.value, ours.value, rtol=1e-10)
    np.testing.assert_allclose(theirs.standard_error, ours.standard_error, rtol=1e-10)
    rough = estimator(Dense(exact.float()), np.random.default_rng(2))
    assert rough.value.dtype == np.float64
    np.testing.assert_allclose(rough.value, ours.value, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("distribution", ["rademacher", "gaussian"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_no_number_depends_on_batch_chunks_or_a_second_run(estimator, distribution):
    operator = with_spectrum(11, np.random.default_rng(3).standard_normal((5, 41)))
    options = {"products": 11, "distribution": distribution}
    whole = estimator(operator, np.random.default_rng(1), **options)
    again = estimator(operator, np.random.default_rng(1), **options)
    np.testing.assert_array_equal(whole.value, again.value)
    for memory in (1e-6, 24 * 41 * 11 * 2.5 / 2**20):
        parts = estimator(operator, np.random.default_rng(1), memory_mb=memory, **options)
        np.testing.assert_allclose(parts.value, whole.value, rtol=1e-11)
        np.testing.assert_allclose(parts.standard_error, whole.standard_error, rtol=1e-9)
    rng = np.random.default_rng(1)
    for m in range(5):
        alone = estimator(operator, rng, members=np.array([m]), **options)
        np.testing.assert_allclose(alone.value, whole.value[m], rtol=1e-11)


@pytest.mark.parametrize("products", [10, 20])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_non_finite_members_are_named_or_flagged(estimator, value, products):
    operator = with_spectrum(12, np.random.default_rng(4).standard_normal((4, 20)))
    operator.matrices[2, 3, 3] = value
    for matrices in (operator.matrices, torch.from_numpy(operator.matrices)):
        mixed, options = Dense(matrices), {"products": products}
        with pytest.raises(ValueError, match="member 2"):
            estimator(mixed, np.random.default_rng(1), **options)
        with pytest.raises(ValueError, match="member 2"):  # its number in the ensemble
            estimator(mixed, np.random.default_rng(1), members=np.array([3, 2]), **options)
        result = estimator(mixed, np.random.default_rng(1), on_nonfinite="flag", **options)
        assert np.isnan(result.value).tolist() == [False, False, True, False]
        assert np.isnan(result.standard_error).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("estimator", "change", "message"),
    [
        (hutch_plus_plus, {"products": 3}, "products"),
        (hutchinson, {"products": 1}, "products"),
        (frobenius_norm_squared, {"products": 0}, "products"),
        (
            hutchinson,
            {"distribution": "normal"},
            "distribution: expected 'rademacher' or 'gaussian', got 'normal'",
        ),
        (hutchinson, {"on_nonfinite": "no"}, "on_nonfinite"),
        (hutchinson, {"rng": 0}, "rng: expected a numpy Generator, got int"),
        (hutchinson, {"members": np.array([-1])}, "members: .* from 0 to 0, got -1"),
        (hutch_plus_plus, {"members": np.array([1])}, "members: .* from 0 to 0, got 1"),
        (hutch_plus_plus, {"memory_mb": np.inf}, "memory_mb: expected a positive, finite"),
    ],
)
def test_bad_settings_are_refused(estimator, change, message, monkeypatch):
    # where types are checked at every call, that check would speak first
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    settings = {"rng": np.random.default_rng(1), **change}
    with pytest.raises(ValueError, match=message) as error:
        estimator(with_spectrum(1, np.ones(9)), **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_no_members_have_no_estimates(estimator):
    operator, none = with_spectrum(1, np.ones(9)), np.zeros(0, dtype=int)
    result = estimator(operator, np.random.default_rng(1), products=5, members=none)
    assert result.value.shape == result.standard_error.shape == (0,)


class Scaling:
    """(m + 1) I, whose products take no room but their own."""

    n_members, n_params = 2, 20_000

    def __call__(self, V, members=None):
        return self.block_product(V[:, None], members)[:, 0]

    def block_product(self, V, members=None):
        chosen = np.arange(2) if members is None else members
        return (chosen + 1.0)[:, None, None] * V

    def dense(self, members=None):
        raise NotImplementedError


@pytest.mark.parametrize("memory_mb", [1.0, 30.0])  # one member at a time, and both
@pytest.mark.parametrize("distribution", ["rademacher", "gaussian"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_work_space_is_what_the_docstring_says(estimator, distribution, memory_mb):
    options = {"products": 30, "distribution": distribution, "memory_mb": memory_mb}
    operator = Scaling()
    estimator(operator, np.random.default_rng(1), **options)
    tracemalloc.start()
    estimator(operator, np.random.default_rng(1), **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one = 8 * 30 * operator.n_params
    assert peak < (2.5 * one if memory_mb == 1.0 else 30 * 2**20) + 2**16
