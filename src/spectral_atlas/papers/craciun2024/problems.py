"""Regression data of linear networks: the data stage, and problems read from its files.

The loss is the sum of squares over samples, L = |Y - A X|_F^2 (no 1/2, no 1/n), which up to a
constant is |(A - W*) S^{1/2}|_F^2 with S = X X^T and W* = Y X^+.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.papers.craciun2024.rules import second_moment_of, target_of
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024 import sections
    from spectral_atlas.stage import Inputs, Job

Array = np.ndarray
PAPER = "craciun2024"
DIAGONAL = 1e-12  # of the largest entry: what counts as no entry beside the diagonal
RANK = 1e-10  # of the largest singular value of X


def linear(widths: list[int]) -> DeepLinear:
    """The network with these widths d_0, ..., d_H."""
    shapes = tuple((above, below) for below, above in pairwise(widths))
    return DeepLinear(shapes, outputs=widths[-1])


@dataclass(frozen=True)
class Problem:
    """One network and its data: X (d_0, n), Y (d_H, n)."""

    name: str
    widths: list[int]
    X: Float[Array, "i n"]
    Y: Float[Array, "o n"]

    @property
    def arch(self) -> DeepLinear:
        """Its layers."""
        return linear(self.widths)

    @property
    def S(self) -> Float[Array, "i i"]:
        """X X^T."""
        return self.X @ self.X.T

    @property
    def target(self) -> Float[Array, "o i"]:
        """W* = Y X^+, of the least norm where the data do not determine it."""
        return self.Y @ np.linalg.pinv(self.X, rcond=RANK)

    @property
    def smallest_loss(self) -> float:
        """What no linear map fits: |Y - W* X|_F^2."""
        return float(np.sum((self.Y - self.target @ self.X) ** 2))

    def in_eigenbasis(
        self,
    ) -> tuple[Float[Array, "o i"], Float[Array, "o i"], Float[Array, "i i"]]:
        """(observed, weights, Q): L = sum_ij weights_ij ((A Q)_ij - observed_ij)^2.

        Q holds eigenvectors of S, observed = W* Q, and weights_ij is the j-th eigenvalue. Gradient
        descent commutes with W_1 -> W_1 Q. Q is the identity where S is diagonal.
        """
        S = self.S
        if np.abs(S - np.diag(np.diag(S))).max() <= DIAGONAL * np.abs(S).max():
            values, Q = np.diag(S), np.eye(len(S))
        else:
            values, Q = np.linalg.eigh(S)
        return self.target @ Q, np.tile(np.maximum(values, 0), (self.widths[-1], 1)), Q


def problems(config: sections.Nets, inputs: Inputs, job: Job) -> xr.Dataset:
    """Data with exactly the second moment and the least-squares map that the configuration names.

    Returns
    -------
    Dataset with dimensions ``net, layer, input, output, sample``: ``widths``, d_0 ... d_H, and -1
    behind them; ``x`` and ``y``, NaN beyond a net's own sizes.
    """
    found = [_draw(net, job.seed) for net in config.nets]
    dims = {"layer": max(len(p.widths) for p in found)}
    dims |= {"input": max(len(p.X) for p in found), "output": max(len(p.Y) for p in found)}
    dims |= {"sample": max(p.X.shape[1] for p in found)}
    widths = np.full((len(found), dims["layer"]), -1)
    x = np.full((len(found), dims["input"], dims["sample"]), np.nan)
    y = np.full((len(found), dims["output"], dims["sample"]), np.nan)
    for k, p in enumerate(found):
        widths[k, : len(p.widths)] = p.widths
        x[k, : p.X.shape[0], : p.X.shape[1]] = p.X
        y[k, : p.Y.shape[0], : p.Y.shape[1]] = p.Y
    return xr.Dataset(
        {
            "widths": (("net", "layer"), widths, {"long_name": "d_0, ..., d_H"}),
            "x": (("net", "input", "sample"), x, {"long_name": "X"}),
            "y": (("net", "output", "sample"), y, {"long_name": "Y"}),
        },
        coords={"net": [p.name for p in found]},
    )


def _draw(net: sections.Net, root: int) -> Problem:
    rng = generator(root, PAPER, "data", net.name)
    moments, target = np.array(second_moment_of(net)), np.array(target_of(net))
    spread = np.flatnonzero(moments)
    rows = np.linalg.qr(rng.standard_normal((net.samples, len(spread))))[0].T
    X = np.zeros((len(moments), net.samples))
    X[spread] = np.sqrt(moments[spread])[:, None] * rows
    if net.rotated:
        turn, triangle = np.linalg.qr(rng.standard_normal((len(moments), len(moments))))
        X = turn * np.sign(np.diag(triangle)) @ X
    noise = net.noise * rng.standard_normal((len(target), net.samples))
    return Problem(net.name, net.widths, X, target @ X + noise - (noise @ rows.T) @ rows)


def load(data: xr.Dataset, name: str) -> Problem:
    """One network of a file of the data stage."""
    one = data.sel(net=name)
    widths = [int(d) for d in one["widths"].values if d >= 0]
    n = int(np.isfinite(one["x"].values[0]).sum())
    return Problem(
        name, widths, one["x"].values[: widths[0], :n], one["y"].values[: widths[-1], :n]
    )


def points(config: sections.Points, inputs: Inputs, job: Job) -> xr.Dataset:
    """The points of the configuration: ``x`` and ``y`` over ``sample``."""
    return xr.Dataset(
        {
            "x": ("sample", np.array(config.x), {"long_name": "input"}),
            "y": ("sample", np.array(config.y), {"long_name": "label"}),
        }
    )
