"""Minima of C(A_theta) + ridge |theta|^2 over deep linear networks, by the rank of A_theta.

C(A) = sum_ij weights_ij (A_ij - observed_ij)^2. At a critical point with ridge > 0 the layers are
balanced, so that the value is C(A) + ridge L sum_i s_i(A)^{2/L}. From depth L = 3 on there are
local minima of several ranks, since a new singular value costs more than it gains as long as it is
small. Networks of width r admit no rank above r, and have few parameters: their exact Hessian is
cheap, and Newton's method ends after ten to forty steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import balanced_factors, include
from spectral_atlas.training._ridge_loss import check_data
from spectral_atlas.training._ridge_newton import Minimum, minimize_ridge

__all__ = ["Minimum", "is_stable", "minimize_by_rank", "minimize_ridge"]

Array = np.ndarray


def minimize_by_rank(
    observed: Float[Array, "n_out n_in"],
    weights: Float[Array, "n_out n_in"],
    depth: int,
    ridges: Sequence[float] | Float[Array, " ridges"],
    ranks: Sequence[int],
    *,
    starts: int,
    rng: np.random.Generator,
) -> list[list[Minimum]]:
    """The best minimum found in networks of width r, for each rank r and each ridge.

    Each search starts from the balanced factors of the best approximation of rank r of a matrix:

    - the observed one, zero elsewhere, times n_out n_in / (number observed);
    - `starts` times the observed one, with normal numbers of the same mean square elsewhere;
    - the minima of the same rank at the ridge before and after;
    - that of the next rank;
    - that of the rank before, plus as many top singular pairs of -dC/dA as are missing, each with
      the amplitude that minimizes C along it.

    Whatever gets better offers itself to its neighbours again.

    Parameters
    ----------
    observed, weights : (n_out, n_in)
        Entries of weight 0 do not count and may be NaN.
    depth : int >= 2
        L.
    ridges : all > 0
        Ascending or descending, so that neighbours are alike.
    ranks : ascending, from 0 to min(n_out, n_in)
    starts : int >= 0
    rng : np.random.Generator

    Returns
    -------
    [rank][ridge] : Minimum
        Among those whose A has rank r, the one of the smallest value. Where none has, since a
        large ridge leaves no such minimum, one of the highest rank: `Minimum.rank` tells.

    Raises
    ------
    ValueError
        If shapes do not fit, or a number is outside its range.
    """
    check_data(observed, weights, 0.0)
    if depth < 2:
        raise ValueError(f"depth = {depth}: must be >= 2")
    if list(ranks) != sorted(set(ranks) & set(range(min(observed.shape) + 1))):
        raise ValueError(f"ranks = {list(ranks)}: must ascend, from 0 to {min(observed.shape)}")
    if starts < 0:
        raise ValueError(f"starts = {starts}: must be >= 0")
    seen = weights > 0
    data = np.where(seen, observed, 0.0)
    scale = np.sqrt(np.mean(data[seen] ** 2))
    best: dict[tuple[int, int], Minimum] = {}

    def improve(cell: tuple[int, int], A: Array) -> bool:
        """Search from A; whether that gave something better."""
        found = _near(A, ranks[cell[0]], data, weights, depth, float(ridges[cell[1]]))
        better = cell not in best or _better(found, best[cell])
        if better:
            best[cell] = found
        return better

    cells = [(i, j) for i in range(len(ranks)) for j in range(len(ridges))]
    for i, j in cells:
        improve((i, j), data * (seen.size / seen.sum()))
        for _ in range(starts if ranks[i] else 0):
            improve((i, j), np.where(seen, data, scale * rng.standard_normal(data.shape)))
    waiting = deque(cells)
    while waiting:
        i, j = waiting.popleft()
        source = best[i, j]
        cells = [(i - 1, j), (i + 1, j)]
        if source.rank == ranks[i]:  # dead neurons stay dead at other ridges
            cells += [(i, j - 1), (i, j + 1)]
        for cell in cells:
            if cell not in best or not ranks[cell[0]]:
                continue
            missing = ranks[cell[0]] - source.rank if cell[0] > i else 0
            A = _grown(source.A, missing, data, weights)
            if improve(cell, A) and cell not in waiting:
                waiting.append(cell)
    return [[best[i, j] for j in range(len(ridges))] for i in range(len(ranks))]


def _near(
    A: Array, rank: int, observed: Array, weights: Array, depth: int, ridge: float
) -> Minimum:
    """Minimum in width `rank`, at least 1, from the best approximation of A of that rank."""
    n_out, n_in = A.shape
    width = max(rank, 1)
    arch = DeepLinear.plain(n_in, depth, width, outputs=n_out)
    U, s, Vt = np.linalg.svd(A)
    layers = balanced_factors((U[:, :rank] * s[:rank]) @ Vt[:rank], depth, width)
    return minimize_ridge(arch, arch.flatten(layers), observed, weights, ridge)


def _better(new: Minimum, old: Minimum) -> bool:
    """Whether the rank is higher, or the same and the value lower by more than rounding."""
    if new.rank != old.rank:
        return new.rank > old.rank
    return new.value < old.value * (1 - 1e-10)


def _grown(A: Array, count: int, observed: Array, weights: Array) -> Array:
    """A plus top singular pairs of -dC/dA, each of the amplitude that minimizes C along it."""
    if count <= 0:
        return A
    U, s, Vt = np.linalg.svd(-2.0 * weights * (A - observed))
    for k in range(count):
        pair = np.outer(U[:, k], Vt[k])
        A = A + s[k] / (2.0 * np.sum(weights * pair**2)) * pair
    return A


def is_stable(
    minimum: Minimum,
    observed: Float[Array, "n_out n_in"],
    weights: Float[Array, "n_out n_in"],
    ridge: float,
    width: int,
    rng: np.random.Generator,
    *,
    n_perturbations: int = 2,
    size: float | None = None,
) -> bool:
    """Whether a critical point is a local minimum in networks of a larger width.

    Hidden layers are padded by zeros to `width`, all weights moved by a random vector of norm
    `size`, and the value is minimized again: each time it has to come back within 1e-9, and A
    within 1e-3, relative. The default size is 0.1 ridge^{1/(L-2)}, well inside the basin of a dead
    neuron; 0.01 for L = 2, where any size shows a saddle.

    Raises
    ------
    ValueError
        If `width` is below that of the minimum, or as in `minimize_ridge`.
    """
    layers = include(minimum.layers, width)
    n_out, n_in = minimum.A.shape
    depth = len(layers)
    arch = DeepLinear.plain(n_in, depth, width, outputs=n_out)
    if size is None:
        size = 0.1 * ridge ** (1 / (depth - 2)) if depth > 2 else 0.01
    near = 1e-3 * np.linalg.norm(minimum.A) + 1e-12 * np.abs(observed[weights > 0]).max()
    for _ in range(n_perturbations):
        push = rng.standard_normal(arch.n_params)
        theta = arch.flatten(layers) + size / np.linalg.norm(push) * push
        back = minimize_ridge(arch, theta, observed, weights, ridge)
        if abs(back.value - minimum.value) > 1e-9 * minimum.value:
            return False
        if np.linalg.norm(back.A - minimum.A) > near:
            return False
    return True
