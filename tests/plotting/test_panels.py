"""Panels without anything to show, and labels of log axes."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.ticker import LogFormatterSciNotation

from spectral_atlas.plotting.panels import nothing_to_show
from spectral_atlas.plotting.ticks import plain, plain_powers


@pytest.fixture
def figure():
    made = plt.figure()
    yield made
    plt.close(made)


def test_an_empty_panel_says_so_and_has_limits_of_its_own(figure):
    ax = figure.add_subplot()
    assert nothing_to_show(ax, np.array([np.nan, np.inf]))
    assert [text.get_text() for text in ax.texts] == ["no run to show"]
    assert ax.get_xlim() == ax.get_ylim() == (0.1, 1)


def test_an_empty_panel_leaves_shared_axes_alone(figure):
    upper, lower = figure.subplots(2, 1, sharex=True)
    lower.set_xlim(40, 2000)
    assert nothing_to_show(upper, np.array([np.nan]))
    assert lower.get_xlim() == (40, 2000)
    assert upper.get_ylim() == (0.1, 1)


def test_a_panel_with_a_value_is_left_as_it_is(figure):
    ax = figure.add_subplot()
    assert not nothing_to_show(ax, np.array([np.nan, 3.0]))
    assert not ax.texts


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (r"$\mathdefault{10^{-12}}$", "10⁻¹²"),
        (r"$\mathdefault{2\times10^{3}}$", "2×10³"),
        (r"$\eta$", r"$\eta$"),
        ("", ""),
    ],
)
def test_powers_of_ten_become_plain_text(label, expected):
    assert plain(label) == expected


@pytest.mark.parametrize("limits", [(1e-33, 10.0), (0.2, 0.9), (2e-3, 4e2)])
def test_plain_labels_stand_at_the_same_ticks(figure, limits):
    plain_ax, usual = figure.subplots(1, 2)
    for ax in (plain_ax, usual):
        ax.set(yscale="log", ylim=limits)
    usual.yaxis.set_minor_formatter(LogFormatterSciNotation(labelOnlyBase=False))
    plain_ax.yaxis.set_minor_formatter(LogFormatterSciNotation(labelOnlyBase=False))
    usual.figure.draw_without_rendering()
    wanted = [
        [plain(t.get_text()) for t in usual.get_yticklabels(minor=minor)] for minor in (False, True)
    ]
    plain_powers(figure)
    figure.draw_without_rendering()
    found = [
        [t.get_text() for t in plain_ax.get_yticklabels(minor=minor)] for minor in (False, True)
    ]
    assert found == wanted
    assert not any("$" in text for text in found[0])
