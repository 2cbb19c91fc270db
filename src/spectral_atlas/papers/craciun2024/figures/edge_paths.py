"""Descents to the edge of stability as figures need them: one record for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from spectral_atlas.papers.craciun2024.constants import FLOOR, ROUNDING
from spectral_atlas.plotting.facts import quoted

Array = np.ndarray
SETTLED = 1e-6  # a loss below this share of its start: the descent is at a minimizer


@dataclass(frozen=True)
class Path:
    """One descent and its reference, which is slower and looked at when its time is the same.

    Attributes
    ----------
    name, label : str
        Of the run, bare and for captions.
    learning_rate, share : float
        eta, and eta / eta_C: also the sharpness of the flattest minimizer over 2 / eta.
    steps : (C,)
        Checkpoints.
    loss, reference_loss : (C,)
    every_loss : (T + 1,)
        At every step.
    values : (C, V)
        Largest eigenvalues of the Hessian times eta / 2, the largest first.
    smallest : (C,)
        The smallest times eta / 2.
    reference : (C,)
        The reference's largest times eta / 2, with the eta of the run.
    last_step, increases, reference_increases : int
        Of all steps; increases raised the loss.
    diverged_at : int
        First step with a loss that is not finite, -1 without.
    """

    name: str
    label: str
    learning_rate: float
    share: float
    steps: Int[Array, " C"]
    loss: Float[Array, " C"]
    reference_loss: Float[Array, " C"]
    every_loss: Float[Array, " T"]
    values: Float[Array, "C V"]
    smallest: Float[Array, " C"]
    reference: Float[Array, " C"]
    last_step: int
    increases: int
    reference_increases: int
    diverged_at: int

    @property
    def ratio(self) -> Float[Array, " C"]:
        """Sharpness over 2 / eta."""
        return self.values[:, 0]

    @property
    def final(self) -> float:
        """The ratio in the end; NaN where the run diverged."""
        return float("nan") if self.diverged_at >= 0 else float(self.ratio[-1])

    @property
    def reference_final(self) -> float:
        """That of the reference."""
        return float(self.reference[-1])

    @property
    def peak(self) -> float:
        """The largest ratio; NaN where none was measured."""
        found = self.ratio[np.isfinite(self.ratio)]
        return float(found.max()) if found.size else float("nan")

    @property
    def peak_step(self) -> int:
        """Where."""
        finite = np.isfinite(self.ratio)
        return int(self.steps[np.nanargmax(self.ratio)]) if finite.any() else -1

    @property
    def crossing(self) -> int:
        """The first checkpoint with a ratio above 1, -1 without."""
        above = np.flatnonzero(self.ratio > 1)
        return int(self.steps[above[0]]) if above.size else -1

    @property
    def rises(self) -> Int[Array, " n"]:
        """Steps that raised the loss."""
        before, after = self.every_loss[:-1], self.every_loss[1:]
        return np.flatnonzero(after > before * (1 + ROUNDING) + FLOOR) + 1

    @property
    def settled(self) -> bool:
        """Whether it came to a minimizer."""
        return self.diverged_at < 0 and bool(self.loss[-1] <= SETTLED * self.loss[0])

    @property
    def reference_settled(self) -> bool:
        """Whether the reference did."""
        return bool(self.reference_loss[-1] <= SETTLED * self.reference_loss[0])

    @property
    def fate(self) -> str:
        """``settled``, ``unfinished`` or ``diverged``."""
        return "diverged" if self.diverged_at >= 0 else "settled" if self.settled else "unfinished"


def paths(runs: xr.Dataset, spectra: xr.Dataset) -> list[Path]:
    """All runs of a file; what is behind the end of a run is left out."""
    runs = runs.drop_vars(["theta", "reference_theta"], errors="ignore").load()
    spectra = spectra.load()
    return [_path(runs.isel(run=k), spectra.isel(run=k)) for k in range(runs.sizes["run"])]


def _path(run: xr.Dataset, spectra: xr.Dataset) -> Path:
    there = run["checkpoint_step"].values >= 0
    last, eta = int(run["last_step"]), float(run["learning_rate"])
    lost = np.flatnonzero(~np.isfinite(run["loss"].values[: last + 1]))
    steps = run["checkpoint_step"].values[there]
    name = run["run"].item()
    prefix = {float: "η = ", int: "seed "}.get(type(name), "")
    return Path(
        name=f"{name}",
        label=f"{prefix}{name}",
        learning_rate=eta,
        share=eta / float(run["critical_step"]),
        steps=steps,
        loss=run["loss"].values[steps],
        every_loss=run["loss"].values[: last + 1],
        reference_loss=run["reference_loss"].values[there],
        values=spectra["eigenvalues"].values[there] * eta / 2,
        smallest=spectra["smallest"].values[there] * eta / 2,
        reference=spectra["reference_eigenvalues"].values[there, 0] * eta / 2,
        last_step=last,
        increases=int(run["increases"]),
        reference_increases=int(run["reference_increases"]),
        diverged_at=int(lost[0]) if lost.size else -1,
    )


def fates(all_paths: Sequence[Path]) -> dict[str, int]:
    """How many runs settled, are unfinished, diverged; references that did not settle."""
    kinds = [path.fate for path in all_paths]
    counts = {kind: kinds.count(kind) for kind in ("settled", "unfinished", "diverged")}
    return counts | {"slow_unfinished": sum(not path.reference_settled for path in all_paths)}


def each(all_paths: Sequence[Path], values: Sequence[float | int], digits: int = 4) -> str:
    """A number of every run as text: ``A: 1.64, B: 1.22``."""
    return ", ".join(
        f"{path.label}: {quoted(v, digits)}" for path, v in zip(all_paths, values, strict=True)
    )
