"""What other stages read from the file of the greedy runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from spectral_atlas.networks.deep_linear import DeepLinear

Array = np.ndarray
Layers = list[Array]


@dataclass(frozen=True)
class GreedyRun:
    """One run of the greedy algorithm.

    Attributes
    ----------
    depth, epsilon, learning_rate : L, epsilon, eta
    ends : layers at the end of each stage; those of stage k, counted from 1, have width k
    steps : updates of each stage
    """

    depth: int
    epsilon: float
    learning_rate: float
    ends: tuple[Layers, ...]
    steps: tuple[int, ...]

    @classmethod
    def load(cls, greedy: xr.Dataset, depth: int, target: int, epsilon: float) -> GreedyRun:
        """The run of a depth, a target and an epsilon in the file, up to where it diverged."""
        mine = (greedy["depth"] == depth) & (greedy["target"] == target)
        (found,) = np.flatnonzero(mine & np.isclose(greedy["epsilon"], epsilon))
        one = greedy.isel(member=int(found))
        rows, columns = one.sizes["row"], one.sizes["column"]
        arch = DeepLinear.plain(columns, depth, one.sizes["stage"], rows)
        thetas = one["theta"].values[: int(one["width"]), : arch.n_params]
        fine = int(np.isfinite(thetas).all(1).sum())  # no stage follows one that diverged
        steps = tuple(int(count) for count in one["steps"].values[:fine])
        ends = tuple(
            [_without_padding(W, i, depth, k) for i, W in enumerate(arch.unflatten(theta))]
            for k, theta in enumerate(thetas[:fine], 1)
        )
        if not ends:
            raise ValueError(
                f"greedy: depth {depth}, target {target}, epsilon {epsilon:g} diverged at once; "
                "take a smaller learning_rate"
            )
        return cls(depth, epsilon, float(greedy.attrs["learning_rate"]), ends, steps)


def _without_padding(layer: Array, index: int, depth: int, width: int) -> Array:
    rows = None if index == depth - 1 else width
    columns = None if index == 0 else width
    return layer[:rows, :columns]
