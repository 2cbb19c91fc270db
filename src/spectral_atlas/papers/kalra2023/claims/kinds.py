"""The kinds of claims: means within bounds, every run within bounds, samples in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import comb

import numpy as np
from scipy import stats

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.kalra2023.claims.samples import LOST, Sample, outranks, sign_test
from spectral_atlas.papers.kalra2023.claims.study import Study

Array = np.ndarray
LEVEL = 0.05
ROUNDING = 1e-9  # bounds that are not allowed themselves are off by it
RANKS = f"level {LEVEL:g} of the test for each pair; all must pass, so it is the level of the whole"
Samples = Callable[[Study], Sequence[Sample]]


def means(
    id: str,
    figure: str,
    statement: str,
    samples: Samples,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    what: str,
    tolerance: str,
    evidence: str,
) -> Check:
    """A claim on the mean over runs; of several samples the worst mean decides."""

    def measure(study: Study) -> tuple[float, str]:
        found = samples(study)
        worst = farthest([s.mean for s in found], low, high)
        return worst, "; ".join(s.listed for s in found)

    expected = f"mean {what} {_bounds(low, high)}; of several samples, the worst"
    return Check(id, figure, statement, expected, low, high, tolerance, evidence, measure)


def every_run(
    id: str,
    figure: str,
    statement: str,
    samples: Samples,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    what: str,
    tolerance: str,
    evidence: str,
) -> Check:
    """A claim on each run: the worst one decides."""

    def measure(study: Study) -> tuple[float, str]:
        found = samples(study)
        worst = farthest(np.concatenate([s.values for s in found]), low, high)
        return worst, "; ".join(s.listed for s in found)

    expected = f"{what} {_bounds(low, high)} in the worst run"
    return Check(id, figure, statement, expected, low, high, tolerance, evidence, measure)


def in_order(
    id: str,
    figure: str,
    statement: str,
    samples: Samples,
    *,
    evidence: str,
    separate: bool = False,
) -> Check:
    """A claim that samples fall from each to the next.

    Parameters
    ----------
    samples : function
        From the largest to the smallest; or, with `separate`, in pairs of a larger and a smaller.
    """

    def measure(study: Study) -> tuple[float, str]:
        found = list(samples(study))
        pairs = (
            list(zip(found[::2], found[1::2], strict=True)) if separate else list(pairwise(found))
        )
        for larger, smaller in pairs:
            n, m = len(larger.values), len(smaller.values)
            if 1 / comb(n + m, n) > LEVEL:
                raise Unmeasured(f"{n} and {m} runs are too few for the test: {smaller.label}")
        p = max(outranks(larger, smaller) for larger, smaller in pairs)
        return p, "; ".join(s.listed for s in found)

    return Check(
        id, figure, statement, f"one-sided Mann-Whitney p-value at most {LEVEL:g} for each pair",
        0.0, LEVEL, RANKS, evidence, measure,
    )  # fmt: skip


def paired(id: str, figure: str, statement: str, samples: Samples, *, evidence: str) -> Check:
    """A claim that one number of a run is larger than another: samples of their ratios.

    Equal ones count against it, so that the exact sign test is conservative.
    """

    def measure(study: Study) -> tuple[float, str]:
        found = samples(study)
        for s in found:
            if 0.5 ** len(s.values) > LEVEL:
                raise Unmeasured(f"{len(s.values)} pairs are too few for the test: {s.label}")
        larger = [int((s.values > 1 + ROUNDING).sum()) for s in found]
        p = max(sign_test(n, len(s.values)) for n, s in zip(larger, found, strict=True))
        return p, "; ".join(
            f"{n} of {len(s.values)} over 1, {s.listed}" for n, s in zip(larger, found, strict=True)
        )

    return Check(
        id, figure, statement, f"one-sided p-value of the exact sign test, by seed, at most "
        f"{LEVEL:g} for each pair of samples",
        0.0, LEVEL, RANKS, evidence, measure,
    )  # fmt: skip


def trend(
    id: str,
    figure: str,
    statement: str,
    samples: Callable[[Study], Mapping[float, Sample]],
    *,
    evidence: str,
    fewest: int = 8,
) -> Check:
    """A claim that samples fall with a number, on all runs together: samples by that number."""

    def measure(study: Study) -> tuple[float, str]:
        found = samples(study)
        x = np.repeat(list(found), [len(s.values) for s in found.values()])
        if len(x) < fewest:
            raise Unmeasured(f"{len(x)} of at least {fewest} runs")
        y = np.concatenate([s.values for s in found.values()])
        p = float(stats.kendalltau(x, y, alternative="less").pvalue)
        return p, "; ".join(s.listed for s in found.values())

    return Check(
        id, figure, statement, f"one-sided p-value of Kendall's tau at most {LEVEL:g}", 0.0, LEVEL,
        "level of the test", evidence, measure,
    )  # fmt: skip


def share(
    id: str,
    figure: str,
    statement: str,
    counts: Callable[[Study], Iterable[tuple[str, int, int]]],
    *,
    low: float = 0.0,
    high: float = 1.0,
    what: str,
    tolerance: str,
    evidence: str,
    fewest: int = 1,
) -> Check:
    """A claim on how many of the runs do something: (label, those that do, runs) of each sample."""

    def measure(study: Study) -> tuple[float, str]:
        found = list(counts(study))
        total = sum(n for _, _, n in found)
        if total < fewest:
            raise Unmeasured(f"{total} of at least {fewest} runs")
        detail = ", ".join(f"{label}: {do} of {n}" for label, do, n in found)
        return sum(do for _, do, _ in found) / total, detail

    bounds = _bounds(low if low > 0 else -np.inf, high if high < 1 else np.inf)
    expected = f"share of runs {what} {bounds}"
    return Check(id, figure, statement, expected, low, high, tolerance, evidence, measure)


def farthest(values: Iterable[float], low: float, high: float) -> float:
    """The value that is farthest outside of [low, high], or nearest to one of its ends."""
    x = np.asarray(list(values), dtype=float)
    return float(x[np.argmax(np.maximum(low - x, x - high))])


def _bounds(low: float, high: float) -> str:
    if np.isinf(low):
        return f"{'below' if high < float(f'{high:g}') else 'at most'} {high:g}"
    if np.isinf(high) or high >= LOST:
        return f"{'over' if low > float(f'{low:g}') else 'at least'} {low:g}"
    return f"from {low:g} to {high:g}"
