"""From rescaled time to SGD steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

if TYPE_CHECKING:
    from spectral_atlas.papers.benarous2024.sections import Training, WidthsTraining

Array = np.ndarray


@dataclass(frozen=True)
class Schedule:
    """Steps l of the checkpoints t = l delta, with delta = step / d.

    Attributes
    ----------
    times : (C,), as the configuration names them
    steps : (C,), the nearest whole numbers of steps
    learning_rate : delta
    """

    times: Array
    steps: Int[Array, " C"]
    learning_rate: float

    @property
    def n_steps(self) -> int:
        """All steps."""
        return int(self.steps[-1])

    def coordinates(self) -> dict[str, Any]:
        """Coordinates ``time`` (rescaled) and ``step`` of a dataset."""
        description = {"long_name": "rescaled time l delta"}
        return {"time": ("time", self.times, description), "step": ("time", self.steps)}


def schedule(config: Training | WidthsTraining, d: int) -> Schedule:
    """The steps at which a run is kept.

    Raises
    ------
    ValueError
        If two checkpoints fall on one step.
    """
    rate = config.step / d
    steps = np.rint(np.array(config.checkpoints) / rate).astype(np.int64)
    if (np.diff(steps) <= 0).any():
        raise ValueError(
            f"checkpoints {config.checkpoints}: must be at least delta = {rate:g} apart"
        )
    return Schedule(np.array(config.checkpoints, dtype=float), steps, rate)


def check_outcomes(name: str, diverged_at: Int[Array, " M"]) -> None:
    """Refuse to go on where no run is left; single lost runs are kept as NaN and counted.

    Raises
    ------
    ValueError
    """
    if (diverged_at >= 0).all():
        raise ValueError(
            f"{name}: all {len(diverged_at)} runs overflowed, the first at step "
            f"{diverged_at.min()}: `step` is too large"
        )
