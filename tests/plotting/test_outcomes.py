"""The strip: its bars have the shares of the outcomes, and none of them is left out."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba

from spectral_atlas.plotting.outcomes import (
    OUTCOME_COLORS,
    OUTCOMES,
    count_outcomes,
    outcome_handles,
    outcome_note,
    outcome_strip,
)
from spectral_atlas.training.outcomes import Outcome


def runs(*groups):
    """Rows (x, row, outcome) of groups (x, row, counts of the four outcomes)."""
    rows = [
        (x, row, outcome)
        for x, row, counts in groups
        for outcome, count in zip(OUTCOMES, counts, strict=True)
        for _ in range(count)
    ]
    return pd.DataFrame(rows, columns=["x", "row", "outcome"])


def bars(ax):
    """(left, right, row, outcome) of every bar."""
    words = {to_rgba(color): word for word, color in OUTCOME_COLORS.items()}
    found = []
    for collection in ax.collections:
        word = words[tuple(collection.get_facecolor()[0])] if collection.get_paths() else None
        for path in collection.get_paths():
            (left, bottom), (right, top) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            found.append((left, right, round((bottom + top) / 2), word))
    return found


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_every_outcome_of_training_has_a_colour_of_its_own_and_a_legend_entry():
    assert {o.name.lower() for o in Outcome} == set(OUTCOMES) == set(OUTCOME_COLORS)
    assert len(set(OUTCOME_COLORS.values())) == len(OUTCOMES)
    handles = outcome_handles()
    assert [h.get_label() for h in handles] == list(OUTCOMES)
    assert [h.get_facecolor() for h in handles] == [to_rgba(OUTCOME_COLORS[o]) for o in OUTCOMES]


def test_counts_of_each_group_add_up():
    frame = runs((1.0, 0.1, (2, 1, 0, 3)), (2.0, 0.1, (0, 0, 4, 0)))
    counts = count_outcomes(frame, ["x", "row"])
    np.testing.assert_array_equal(counts[list(OUTCOMES)], [[2, 1, 0, 3], [0, 0, 4, 0]])
    assert counts["x"].tolist() == [1.0, 2.0]
    assert list(counts.columns) == ["x", "row", *OUTCOMES]


def test_bars_have_the_shares_of_the_outcomes(ax):
    given = {
        (1.0, 0.1): (2, 1, 0, 3),
        (2.0, 0.1): (0, 0, 4, 0),
        (4.0, 0.1): (1, 1, 1, 1),
        (1.0, 0.7): (0, 0, 0, 5),
        (2.0, 0.7): (5, 0, 0, 0),
        (4.0, 0.7): (0, 2, 0, 2),
    }
    counts = count_outcomes(runs(*((*key, c) for key, c in given.items())), ["x", "row"])
    outcome_strip(ax, counts, "x", "row", names=["small", "large"], colors=["red", "blue"])
    cells = {1.0: (0.5, 1.5), 2.0: (1.5, 3.0), 4.0: (3.0, 5.0)}
    drawn = bars(ax)
    for (x, row), outcomes in given.items():
        left, right = cells[x]
        k = [0.1, 0.7].index(row)
        own = sorted(bar for bar in drawn if left <= bar[0] <= right and bar[2] == k)
        shares = {word: (end - start) / (0.88 * (right - left)) for start, end, _, word in own}
        expected = {w: n / sum(outcomes) for w, n in zip(OUTCOMES, outcomes, strict=True) if n}
        assert shares == pytest.approx(expected)
        assert own[0][0] > left
        assert own[-1][1] < right
        gaps = [after[0] - before[1] for before, after in pairwise(own)]
        np.testing.assert_allclose(gaps, 0, atol=1e-12)  # side by side, never one over another
    assert len(drawn) == sum(n > 0 for c in given.values() for n in c)


def test_rows_are_named_from_top_to_bottom_with_their_numbers_of_runs(ax):
    frame = runs((1.0, 0.1, (2, 0, 0, 0)), (2.0, 0.1, (1, 0, 0, 2)), (1.0, 0.7, (0, 0, 0, 5)))
    counts = count_outcomes(frame, ["x", "row"])
    outcome_strip(ax, counts, "x", "row", names=["small", "large"], colors=["red", "blue"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["small", "large"]
    assert [t.get_color() for t in ax.get_yticklabels()] == ["red", "blue"]
    bottom, top = ax.get_ylim()
    assert bottom > top
    assert [(t.get_text(), t.xy[1]) for t in ax.texts] == [("n = 2–3", 0), ("n = 5", 1)]


def test_a_single_point_where_every_run_diverged_is_one_black_bar(ax):
    counts = count_outcomes(runs((0.5, 0.1, (0, 0, 0, 3))), ["x", "row"])
    outcome_strip(ax, counts, "x", "row", names=["only"], colors=["red"])
    ((left, right, row, word),) = bars(ax)
    assert (row, word) == (0, "diverged")
    assert left < 0.5 < right


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["converged"] * 3, "3 runs: all converged"),
        (["converged"], "1 run: converged"),
        (["diverged"], "1 run: 1 diverged (100 %), 0 not converged"),
        (
            ["converged", "unconverged", "collapsed", "converged"],
            "4 runs: 0 diverged, 2 not converged (50 %, open)",
        ),
        (
            ["diverged", "unconverged", "converged"],
            "3 runs: 1 diverged (33 %), 1 not converged (33 %, open)",
        ),
    ],
)
def test_a_note_gives_the_shares_that_failed(outcomes, expected):
    assert outcome_note(pd.Series(outcomes), "open") == expected
