"""Matrix completion: low-rank targets, the entries observed of them, and the squared cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

Array = np.ndarray


@dataclass(frozen=True)
class MatrixCompletion:
    """C(A) = (1/N) sum over the N observed entries of (A_ij - observed_ij)^2, without a factor 1/2.

    Attributes
    ----------
    target : (n_out, n_in), A*, without noise
    mask : (n_out, n_in), True where an entry is observed
    observed : (n_out, n_in), what is observed: A* and noise; 0 elsewhere

    Raises
    ------
    ValueError
        If the shapes differ, or no entry is observed.
    """

    target: Float[Array, "n_out n_in"]
    mask: Bool[Array, "n_out n_in"]
    observed: Float[Array, "n_out n_in"]

    def __post_init__(self) -> None:
        shapes = {self.target.shape, self.mask.shape, self.observed.shape}
        if len(shapes) != 1 or self.target.ndim != 2:
            raise ValueError(
                f"target {self.target.shape}, mask {self.mask.shape}, "
                f"observed {self.observed.shape}: must be one shape (n_out, n_in)"
            )
        if not self.mask.any():
            raise ValueError("mask = all False: must have an observed entry")

    @classmethod
    def observe(
        cls,
        target: Float[Array, "n_out n_in"],
        order: Int[Array, "n_out n_in"],
        count: int,
        noise: Float[Array, "n_out n_in"] | None = None,
    ) -> MatrixCompletion:
        """Observe the first `count` entries of the `order` of `entry_order`.

        Parameters
        ----------
        target : (n_out, n_in), A*
        order : (n_out, n_in), the place of each entry; larger counts observe more, not others
        count : int
            N, from 1 to n_out n_in.
        noise : (n_out, n_in), optional
            Added to observed entries; the rest of it is of no effect.

        Raises
        ------
        ValueError
            If the shapes differ, or the count is outside its range.
        """
        if not 1 <= count <= target.size:
            raise ValueError(f"count = {count}: must be an integer from 1 to {target.size}")
        noise = np.zeros_like(target) if noise is None else noise
        if not order.shape == noise.shape == target.shape:
            raise ValueError(
                f"order = {order.shape}, noise = {noise.shape}: must be {target.shape}, as target"
            )
        seen, mask = target + noise, order < count
        return cls(target, mask, np.where(mask, seen, 0.0))

    @property
    def n_observed(self) -> int:
        """N, the number of observed entries."""
        return int(self.mask.sum())

    @cached_property
    def weights(self) -> Float[Array, "n_out n_in"]:
        """1/N where an entry is observed, else 0: C(A) = sum_ij weights_ij (A - observed)_ij^2."""
        return self.mask / self.n_observed

    def cost(self, A: Float[Array, "*members n_out n_in"]) -> Float[Array, "*members"]:
        """C(A), of every member."""
        return _sum(self.weights * (A - self.observed) ** 2)

    def gradient(
        self, A: Float[Array, "*members n_out n_in"]
    ) -> Float[Array, "*members n_out n_in"]:
        """dC/dA = (2/N) (A - observed) on the mask, 0 elsewhere."""
        return 2 * self.weights * (A - self.observed)

    def test_cost(self, A: Float[Array, "*members n_out n_in"]) -> Float[Array, "*members"]:
        """Mean of (A - target)^2 over unobserved entries, of every member; NaN if there are none.

        The target is without noise.
        """
        hidden = ~self.mask
        if not hidden.any():
            return np.full(A.shape[:-2], np.nan)
        return _sum(hidden / hidden.sum() * (A - self.target) ** 2)


def linear_model_limit(
    problem: MatrixCompletion, A0: Float[Array, "*members n_out n_in"]
) -> Float[Array, "*members n_out n_in"]:
    """Where a linear model of the entries ends: `observed` on the mask, A0 elsewhere.

    Gradient flow with a fixed tangent kernel Theta I moves each entry on its own,
    dA/dt = -Theta dC/dA: observed residuals decay as exp(-(2/N) Theta t), and the others stay as
    they were. A network in the lazy regime, of any depth L, width w and weights N(0, w^{-gamma}),
    approaches that model with Theta = L w^{(1 - gamma)(L - 1)}.
    """
    return np.where(problem.mask, problem.observed, A0)


def gaussian_factors(
    rng: np.random.Generator, rows: int, columns: int, rank: int
) -> Float[Array, "rows columns"]:
    """A* = G1 G2 with standard normal G1 (rows, rank), drawn first, and G2 (rank, columns).

    Raises
    ------
    ValueError
        Unless 1 <= rank <= min(rows, columns).
    """
    _check_rank(rows, columns, rank)
    left = rng.standard_normal((rows, rank))
    return left @ rng.standard_normal((rank, columns))


def chosen_spectrum(
    rng: np.random.Generator, rows: int, columns: int, singular_values: Sequence[float] | Array
) -> Float[Array, "rows columns"]:
    """A* = U diag(singular_values) V^T with Haar-random orthonormal columns of U and V.

    Raises
    ------
    ValueError
        If there are more values than min(rows, columns), or none, or they are not positive, finite
        and non-increasing.
    """
    s = np.asarray(singular_values, dtype=np.float64)
    if s.ndim != 1 or not (np.isfinite(s) & (s > 0)).all() or (np.diff(s) > 0).any():
        raise ValueError(f"singular_values = {s.tolist()}: must be positive and non-increasing")
    _check_rank(rows, columns, len(s))
    return (_orthonormal(rng, rows, len(s)) * s) @ _orthonormal(rng, columns, len(s)).T


def entry_order(rng: np.random.Generator, rows: int, columns: int) -> Int[Array, "rows columns"]:
    """The place of each entry in a random permutation of all: the k-th drawn has the value k.

    Entries below N are a uniformly random set of N, a subset of that for any larger N.
    """
    drawn = rng.permutation(rows * columns)
    place = np.empty_like(drawn)
    place[drawn] = np.arange(len(drawn))
    return place.reshape(rows, columns)


def degrees_of_freedom(rows: int, columns: int, rank: int) -> int:
    """rank (rows + columns - rank): the dimension of the set of matrices of that rank.

    Raises
    ------
    ValueError
        Unless 0 <= rank <= min(rows, columns).
    """
    _check_rank(rows, columns, rank, least=0)
    return rank * (rows + columns - rank)


def _orthonormal(rng: np.random.Generator, rows: int, columns: int) -> Array:
    # Without the signs Q depends on the convention of the QR, and is not uniform.
    Q, R = np.linalg.qr(rng.standard_normal((rows, columns)))
    return Q * np.where(np.diagonal(R) < 0, -1.0, 1.0)


def _check_rank(rows: int, columns: int, rank: int, least: int = 1) -> None:
    if not least <= rank <= min(rows, columns):
        raise ValueError(f"rank = {rank}: must be from {least} to min({rows}, {columns})")


def _sum(entries: Array) -> Array:
    return np.asarray(entries.sum(axis=(-2, -1)))
