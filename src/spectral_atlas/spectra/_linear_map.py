"""What products and dense blocks of the Hessian of a weighted square loss of a linear map share.

C(A) = sum_ij weights_ij (A_ij - observed_ij)^2 with A = W_L ... W_1. In the names below

    R_l = W_l ... W_1                    (rows_l, i), R_0 = I
    S_l = W_L ... W_{l+1}                (o, rows_l), S_L = I
    E_l = S_l^T dC/dA                    (rows_l, i): the gradient of layer l is E_l R_{l-1}^T

Nothing here is larger than the layers themselves but for the dense matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.spectra.operators import name_members

Array = np.ndarray


@dataclass(frozen=True)
class Point:
    """Members of an ensemble: layers (A, rows, columns), 2 weights (A, o, i), 2 ridge (A,)."""

    arch: DeepLinear
    layers: list[Array]
    observed: Array
    twice_weights: Array
    twice_ridge: Array

    def pick(self, members: Array) -> Point:
        """Those of the members named; what was computed here is copied, not computed again."""
        layers = [w[members] for w in self.layers]
        data = (self.observed, self.twice_weights, self.twice_ridge)
        picked = Point(self.arch, layers, *(x[members] for x in data))
        for name in ("right", "error"):
            picked.__dict__[name] = [x[members] for x in getattr(self, name)]
        return picked

    @cached_property
    def right(self) -> list[Array]:
        """R_1, ..., R_L."""
        out = [self.layers[0]]
        for w in self.layers[1:]:
            out.append(w @ out[-1])
        return out

    @cached_property
    def error(self) -> list[Array]:
        """E_1, ..., E_L."""
        out = [self.twice_weights * (self.right[-1] - self.observed)]
        for w in self.layers[:0:-1]:
            out.append(w.mT @ out[-1])
        return out[::-1]


def products(point: Point, V: Array, out: Array) -> None:
    """out = H V for V (A, b, P): the derivative, along V, of E_l R_{l-1}^T for all layers.

    dR_l = V_l R_{l-1} + W_l dR_{l-1} upwards, dE_{l-1} = V_l^T E_l + W_l^T dE_l downwards from
    dE_L = 2 weights dR_L: O(L) products with thin matrices.
    """
    W, R, E = ([x[:, None] for x in xs] for xs in (point.layers, point.right, point.error))
    along, into = point.arch.unflatten(V), point.arch.unflatten(out)
    dR = [along[0]]
    for w, v, below in zip(W[1:], along[1:], R, strict=False):
        dR.append(v @ below + w @ dR[-1])
    dE = point.twice_weights[:, None] * dR[-1]
    for k in range(len(W) - 1, 0, -1):
        np.matmul(dE, R[k - 1].mT, out=into[k])
        into[k] += E[k] @ dR[k - 1].mT
        dE = along[k].mT @ E[k] + W[k].mT @ dE
    into[0][...] = dE
    if point.twice_ridge.any():
        out += point.twice_ridge[:, None, None] * V


def dense(point: Point) -> Array:
    """The matrices (A, P, P): Gauss-Newton J^T diag(2 weights) J, curvature T (x) M, ridge.

    For layers l > m the mixed second derivative of <dC/dA, A> along V_l and V_m is
    sum T_af V_l,ac M_ce V_m,ef with T = E_l R_{m-1}^T and M = W_{l-1} ... W_{m+1}.
    """
    stops = np.cumsum([0, *(r * c for r, c in point.arch.shapes)])
    at = [slice(a, b) for a, b in pairwise(stops)]
    jacobian = _jacobian(point)
    half = np.sqrt(point.twice_weights).reshape(*jacobian.shape[:2], 1) * jacobian
    out = half.mT @ half
    for m in range(point.arch.depth - 1):
        M = None
        for k in range(m + 1, point.arch.depth):
            T = point.error[k] if m == 0 else point.error[k] @ point.right[m - 1].mT
            block = _outer(T, M, point.arch.shapes[m][0])
            out[:, at[k], at[m]] += block
            out[:, at[m], at[k]] += block.mT
            M = point.layers[k] if M is None else point.layers[k] @ M
    diagonal = np.arange(out.shape[-1])
    out[:, diagonal, diagonal] += point.twice_ridge[:, None]
    return out


def _jacobian(point: Point) -> Array:
    """dA/dtheta, (A, o i, P): the columns of layer l are S_l (x) R_{l-1}^T."""
    members, o, i = point.observed.shape
    S = np.broadcast_to(np.eye(o), (members, o, o))
    parts: list[Array] = []
    for k in range(point.arch.depth - 1, -1, -1):
        R = np.eye(i)[None] if k == 0 else point.right[k - 1]
        rows, columns = point.arch.shapes[k]
        part = S[:, :, None, :, None] * R.mT[:, None, :, None, :]  # o, i, rows, columns
        parts.append(part.reshape(members, o * i, rows * columns))
        S = S @ point.layers[k]
    return np.concatenate(parts[::-1], axis=-1)


def _outer(T: Array, M: Array | None, inner: int) -> Array:
    """T_af M_ce as the matrix of rows (a, c) and columns (e, f); M = I if None."""
    M = np.eye(inner)[None] if M is None else M
    block = T[:, :, None, None, :] * M[:, None, :, :, None]
    return block.reshape(len(T), T.shape[1] * M.shape[1], M.shape[2] * T.shape[2])


def rotation_tangents(layers: Sequence[Array]) -> Array:
    """(K W_l, -W_{l+1} K) for the unit antisymmetric K of each hidden layer l, as flat rows."""
    out = [np.zeros((0, sum(w.size for w in layers)))]
    for k in range(len(layers) - 1):
        a, b = np.triu_indices(len(layers[k]), 1)
        K = np.zeros((len(a), len(layers[k]), len(layers[k])))
        K[np.arange(len(a)), a, b], K[np.arange(len(a)), b, a] = 1.0, -1.0
        parts = [np.zeros((len(a), *w.shape)) for w in layers]
        parts[k], parts[k + 1] = K @ layers[k], -(layers[k + 1] @ K)
        flat = [x.reshape(len(a), w.size) for x, w in zip(parts, layers, strict=True)]
        out.append(np.concatenate(flat, axis=1))
    return np.concatenate(out)


def check_certain(values: Array, bound: Array, limit: Array) -> None:
    """ValueError that names members whose counts rounding could change."""
    near = (np.abs(np.abs(values) - limit[:, None]) <= bound[:, None]).any(axis=1)
    bad = (bound > limit / 10) | (near & (bound > 0))
    if bad.any():
        m = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"tolerance = {limit[m]:g}: must be over ten times LAPACK's bound {bound[m]:.1e} and "
            f"further than it from every |eigenvalue|, for {name_members(bad)}"
        )


def per_member(
    name: str,
    value: float | Array,
    members: int,
    shape: tuple[int, ...],
    least: float = -np.inf,
) -> Array:
    """As (members, *shape) in float64, finite and at least `least`."""
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in (shape, (members, *shape)):
        raise ValueError(f"{name}: expected {shape} or {(members, *shape)}, got {array.shape}")
    bad = array[~(np.isfinite(array) & (array >= least))]
    if bad.size:
        kind = "finite" if least == -np.inf else f"finite and at least {least:g}"
        raise ValueError(f"{name} = {bad[0]}: must be {kind}")
    return np.array(np.broadcast_to(array, (members, *shape)))
