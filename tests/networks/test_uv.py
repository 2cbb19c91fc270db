"""The uv model in two numbers, against the vectors u and v."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectral_atlas.networks.uv import descend, sample, step, top_eigenvalue

Array = np.ndarray
WIDTHS = [1, 2, 5, 16, 64]


def vectors(width: int, seed: int) -> tuple[Array, Array]:
    u, v = np.random.default_rng(seed).standard_normal((2, width))
    return u, v


def observed(u: Array, v: Array) -> tuple[Array, Array]:
    """f and kappa as arrays of one member."""
    return np.array([u @ v / np.sqrt(len(u))]), np.array([(u @ u + v @ v) / len(u)])


def hessian(u: Array, v: Array) -> Array:
    """Second derivatives of f^2 / 2 by u and v: grad f grad f^T + f times those of f."""
    w = len(u)
    gradient = np.concatenate([v, u]) / np.sqrt(w)
    swap = np.kron([[0, 1], [1, 0]], np.eye(w)) / np.sqrt(w)
    return np.outer(gradient, gradient) + u @ v / np.sqrt(w) * swap


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("k", [0.3, 1.9, 2.6, 3.7])  # monotone, and three that catapult or nearly
def test_map_is_gradient_descent_on_the_vectors(width: int, k: float) -> None:
    for seed in range(4):
        u, v = vectors(width, seed)
        f, kappa = observed(u, v)
        eta = k / kappa[0]
        # Where f changes sign the error of f is that of f_0, so it is compared on that scale.
        scale = abs(f[0]) + kappa[0]
        for now, trace in descend(f, kappa, 12, float(eta), width):
            slope = eta * (u @ v) / width
            u, v = u - slope * v, v - slope * u
            expected, expected_trace = observed(u, v)
            assert np.abs(now - expected)[0] < 1e-10 * scale
            assert trace[0] == pytest.approx(expected_trace[0], rel=1e-10)


def test_the_catapult_of_the_test_above_is_one() -> None:
    f, kappa = observed(*vectors(64, 0))
    losses = [now[0] ** 2 for now, _ in descend(f, kappa, 12, float(2.6 / kappa[0]), 64)]
    assert max(losses) > 2 * f[0] ** 2
    assert losses[-1] < f[0] ** 2


def test_the_written_hessian_is_the_second_difference_of_the_loss() -> None:
    theta = np.concatenate(vectors(3, 1))
    loss: Callable[[Array], float] = lambda x: (x[:3] @ x[3:]) ** 2 / 6  # noqa: E731
    h, eye = 1e-3, np.eye(6)
    numeric = [
        [
            sum(a * b * loss(theta + h * (a * p + b * q)) for a in (1, -1) for b in (1, -1))
            / (4 * h * h)
            for p in eye
        ]
        for q in eye
    ]
    assert np.allclose(numeric, hessian(theta[:3], theta[3:]), atol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
def test_top_eigenvalue_and_trace_are_those_of_the_hessian(width: int) -> None:
    for seed in range(4):
        u, v = vectors(width, seed)
        f, kappa = observed(u, v)
        H = hessian(u, v)
        assert top_eigenvalue(f, kappa, width)[0] == pytest.approx(
            np.linalg.eigvalsh(H)[-1], rel=1e-10
        )
        assert kappa[0] == pytest.approx(np.trace(H), rel=1e-12)


@given(
    st.floats(-0.5, 0.5), st.floats(0.1, 6), st.floats(0.01, 100), st.integers(1, 10_000)
)  # f_0^2 is at most w kappa_0^2 / 4
def test_units_in_which_rate_and_width_are_one(s: float, k: float, eta: float, width: int) -> None:
    g0, k0 = np.array([k * s]), np.array([k])
    f, kappa = step(g0 * np.sqrt(width) / eta, k0 / eta, eta, width)
    g, k1 = step(g0, k0)
    assert f * eta / np.sqrt(width) == pytest.approx(g, rel=1e-9, abs=1e-12)
    assert kappa * eta == pytest.approx(k1, rel=1e-9)


def test_trace_falls_below_and_rises_above_four_and_stays_at_it() -> None:
    g = np.linspace(-1.9, 1.9, 40)
    for k, sign in ((3.999, -1), (4.0, 0), (4.001, 1)):
        assert (np.sign(step(g, np.full(40, k))[1] - k) == sign).all()


def test_samples_are_those_of_random_vectors() -> None:
    n, width = 20_000, 3
    f, kappa = sample(np.random.default_rng(0), width, n)
    u, v = np.random.default_rng(1).standard_normal((2, n, width))
    expected = ((u * v).sum(1) / np.sqrt(width), (u * u + v * v).sum(1) / width)
    for moment in (
        lambda f, _: f, lambda f, _: f**2, lambda f, _: np.abs(f) ** 3, lambda _, kappa: kappa,
        lambda _, kappa: kappa**2, lambda f, kappa: f**2 * kappa,
    ):  # fmt: skip
        x, y = moment(f, kappa), moment(*expected)
        assert abs(x.mean() - y.mean()) < 4 * np.hypot(x.std(), y.std()) / np.sqrt(n)
    assert (f**2 <= width * kappa**2 / 4).all()


def test_a_width_without_neurons_is_refused() -> None:
    with pytest.raises(ValueError, match="width = 0: must be at least 1"):
        sample(np.random.default_rng(0), 0, 1)


def test_members_that_diverge_are_nan_from_then_on_and_the_others_are_not_touched() -> None:
    f, kappa = sample(np.random.default_rng(0), 8, 30)
    k = np.tile([1.0, 3.5, 4.5], 10)
    found = list(descend(f, kappa, 15, k / kappa, 8, 1e5))
    losses = np.array([x**2 / 2 for x, _ in found])
    assert [np.isnan(x).tolist() for x, _ in found] == [np.isnan(y).tolist() for _, y in found]
    assert (np.nan_to_num(losses) <= 1e5).all()
    assert not np.isnan(losses[:, k < 4]).any()
    assert np.isnan(losses[-1, k > 4]).any()
    assert (np.diff(np.isnan(losses).astype(int), axis=0) >= 0).all()
    free = np.array([x**2 / 2 for x, _ in descend(f, kappa, 15, k / kappa, 8)])
    first = np.argmax(~(free <= 1e5), axis=0)  # by hand: the first step that is above or not finite
    for member in np.flatnonzero(np.isnan(losses[-1])):
        assert np.isnan(losses[:, member]).argmax() == first[member]
    alive = ~np.isnan(losses)
    assert (losses[alive] == free[alive]).all()
    assert np.isnan(free[-1]).any()  # overflows too, and without a warning
