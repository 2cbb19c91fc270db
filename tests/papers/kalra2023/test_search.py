"""Searches on grids against looking at every number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectral_atlas.papers.kalra2023.search import Brackets, bisect, first_true

GRIDS = st.integers(1, 40)


class Asked:
    """Whether k reaches each member's threshold; remembers what was asked."""

    def __init__(self, thresholds):
        self.thresholds, self.asked = np.asarray(thresholds), []

    def __call__(self, members, k):
        assert len(members) == len(k) == len(set(members.tolist())) > 0
        self.asked += list(zip(members.tolist(), k.tolist(), strict=True))
        return k >= self.thresholds[members]


@st.composite
def problems(draw):
    """A grid and thresholds: from the start (0), inside, never (n)."""
    n = draw(GRIDS)
    return n, draw(st.lists(st.integers(0, n), min_size=1, max_size=6))


@given(problems())
def test_bisection_finds_the_thresholds(problem):
    n, thresholds = problem
    predicate = Asked(thresholds)
    found = bisect(predicate, Brackets.whole(len(thresholds), n))
    assert found.tolist() == thresholds
    assert len(set(predicate.asked)) == len(predicate.asked)
    assert all(0 <= k < n for _, k in predicate.asked)
    most = int(np.ceil(np.log2(n + 1)))
    assert len(predicate.asked) <= most * len(thresholds)


@given(problems(), st.data())
def test_bisection_from_narrower_brackets_asks_only_inside(problem, data):
    n, thresholds = problem
    low = np.array([data.draw(st.integers(-1, t - 1)) for t in thresholds])
    high = np.array([data.draw(st.integers(t, n)) for t in thresholds])
    predicate = Asked(thresholds)
    found = bisect(predicate, Brackets(low.copy(), high.copy()))
    assert found.tolist() == thresholds
    assert all(low[m] < k < high[m] for m, k in predicate.asked)


@given(problems())
def test_a_closed_bracket_asks_nothing(problem):
    _, thresholds = problem
    predicate, at = Asked(thresholds), np.array(thresholds)
    assert bisect(predicate, Brackets(at - 1, at)).tolist() == thresholds
    assert predicate.asked == []


@given(problems())
def test_one_after_another_finds_the_same(problem):
    n, thresholds = problem
    members = len(thresholds)
    found = first_true(Asked(thresholds), members, n, np.full(members, n))
    assert found.tolist() == thresholds


@given(st.integers(1, 5), GRIDS, st.data())
def test_first_true_assumes_nothing(members, n, data):
    table = np.array(
        [data.draw(st.lists(st.booleans(), min_size=n, max_size=n)) for _ in range(members)]
    )
    upto = np.array([data.draw(st.integers(-1, n)) for _ in range(members)])
    asked = []

    def predicate(rows, k):
        asked.extend(zip(rows.tolist(), k.tolist(), strict=True))
        return table[rows, k]

    found = first_true(predicate, members, n, upto)
    for m in range(members):
        hits = [k for k in range(n) if table[m, k] and k <= upto[m]]
        assert found[m] == (hits[0] if hits else n)
        last = min(found[m], upto[m], n - 1)  # nothing is asked beyond the answer
        assert [k for row, k in asked if row == m] == list(range(last + 1))


@given(problems(), st.data())
def test_members_do_not_depend_on_each_other(problem, data):
    n, thresholds = problem
    together = Asked(thresholds)
    bisect(together, Brackets.whole(len(thresholds), n))
    for m, threshold in enumerate(thresholds):
        alone = Asked([threshold])
        bisect(alone, Brackets.whole(1, n))
        assert [k for row, k in together.asked if row == m] == [k for _, k in alone.asked]


@given(problems(), st.data())
def test_a_predicate_may_narrow_the_brackets_of_another_search(problem, data):
    """What is seen on the way to one threshold is used for a lower one."""
    n, thresholds = problem
    lower = [data.draw(st.integers(0, t)) for t in thresholds]
    second = Brackets.whole(len(thresholds), n)

    def predicate(rows, k):
        second.learn(rows, k, k >= np.array(lower)[rows])
        return k >= np.array(thresholds)[rows]

    assert bisect(predicate, Brackets.whole(len(thresholds), n)).tolist() == thresholds
    assert (second.low < lower).all()
    assert (second.high >= lower).all()
    rest = Asked(lower)
    assert bisect(rest, second).tolist() == lower


def test_learning_never_widens():
    brackets = Brackets(np.array([3, 3]), np.array([7, 7]))
    brackets.learn(np.array([0, 1]), np.array([9, 1]), np.array([True, False]))
    assert brackets.low.tolist() == [3, 3]
    assert brackets.high.tolist() == [7, 7]
    brackets.learn(np.array([1]), np.array([5]), np.array([True]))
    assert brackets.high.tolist() == [7, 5]
    assert brackets.open.tolist() == [0, 1]
    brackets.learn(np.array([1]), np.array([4]), np.array([False]))
    assert brackets.low.tolist() == [3, 4]
    assert brackets.open.tolist() == [0]


@pytest.mark.parametrize("threshold", [0, 5])
def test_the_ends_of_a_grid(threshold):
    """0: from the first number on; 5: never on a grid of five."""
    assert bisect(Asked([threshold]), Brackets.whole(1, 5)).tolist() == [threshold]
