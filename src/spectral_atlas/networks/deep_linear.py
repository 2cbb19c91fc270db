"""Deep linear networks x -> p^T W_L ... W_1 x, or x -> W_L ... W_1 x with several outputs.

Parameters travel as flat float64 vectors ``theta`` (W_1 row by row, then W_2, ...), so that an
ensemble is an array ``(members, P)`` and every tool that knows only vectors can use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float

Array = np.ndarray


@dataclass(frozen=True)
class DeepLinear:
    """Layer shapes of a deep linear network.

    Attributes
    ----------
    shapes : tuple of (rows, columns), W_1 first
        ``shapes[0][1]`` is the input dimension d; neighbours chain.
    readout : bool
        True: the output is p^T W_L ... W_1 x with a fixed, untrained unit vector p of length
        ``shapes[-1][0]``. False: W_L has a row for each output and is trained like the others.
    outputs : int >= 1
        Number of outputs; a readout has one.

    Raises
    ------
    ValueError
        If there is no layer, the shapes do not chain, or the number of outputs fits neither the
        rows of W_L nor the readout.
    """

    shapes: tuple[tuple[int, int], ...]
    readout: bool = False
    outputs: int = 1

    def __post_init__(self) -> None:
        if not self.shapes:
            raise ValueError("a deep linear network needs at least one layer, got depth 0")
        for k, (below, above) in enumerate(zip(self.shapes, self.shapes[1:], strict=False), 1):
            if above[1] != below[0]:
                raise ValueError(f"layers {k} and {k + 1} do not chain: {below} then {above}")
        if self.outputs < 1 or (self.readout and self.outputs != 1):
            most = ", and 1 with a readout" if self.readout else ""
            raise ValueError(f"outputs = {self.outputs}: must be an integer >= 1{most}")
        if not self.readout and self.shapes[-1][0] != self.outputs:
            rows = "one row" if self.outputs == 1 else f"{self.outputs} rows"
            raise ValueError(
                f"the last layer needs {rows} without a readout, got {self.shapes[-1]}"
            )

    @classmethod
    def plain(cls, d: int, depth: int, width: int | None = None, outputs: int = 1) -> DeepLinear:
        """W_1 is width x d, the middle layers are square, W_L is outputs x width; all trained."""
        m = d if width is None else width
        widths = [d, *[m] * (depth - 1), outputs]
        shapes = tuple((widths[k + 1], widths[k]) for k in range(depth))
        return cls(shapes, outputs=outputs)

    @classmethod
    def residual(cls, d: int, depth: int) -> DeepLinear:
        """All L layers are d x d, read out by a fixed unit vector p (Marion & Chizat)."""
        return cls(((d, d),) * depth, readout=True)

    @property
    def depth(self) -> int:
        """Number of trained layers L."""
        return len(self.shapes)

    @property
    def d(self) -> int:
        """Input dimension."""
        return self.shapes[0][1]

    @property
    def n_params(self) -> int:
        """Length P of the flat parameter vector."""
        return sum(r * c for r, c in self.shapes)

    def unflatten(self, theta: Float[Array, "*members P"]) -> list[Float[Array, "*members _ _"]]:
        """Views [W_1, ..., W_L] into the flat parameters."""
        out, start = [], 0
        for rows, columns in self.shapes:
            stop = start + rows * columns
            out.append(theta[..., start:stop].reshape(*theta.shape[:-1], rows, columns))
            start = stop
        return out

    def flatten(self, layers: list[Float[Array, "*members _ _"]]) -> Float[Array, "*members P"]:
        """Inverse of `unflatten`; copies."""
        return np.concatenate([w.reshape(*w.shape[:-2], -1) for w in layers], axis=-1)


def init_gaussian(rng: np.random.Generator, arch: DeepLinear, scale: float) -> Float[Array, " P"]:
    """All weights N(0, scale^2): the "small-scale" initialization."""
    return scale * rng.standard_normal(arch.n_params)


def init_residual(rng: np.random.Generator, arch: DeepLinear, s: float) -> Float[Array, " P"]:
    """W_k = I + s / sqrt(L d) N_k with standard normal N_k: the residual initialization."""
    noise = s / sqrt(arch.depth * arch.d) * rng.standard_normal(arch.n_params)
    return noise + arch.flatten([np.eye(r, c) for r, c in arch.shapes])


def unit_vector(rng: np.random.Generator, d: int) -> Float[Array, " d"]:
    """A uniformly random unit vector, the readout p of a residual network."""
    p = rng.standard_normal(d)
    return p / np.linalg.norm(p)


def predictor(
    arch: DeepLinear,
    theta: Float[Array, "*members P"],
    readout: Float[Array, "*#members _"] | None = None,
) -> Float[Array, "*members d"]:
    """The linear map p^T W_L ... W_1 as a vector of length d, for every member.

    ``readout`` is one p for all members or one each.

    Raises
    ------
    ValueError
        If the architecture has several outputs, or lacks the readout that it needs.
    """
    if arch.outputs != 1:
        raise ValueError(f"outputs = {arch.outputs}: must be 1 for the predictor to be a vector")
    layers = arch.unflatten(theta)
    if arch.readout:
        if readout is None:
            raise ValueError("this architecture has a fixed readout: pass readout=p")
        row = np.einsum("...i,...ij->...j", readout, layers[-1])
    else:
        row = layers[-1][..., 0, :]
    for w in layers[-2::-1]:
        row = np.einsum("...i,...ij->...j", row, w)
    return row


def excess_risk(
    predictors: Float[Array, "*members d"],
    Sigma: Float[Array, "*#members d d"],
    w_star: Float[Array, "*#members d"],
) -> Float[Array, "*members"]:
    """R(W) - R_min = (w - w*)^T Sigma (w - w*), without the cancellation of two risks."""
    e = predictors - w_star
    return np.einsum("...i,...ij,...j->...", e, Sigma, e)
