"""The cached files of the claims, and whether they are what a claim is about.

A claim names depth, width, gamma, number N of observed entries, noise, ridge and scale. It is
measured on members with exactly these numbers, trained on matrices of the kind claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.checks import Cached, Unmeasured

Array = np.ndarray
FEWEST = 3  # targets that a statement about all of them needs
STOP_SHARE = 1e-6  # of C(0), that a finished descent fell below
SIDE, RANK, OBSERVED = 10, 3, 80
LAWS = {"completion": "Gaussian factors", "full": "chosen spectrum"}
SETTING = "10 x 10 matrices of rank 3 with Gaussian factors"


@dataclass(frozen=True)
class Where:
    """Members of a file of descents that differ in targets and starts only."""

    file: str
    depth: int
    width: int
    gamma: float
    observed: int = OBSERVED
    noise: float = 0.0
    ridge: float = 0.0
    scale: float = 1.0

    @property
    def text(self) -> str:
        """The numbers in one line, for statements."""
        parts = [f"L = {self.depth}, w = {self.width}, gamma = {self.gamma:.3g}"]
        parts.append(f"N = {self.observed}")
        parts += [f"noise {self.noise:g}"] if self.noise else []
        parts += [f"lambda = {self.ridge:g}"] if self.ridge else []
        parts += [f"A* times {self.scale:g}"] if self.scale != 1 else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Members:
    """Some members of a file of descents, with their spectra where these are asked for."""

    where: Where
    runs: xr.Dataset
    spectra: xr.Dataset | None

    def __len__(self) -> int:
        return int(self.runs.sizes["member"])

    @property
    def targets(self) -> Array:
        """Target seeds of the members."""
        return np.asarray(self.runs["target"].values)

    @property
    def labels(self) -> list[str]:
        """Target and, where there are several, start."""
        starts = self.runs["initialization"].values
        several = len(set(starts.tolist())) > 1
        return [
            f"target {t}" + (f" start {i}" if several else "")
            for t, i in zip(self.targets, starts, strict=True)
        ]

    @property
    def lost(self) -> Array:
        """Members that diverged."""
        return np.asarray(self.runs["diverged_at"].values >= 0)

    @property
    def spectrum(self) -> xr.Dataset:
        """Spectra of the members."""
        if self.spectra is None:
            raise ValueError("spectra: must be asked for")
        return self.spectra

    @property
    def done(self) -> Array:
        """Members that fell below `STOP_SHARE`; Unmeasured where another share was asked for."""
        share = float(self.runs.attrs.get("stop_share", np.nan))
        if not np.isclose(share, STOP_SHARE):
            raise Unmeasured(
                f"runs/{self.where.file} has stop_share = {share:g} instead of {STOP_SHARE:g}"
            )
        return np.asarray(self.runs["stopped"].values.astype(bool) & ~self.lost)

    def starts_each(self, fewest: int) -> str:
        """The least number of starts of a target, in words; Unmeasured below some number."""
        count = int(np.unique(self.targets, return_counts=True)[1].min())
        if count < fewest:
            raise Unmeasured(f"{count} of at least {fewest} starts with {self.where.text}")
        return f"{count} starts each"

    def last(self, values: xr.DataArray) -> Array:
        """A variable at the last record of each member."""
        at = self.runs["n_records"].values - 1
        return np.asarray(values.transpose("member", "record", ...).values[np.arange(len(at)), at])

    def finished(self, values: Array) -> Array:
        """NaN where a member diverged or had not fallen below `STOP_SHARE`."""
        return np.where(self.done, values, np.nan)


class Study(Cached):
    """All inputs of the claims, refused where their regime is not the one claimed."""

    def data(self, name: str = "completion", observed: int | None = None) -> xr.Dataset:
        """Matrices of the size, rank and law claimed; of the default N where it is named."""
        found = self.dataset(f"data/{name}")
        wrong = []
        if (found.sizes["row"], found.sizes["column"]) != (SIDE, SIDE):
            wrong.append(f"{found.sizes['row']} x {found.sizes['column']} matrices")
        if int(found.attrs["rank"]) != RANK:
            wrong.append(f"rank {found.attrs['rank']} instead of {RANK}")
        if found.attrs["law"] != LAWS[name]:
            wrong.append(f"{found.attrs['law']} instead of {LAWS[name]}")
        if observed is not None and int(found.attrs["observed"]) != observed:
            wrong.append(f"N = {found.attrs['observed']} instead of {observed}")
        if wrong:
            raise Unmeasured(f"data/{name} is in another regime: {', '.join(wrong)}")
        return found

    def runs(self, where: Where, fewest: int = FEWEST) -> Members:
        """The members of a regime; Unmeasured where they have too few targets."""
        self.data()
        ref = f"runs/{where.file}"
        return Members(where, self._chosen(ref, where, fewest), None)

    def members(self, where: Where, fewest: int = FEWEST) -> Members:
        """The same with their spectra."""
        runs = self.runs(where, fewest).runs
        spectra = self._chosen(f"spectra/{where.file}", where, fewest)
        for name in ("target", "initialization"):
            if not np.array_equal(runs[name].values, spectra[name].values):
                raise Unmeasured(f"runs and spectra of {where.file} have other members")
        return Members(where, runs, spectra)

    def _chosen(self, ref: str, where: Where, fewest: int) -> xr.Dataset:
        found = self.dataset(ref)
        for name in ("noise", "ridge", "scale"):
            value, claimed = float(found.attrs[name]), getattr(where, name)
            if not np.isclose(value, claimed):
                raise Unmeasured(f"{ref} has {name} = {value:g} instead of {claimed:g}")
        mine = np.isclose(found["gamma"].values, where.gamma)
        for name in ("depth", "width", "observed"):
            mine &= found[name].values == getattr(where, name)
        chosen = found.isel(member=np.flatnonzero(mine))
        count = len(set(chosen["target"].values.tolist()))
        if count < fewest:
            raise Unmeasured(f"{count} of at least {fewest} targets with {where.text} in {ref}")
        return chosen

    def by_target(self, ref: str, *, fewest: int = FEWEST, **chosen: float) -> xr.Dataset:
        """Members of another file of runs, with some coordinates; N is that of the data."""
        self.data(observed=OBSERVED)
        found = self.dataset(ref)
        mine = np.ones(found.sizes["member"], dtype=bool)
        for name, value in chosen.items():
            mine &= np.isclose(found[name].values, value)
        some = found.isel(member=np.flatnonzero(mine))
        count = len(set(some["target"].values.tolist()))
        if count < fewest:
            named = ", ".join(f"{name} = {value:g}" for name, value in chosen.items())
            raise Unmeasured(f"{count} of at least {fewest} targets with {named} in {ref}")
        return some


def targets_of(found: xr.Dataset, fewest: int = FEWEST) -> list[int]:
    """Target seeds along the dimension `target`; Unmeasured where they are too few."""
    seeds = [int(t) for t in found["target"].values]
    if len(seeds) < fewest:
        raise Unmeasured(f"{len(seeds)} of at least {fewest} targets")
    return seeds


def select(found: xr.Dataset, ref: str, **chosen: float) -> xr.Dataset:
    """One value of some dimensions; Unmeasured where it is not at hand."""
    for name, value in chosen.items():
        at = np.flatnonzero(np.isclose(found[name].values.astype(float), value))
        if not at.size:
            raise Unmeasured(f"nothing with {name} = {value:g} in {ref}")
        found = found.isel({name: int(at[0])})
    return found
