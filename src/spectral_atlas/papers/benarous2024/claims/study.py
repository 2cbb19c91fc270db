"""The cached files of a study, and whether they are what a claim is about.

A claim names its regime: dimension, precision, ridge, sample ratio, means. It is measured on files
with exactly these parameters and on no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from spectral_atlas.checks import Cached, Unmeasured

Array = np.ndarray
FEWEST_DRAWS = 10_000  # of the Monte Carlo behind a prediction; the 2 % below need them
FEWEST_TIMES = 6  # checkpoints for a statement about all times


@dataclass(frozen=True)
class Regime:
    """What a claim is about.

    Attributes
    ----------
    study : str
        Name of the files.
    d, precision, ridge, ratio : dimension, lambda, beta, M / d
    neurons : int or None
        K of an XOR network, 0 where the files hold several; None for the mixture of classes.
    classes : int
        k of a mixture of classes.
    means : str
        How the means lie: ``orthonormal``, ``correlated`` (inner products 1/2) or ``gaussian``.
    weights : tuple of float
        Shares of the classes up to a common factor; empty where all are equal.
    """

    study: str
    d: int
    precision: float
    ridge: float
    neurons: int | None = None
    classes: int = 10
    ratio: float = 10
    means: str = "orthonormal"
    weights: tuple[float, ...] = field(default=())

    @property
    def text(self) -> str:
        """The parameters in one line, for statements."""
        parts = [f"k = {self.classes}"] if self.neurons is None else []
        if self.neurons:
            parts.append(f"K = {self.neurons}")
        parts += [f"d = {self.d}", f"lambda = {self.precision:g}", f"beta = {self.ridge:g}"]
        parts.append(f"M = {self.ratio:g} d")
        if self.weights:
            parts.append("shares " + ":".join(f"{w:g}" for w in self.weights))
        if self.means == "correlated":
            parts.append("unit means with inner products 1/2")
        elif self.means == "gaussian":
            parts.append("means N(0, I/d)")
        return ", ".join(parts)


@dataclass(frozen=True)
class Files:
    """The files of one study, known to be in its regime."""

    regime: Regime
    data: xr.Dataset
    runs: xr.Dataset
    spectra: xr.Dataset


class Study(Cached):
    """All inputs of the claims, refused where their regime is not the one claimed."""

    def runs(self, regime: Regime) -> tuple[xr.Dataset, xr.Dataset]:
        """Data and runs of a study; Unmeasured where their parameters are not those claimed."""
        data, runs = (self.dataset(f"{stage}/{regime.study}") for stage in ("data", "runs"))
        _refuse(regime, _of_data(regime, data) + _of_runs(regime, runs))
        return data, runs

    def files(self, regime: Regime, samples: str = "test") -> Files:
        """Likewise with spectra, on held-out or on training samples."""
        data, runs = self.runs(regime)
        suffix = "" if samples == "test" else f"_{samples}"
        spectra = self.dataset(f"spectra/{regime.study}{suffix}")
        found = spectra.attrs.get("samples")
        wrong = _differs("M / d", spectra.attrs["sample_count"] / regime.d, regime.ratio)
        if found != samples:
            wrong.append(f"spectra are of {found} samples instead of {samples} samples")
        _refuse(regime, wrong)
        return Files(regime, data, runs, spectra)

    def prediction(self, regime: Regime) -> xr.Dataset:
        """What the effective theory says about a study."""
        found = self.dataset(f"spectra/{regime.study}_effective")
        wrong = _differs("M / d of the prediction", float(found.attrs["ratio"]), regime.ratio)
        if found.attrs["draws"] < FEWEST_DRAWS:
            wrong.append(f"{found.attrs['draws']} of at least {FEWEST_DRAWS} draws")
        _refuse(regime, wrong)
        return found


def at(ds: xr.Dataset, time: float) -> xr.Dataset:
    """The checkpoint at a rescaled time; Unmeasured where it is not kept."""
    return ds.isel(time=_index(ds, time))


def at_all(ds: xr.Dataset, times: Sequence[float]) -> xr.Dataset:
    """Several checkpoints; Unmeasured where one is not kept."""
    return ds.isel(time=[_index(ds, time) for time in times])


def until(ds: xr.Dataset, time: float) -> xr.Dataset:
    """All checkpoints from the start to a rescaled time; Unmeasured where they are too few."""
    first, last = _index(ds, 0.0), _index(ds, time)
    if last - first + 1 < FEWEST_TIMES:
        raise Unmeasured(f"{last + 1} of at least {FEWEST_TIMES} checkpoints up to t = {time:g}")
    return ds.isel(time=slice(first, last + 1))


def class_one(ds: xr.Dataset) -> xr.Dataset:
    """The class whose blocks are measured for every run."""
    return ds.isel({"class": 0})


def _index(ds: xr.Dataset, time: float) -> int:
    found = np.flatnonzero(np.isclose(ds["time"].values, time))
    if not found.size:
        raise Unmeasured(f"no checkpoint at t = {time:g}")
    return int(found[0])


def _of_data(regime: Regime, data: xr.Dataset) -> list[str]:
    means, weights = data["means"].values, data["weights"].values
    wrong = _differs("d", means.shape[1], regime.d)
    wrong += _differs("lambda", float(data.attrs["precision"]), regime.precision)
    if regime.neurons is None:
        wrong += _differs("k", len(means), regime.classes)
    shares = np.array(regime.weights or np.ones(len(weights)), dtype=float)
    if shares.shape != weights.shape or not np.allclose(weights, shares / shares.sum()):
        wrong.append("the shares of the components are others")
    expected = _gram(regime)
    gram = means @ means.T
    if expected is None:
        name = str(data.attrs.get("name", ""))
        if not name.startswith("gaussian") or np.abs(np.diag(gram) - 1).max() > 0.5:
            wrong.append("the means are not N(0, I/d)")
    elif gram.shape != expected.shape or not np.allclose(gram, expected, atol=1e-6):
        wrong.append(
            f"the means are not {'+-mu, +-nu' if regime.neurons is not None else regime.means}"
        )
    if regime.neurons is not None and data["label"].values.tolist() != [1, 1, 0, 0]:
        wrong.append("the labels are not 1, 1, 0, 0")
    return wrong


def _gram(regime: Regime) -> Array | None:
    if regime.neurons is not None:
        return np.kron(np.eye(2), np.array([[1.0, -1.0], [-1.0, 1.0]]))
    if regime.means == "gaussian":
        return None
    inner = 0.5 if regime.means == "correlated" else 0.0
    return (1 - inner) * np.eye(regime.classes) + inner


def _of_runs(regime: Regime, runs: xr.Dataset) -> list[str]:
    wrong = _differs("beta", float(runs.attrs["ridge"]), regime.ridge)
    wrong += _differs("d times the learning rate", float(runs.attrs["step"]), 1.0)
    if regime.neurons is not None and "neuron" in runs.sizes:
        wrong += _differs("K", runs.sizes["neuron"], regime.neurons)
    return wrong


def _differs(name: str, found: float, claimed: float) -> list[str]:
    return [] if np.isclose(found, claimed) else [f"{name} = {found:g} instead of {claimed:g}"]


def _refuse(regime: Regime, wrong: list[str]) -> None:
    if wrong:
        raise Unmeasured(f"{regime.study} is in another regime: {', '.join(wrong)}")
