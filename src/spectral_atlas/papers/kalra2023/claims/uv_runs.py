"""Single runs of the uv model on both sides of k = 2 and of k = 4 (D)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.papers.kalra2023.claims.kinds import every_run
from spectral_atlas.papers.kalra2023.claims.samples import LOST, Sample
from spectral_atlas.papers.kalra2023.claims.study import FEWEST, Study

Array = np.ndarray
ROUNDING = 1e-9


def _runs(
    name: str, least_k: float, most_k: float, widths: tuple[int, ...] = (), fewest: int = FEWEST
) -> Callable[[Study], Sequence[Sample]]:
    """Highest value after the start, relative to the start, of runs with k in an open interval.

    name : traj_loss, traj_trace or ``bounded``, the loss over w kappa_0^2 / 8.
    """

    def samples(study: Study) -> list[Sample]:
        ds = study.dataset("runs/uv")
        loss = ds["traj_loss"]
        bound = ds["traj_width"] * ds["traj_trace"].isel(traj_step=0) ** 2 / 8
        values = loss if name == "bounded" else ds[name]
        scale = bound if name == "bounded" else values.isel(traj_step=0)
        later = values.isel(traj_step=slice(1, None))
        # A run that diverged has exceeded whatever there is to exceed.
        highest = (later.max("traj_step") / scale).where(later.notnull().all("traj_step"), LOST)
        found = []
        for width in ds["traj_width"].values.tolist():
            for k in ds["traj_multiple"].values.tolist():
                if least_k < k < most_k and (not widths or width in widths):
                    these = highest.sel(traj_width=width, traj_multiple=k).values
                    found.append(Sample(f"w = {width}, k = {k:g}", these))
        if not found:
            raise Unmeasured(f"no runs with k from {least_k:g} to {most_k:g} and such widths")
        if min(len(s.values) for s in found) < fewest:
            raise Unmeasured(f"fewer than {fewest} runs for each k")
        return found

    return samples


CHECKS: tuple[Check, ...] = (
    every_run(
        "D1", "fig7", "uv model, k < 2: the loss never exceeds its start.",
        _runs("traj_loss", 0, 2), high=1.0, what="highest loss over the first", tolerance="none",
        evidence="derived: f' / f lies between -1 and 1",
    ),
    every_run(
        "D2", "fig7", "uv model, w = 512, k between 2 and 4: the loss catapults.",
        _runs("traj_loss", 2, 4, (512,)), low=1.0 + ROUNDING, what="highest loss over the first",
        tolerance="none",
        evidence="derived: f = 0 repels for 2 < k < 4; k_loss is 2 + O(1/w)",
    ),
    every_run(
        "D3", "fig7", "uv model, k < 4, every w: the trace never exceeds its start, catapults "
        "included.",
        _runs("traj_trace", 0, 4), high=1.0 + ROUNDING, what="highest trace over the first",
        tolerance="rounding", evidence="derived: kappa' - kappa = (eta f^2 / w) (eta kappa - 4)",
    ),
    every_run(
        "D4", "fig7", "uv model, k > 4, every w: the trace exceeds its start.",
        _runs("traj_trace", 4, np.inf), low=1.0, what="highest trace over the first",
        tolerance="none; a run that diverged counts as exceeding",
        evidence="derived: the same equation",
    ),
    every_run(
        "D5", "fig7", "uv model, k < 4, every w: the loss stays below w kappa_0^2 / 8.",
        _runs("bounded", 0, 4), high=1.0, what="highest loss over this bound", tolerance="none",
        evidence="derived: 4 f^2 <= w kappa^2, and kappa only falls",
    ),
)  # fmt: skip
