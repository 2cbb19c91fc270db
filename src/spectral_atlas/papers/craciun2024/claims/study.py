"""The cached files of the claims, and whether they are what a claim is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.checks import Cached, Unmeasured
from spectral_atlas.papers.craciun2024.problems import Problem, load
from spectral_atlas.training.endings import OUTCOMES

Array = np.ndarray
MINIMUM, SADDLE, BOUNDED, DIVERGED = map(
    OUTCOMES.index, ("minimum", "saddle", "bounded", "diverged")
)
WINDOW = 200  # last parameters of runs/nets that means are taken over
CLOSE = 1e-9  # relative, of numbers that name a regime
ROUNDING = 1 + 1e-6  # what counts as at most 1
TWO = "L = (1 - w_1 w_2)^2"
NETS = "L = |(A - W*) S^(1/2)|_F^2"


@dataclass(frozen=True)
class NetRuns:
    """Runs of some networks at some shares of their critical steps, with what rests there."""

    runs: xr.Dataset
    spectra: xr.Dataset

    @property
    def outcome(self) -> xr.DataArray:
        """See OUTCOMES."""
        return self.runs["outcome"]

    @property
    def labels(self) -> list[str]:
        """Of every network and share."""
        names, shares = self.runs["net"].values, self.runs["share"].values
        return [f"{name} at {a:g}" for name in names for a in shares]

    def at(self, shares: Sequence[float]) -> NetRuns:
        """With these shares only; Unmeasured where one is missing."""
        places = places_of(self.runs["share"].values, shares, "eta / eta_C", "runs/nets")
        return NetRuns(self.runs.isel(share=places), self.spectra.isel(share=places))

    def between(self, low: float, high: float) -> NetRuns:
        """With the shares from `low` to `high`."""
        shares = self.runs["share"].values
        places = np.flatnonzero((shares >= low * (1 - CLOSE)) & (shares <= high * (1 + CLOSE)))
        if not places.size:
            raise Unmeasured(f"no share from {low:g} to {high:g} in runs/nets")
        return NetRuns(self.runs.isel(share=places), self.spectra.isel(share=places))

    def where(self, mask: Iterable[bool], what: str) -> NetRuns:
        """With some of the networks."""
        places = np.flatnonzero(np.asarray(list(mask)))
        if not places.size:
            raise Unmeasured(f"no network {what} in runs/nets")
        return NetRuns(self.runs.isel(net=places), self.spectra.isel(net=places))


@dataclass(frozen=True)
class Regression:
    """What a network learns: W* has the singular values, or is the target."""

    widths: tuple[int, ...]
    std: float
    singular_values: tuple[float, ...] = ()
    target: tuple[tuple[float, ...], ...] = ()
    second_moment: tuple[float, ...] = ()

    def differs(self, problem: Problem) -> str:
        """In what a problem is another one; empty if in nothing."""
        if tuple(problem.widths) != self.widths:
            return f"widths {'-'.join(map(str, problem.widths))}"
        S = np.diag(self.second_moment or [1.0] * self.widths[0])
        if not np.allclose(problem.S, S, atol=CLOSE):
            return "another S"
        if self.target:
            same = np.allclose(problem.target, self.target, atol=CLOSE)
        else:
            s = np.linalg.svd(problem.target, compute_uv=False)
            wanted = np.pad(self.singular_values, (0, len(s) - len(self.singular_values)))
            same = np.allclose(s, wanted, atol=CLOSE)
        return "" if same else "another W*"


COLORED = {"target": ((1.2, 0.3), (-0.4, 0.8)), "second_moment": (2.0, 0.5)}
REGRESSIONS = {
    "two-parameter": Regression((1, 1, 1), 1.0, (1.0,)),
    "chain-3": Regression((1, 1, 1, 1), 1.0, (1.0,)),
    "1-4-1": Regression((1, 4, 1), 0.5, (1.0,)),
    "2-3-2": Regression((2, 3, 2), 0.5, (1.5, 1.0)),
    "3-4-2": Regression((3, 4, 2), 0.5, (1.5, 1.0)),
    "2-3-3-2": Regression((2, 3, 3, 2), 0.6, (1.5, 1.0)),
    "2-3-2-colored": Regression((2, 3, 2), 0.5, **COLORED),  # type: ignore[arg-type]
    "2-3-3-2-colored": Regression((2, 3, 3, 2), 0.6, **COLORED),  # type: ignore[arg-type]
}


class Study(Cached):
    """All inputs of the claims, refused where their regime is not the one claimed."""

    def problem(self, name: str) -> Problem:
        """A network of the data that is as `REGRESSIONS` has it."""
        data = self.dataset("data/nets")
        if name not in data["net"].values:
            raise Unmeasured(f"no network {name} in data/nets")
        problem = load(data, name)
        if other := REGRESSIONS[name].differs(problem):
            raise Unmeasured(f"{name} in data/nets is in another regime: {other}")
        return problem

    def nets(self, names: Sequence[str] = (), steps: int = 20_000, starts: int = 50) -> NetRuns:
        """Runs of these networks, or of all; Unmeasured where they are too few or too short."""
        runs, spectra = self.dataset("runs/nets"), self.dataset("spectra/nets")
        enough(runs, "runs/nets", steps, starts)
        if int(runs.attrs["window"]) != WINDOW:
            raise Unmeasured(f"a window of {runs.attrs['window']} instead of {WINDOW} in runs/nets")
        same_members(runs, spectra, "runs/nets", "spectra/nets")
        found = NetRuns(runs, spectra)
        if not names:
            return found
        for name in names:
            self.problem(name)
            if name not in runs["net"].values:
                raise Unmeasured(f"no network {name} in runs/nets")
            std = float(runs["std"].sel(net=name))
            if not np.isclose(std, REGRESSIONS[name].std):
                raise Unmeasured(f"{name} in runs/nets starts from other weights: std {std:g}")
        places = [int(np.flatnonzero(runs["net"].values == name)[0]) for name in names]
        return NetRuns(runs.isel(net=places), spectra.isel(net=places))

    def two_parameter(self, steps: int, starts: int, box: float = 3.0) -> xr.Dataset:
        """Runs of the two-parameter network from random starts in the square."""
        runs = self.dataset("runs/two_parameter")
        enough(runs, "runs/two_parameter", steps, starts)
        if not np.isclose(float(runs.attrs["box"]), box):
            raise Unmeasured(f"starts in a square of {runs.attrs['box']:g} instead of {box:g}")
        return runs


def enough(runs: xr.Dataset, ref: str, steps: int, starts: int) -> None:
    """Unmeasured where runs are too few or too short."""
    if int(runs.attrs["steps"]) < steps:
        raise Unmeasured(f"{runs.attrs['steps']} of at least {steps} steps in {ref}")
    if runs.sizes["start"] < starts:
        raise Unmeasured(f"{runs.sizes['start']} of at least {starts} starts in {ref}")


def same_members(one: xr.Dataset, other: xr.Dataset, *refs: str) -> None:
    """Unmeasured where two files are not on the same networks and shares."""
    if any(not np.array_equal(one[name].values, other[name].values) for name in ("net", "share")):
        raise Unmeasured(f"{' and '.join(refs)} have other members")


def places_of(values: Array, wanted: Sequence[float], what: str, ref: str) -> list[int]:
    """Where values are; Unmeasured where one is missing."""
    places = []
    for value in wanted:
        at = np.flatnonzero(np.isclose(values, value, rtol=CLOSE, atol=0))
        if not at.size:
            raise Unmeasured(f"nothing at {what} = {value:g} in {ref}")
        places.append(int(at[0]))
    return places


def at_rates(found: xr.Dataset, rates: Sequence[float], ref: str) -> xr.Dataset:
    """The part of a file with these learning rates."""
    return found.isel(learning_rate=places_of(found["learning_rate"].values, rates, "eta", ref))


def rates_between(found: xr.Dataset, low: float, high: float, ref: str) -> xr.Dataset:
    """The part with learning rates from `low` to `high`."""
    rates = found["learning_rate"].values
    places = np.flatnonzero((rates >= low * (1 - CLOSE)) & (rates <= high * (1 + CLOSE)))
    if not places.size:
        raise Unmeasured(f"no eta from {low:g} to {high:g} in {ref}")
    return found.isel(learning_rate=places)


def largest(values: xr.DataArray, where: xr.DataArray, over: Sequence[str]) -> xr.DataArray:
    """The largest value of some; NaN where one of them is NaN, -inf where there are none."""
    return values.where(where, -np.inf).max(list(over), skipna=False)


def etas(found: xr.Dataset) -> list[str]:
    """Labels of the learning rates."""
    return [f"eta = {eta:g}" for eta in found["learning_rate"].values]
