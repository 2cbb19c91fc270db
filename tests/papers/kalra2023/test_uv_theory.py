"""Formulas of the uv model, against sampling and against the map itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta

from spectral_atlas.networks.uv import descend, sample, step, top_eigenvalue
from spectral_atlas.papers.kalra2023 import uv_theory as theory

Array = np.ndarray


def starts(width: int, n: int, seed: int = 0) -> tuple[Array, Array]:
    """s = f_0 / (sqrt(w) kappa_0) and a = s^2."""
    f0, kappa0 = sample(np.random.default_rng(seed), width, n)
    s = f0 / (np.sqrt(width) * kappa0)
    return s, s**2


def z(x: Array, expected: float) -> float:
    """Distance from the expected mean in standard errors."""
    return float(abs(x.mean() - expected) / (x.std() / np.sqrt(len(x))))


@pytest.mark.parametrize("width", [2, 8, 33, 512])
def test_moments_of_a(width: int) -> None:
    _, a = starts(width, 100_000)
    assert z(a, theory.mean_a(width)) < 4
    assert z(a**2, theory.mean_a_squared(width)) < 4
    law = beta(width / 2, width / 2)
    for power, formula in ((1, theory.mean_a), (2, theory.mean_a_squared)):
        exact, _ = quad(lambda b, p=power: law.pdf(b) * ((2 * b - 1) ** 2 / 4) ** p, 0, 1)
        assert formula(width) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("width", [3, 32, 200])
@pytest.mark.parametrize("k", [0.5, 1.0, 2.0, 3.0, 4.0, 5.0])
def test_averages_of_the_first_step(width: int, k: float) -> None:
    s, a = starts(width, 50_000)
    g, k1 = step(k * s, np.full_like(s, k))
    losses, traces = (g / (k * s)) ** 2, k1 / k
    assert np.allclose(losses, (1 - k + k**2 * a) ** 2, rtol=1e-9, atol=1e-12)
    assert np.allclose(traces, 1 + a * k * (k - 4), rtol=1e-12)
    assert z(losses, theory.mean_loss_ratio(k, float(width))) < 4
    if k == 4:
        assert (traces == 1).all()
        assert theory.mean_trace_ratio(k, float(width)) == 1
    else:
        assert z(traces, theory.mean_trace_ratio(k, float(width))) < 4


def test_loss_threshold_is_where_the_first_step_changes_sides() -> None:
    a = np.array([1e-6, 0.01, 0.05, 0.1, 0.124])
    for value, threshold in zip(a, theory.k_loss(a), strict=True):
        found = brentq(lambda k, a=value: a * k * k - k + 2, 1.9, 4)
        assert threshold == pytest.approx(found, rel=1e-9)
        for k, rises in ((threshold * 0.999, False), (threshold * 1.001, True)):
            g, _ = step(np.array([k * np.sqrt(value)]), np.array([k]))
            assert (g[0] ** 2 > k**2 * value) == rises
    assert np.isnan(theory.k_loss(np.array([0.125, 0.2, 0.25]))).all()
    k = np.linspace(0.01, 3.99, 400)  # beyond 1/8 the loss falls at once for every k < 4
    for value in (0.125, 0.18, 0.25):
        assert (step(k * np.sqrt(value), k)[0] ** 2 < k**2 * value).all()


def test_units_of_the_top_eigenvalue() -> None:
    s, a = starts(5, 100)
    assert theory.c_over_k(a) == pytest.approx(top_eigenvalue(s, np.ones(100)), rel=1e-14)


def test_first_orders_in_one_over_width() -> None:
    """Errors of the expansions fall like 1 / w^2."""
    law = np.linspace(-12, 12, 20_001)  # integrate the Beta law in sqrt(w) s'
    errors = []
    for width in (200.0, 400.0, 800.0):
        spin = law / np.sqrt(width)
        weights = np.where(np.abs(spin) < 1, (1 - np.minimum(spin**2, 1)) ** (width / 2 - 1), 0)
        weights /= weights.sum()
        a = np.minimum(spin**2 / 4, 0.12)
        c_loss = weights @ (theory.k_loss(a) * theory.c_over_k(a))
        c_max = weights @ (theory.K_MAX * theory.c_over_k(a))
        errors.append([c_loss - theory.mean_c_loss(width), c_max - theory.mean_c_max(width)])
    errors = np.abs(errors)
    assert errors[0].max() < 1e-3
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx(2, abs=0.1)
    assert theory.mean_c_loss(9.0) == pytest.approx(2.25)
    assert theory.mean_c_max(9.0) == pytest.approx(4.3)


def test_divergence_exactly_above_four() -> None:
    s, _ = starts(4, 2000)
    for k, diverges in ((3.99, False), (theory.K_MAX, False), (4.05, True)):
        *_, (g, _) = descend(k * s, np.full_like(s, k), 2000)
        assert np.isnan(g).all() if diverges else np.isfinite(g).all()


def test_losses_below_four_are_bounded() -> None:
    for width in (2, 50):
        s, _ = starts(width, 500)
        for k in (2.5, 3.5, 3.99):
            losses = [g**2 / 2 for g, _ in descend(k * s, np.full_like(s, k), 200)]
            assert np.max(losses) <= k**2 / 8  # w kappa_0^2 / 8 in units of w / eta^2


def test_saturated_trace_is_reached_closer_to_two() -> None:
    errors = []
    for k in (2.4, 2.2, 2.1):
        *_, (g, left) = descend(np.array([1e-4]), np.array([k]), 2000)
        assert abs(g[0]) < 1e-8
        errors.append(abs(left[0] / k - theory.saturated_trace(k)))
    assert errors[1] < 0.02
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
