"""A validated ensemble of deep linear networks, packed for the compiled kernels on demand."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra import _chains, _compression

Array = np.ndarray


class Packed:
    """An ensemble in lane blocks with both chains: all that a product needs."""

    def __init__(self, arch: DeepLinear, theta: Array, Sigma: Array, b: Array, p: Array) -> None:
        members, params = theta.shape
        blocks = -(-members // _chains.LANES)
        self.shapes = np.array(arch.shapes)
        self.node = np.cumsum([0, arch.d, *(rows for rows, _ in arch.shapes)])
        self.W = np.empty((blocks, params, _chains.LANES))
        self.S = np.empty((blocks, arch.d, arch.d, _chains.LANES))
        self.left = np.empty((blocks, self.node[-1], _chains.LANES))
        self.right = np.empty_like(self.left)
        _chains.all_chains(
            self.shapes, self.node, theta, Sigma, b, p, self.W, self.S, self.left, self.right
        )

    @property
    def full(self) -> tuple:
        """Arguments of the kernels of `_chains`."""
        return self.shapes, self.node, self.W, self.S, self.left, self.right

    @cached_property
    def frames(self) -> tuple:
        """u/|u|, h, |u|, |v| of `_compression`, per block."""
        norms = np.empty((2, len(self.W), len(self.shapes), _chains.LANES))
        unit, house = np.empty_like(self.left), np.empty_like(self.left)
        _compression.all_frames(self.node, self.left, self.right, unit, house, *norms)
        return unit, house, norms[0], norms[1]

    @property
    def compressed(self) -> tuple:
        """Arguments of the kernels of `_compression`."""
        return self.shapes, self.node, self.W, self.S, self.left, *self.frames


class Ensemble:
    """Validated parameters of an ensemble; packs the members that are asked for, once."""

    def __init__(
        self, arch: DeepLinear, theta: Array, Sigma: Array, b: Array, readout: Array | None
    ) -> None:
        if arch.outputs != 1:
            raise ValueError(f"outputs = {arch.outputs}: must be 1 for this Hessian")
        theta = np.ascontiguousarray(theta, dtype=np.float64)
        if theta.ndim != 2 or theta.shape[1] != arch.n_params or not len(theta):
            raise ValueError(f"theta: expected (B, {arch.n_params}) with B >= 1, got {theta.shape}")
        if arch.readout != (readout is not None):
            wanted = "needs" if arch.readout else "takes no"
            raise ValueError(f"this architecture {wanted} readout p")
        ones = np.ones(1) if readout is None else readout
        members, d = len(theta), arch.d
        self.arch, self.theta = arch, theta
        self.Sigma = _per_member("Sigma", Sigma, members, (d, d))
        self.b = _per_member("b", b, members, (d,))
        self.p = _per_member("readout", ones, members, (arch.shapes[-1][0],))
        self._members: np.ndarray | None = None
        self._packed: Packed | None = None

    def packed(self, members: np.ndarray | None = None) -> Packed:
        """Blocks of the members named (all if None), kept until others are asked for."""
        held = self._members
        same = self._packed is not None and (
            members is held
            or (members is not None and held is not None and np.array_equal(members, held))
        )
        if not same:
            pick = [self.theta, self.Sigma, self.b, self.p]
            if members is not None:
                pick = [x[members] if len(x) > 1 else x for x in pick]
                pick[0] = np.ascontiguousarray(self.theta[members])
            self._packed = Packed(self.arch, *pick)
            self._members = None if members is None else members.copy()
        assert self._packed is not None
        return self._packed


def _per_member(name: str, value: Array, members: int, shape: tuple[int, ...]) -> np.ndarray:
    """As (1 or B, *shape), contiguous float64."""
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.shape == shape:
        return array[None]
    if array.shape == (members, *shape):
        return array
    raise ValueError(f"{name}: expected {shape} or {(members, *shape)}, got {array.shape}")
