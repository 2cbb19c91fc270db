"""Minima of the regularized loss by rank, as the claims on them see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.jacot2021.claims.study import FEWEST, RANK, Study, select, targets_of

Array = np.ndarray
NOISE = 0.3
FILES = {  # data, noise, N
    "runs/minima_noisy": ("completion", NOISE, 80),
    "runs/minima_clean": ("completion", 0.0, 80),
    "runs/minima_full": ("full", 0.0, 100),
    "runs/landscape": ("completion", NOISE, 80),
}
AXES = ("target", "rank")


@dataclass(frozen=True)
class Ranked:
    """Minima of one depth and ridge, (target, rank).

    Attributes
    ----------
    targets : (T,), target seeds
    ranks : (R,), ranks searched
    own : (T, R), whether there is a critical point of this rank
    minimum : (T, R), whether minimization converged to it and perturbations come back
    value, test : (T, R), loss; test cost. NaN where there is no such rank
    """

    targets: Array
    ranks: Array
    own: Array
    minimum: Array
    value: Array
    test: Array

    @property
    def best(self) -> Array:
        """Index along ranks of each target's lowest value, the global one as far as known."""
        return np.asarray(np.nanargmin(self.value, axis=1))

    @property
    def best_rank(self) -> Array:
        """Its rank."""
        return np.asarray(self.ranks[self.best])

    @property
    def censored(self) -> Array:
        """Targets whose lowest value is at the largest rank searched, so that more may be lower."""
        return np.asarray(self.best == len(self.ranks) - 1)

    def ratio(self, rank: int = RANK) -> Array:
        """Test cost of the local minimum of a rank over that of the global one, NaN without."""
        (at,) = np.flatnonzero(self.ranks == rank)
        at_best = self.test[np.arange(len(self.targets)), self.best]
        return np.where(self.minimum[:, at], self.test[:, at] / at_best, np.nan)

    @property
    def labels(self) -> list[str]:
        """Targets in words."""
        return [f"target {t}" for t in self.targets]


def ranked(study: Study, ref: str, depth: int, ridge: float, fewest: int = FEWEST) -> Ranked:
    """Minima of one depth and ridge; Unmeasured where data, noise or ranks are others."""
    found = checked(study, ref, fewest)
    one = select(found, ref, depth=depth, ridge=ridge)
    ranks = one["rank"].values
    if not {0, RANK} <= set(ranks.tolist()) or ranks[-1] <= RANK:
        raise Unmeasured(f"{ref} has the ranks {', '.join(map(str, ranks))} only")
    read = {n: one[n].transpose(*AXES).values for n in ("rank_found", "value", "test_cost")}
    own = read["rank_found"] == ranks
    kept = one["converged"] & one["stable"]
    return Ranked(
        one["target"].values,
        ranks,
        own,
        own & kept.transpose(*AXES).values.astype(bool),
        np.where(own, read["value"], np.nan),
        np.where(own, read["test_cost"], np.nan),
    )


def checked(study: Study, ref: str, fewest: int = FEWEST) -> xr.Dataset:
    """A file of minima, refused where data, noise or N are not those claimed."""
    data, noise, observed = FILES[ref]
    study.data(data, observed)
    found = study.dataset(ref)
    wrong = []
    if str(found.attrs["data"]) != data:
        wrong.append(f"{found.attrs['data']} instead of {data} data")
    if not np.isclose(float(found.attrs["noise"]), noise):
        wrong.append(f"noise {found.attrs['noise']:g} instead of {noise:g}")
    if wrong:
        raise Unmeasured(f"{ref} has {', '.join(wrong)}")
    targets_of(found, fewest)
    return found


def ridges(study: Study, ref: str, *, most: float = np.inf) -> list[float]:
    """The ridges of a file, up to one."""
    found = [float(r) for r in study.dataset(ref)["ridge"].values if r <= most * (1 + 1e-9)]
    if not found:
        raise Unmeasured(f"no lambda up to {most:g} in {ref}")
    return found
