"""Descents to the edge of stability with their spectra, and whether they are those claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.craciun2024.claims.study import Study

Array = np.ndarray
WIDTHS, SPECTRUM = (5, 5, 5, 5, 5), (3.0, 1.5, 1.0, 0.5, 0.25)
SCALES = {"A": (1.2, 0.6, 0.6, 0.6), "B": (0.8, 0.4, 0.4, 0.4)}
SLOWDOWN = 20
SETTING = "L = |A - W*|_F^2, widths 5-5-5-5-5, white data, s(W*) = 3, 1.5, 1, .5, .25"


@dataclass(frozen=True)
class Descent:
    """One run and the slow one from the same start; NaN from where it diverged.

    ``ratio`` is the sharpness over 2 / eta at checkpoints, of the slow run over the same 2 / eta.
    """

    label: str
    share: float  # eta / eta_C
    steps: Array  # of the checkpoints
    ratio: Array
    loss: Array  # at every step
    increases: float
    reference_ratio: Array
    reference_loss: Array
    reference_increases: float
    start: Array

    @property
    def last(self) -> int:
        """Updates made."""
        return int(self.steps[-1])

    @property
    def rises_above(self) -> bool:
        """Whether the sharpness is above 2 / eta at some checkpoint."""
        return bool(np.any(self.ratio > 1))

    @property
    def highest(self) -> float:
        """The largest ratio, NaN if the run diverged."""
        return float(np.max(self.ratio))

    @property
    def crossing(self) -> float:
        """The first checkpoint above 1, NaN if there is none."""
        above = np.flatnonzero(self.ratio > 1)
        return float(self.steps[above[0]]) if above.size else np.nan

    def place(self, step: int) -> int:
        """The checkpoint at a step; Unmeasured where there is none."""
        at = np.flatnonzero(self.steps == step)
        if not at.size:
            raise Unmeasured(f"{self.label}: no checkpoint at step {step}")
        return int(at[0])


def descents(
    study: Study, name: str, widths: Sequence[int] = WIDTHS, spectrum: Sequence[float] = SPECTRUM
) -> list[Descent]:
    """All runs of a file, with spectra; Unmeasured where the networks are others."""
    runs, spectra = study.dataset(f"runs/{name}"), study.dataset(f"spectra/{name}")
    if tuple(int(d) for d in np.atleast_1d(runs.attrs["widths"])) != tuple(widths):
        raise Unmeasured(f"runs/{name} has widths {runs.attrs['widths']}")
    if int(runs.attrs["slowdown"]) != SLOWDOWN:
        raise Unmeasured(f"references of runs/{name} have eta / {runs.attrs['slowdown']}")
    if not np.allclose(np.linalg.svd(runs["target"].values, compute_uv=False), spectrum):
        raise Unmeasured(f"W* in runs/{name} has other singular values")
    if not np.array_equal(runs["run"].values, spectra["run"].values):
        raise Unmeasured(f"runs and spectra of {name} have other members")
    return [_descent(runs.isel(run=k), spectra.isel(run=k)) for k in range(runs.sizes["run"])]


def _descent(run: xr.Dataset, spectra: xr.Dataset) -> Descent:
    there = run["checkpoint_step"].values >= 0
    scale = float(run["learning_rate"]) / 2
    last = int(run["last_step"])
    loss = run["loss"].values[: last + 1]
    reference = run["reference_loss"].values[there]
    fine = [bool(np.isfinite(x[-1])) for x in (loss, reference)]
    counts = [float(run[f"{prefix}increases"]) for prefix in ("", "reference_")]
    ratios = [
        scale * spectra[f"{prefix}eigenvalues"].values[there, 0] for prefix in ("", "reference_")
    ]
    return Descent(
        label=f"run {run['run'].item()}",
        share=float(run["learning_rate"] / run["critical_step"]),
        steps=run["checkpoint_step"].values[there],
        ratio=ratios[0],
        loss=loss,
        increases=counts[0] if fine[0] else np.nan,
        reference_ratio=ratios[1],
        reference_loss=reference,
        reference_increases=counts[1] if fine[1] else np.nan,
        start=run["theta"].values[0],
    )


def lettered(study: Study, letter: str, share: float, steps: int, seed: int) -> Descent:
    """Run A or B; Unmeasured where it has other numbers or does not start as numpy draws it."""
    for one in descents(study, "edge"):
        if one.label == f"run {letter}":
            break
    else:
        raise Unmeasured(f"no run {letter} in runs/edge")
    if not np.isclose(one.share, share):
        raise Unmeasured(f"run {letter} has eta = {one.share:g} eta_C instead of {share:g}")
    if one.last != steps:
        raise Unmeasured(f"run {letter} has {one.last} instead of {steps} steps")
    if not np.allclose(one.start, drawn(seed, SCALES[letter]), rtol=0, atol=1e-9):
        raise Unmeasured(f"run {letter} has another start than numpy's seed {seed} gives")
    return one


def drawn(seed: int, scales: Sequence[float]) -> Array:
    """The weights that numpy alone draws: after the Gaussians of U and V, layer by layer."""
    rng, d = np.random.default_rng(seed), WIDTHS[0]
    rng.standard_normal((2, d, d))
    return np.concatenate(
        [(scale / d**0.5 * rng.standard_normal((d, d))).ravel() for scale in scales]
    )


def fresh(study: Study, share: float = 0.92, steps: int = 4000, fewest: int = 3) -> list[Descent]:
    """Runs from fresh starts; Unmeasured where they are too few, too short, or others."""
    found = descents(study, "edge_fresh")
    if not all(np.isclose(one.share, share) for one in found):
        raise Unmeasured(f"eta = {found[0].share:g} eta_C instead of {share:g} in runs/edge_fresh")
    if len(found) < fewest:
        raise Unmeasured(f"{len(found)} of at least {fewest} seeds in runs/edge_fresh")
    short = min(one.last for one in found)
    if short < steps:
        raise Unmeasured(f"{short} of at least {steps} steps in runs/edge_fresh")
    return found
