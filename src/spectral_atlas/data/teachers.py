"""Regression on the outputs of a random network."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from spectral_atlas.data.images import Streams

Array = np.ndarray


def tanh_teacher(
    stream: Streams, n: int, D: int, H: int, K: int, *, normalise: bool = True
) -> tuple[Float64[Array, "n D"], Float64[Array, "n K"]]:
    """Inputs x ~ N(0, I) and outputs y = V tanh(W x), W_ij ~ N(0, 1/D), V_ij ~ N(0, 1/H).

    Parameters
    ----------
    stream : called with "inputs", "hidden" (W) and "output" (V)
    n, D, H, K : int >= 1
        Samples, inputs, hidden units, outputs.
    normalise : bool
        Divide y by one number, its root mean square over all samples and outputs: then the loss
        mean(y^2) / 2 of the zero function is 1/2, and the outputs keep their relative size.
        Without it that loss is about 0.2, and more samples leave the first ones as they were.

    Returns
    -------
    x : (n, D)
    y : (n, K)

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    for name, size in (("n", n), ("D", D), ("H", H), ("K", K)):
        if size < 1:
            raise ValueError(f"{name} = {size}: must be an integer >= 1")
    x = stream("inputs").standard_normal((n, D))
    W = stream("hidden").standard_normal((H, D)) / np.sqrt(D)
    V = stream("output").standard_normal((K, H)) / np.sqrt(H)
    y = np.tanh(x @ W.T) @ V.T
    if normalise:
        y /= np.sqrt(np.mean(y**2))
    return x, y
