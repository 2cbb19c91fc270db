"""Barriers: does the loss rise on the straight way from the start to the end of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from spectral_atlas.training.ensembles import Tensors, interpolated, select

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.early import EarlyTraining

Array = np.ndarray
SHARES = np.linspace(0.0, 1.0, 101)[1:]
COARSE = 10  # every so many of them first: most barriers are wide
MOST = 4096  # samples


def barriers(training: EarlyTraining, rows: Array, k: Array) -> Array:
    """Whether max over xi of L((1 - xi) theta_0 + xi theta_T) exceeds L(theta_0).

    xi = 0.01, 0.02, ..., 1; on the first 4096 samples at most. True for runs that diverge.
    """
    found = training.run(rows, training.grid[k])
    came = found.members.cpu().numpy()  # to the end
    higher = found.diverged.copy()
    for shares in (SHARES[COARSE - 1 :: COARSE], SHARES):
        left = np.flatnonzero(~higher[came])
        if len(left):
            ends = select(found.parameters, torch.from_numpy(left))
            higher[came[left]] = _rises(training, rows[came[left]], ends, shares)
    return higher


def _rises(training: EarlyTraining, rows: Array, ends: Tensors, shares: Array) -> Array:
    """Whether the loss of some runs exceeds its start at any of these shares of their way."""
    members, n = training.members, min(MOST, len(training.members.x))
    x, y, ensemble = members.x[:n], members.y[:n], members.ensemble
    start = select(members.parameters, torch.from_numpy(rows))
    with torch.no_grad():
        first = ensemble.risks(start, x, y)
        training.work.forward[rows] += n
        over = torch.zeros_like(first, dtype=torch.bool)
        for share in shares:
            here = interpolated(start, ends, float(share), ensemble.trained)
            over |= ensemble.risks(here, x, y) > first
            training.work.forward[rows] += n
            if bool(over.all()):
                break
    return over.cpu().numpy()
