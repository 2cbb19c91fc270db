"""The uv model: a two-layer linear network on one sample, f = v.u / sqrt(w) with u, v in R^w.

The sample is x = 1 with label 0 and the loss is L = f^2 / 2. Gradient descent moves u and v, but
the output f and kappa = (|u|^2 + |v|^2) / w, the trace of the Hessian, evolve by themselves
(Lewkowycz et al. 2020). All functions act on arrays of independent members;
learning rates are one for all, or an array that broadcasts.

Units: in g = eta f / sqrt(w) and k = eta kappa, learning rate and width are both 1. In them the
critical point k = 4 of the map is exact in floating point, so these are the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

Array = np.ndarray
Number = float | Float64[Array, "*#members"]


def sample(
    rng: np.random.Generator, width: int, n: int
) -> tuple[Float64[Array, " n"], Float64[Array, " n"]]:
    """Output f and trace kappa of n random networks, u and v standard normal.

    u + v and u - v are independent, so P = |u + v|^2 / 2 and Q = |u - v|^2 / 2 are independent
    chi-square variables with w degrees of freedom: f = (P - Q) / (2 sqrt(w)), kappa = (P + Q) / w.

    Raises
    ------
    ValueError
        If the width is less than 1.
    """
    if width < 1:
        raise ValueError(f"width = {width}: must be at least 1")
    P, Q = rng.chisquare(width, (2, n))
    return (P - Q) / (2 * np.sqrt(width)), (P + Q) / width


def step(
    f: Float64[Array, "*members"],
    kappa: Float64[Array, "*members"],
    learning_rate: Number = 1.0,
    width: int = 1,
) -> tuple[Float64[Array, "*members"], Float64[Array, "*members"]]:
    """One step of gradient descent with learning rate eta.

    f' = f (1 - eta kappa + eta^2 f^2 / w), kappa' = kappa + (eta f^2 / w) (eta kappa - 4): from
    u' = u - eta f v / sqrt(w), v' = v - eta f u / sqrt(w). Overflow gives inf and nan, silently.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        pull = f * f
        pull *= np.square(learning_rate) / width
        return f * (1 - learning_rate * kappa + pull), kappa + pull * (kappa - 4 / learning_rate)


def descend(
    f: Float64[Array, "*members"],
    kappa: Float64[Array, "*members"],
    n_steps: int,
    learning_rate: Number = 1.0,
    width: int = 1,
    divergence: Number = np.inf,
) -> Iterator[tuple[Float64[Array, "*members"], Float64[Array, "*members"]]]:
    """(f, kappa) after 1 ... ``n_steps`` steps.

    A member is nan from the first step on at which its loss is above ``divergence`` or not finite.
    """
    limit = np.minimum(np.multiply(2, divergence), np.finfo(float).max)
    for _ in range(n_steps):
        f, kappa = step(f, kappa, learning_rate, width)
        with np.errstate(over="ignore"):
            lost = ~(f * f <= limit)  # true for nan
        if lost.any():
            f[lost] = kappa[lost] = np.nan
        yield f, kappa


def top_eigenvalue(
    f: Float64[Array, "*members"], kappa: Float64[Array, "*members"], width: int = 1
) -> Float64[Array, "*members"]:
    """Largest Hessian eigenvalue, (kappa + sqrt(kappa^2 + 12 f^2 / w)) / 2.

    The Hessian is J J^T + f / sqrt(w) [[0, I], [I, 0]] with J = (v, u) / sqrt(w): on the span of
    (u, v) and (v, u) it has trace kappa and determinant -3 f^2 / w, elsewhere eigenvalues
    +-f / sqrt(w), which are smaller.
    """
    return (kappa + np.sqrt(kappa * kappa + 12 / width * (f * f))) / 2
