"""Periodic orbits of x -> x + a x (1 - x^2), against polynomial roots, scans and counting words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.periodic import (
    orbit_multipliers,
    orbit_points,
    periodic_orbits,
)
from spectral_atlas.papers.craciun2024.solve import image_and_slope
from spectral_atlas.spectra.gd_map import orbit_multipliers as composed

Array = np.ndarray
DOUBLED = [1.23606798, 1.28803175, 1.29922794]
VALUES = [0.6, 1.0, 1.0001, 1.05, 1.237, 1.27, 1.289, 1.33, 1.45, 1.4838, 1.5, 1.55, 1.597, 1.62]


def by_polynomial(a: float, period: int) -> Array:
    """All x > 0 of prime period `period` with their orbits in x > 0, by roots of f^k(x) - x."""
    f = np.polynomial.Polynomial([0, 1 + a, 0, -a])
    power = np.polynomial.Polynomial([0, 1])
    for _ in range(period):
        power = f(power)
    roots = (power - np.polynomial.Polynomial([0, 1])).roots()
    x = np.sort(roots[np.abs(roots.imag) < 1e-7].real)
    points = orbit_points(np.full(len(x), a), x, period)
    lower = np.abs(points[:, 1:] - x[:, None]).min(axis=1, initial=np.inf) < 1e-6
    return x[(points > 1e-9).all(axis=1) & ~lower]


def by_scan(a: float, period: int) -> int:
    """Sign changes of f^k(x) - x over orbits that stay in x > 0."""
    x = np.linspace(0, np.sqrt(1 + 1 / a), 400_003)[1:-1]
    y, inside = x.copy(), np.ones(len(x), dtype=bool)
    for _ in range(period):
        y = theory.diagonal_map(y, a)
        inside &= y > 0
    signs = np.signbit(y - x)
    return int(((signs[1:] != signs[:-1]) & inside[1:] & inside[:-1]).sum())


@pytest.mark.parametrize("a", [1.05, 1.3, 1.45, 1.49, 1.56, 1.62])
@pytest.mark.parametrize("period", [2, 3])
def test_points_are_the_roots_of_the_polynomial(a: float, period: int) -> None:
    orbits = periodic_orbits(np.array([a]), [period])
    points = orbit_points(np.full(len(orbits.x), a), orbits.x, period)
    np.testing.assert_allclose(np.sort(points.ravel()), by_polynomial(a, period), atol=1e-6)


@pytest.mark.parametrize("a", [0.6, 1.05, 1.237, 1.289, 1.33, 1.45, 1.4838, 1.5, 1.55, 1.62])
def test_as_many_fixed_points_of_iterates_as_sign_changes(a: float) -> None:
    """A fixed point of f^n for each point of prime period k | n."""
    orbits = periodic_orbits(np.array([a]), list(range(1, 9)))
    for n in range(1, 9):
        counted = sum(k * int((orbits.period == k).sum()) for k in range(1, n + 1) if n % k == 0)
        assert counted == by_scan(a, n), n


def test_every_word_has_an_orbit_where_all_leave() -> None:
    """Beyond the dead zone f is a full horseshoe: one orbit for each necklace but that of x = 0."""
    orbits = periodic_orbits(np.array([1.6, 1.9]), list(range(1, 13)))
    necklaces = [1, 1, 2, 3, 6, 9, 18, 30, 56, 99, 186, 335]
    for value in (0, 1):
        found = np.bincount(orbits.period[orbits.value == value], minlength=13)[1:]
        assert found.tolist() == necklaces


def test_orbits_close_have_their_prime_period_and_are_distinct() -> None:
    a = np.array(VALUES)
    orbits = periodic_orbits(a, [1, 2, 3, 4, 6, 8, 12])
    for k in (2, 3, 4, 6, 8, 12):
        mine = orbits.period == k
        at = a[orbits.value[mine]]
        points = orbit_points(at, orbits.x[mine], k)
        assert points.min() > 0
        np.testing.assert_allclose(theory.diagonal_map(points[:, -1], at), points[:, 0], atol=1e-9)
        for value in np.unique(orbits.value[mine]):
            x = np.sort(points[orbits.value[mine] == value].ravel())
            assert np.diff(x).min(initial=1) > 1e-8, (k, a[value])


def test_order_and_company_do_not_matter() -> None:
    a = np.array(VALUES)
    all_at_once = periodic_orbits(a, [8, 1, 4, 2])
    assert np.array_equal(
        np.lexsort((all_at_once.x, all_at_once.period, all_at_once.value)),
        np.arange(len(all_at_once.x)),
    )
    for i, value in enumerate(a):
        alone = periodic_orbits(np.array([value]), [1, 2, 4, 8])
        mine = all_at_once.value == i
        for name in ("period", "x", "cascade"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(all_at_once, name)[mine])


def test_cascade_is_born_by_doublings_and_never_lost() -> None:
    a = np.array([1.2, 1.237, 1.287, 1.2881, 1.2991, 1.29924, 1.33, 1.45, 1.62])
    orbits = periodic_orbits(a, [1, 2, 4, 8, 16])
    for k, born in zip((2, 4, 8, 16), [1.0, *DOUBLED], strict=True):
        mine = (orbits.period == k) & orbits.cascade
        assert np.bincount(orbits.value[mine], minlength=len(a)).tolist() == (a > born).tolist()


@pytest.mark.parametrize(("k", "born"), [(2, 1.0), (4, 1.2360679775), (8, 1.288031746)])
def test_doubled_orbit_surrounds_its_parent(k: int, born: float) -> None:
    """Just after birth, in the parent's own laps, where the first and the last of three are new."""
    a = np.array([born + 1e-5])
    orbits = periodic_orbits(a, [k // 2, k])
    parent, child = (orbits.x[(orbits.period == n) & orbits.cascade] for n in (k // 2, k))
    at = a[[0]]
    parent, child = orbit_points(at, parent, k // 2), np.sort(orbit_points(at, child, k))
    np.testing.assert_allclose(child.reshape(-1, 2).mean(1), np.sort(parent)[0], atol=1e-4)
    assert orbit_multipliers(at, child)[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("k", "low", "high"), [(2, 1.1, 1.2), (4, 1.24, 1.287), (3, 1.45, 1.46)])
def test_orbit_through_the_critical_point_is_not_missed(k: int, low: float, high: float) -> None:
    """Its lap changes there: it must be found once on both sides."""

    def miss(a: float) -> float:
        c = np.array((1 + a) / (3 * a)) ** 0.5
        return float(image_and_slope(np.array(a), c, k)[0] - c)

    a = brentq(miss, low, high, xtol=1e-16)
    near = a + np.array([-1e-6, -1e-8, -1e-10, -1e-12, 1e-12, 1e-10, 1e-8, 1e-6])
    orbits = periodic_orbits(near, [k])
    points = orbit_points(near[orbits.value], orbits.x, k)
    along = orbit_multipliers(near[orbits.value], points)[0]
    assert np.bincount(orbits.value[np.abs(along) < 0.1]).tolist() == [1] * len(near)


def test_multipliers_are_those_of_the_composed_jacobian() -> None:
    a = np.array([1.1, 1.25, 1.29, 1.45])
    orbits = periodic_orbits(a, [1, 2, 4])
    for k in (1, 2, 4):
        mine = orbits.period == k
        at, x = a[orbits.value[mine]], orbits.x[mine]
        points = orbit_points(at, x, k)
        along, across = orbit_multipliers(at, points)
        dense = composed(theory.hessian(points, points), at / 2).real
        expected = np.sort(np.stack([along, across], axis=-1))
        np.testing.assert_allclose(np.sort(dense), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(image_and_slope(at, x, k)[1], along, rtol=1e-9)


@pytest.mark.parametrize("periods", [[17], [0, 1]])
def test_periods_have_bounds(periods: list[int]) -> None:
    with pytest.raises(ValueError, match="must be within 1 and 16"):
        periodic_orbits(np.array([1.2]), periods)
