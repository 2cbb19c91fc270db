"""Samples of runs: what was measured for some networks, one number for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from scipy import stats

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.kalra2023.claims.study import FEWEST, Nets, Study, at

Array = np.ndarray
LOST = 1e9  # stands for a number that a run lacks because it diverged
NOT_SOUGHT = -9
SHOWN = 8  # runs listed one by one


@dataclass(frozen=True)
class Sample:
    """Numbers of the runs of some networks.

    Attributes
    ----------
    label : str
    values : (runs,); `LOST` where a run diverged
    note : str, what has to be said about them
    """

    label: str
    values: Float[Array, " runs"]
    note: str = ""

    @property
    def mean(self) -> float:
        """Over all runs."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN for a single run."""
        n = len(self.values)
        return float(self.values.std(ddof=1) / n**0.5) if n > 1 else float("nan")

    @property
    def text(self) -> str:
        """Number of runs, mean and standard error, median and quartiles."""
        q25, median, q75 = np.quantile(self.values, [0.25, 0.5, 0.75])
        error = f" +- {self.error:.2g}" if len(self.values) > 1 else ""
        parts = [f"n = {len(self.values)}", f"mean {self.mean:.4g}{error}"]
        parts.append(f"median {median:.4g} [{q25:.4g}, {q75:.4g}]")
        if lost := int((self.values == LOST).sum()):
            parts.append(f"{lost} diverged, each counted as {LOST:g}")
        if self.note:
            parts.append(self.note)
        return f"{self.label}: {', '.join(parts)}"

    @property
    def listed(self) -> str:
        """Every run where there are few."""
        if len(self.values) > SHOWN:
            return self.text
        return f"{self.text} ({', '.join(f'{v:.4g}' for v in self.values)})"


Sampler = Callable[[Study], Sample]


def constant(nets: Nets, name: str, fewest: int = FEWEST) -> Sampler:
    """One of c_loss, c_sharp, c_barrier and c_max of each run."""

    def sample(study: Study) -> Sample:
        return constants(study.rows(nets, fewest), name, nets.text)

    return sample


def constants(rows: xr.Dataset, name: str, label: str = "") -> Sample:
    """The same of rows at hand, from the indices of the grid.

    A constant beyond the grid counts as the next grid point would; one that is already there at the
    first c is the first c: both are censored, and counted in the note.
    """
    k, grid = indices(rows, name, label), int(rows.attrs["grid"])
    low = k <= 0 if name != "c_max" else k < 0
    notes = [f"{low.sum()} at the first c of the grid or below"] if low.any() else []
    if (over := (k >= grid - (name == "c_max"))).any():
        notes.append(f"{over.sum()} beyond the grid")
    return Sample(label, 2.0 ** (rows.attrs["grid_step"] * k), "; ".join(notes))


def indices(rows: xr.Dataset, name: str, label: str) -> Int[Array, " runs"]:
    """Grid indices of a constant; Unmeasured where it was not sought."""
    k = np.asarray(rows[f"k{name[1:]}"].values)
    if (k == NOT_SOUGHT).any():
        raise Unmeasured(f"{name} was not sought for {label}")
    return k


def sharpness_ratio(nets: Nets, c: float, highest: bool = False, fewest: int = FEWEST) -> Sampler:
    """lambda_T / lambda_0 at one c, or its highest over 1 <= t <= T, of the recorded runs."""

    def sample(study: Study) -> Sample:
        rows = recorded(study.rows(nets, fewest), c, nets.text, fewest)
        later = rows["sharpness"].isel(step=slice(1, None) if highest else [-1])
        ratio = (later / rows["sharpness"].isel(step=0)).max("step", skipna=False).values
        return Sample(nets.text, _with_lost(ratio))

    return sample


def loss_peak(nets: Nets, c: float, fewest: int = FEWEST) -> Sampler:
    """The highest loss over 1 <= t <= T relative to the first, of the recorded runs."""

    def sample(study: Study) -> Sample:
        rows = recorded(study.rows(nets, fewest), c, nets.text, fewest)
        peak = (
            rows["loss"].isel(step=slice(1, None)).max("step") / rows["loss"].isel(step=0)
        ).values
        return Sample(nets.text, _with_lost(peak))

    return sample


def recorded(rows: xr.Dataset, c: float, label: str, fewest: int) -> xr.Dataset:
    """Those rows whose steps are kept at c; Unmeasured where they are too few."""
    found = at(rows, c)
    kept = np.isfinite(found["loss"].isel(step=0).values)
    if kept.sum() < fewest:
        raise Unmeasured(f"{kept.sum()} of at least {fewest} runs recorded at c = {c:g}: {label}")
    return found.isel(run=np.flatnonzero(kept))


def outranks(larger: Sample, smaller: Sample) -> float:
    """One-sided p-value of the Mann-Whitney test that the first tends to be the larger.

    Exact for few runs without ties, else the normal approximation with its corrections. Ranks do
    not mind skewed samples, nor constants beyond the grid.
    """
    if len({*larger.values, *smaller.values}) == 1:
        return 1.0
    return float(stats.mannwhitneyu(larger.values, smaller.values, alternative="greater").pvalue)


def ratio_by_seed(larger: tuple[Nets, str], smaller: tuple[Nets, str]) -> Sampler:
    """One constant over another of the same seed: (networks, name of the constant) of both.

    Runs of one seed start from the same weights where only loss, output or data differ.
    """

    def sample(study: Study) -> Sample:
        rows = [study.rows(nets) for nets, _ in (larger, smaller)]
        a_seeds, b_seeds = (ds["seed"].values for ds in rows)
        _, *places = np.intersect1d(a_seeds, b_seeds, return_indices=True)
        found = [
            constants(ds.isel(run=place), name, nets.text)
            for ds, place, (nets, name) in zip(rows, places, (larger, smaller), strict=True)
        ]
        if len(places[0]) < FEWEST:
            raise Unmeasured(f"{len(places[0])} of at least {FEWEST} seeds in common: {nets_of}")
        a, b = (f"{name} ({nets.text})" for nets, name in (larger, smaller))
        means = f"means {found[0].mean:.4g} and {found[1].mean:.4g}"
        notes = [means, *(s.note for s in found if s.note)]
        return Sample(f"{a} over {b}", found[0].values / found[1].values, "; ".join(notes))

    nets_of = f"{larger[0].text} and {smaller[0].text}"
    return sample


def sign_test(successes: int, pairs: int) -> float:
    """One-sided p-value of the exact sign test: at least so many successes, each of chance 1/2."""
    if not pairs:
        return 1.0
    return float(stats.binomtest(successes, pairs, alternative="greater").pvalue)


def all_of(*samplers: Sampler) -> Callable[[Study], Sequence[Sample]]:
    """Several samples."""

    def samples(study: Study) -> list[Sample]:
        return [sampler(study) for sampler in samplers]

    return samples


def _with_lost(values: Array) -> Array:
    found = np.asarray(values, dtype=float)
    return np.where(np.isfinite(found), found, LOST)
