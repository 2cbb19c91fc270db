"""What estimates from random probes share: products, standard errors, non-finite members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from spectral_atlas.spectra.operators import (
    SymmetricOperator,
    block_product,
    check_members,
    check_memory,
    check_rng,
    name_members,
    native,
    to_numpy,
)
from spectral_atlas.spectra.unconverged import check_policy

Array = np.ndarray


def machine(operator: SymmetricOperator) -> tuple[float, int]:
    """Machine epsilon and bytes per number of the operator's dtype."""
    sample = native(operator, np.zeros(1))
    info = array_namespace(sample).finfo(sample.dtype)
    return float(info.eps), int(info.bits) // 8


def multiply(operator: SymmetricOperator, V: Any, chosen: Array) -> Any:
    """`block_product` with its shape checked; the whole ensemble in order goes by None."""
    everyone = np.array_equal(chosen, np.arange(operator.n_members))
    W = block_product(operator, V, None if everyone else chosen)
    if tuple(W.shape) != tuple(V.shape):
        raise ValueError(f"the product has shape {tuple(W.shape)}, its argument {tuple(V.shape)}")
    return W


def mean_and_error(samples: Array, axis: int) -> tuple[Array, Array]:
    """Mean and its standard error (ddof=1; NaN for one sample), scaled against underflow."""
    top = np.abs(samples).max(axis=axis, keepdims=True)
    top = np.where(top > 0, top, 1.0)
    count = samples.shape[axis]
    mean = (samples / top).mean(axis=axis, keepdims=True)
    if count < 2:
        error = np.full_like(mean, np.nan)
    else:
        error = (samples / top).std(axis=axis, ddof=1, keepdims=True) / np.sqrt(count)
    return np.squeeze(mean * top, axis), np.squeeze(error * top, axis)


def pick(operator: SymmetricOperator, members: Array | None) -> Array:
    """The members asked for, as indices."""
    members = check_members(members, operator.n_members)
    return np.arange(operator.n_members) if members is None else members


def check_finite(bad: Array, chosen: Array, on_nonfinite: str) -> None:
    """ValueError that names members of the ensemble, unless they are to be flagged."""
    if bad.any() and on_nonfinite == "raise":
        raise ValueError(f"products are not finite for {name_members(bad, chosen)}")


def _exact(
    operator: SymmetricOperator, chosen: Array, block: int, form: Callable[[Any, Any], Any]
) -> Array:
    """Sum of the form over the unit vectors."""
    size, total = operator.n_params, np.zeros(len(chosen))
    for first in range(0, size, block):
        rows = np.arange(first, min(first + block, size))
        units = np.zeros((len(chosen), len(rows), size))
        units[:, rows - first, rows] = 1.0
        Z = native(operator, units)
        total += to_numpy(form(Z, multiply(operator, Z, chosen))).sum(axis=1)
    return total


def sample_members(
    operator: SymmetricOperator,
    rng: np.random.Generator,
    count: int,
    least: int,
    second: int,
    members: Array | None,
    distribution: str,
    memory_mb: float,
    on_nonfinite: str,
    sample: Callable[[Array, Array], tuple[Array, Array]],
    form: Callable[[Any, Any], Any],
) -> tuple[Array, Array, int]:
    """Values, standard errors and products: members in chunks, each with draws of its own.

    Of the `count` products `second` go to vectors that are not drawn. `sample` turns (chosen,
    draws) into exact parts (A,) and samples (A, g); `form` is what is summed over the unit
    vectors where the products asked for suffice.
    """
    if distribution not in ("rademacher", "gaussian"):
        raise ValueError(f"distribution: expected 'rademacher' or 'gaussian', got {distribution!r}")
    check_rng(rng)
    check_memory(memory_mb)
    chosen, size = pick(operator, members), operator.n_params
    check_policy("on_nonfinite", on_nonfinite)
    exact = count >= size
    if count < least and not exact:
        raise ValueError(f"products: expected at least {least}, got {count}")
    width = machine(operator)[1]
    fits = max(1, int(memory_mb * 2**20 / (size * (2 * width + 8))))  # pairs of vectors
    group = max(1, fits // min(count, size))
    value, error = np.zeros((2, len(chosen)))
    for first in range(0, len(chosen), group):
        rows = slice(first, first + group)
        some = chosen[rows]
        with np.errstate(invalid="ignore", over="ignore"):
            if exact:
                value[rows] = _exact(operator, some, min(size, max(1, fits // len(some))), form)
                continue
            known, samples = sample(some, _draw(rng, distribution, len(some), count - second, size))
            rest, error[rows] = mean_and_error(samples, 1)
            value[rows] = known + rest
    bad = ~np.isfinite(value)
    check_finite(bad, chosen, on_nonfinite)
    value[bad] = error[bad] = np.nan
    return value, error, min(count, size)


def _draw(
    rng: np.random.Generator, distribution: str, members: int, count: int, size: int
) -> Array:
    """(members, count, size), member after member; signs as single bytes."""
    if distribution == "gaussian":
        return rng.standard_normal((members, count, size))
    signs = np.empty((members, count, size), dtype=np.int8)
    for own in signs:  # one call would share out random bits that each member has to itself
        own[:] = rng.integers(0, 2, size=(count, size), dtype=np.int8)
    signs *= 2
    signs -= 1
    return signs
