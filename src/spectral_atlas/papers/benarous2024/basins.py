"""In whose basin the neurons of an XOR network start.

A module of its own: what training needs should not change with the formulas of the theory.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray


def neuron_types(
    W: Float[Array, "*n K d"], v: Float[Array, "*n K"], means: Float[Array, "r d"]
) -> Int[Array, "*n K"]:
    """The mean that each neuron is drawn to from its initial state.

    Parameters
    ----------
    W : (..., K, d)
    v : (..., K)
        A neuron with v_i > 0 can only serve label 1, the other ones label 0.
    means : (4, d)
        mu, -mu (label 1), nu, -nu (label 0).

    Returns
    -------
    (..., K)
        Row of `means`: of the two with the neuron's label, the one with the larger inner product.
    """
    if means.shape[0] != 4:
        raise ValueError(f"means: expected 4 rows, got {means.shape[0]}")
    inner = W @ means.T
    first = np.where(inner[..., 0] >= inner[..., 1], 0, 1)
    second = np.where(inner[..., 2] >= inner[..., 3], 2, 3)
    return np.where(v > 0, first, second)


def basin_count(basin: Int[Array, "*n K"]) -> Int[Array, "*n"]:
    """To how many of the four means the neurons of a network are drawn from its start."""
    return (basin[..., None] == np.arange(4)).any(axis=-2).sum(axis=-1)
