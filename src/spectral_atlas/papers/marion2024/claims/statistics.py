"""Two-sample comparisons with published summaries, corrected for the number of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from spectral_atlas.checks import Unmeasured

LEVEL = 0.01
FEWEST = 5  # runs on both sides for a comparison of means
CORRECTED = f"level {LEVEL:g} after Bonferroni's correction for the number of comparisons"

# Fields of a check that compares two samples.
RERUN = "measured by re-running the published initializations"
SAME: dict[str, Any] = {
    "expected": f"smallest corrected p-value at least {LEVEL:g}", "low": LEVEL, "high": 1.0,
    "tolerance": CORRECTED, "evidence": RERUN,
}  # fmt: skip


def smallest_corrected(p_values: Sequence[float]) -> float:
    """The smallest p-value times the number of comparisons (Bonferroni), at most 1."""
    return min(1.0, min(p_values) * len(p_values))


def welch(sample: np.ndarray, mean: float, sd: float, n: int) -> float:
    """p-value of Welch's test of a sample against a published mean, sd and n."""
    found = stats.ttest_ind_from_stats(
        float(np.mean(sample)), float(np.std(sample, ddof=1)), len(sample), mean, sd, n,
        equal_var=False,
    )  # fmt: skip
    return float(found.pvalue)


def same_sd(sample: np.ndarray, mean: float, n: int) -> float:
    """p-value against a published mean of n that came without an sd: the sample's own is used."""
    return welch(sample, mean, float(np.std(sample, ddof=1)), n)


def same_share(hits: int, n: int, other_hits: int, other_n: int) -> float:
    """p-value of Fisher's exact test that two shares are one."""
    table = [[hits, n - hits], [other_hits, other_n - other_hits]]
    return float(stats.fisher_exact(table).pvalue)


def one_more(sample: np.ndarray, value: float) -> float:
    """p-value that ``value`` is one more draw of a normal sample (t, prediction interval)."""
    n = len(sample)
    spread = np.std(sample, ddof=1) * np.sqrt(1 + 1 / n)
    return float(2 * stats.t.sf(abs(value - np.mean(sample)) / spread, n - 1))


def stratified_rank(groups: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """Does the first sample of each pair lie above the second? Mann-Whitney over strata.

    Returns
    -------
    z : float
        (U - E U) / sd(U), summed over the strata; about normal where there is no difference.
    share : float
        Of all within-stratum pairs, those in which the first is above.
    """
    u = expected = variance = pairs = 0.0
    for upper, lower in groups:
        n, m = len(upper), len(lower)
        u += float(stats.mannwhitneyu(upper, lower).statistic)
        expected += n * m / 2
        variance += n * m * (n + m + 1) / 12
        pairs += n * m
    return (u - expected) / np.sqrt(variance), u / pairs


def slope(x: ArrayLike, y: ArrayLike) -> tuple[float, float, float]:
    """Least-squares slope of y on x, its standard error, and R^2."""
    found = stats.linregress(x, y)
    return float(found.slope), float(found.stderr), float(found.rvalue) ** 2


def decided(p_values: dict[str, float], kind: str) -> tuple[float, str]:
    """The smallest corrected p-value, and where it was found."""
    if not p_values:
        raise Unmeasured(f"no {kind} of the published grid with enough runs at hand")
    worst = min(p_values, key=lambda k: p_values[k])
    return smallest_corrected(list(p_values.values())), (
        f"{len(p_values)} {kind}; farthest apart: {worst} (p = {p_values[worst]:.2g} before "
        f"correction)"
    )
