"""The kinds of claims: on the worst value, the median, a share or a number of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.craciun2024.claims.study import Study

Array = np.ndarray
LOST = 1e9  # a value that is lost: this, or minus this, whichever counts against the claim
SHOWN = 12  # cases listed one by one
KINDS = ("worst", "median", "share", "count")


@dataclass(frozen=True)
class Sample:
    """One value for each case; NaN for a case that diverged, did not finish or never got there.

    For a share the values are 1 where it is as claimed, else 0. For a number they are how many
    there are in each case, out of `sizes`; cases of one row are `random` draws, or a grid. Rows
    may share their draws, so that only a row bounds a probability.
    """

    values: Array
    labels: Sequence[str]
    remark: str = ""
    sizes: Array | None = None
    random: bool = True

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            raise ValueError(f"labels: must be {len(self.values)}, not {len(self.labels)}")


Samples = Callable[[Study], Sample]


def one(value: float, label: str, remark: str = "") -> Sample:
    """A single case."""
    return Sample(np.array([value], dtype=float), [label], remark)


def joined(samples: Iterable[tuple[str, Sample]]) -> Sample:
    """Several samples as one, each with a word in front of its labels."""
    parts = list(samples)
    if not parts:
        return Sample(np.empty(0), [])
    sizes = [s.sizes for _, s in parts if s.sizes is not None]
    return Sample(
        np.concatenate([np.asarray(s.values, dtype=float) for _, s in parts]),
        [f"{name} {label}".strip() for name, s in parts for label in s.labels],
        "; ".join(dict.fromkeys(s.remark for _, s in parts if s.remark)),
        np.concatenate(sizes) if len(sizes) == len(parts) else None,
        all(s.random for _, s in parts),
    )


def counted(
    where: xr.DataArray, over: Sequence[str], labels: Sequence[str], random: bool = True
) -> Sample:
    """How many of each case, a case being what is left when the dimensions `over` are."""
    size = int(np.prod([where.sizes[d] for d in over]))
    number = where.sum(list(over)).values.astype(float).ravel()
    return Sample(number, labels, sizes=np.full(len(number), size), random=random)


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
        ``worst``: the value deepest in, or nearest to, where the claim fails; ``median``, lost
        cases with the value that is worst for the claim; ``share`` of cases; ``count``, the sum.
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
        if kind == "count":
            return total(found)
        return measured(found, kind, low, high)

    return Check(
        id, figure, statement, expected(kind, what, low, high), low, high, tolerance, evidence,
        measure,
    )  # fmt: skip


def expected(kind: str, what: str, low: float, high: float) -> str:
    """The bounds in words."""
    if np.isinf(high):
        bounds = f"at least {low:.7g}"
    elif np.isinf(low):
        bounds = f"at most {high:.7g}"
    else:
        bounds = f"{low:.7g}" if low == high else f"from {low:.7g} to {high:.7g}"
    if kind == "share":
        return f"share of cases in which {what}: {bounds}"
    if kind == "count":
        return f"number of {what}: {bounds}"
    return f"{what} {bounds}, {'in the worst case' if kind == 'worst' else 'median of the cases'}"


def total(found: Sample) -> tuple[float, str]:
    """How many in all; where there are none in a row of draws, what that still allows."""
    values = np.asarray(found.values, dtype=float)
    if np.isnan(values).any():
        return LOST, f"lost: {_listed(found.labels, np.isnan(values))}"
    number, size = int(values.sum()), int(0 if found.sizes is None else found.sizes.sum())
    parts = [f"{number} of {size}" if size else f"{number}"]
    if found.sizes is not None and found.random and size and not number:
        parts.append(_allowed(found.sizes))
    if number:
        each = [f"{name} {int(v)}" for name, v in zip(found.labels, values, strict=True) if v]
        parts.append(", ".join(each[:SHOWN]))
    parts.append(f"{len(values)} rows: {_listed(found.labels, values >= 0)}")
    return float(number), "; ".join(part for part in (*parts, found.remark) if part)


def _allowed(sizes: Array) -> str:
    """The share of draws that a row without any still allows."""
    low, high = int(sizes.min()), int(sizes.max())
    if low == high:
        return f"each row allows a share of 3/{low} = {3 / low:.2g} of random cases (95 %)"
    return f"each row allows a share of 3/n of random cases (95 %), n from {low} to {high}"


def measured(found: Sample, kind: str, low: float, high: float) -> tuple[float, str]:
    """The number and what it is made of."""
    values = np.asarray(found.values, dtype=float)
    gone = np.isnan(values)
    if kind == "share":
        held = np.where(gone, 0.0, values) > 0.5
        number = float(held.mean())
        parts = [f"{int(held.sum())} of {len(values)}"]
        if (~held & ~gone).any():
            parts.append(f"not: {_listed(found.labels, ~held & ~gone)}")
    else:
        filled = np.where(gone, -LOST if np.isinf(high) else LOST, values)
        excess = np.maximum(low - filled, filled - high)
        at = int(np.argmax(excess))
        number = float(filled[at] if kind == "worst" else np.median(filled))
        parts = _spread(values[~gone], len(values), found.labels[at], float(filled[at]))
        if 1 < len(values) <= SHOWN:
            each = zip(found.labels, values, strict=True)
            parts.append(", ".join(f"{label} {v:.6g}" for label, v in each if np.isfinite(v)))
        elif (outside := (excess > 0) & ~gone).any():
            parts.append(f"{int(outside.sum())} outside: {_listed(found.labels, outside)}")
    if gone.any():
        parts.append(f"{int(gone.sum())} lost or unfinished: {_listed(found.labels, gone)}")
    return number, "; ".join(part for part in (*parts, found.remark) if part)


def _spread(kept: Array, count: int, label: str, worst: float) -> list[str]:
    parts = [f"n = {count}", f"worst {worst:.6g} ({label})"]
    if kept.size > 1:
        low, high = kept.min(), kept.max()
        parts.append(f"median {np.median(kept):.6g}, from {low:.6g} to {high:.6g}")
    return parts


def _listed(labels: Sequence[str], which: Array) -> str:
    names = [label for label, listed in zip(labels, which, strict=True) if listed]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
