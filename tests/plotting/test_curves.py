"""Cells, limits, dots, labels: each piece on its own axes."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

from spectral_atlas.plotting.curves import (
    beside,
    cell_edges,
    dots,
    few_ticks,
    label_right,
    log_limits,
    mean_curve,
    no_minor,
    plain_log_ticks,
    reference,
    spread,
)


@pytest.fixture
def ax():
    figure, ax = plt.subplots(figsize=(4, 3))
    yield ax
    plt.close(figure)


def by_marker(ax, marker):
    (line,) = (line for line in ax.lines if line.get_marker() == marker)
    return line


@pytest.mark.parametrize("most", [2, 3, 9, 40])
@pytest.mark.parametrize("count", [1, 2, 8, 9, 10, 39, 41, 1000])
def test_spread_places_are_even_and_hold_both_ends(count, most):
    places = spread(count, most)
    assert len(places) == min(count, most)
    assert (places[0], places[-1]) == (0, count - 1)
    steps = np.diff(places)
    assert (steps >= 1).all()
    assert steps.size == 0 or np.ptp(steps) <= 1


def test_spread_of_none_or_to_one():
    assert spread(0, 5).tolist() == []
    assert spread(5, 1).tolist() == [0]


@pytest.mark.parametrize(
    ("grid", "edges"),
    [
        ([1.0, 2.0, 4.0], [0.5, 1.5, 3.0, 5.0]),
        ([0.0, 1.0], [-0.5, 0.5, 1.5]),
        ([2.0], [1.9, 2.1]),
        ([-2.0], [-2.1, -1.9]),
        ([0.0], [-0.05, 0.05]),
    ],
)
def test_cells_meet_in_the_middle(grid, edges):
    np.testing.assert_allclose(cell_edges(grid), edges)


@pytest.mark.parametrize("grid", [[0.25], [0.1, 0.2, 0.8], [0.0, 1.0]])
@pytest.mark.parametrize("slots", [1, 2, 5])
def test_moved_values_stay_in_their_cells_and_apart(grid, slots):
    x = np.array(grid)
    moved = np.array([beside(x, grid, slot, slots) for slot in range(slots)])
    edges = cell_edges(grid)
    assert (moved > edges[:-1]).all()
    assert (moved < edges[1:]).all()
    np.testing.assert_allclose(moved.mean(axis=0), x, atol=1e-15)
    assert (np.diff(moved, axis=0) > 0.1 * np.diff(edges).min()).all()


def test_repeated_values_move_alike_and_none_moves_nowhere():
    first, second, third = beside(np.array([0.2, 0.1, 0.2]), [0.1, 0.2, 0.4], 0, 2)
    assert first == third != second
    assert beside(np.array([]), [0.1, 0.2], 0, 2).shape == (0,)


def test_log_limits_hold_every_positive_value():
    low, high = log_limits(np.array([3.0, np.nan, 0.0, -5.0, np.inf, 700.0]))
    assert 0 < low < 3 < 700 < high
    assert low > 1
    assert high < 2000


def test_log_limits_of_one_value_have_room_around_it():
    low, high = log_limits(np.array([[5.0, 5.0]]))
    assert low < 5 < high < 10


def test_log_limits_without_any_value():
    assert log_limits(np.array([np.nan, -1.0])) == (0.1, 10.0)
    assert log_limits(np.array([]), preferred=(1.0, 2.0)) == (1.0, 2.0)


def test_preferred_limits_hold_only_where_everything_fits():
    assert log_limits(np.array([2.0, 5.0]), preferred=(1.0, 10.0)) == (1.0, 10.0)
    low, high = log_limits(np.array([2.0, 50.0]), preferred=(1.0, 10.0))
    assert low < 2 < 50 < high


def test_values_below_the_floor_do_not_stretch_the_axis():
    assert 0.5 < log_limits(np.array([1e-12, 1.0, 9.0]), floor=1.0)[0] < 1
    low, high = log_limits(np.array([1e-12, 1e-11]), floor=1.0)  # all below: the largest counts
    assert low < 1e-11 < high


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("largest", [1e200, 1e300, np.finfo(float).max])
def test_limits_are_finite_however_far_a_run_went(ax, largest):
    low, high = log_limits(np.array([1e-320, 1e-33, 1.0, largest]), floor=1e-33)
    assert 0 < low <= 1e-33
    assert largest <= high < np.inf
    ax.set_yscale("log")
    ax.set_ylim(low, high)


def test_mean_curve_draws_mean_and_band_and_opens_markers(ax):
    x, mean = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, np.nan])
    open_at = np.array([False, True, True])
    line = mean_curve(
        ax, x, mean, mean - 1, mean + 2, open_at=open_at, color="red", marker="s", label="name"
    )  # fmt: skip
    np.testing.assert_array_equal(line.get_ydata(), mean)
    assert line.get_label() == "name"
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert {(1.0, 3.0), (1.0, 6.0), (2.0, 4.0), (2.0, 7.0)} <= {tuple(c) for c in corners}
    (hollow,) = (other for other in ax.lines if other is not line)
    assert to_rgba(hollow.get_markerfacecolor()) == to_rgba("white")
    np.testing.assert_array_equal(hollow.get_xdata(), [2, 3])
    assert hollow.get_zorder() > line.get_zorder()


@pytest.mark.parametrize("open_at", [None, np.zeros(2, dtype=bool)])
def test_mean_curve_without_a_missing_run_has_no_open_marker(ax, open_at):
    x = np.array([1.0, 2.0])
    mean_curve(ax, x, x, x, x, open_at=open_at, color="red", marker="s", label="name")
    assert len(ax.lines) == 1


def test_dots_that_leave_the_axis_are_triangles_on_its_lower_end(ax):
    ax.set(yscale="log", ylim=(1.0, 100.0))
    x = np.arange(6.0)
    assert dots(ax, x, np.array([5.0, 1e-9, 50.0, 0.0, -3.0, np.nan]), color="red") == 3
    triangles, inside = by_marker(ax, "v"), by_marker(ax, ".")
    np.testing.assert_array_equal(triangles.get_xdata(), [1, 3, 4])
    np.testing.assert_array_equal(triangles.get_ydata(), [1, 1, 1])
    assert triangles.get_clip_on() is False
    np.testing.assert_array_equal(inside.get_xdata(), [0, 2, 5])


def test_dots_inside_the_axis_need_no_triangle(ax):
    ax.set(yscale="log", ylim=(1.0, 100.0))
    assert dots(ax, np.arange(2.0), np.array([5.0, 50.0]), color="red") == 0
    assert [line.get_marker() for line in ax.lines] == ["."]


def test_reference_is_a_line_across_the_axes(ax):
    line = reference(ax, 7.0, style="--")
    np.testing.assert_array_equal(line.get_ydata(), [7, 7])
    np.testing.assert_array_equal(line.get_xdata(), [0, 1])
    assert line.get_linestyle() == "--"


def test_plain_ticks_of_a_decade(ax):
    ax.set(yscale="log", ylim=(0.9, 11))
    plain_log_ticks(ax)
    shown = [tick for tick in ax.get_yticks() if 0.9 <= tick <= 11]
    np.testing.assert_allclose(shown, [1, 2, 5, 10])
    assert ax.yaxis.get_major_formatter()(0.5) == "0.5"


def test_an_axis_of_many_decades_keeps_its_powers_of_ten(ax):
    ax.set(yscale="log", ylim=(1.0, 1e6))
    plain_log_ticks(ax)
    assert "10" in ax.yaxis.get_major_formatter()(1e4)
    assert ax.yaxis.get_major_formatter()(1e4) != "10000"


def shown(axis):
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return {float(at): text.get_text() for at, text in ticks if low <= at <= high}


@pytest.mark.parametrize("name", ["x", "y"])
def test_plain_ticks_of_either_axis_upside_down_too(ax, name):
    ax.set(xscale="log", yscale="log", **{f"{name}lim": (11, 0.9)})
    other = shown(ax.yaxis if name == "x" else ax.xaxis)
    plain_log_ticks(ax, name)
    assert shown(getattr(ax, f"{name}axis")) == {1: "1", 2: "2", 5: "5", 10: "10"}
    assert shown(ax.yaxis if name == "x" else ax.xaxis) == other


def test_how_far_apart_the_ends_may_be(ax):
    ax.set(yscale="log", ylim=(1.0, 50))
    plain_log_ticks(ax, most=20.0)
    assert "2" not in shown(ax.yaxis).values()
    plain_log_ticks(ax, most=51.0)
    assert "2" in shown(ax.yaxis).values()


def test_few_ticks_of_close_values_are_three_of_them(ax):
    ax.set(xscale="log", xlim=(0.3, 0.6))
    few_ticks(ax, [0.5, 0.31, 0.31, 0.4, 0.3333333], "x")
    assert shown(ax.xaxis) == {0.31: "0.31", 0.4: "0.4", 0.5: "0.5"}
    assert ax.xaxis.get_minorticklocs().size == 0
    few_ticks(ax, [0.4], "x")
    assert shown(ax.xaxis) == {0.4: "0.4"}


@pytest.mark.parametrize(("high", "plain"), [(19.0, True), (21.0, False)])
def test_few_ticks_of_values_further_apart_are_the_plain_ones(ax, high, plain):
    ax.set(yscale="log", ylim=(1.0, high))
    few_ticks(ax, [1.5, 7.5])
    assert ("5" in shown(ax.yaxis).values()) == plain
    assert 7.5 not in shown(ax.yaxis)


def test_small_ticks_go_from_one_axis_only(ax):
    ax.set(xscale="log", yscale="log", xlim=(1, 100), ylim=(1, 100))
    no_minor(ax, "x")
    assert ax.xaxis.get_minorticklocs().size == 0 < ax.yaxis.get_minorticklocs().size


def test_labels_stand_beside_their_lines_where_there_is_room(ax):
    ax.set(yscale="log", ylim=(1.0, 100.0))
    label_right(ax, [(10.0, "middle", "red"), (1.0, "bottom", "blue"), (1e9, "outside", "red")])
    found = {text.get_text(): (text.xy[1], text.get_color()) for text in ax.texts}
    assert set(found) == {"middle", "bottom"}
    assert found["middle"] == (pytest.approx(0.5), "red")
    assert found["bottom"] == (pytest.approx(0.0), "blue")


def test_crowded_labels_move_apart_in_order_and_evenly(ax):
    ax.set_ylim(0, 1)
    wanted = [0.5, 0.52, 0.51, 0.9]
    label_right(ax, [(y, f"{y}", "black") for y in wanted], gap=0.1)
    y = {float(text.get_text()): text.xy[1] for text in ax.texts}
    np.testing.assert_allclose([y[0.5], y[0.51], y[0.52], y[0.9]], [0.41, 0.51, 0.61, 0.9])


def test_no_label_is_no_error(ax):
    label_right(ax, [])
    assert not ax.texts
