"""Claims on samples: what is measured, and that lost cases count against the claim."""

from typing import Any

import numpy as np
import pytest

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, claim, expected, joined, measured, one

NAN = float("nan")
INF = float("inf")


def sample(*values: float, **more: Any) -> Sample:
    return Sample(np.array(values), [f"case {k}" for k in range(len(values))], **more)


@pytest.mark.parametrize(
    ("kind", "low", "high", "number"),
    [
        ("worst", 1.0, INF, 0.5),
        ("worst", -INF, 1.0, 3.0),
        ("worst", 0.4, 3.5, 0.5),  # nearest to where the claim fails
        ("median", -INF, 9.0, 2.0),
        ("mean", -INF, 9.0, 5.5 / 3),
    ],
)
def test_values(kind: str, low: float, high: float, number: float) -> None:
    assert measured(sample(0.5, 2.0, 3.0), kind, low, high)[0] == pytest.approx(number)


def test_shares_and_counts() -> None:
    flags = sample(1.0, 0.0, 1.0, 1.0)
    assert measured(flags, "share", 0.5, INF)[0] == 0.75
    assert measured(flags, "count", 3, INF)[0] == 3
    assert "not: case 1" in measured(flags, "share", 0.5, INF)[1]


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        *((kind, 0.6, INF) for kind in ("worst", "mean", "share", "sum")),
        *((kind, -INF, 1.5) for kind in ("worst", "mean", "count", "sum")),
    ],
)
def test_a_lost_case_never_helps(kind: str, low: float, high: float) -> None:
    number, detail = measured(sample(1.0, NAN), kind, low, high)
    assert "lost" in detail
    assert not low <= number <= high


def test_a_sum_of_none_says_what_each_row_still_allows() -> None:
    rows = sample(0.0, 0.0, sizes=np.array([1000, 1000]))
    number, detail = measured(rows, "sum", 0, 0)
    assert number == 0
    assert detail.startswith("0 of 2000; each row allows a share of 3/1000 = 0.003")
    grid = sample(0.0, 0.0, sizes=np.array([1000, 1000]), random=False)
    assert "3/1000" not in measured(grid, "sum", 0, 0)[1]
    assert (
        "n from 10 to 1000"
        in measured(sample(0.0, 0.0, sizes=np.array([10, 1000])), "sum", 0, 0)[1]
    )


@pytest.mark.parametrize(
    ("kind", "low", "high", "words"),
    [
        ("worst", 0.5, INF, "x at least 0.5, in the worst case"),
        ("median", -INF, 2, "x at most 2, median of the cases"),
        ("share", 1, INF, "share of cases in which x: at least 1"),
        ("sum", 0, 0, "number of x: 0"),
        ("mean", 1, 2, "x from 1 to 2, mean of the cases"),
    ],
)
def test_bounds_in_words(kind: str, low: float, high: float, words: str) -> None:
    assert expected(kind, "x", low, high) == words


def test_joined_samples_keep_values_labels_and_remarks() -> None:
    both = joined([("A", one(1.0, "a", "said once")), ("B", one(NAN, "b", "said once"))])
    np.testing.assert_array_equal(both.values, [1.0, NAN])
    assert both.labels == ["A a", "B b"]
    assert both.remark == "said once"
    assert len(joined([]).values) == 0


def small(values: list[float], **more: Any) -> Check:
    return claim(
        "X1", "fig", "All are small.", lambda study: sample(*values), high=1.0, what="size",
        tolerance="ours", evidence="derived", **more,
    )  # fmt: skip


def test_a_claim_is_measured_on_its_sample() -> None:
    check = small([0.2, 0.7])
    assert check.measure(None)[0] == 0.7
    assert check.expected == "size at most 1, in the worst case"


def test_a_claim_without_cases_is_not_measured() -> None:
    with pytest.raises(Unmeasured, match="no case at hand"):
        small([]).measure(None)


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"^kind = 'best': must be one of worst, median,"):
        small([1.0], kind="best")
    with pytest.raises(ValueError, match=r"^labels: must be 2, not 1$"):
        Sample(np.zeros(2), ["a"])
