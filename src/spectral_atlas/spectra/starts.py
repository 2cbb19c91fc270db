"""Start vectors of the iterative solvers: random, from a nearby matrix, or the user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    as_like,
    name_members,
    native,
    to_numpy,
)

Array = np.ndarray


def start_vectors(rng: np.random.Generator, members: int, params: int) -> Float[Array, "B P"]:
    """Gaussian start vectors for Lanczos and power iteration, from a generator that you seed.

    Parameters
    ----------
    rng : numpy Generator
    members, params : int
        B and P.

    Returns
    -------
    (B, P) standard normal; directions are uniform, so that no eigenvector is missed (a start
    orthogonal to the wanted one has probability zero).
    """
    return rng.standard_normal((members, params))


def warm_start(
    rng: np.random.Generator, vectors: Float[Any, "B b P"], noise: float = 1e-3
) -> Float[Any, "B b P"]:
    """A start block from eigenvectors of a nearby matrix: those of the last checkpoint, say.

    Parameters
    ----------
    rng : numpy Generator
    vectors : (B, b, P)
        Unit rows, numpy or torch; rows that are not finite are replaced by random ones.
    noise : float
        Length of the random part added to each unit row. Without it, eigenvectors that still are
        eigenvectors, but no longer the wanted ones, would stop a solver at once. Keep it well above
        the solver's tolerance.

    Returns
    -------
    (B, b, P), as `vectors`. For solvers that take (B, P), pass ``[:, 0]``.
    """
    rough = rng.standard_normal(tuple(vectors.shape)) / np.sqrt(vectors.shape[2])
    old = to_numpy(vectors)
    old[~np.isfinite(old).all(axis=2)] = 0.0
    return as_like(old + noise * rough, vectors)


def source_of_starts(
    operator: SymmetricOperator, start: Any, shape: tuple[int | None, ...]
) -> tuple[np.random.Generator, Any]:
    """The source of random vectors and, if they were given, the start vectors as `native` ones.

    Raises
    ------
    ValueError
        If `start` is neither a Generator nor an array of the shape (None fits any number).
    """
    if isinstance(start, np.random.Generator):
        return start, None
    got = tuple(getattr(start, "shape", ())) or type(start).__name__
    if len(got) == 2 and len(shape) == 3 and not isinstance(got, str):
        start, got = start[:, None], (got[0], 1, got[1])
    wanted = ", ".join("b" if n is None else str(n) for n in shape)
    if len(got) != len(shape) or any(n not in (None, g) for n, g in zip(shape, got, strict=True)):
        raise ValueError(f"start: expected a numpy Generator or an array ({wanted}), got {got}")
    values = to_numpy(start)
    usable = np.isfinite(values).all(axis=-1) & (values != 0).any(axis=-1)
    if not usable.all():
        bad = ~usable.reshape(len(usable), -1).all(axis=1)
        raise ValueError(f"start is zero or not finite for {name_members(bad)}")
    return np.random.default_rng(0), native(operator, values)


def random_blocks(
    operator: SymmetricOperator, members: Int[Array, " A"], rows: int, purpose: int
) -> Float[Any, "A b P"]:
    """Random rows for the members named, the same whoever else is in the batch."""
    size = operator.n_params
    blocks = [
        np.random.default_rng([purpose, rows, m, size]).standard_normal((rows, size))
        for m in members.tolist()
    ]
    return native(operator, np.stack(blocks))
