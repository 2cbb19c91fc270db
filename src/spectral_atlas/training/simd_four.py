"""Four SIMD vectors as one, so that operations need not wait for each other.

A tuple (a, b, c, d) of vectors is one row of four blocks of members. Rows are next to each other in
the work of a kernel, and ``stride`` rows apart where blocks follow each other.
"""

from __future__ import annotations

import numba as nb

from spectral_atlas.training.simd import add, fma, load, mul, store

_inline = nb.njit(forceinline=True)


@_inline
def load4(work, at):
    """Row ``at`` of rows of four."""
    at = 4 * at
    return load(work, at), load(work, at + 1), load(work, at + 2), load(work, at + 3)


@_inline
def store4(work, at, x):
    """Row ``at`` of rows of four becomes x."""
    at = 4 * at
    store(work, at, x[0])
    store(work, at + 1, x[1])
    store(work, at + 2, x[2])
    store(work, at + 3, x[3])


@_inline
def load4_apart(rows, at, stride):
    """The rows at, at + stride, at + 2 stride, at + 3 stride."""
    a, b = load(rows, at), load(rows, at + stride)
    return a, b, load(rows, at + 2 * stride), load(rows, at + 3 * stride)


@_inline
def store4_apart(rows, at, stride, x):
    """Inverse of `load4_apart`."""
    store(rows, at, x[0])
    store(rows, at + stride, x[1])
    store(rows, at + 2 * stride, x[2])
    store(rows, at + 3 * stride, x[3])


@_inline
def fma4(x, y, z):
    """x * y + z."""
    a, b = fma(x[0], y[0], z[0]), fma(x[1], y[1], z[1])
    return a, b, fma(x[2], y[2], z[2]), fma(x[3], y[3], z[3])


@_inline
def add4(x, y):
    """x + y."""
    return add(x[0], y[0]), add(x[1], y[1]), add(x[2], y[2]), add(x[3], y[3])


@_inline
def mul4(x, y):
    """x * y."""
    return mul(x[0], y[0]), mul(x[1], y[1]), mul(x[2], y[2]), mul(x[3], y[3])


@_inline
def four(x):
    """The vector x four times."""
    return x, x, x, x
