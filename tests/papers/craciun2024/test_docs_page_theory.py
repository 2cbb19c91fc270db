"""The theory of docs/craciun2024.md, section 2, has the numbers of the code."""

import re

import numpy as np
import pytest
from paper_page import Page

from spectral_atlas import spectra
from spectral_atlas.papers.craciun2024 import relu_chain, theory
from spectral_atlas.papers.craciun2024.figures import balanced_orbits
from spectral_atlas.papers.craciun2024.problems import linear
from spectral_atlas.spectra.gd_map import orbit_multipliers
from spectral_atlas.spectra.linear_map_hessian import linear_map_hessian

PAGE = Page("craciun2024")


def numbers(cell):
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", cell)]


@pytest.mark.parametrize("row", PAGE.table("2", "eta", "w_1 > 0 from"), ids=lambda row: row[0])
def test_the_stable_parts_of_the_page_are_those_of_the_code(row):
    eta, *shown = map(float, row)
    computed = *theory.stable_interval(eta), theory.stable_arclength(eta), theory.stable_radius(eta)
    assert shown == pytest.approx([float(value) for value in computed], abs=6e-5)


@pytest.mark.parametrize("row", PAGE.table("2", "a", "larger x"), ids=lambda row: row[0])
def test_the_orbits_of_the_page_are_those_of_the_code(row):
    a, *shown = map(float, row)
    along, across = theory.period_two_multipliers(a)
    computed = [*theory.period_two_points(a), along, across, theory.asymptotic_gradient(a)]
    assert shown == pytest.approx([float(value) for value in computed], abs=6e-5)


@pytest.mark.parametrize("row", PAGE.table("2", "eta", "p"), ids=lambda row: row[0])
def test_the_exponents_of_the_page_are_those_of_the_code(row):
    eta, p = map(float, row[:2])
    for cell, stable in zip(row[2:], (theory.gd_stable, theory.sgd_stable), strict=True):
        ends = [end for interval in stable(eta, (0.9, 2.5), p) for end in interval]
        assert numbers(cell) == pytest.approx(ends, abs=6e-5)


def test_the_thresholds_of_the_page_are_those_of_the_code():
    text = PAGE.prose("2")
    doubling = float(re.search(r"2 -> 4 at a = ([\d.]+),", text)[1])
    assert doubling == pytest.approx(theory.DOUBLING, abs=6e-5)
    dead = float(re.search(r"3 sqrt\(3\) / 2 - 1 = ([\d.]+) on", text)[1])
    assert dead == pytest.approx(theory.DEAD_ZONE, abs=6e-5)
    assert relu_chain.mean_square((0.9, 2.5)) == pytest.approx(3.53)
    assert "(0.81 + 6.25) / 2 = 3.53" in PAGE.prose("6")


def two_mode_moduli(a, rho, imbalance):
    """Largest modulus other than 1 of 2-2-2 at period two, white data, sigma = 1, rho."""
    arch, target = linear([2, 2, 2]), np.diag([1.0, rho])
    second = rho**0.5 * np.array([imbalance, 1 / imbalance])
    orbit = [
        np.concatenate([np.diag([x, weight]).ravel() for weight in second])
        for x in theory.period_two_points(a)
    ]
    hessians = linear_map_hessian(arch, np.array(orbit), target, np.ones((2, 2))).dense()
    values = np.abs(orbit_multipliers(hessians, a / 2))
    return values[np.abs(values - 1) > 1e-6].max()


@pytest.mark.parametrize("rho", [0.9, 2 / 3, 0.65])
def test_the_second_mode_ends_period_two_where_the_page_says(rho):
    assert "**a = 2 / (1 + rho)**" in PAGE.prose("2")
    end = 2 / (1 + rho)
    assert two_mode_moduli(end - 1e-3, rho, 1) < 1 < two_mode_moduli(end + 1e-3, rho, 1)


def test_an_unbalanced_second_mode_ends_it_sooner_as_the_page_says():
    text = PAGE.prose("2")
    number = r"(\d\.\d+)"
    first = re.search(rf"for u from {number} to {number} at a = {number},", text)
    others = re.findall(rf" {number} to {number} at (1\.15|1\.19),", text)
    assert first
    assert len(others) == 2
    for low, high, a in [first.groups(), *others]:
        for end, outward in ((float(low), -0.01), (float(high), 0.01)):
            assert two_mode_moduli(float(a), 2 / 3, end - outward) < 1
            assert two_mode_moduli(float(a), 2 / 3, end + outward) > 1
    assert "for no u at 1.2001 and beyond" in text
    for u in np.exp(np.linspace(-1, 1, 41)):
        assert two_mode_moduli(1.2001, 2 / 3, u) > 1
    shown = float(re.search(rf"a = 1\.05, u = 1\.3 the largest modulus is {number}", text)[1])
    assert two_mode_moduli(1.05, 2 / 3, 1.3) == pytest.approx(shown, abs=6e-4)


def test_the_starts_that_lead_to_the_saddle_are_those_of_the_page():
    text = PAGE.prose("2")
    assert "**w_1 w_2 = 1 + 1/(2 eta)**" in text
    assert "(eta = 1/4: (1.5, 2), computed)" in text
    w = np.array([1.5, 2.0])
    assert theory.lands_on_antidiagonal(0.25) == w.prod()
    w = w + 0.5 * (1 - w.prod()) * w[::-1]
    assert w.sum() == 0
    assert abs(w[0]) < theory.saddle_reach(0.25)
    for side in (13, 25):
        assert {1.5, 2.0} <= set(np.linspace(-3, 3, side))


def test_doublings_of_deeper_networks_are_those_of_the_code():
    found = re.findall(r"(\d\.\d+) \(H = (\d)\)", PAGE.prose("2"))
    assert [int(depth) for _, depth in found] == [2, 3, 4]
    for a, depth in found:
        assert float(a) == pytest.approx(balanced_orbits.doubling(int(depth)), abs=6e-5)


def test_period_two_lasts_longer_where_the_second_mode_is_small():
    assert pytest.approx(theory.DOUBLING) == 2 / (1 + (5**0.5 - 1) / 2)
    assert "below sqrt(5) - 1 where rho > (sqrt(5) - 1) / 2" in PAGE.prose("2")


def test_bounded_and_unbounded_networks_of_the_page_are_those_of_the_code():
    text = PAGE.prose("2")
    assert "two layers of any width, scalar chains of any depth" in text
    one, two = np.ones((1, 1)), np.diag([1.5, 1.0])
    assert spectra.stable_set_is_bounded(linear([1] * 5), one)
    assert spectra.stable_set_is_bounded(linear([2, 30, 2]), two)
    assert "1-2-2-1 with" in text
    assert not spectra.stable_set_is_bounded(linear([1, 2, 2, 1]), one)
