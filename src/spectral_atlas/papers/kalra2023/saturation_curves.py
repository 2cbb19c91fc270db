"""Saturation curves r(c) = lambda_tau / lambda_0 at c tau = K, and their derivatives.

Susceptibilities are chi = -dr/dc and chi' = -d^2 r/dc^2. The grid of c is uneven, and a second
difference of step h multiplies independent errors of r by sqrt(6) / h^2: 157 for h = 1/8, 39 for
h = 1/4. So each point is compared with the nearest grid points at least `SPACING` away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

Array = np.ndarray

SPACING = 0.25
NETWORK = ("data", "network", "activation", "parameterization", "output", "loss_name", "depth", "width")  # fmt: skip  # noqa: E501


@dataclass(frozen=True)
class Curve:
    """Saturation of one network.

    Attributes
    ----------
    network : values of the coordinates `NETWORK`
    c : (M,), increasing
    ratio : (R, M), a row for each seed; NaN where the run diverged
    spacing : least distance of the points of a difference
    """

    network: dict[str, str | int]
    c: Float[Array, " M"]
    ratio: Float[Array, "R M"]
    spacing: float = SPACING

    @property
    def depth(self) -> int:
        """d."""
        return int(self.network["depth"])

    @property
    def width(self) -> int:
        """w."""
        return int(self.network["width"])

    @property
    def lost(self) -> Array:
        """How many runs have no sharpness at each c, (M,)."""
        return np.asarray(np.isnan(self.ratio).sum(axis=0))

    @property
    def chi(self) -> Float[Array, "R M"]:
        """-dr/dc of every run."""
        return -differences(self.c, self.ratio, self.spacing)[0]

    @property
    def bend(self) -> Float[Array, "R M"]:
        """chi' = -d^2 r/dc^2 of every run."""
        return -differences(self.c, self.ratio, self.spacing)[1]


def curves(runs: xr.Dataset, spacing: float = SPACING) -> list[Curve]:
    """One curve for each network of a saturation study, in the order of the file."""
    keys = [tuple(row) for row in zip(*(runs[n].values.tolist() for n in NETWORK), strict=True)]
    found = []
    for key in dict.fromkeys(keys):
        own = runs.isel(run=[i for i, other in enumerate(keys) if other == key])
        ratio = (own["sharpness"] / own["lambda0"]).transpose("run", "multiple")
        c = runs["multiple"].values.astype(float)
        network = dict(zip(NETWORK, key, strict=True))
        found.append(Curve(network, c, ratio.values.astype(float), spacing))
    return found


def differences(
    c: Float[Array, " M"], r: Float[Array, "*runs M"], spacing: float = 0.0
) -> tuple[Float[Array, "*runs M"], Float[Array, "*runs M"]]:
    """First and second derivative of the parabola through each point and one on either side.

    The others are the nearest grid points at least ``spacing`` away (neighbours for 0). With h and
    k the steps down and up, and s and t the slopes there, r' = (s k + t h) / (h + k) and
    r'' = 2 (t - s) / (h + k), both exact for parabolas. Up to second order the latter belongs to
    c + (k - h) / 3, which is not c where the grid is uneven. NaN where there is no such point.
    """
    at, close = np.arange(c.size), 1e-9
    below = np.minimum(np.searchsorted(c, c - spacing + close, side="right"), at) - 1
    above = np.maximum(np.searchsorted(c, c + spacing - close, side="left"), at + 1)
    inside = (below >= 0) & (above < c.size)
    i, low, high = at[inside], below[inside], above[inside]
    down, up = c[i] - c[low], c[high] - c[i]
    s, t = (r[..., i] - r[..., low]) / down, (r[..., high] - r[..., i]) / up
    first, second = np.full(r.shape, np.nan), np.full(r.shape, np.nan)
    first[..., inside] = (s * up + t * down) / (down + up)
    second[..., inside] = 2 * (t - s) / (down + up)
    return first, second
