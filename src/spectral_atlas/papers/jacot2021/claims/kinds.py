"""The kinds of claims: on the worst value, the median, the mean, a share or number of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.jacot2021.claims.study import Study

Array = np.ndarray
LOST = 1e9  # a value that is lost: this, or minus this, whichever counts against the claim
SHOWN = 12  # cases listed one by one
KINDS = ("worst", "median", "mean", "share", "count")


@dataclass(frozen=True)
class Sample:
    """One value for each case; NaN for a case that diverged, did not finish or never got there.

    For a share or a number of cases the values are 1 where it is as claimed, else 0.
    """

    values: Array
    labels: Sequence[str]
    remark: str = ""

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            raise ValueError(f"labels: must be {len(self.values)}, not {len(self.labels)}")


Samples = Callable[[Study], Sample]


def joined(samples: Iterable[tuple[str, Sample]]) -> Sample:
    """Several samples as one, each with a word in front of its labels."""
    parts = list(samples)
    return Sample(
        np.concatenate([np.asarray(s.values, dtype=float) for _, s in parts]),
        [f"{name} {label}".strip() for name, s in parts for label in s.labels],
        "; ".join(dict.fromkeys(s.remark for _, s in parts if s.remark)),
    )


def claim(
    id: str,
    figure: str,
    statement: str,
    samples: Samples,
    *,
    kind: str = "worst",
    low: float = -np.inf,
    high: float = np.inf,
    what: str,
    tolerance: str,
    evidence: str,
) -> Check:
    """A claim on the cases of a sample.

    Parameters
    ----------
    kind : what is measured
        ``worst``: the value deepest in, or nearest to, where the claim fails; ``median`` and
        ``mean``, lost cases with the value that is worst for the claim; ``share`` of cases;
        ``count`` of cases.
    low, high : the interval for it
    what : str
        The value in words.
    """
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: must be one of {', '.join(KINDS)}")

    def measure(study: Study) -> tuple[float, str]:
        found = samples(study)
        if not len(found.values):
            raise Unmeasured("no case at hand")
        return measured(found, kind, low, high)

    return Check(
        id, figure, statement, expected(kind, what, low, high), low, high, tolerance, evidence,
        measure,
    )  # fmt: skip


def expected(kind: str, what: str, low: float, high: float) -> str:
    """The bounds in words."""
    if np.isinf(high):
        bounds = f"at least {low:g}"
    elif np.isinf(low):
        bounds = f"at most {high:g}"
    else:
        bounds = f"{low:g}" if low == high else f"from {low:g} to {high:g}"
    if kind in ("share", "count"):
        return f"{'share' if kind == 'share' else 'number'} of cases in which {what}: {bounds}"
    return f"{what} {bounds}, {'in the worst case' if kind == 'worst' else f'{kind} of the cases'}"


def measured(found: Sample, kind: str, low: float, high: float) -> tuple[float, str]:
    """The number and what it is made of."""
    values = np.asarray(found.values, dtype=float)
    gone = np.isnan(values)
    if kind in ("share", "count"):
        held = np.where(gone, 0.0, values) > 0.5
        number = float(held.mean() if kind == "share" else held.sum())
        parts = [f"{int(held.sum())} of {len(values)}"]
        against = ~held & ~gone
        if kind == "share" and against.any():
            parts.append(f"not: {_listed(found.labels, against)}")
        elif kind == "count" and held.any():
            parts.append(_listed(found.labels, held))
    else:
        counted = np.where(gone, -LOST if np.isinf(high) else LOST, values)
        excess = np.maximum(low - counted, counted - high)
        at = int(np.argmax(excess))
        aggregates = {"worst": counted[at], "median": np.median(counted), "mean": counted.mean()}
        number = float(aggregates[kind])
        parts = _spread(values[~gone], len(values), found.labels[at], float(counted[at]))
        if len(values) <= SHOWN:
            each = zip(found.labels, values, strict=True)
            parts.append(", ".join(f"{label} {v:.4g}" for label, v in each if np.isfinite(v)))
        elif (outside := (excess > 0) & ~gone).any():
            parts.append(f"outside: {_listed(found.labels, outside)}")
    if gone.any():
        parts.append(f"{int(gone.sum())} lost or unfinished: {_listed(found.labels, gone)}")
    return number, "; ".join(part for part in (*parts, found.remark) if part)


def _spread(kept: Array, count: int, label: str, worst: float) -> list[str]:
    parts = [f"n = {count}", f"worst {worst:.4g} ({label})"]
    if kept.size:
        low, high = kept.min(), kept.max()
        parts.append(f"median {np.median(kept):.4g}, from {low:.4g} to {high:.4g}")
    return parts


def _listed(labels: Sequence[str], which: Array) -> str:
    names = [label for label, listed in zip(labels, which, strict=True) if listed]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
