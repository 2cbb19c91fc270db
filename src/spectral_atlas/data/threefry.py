"""JAX's original counter-based random numbers (threefry2x32, not "partitionable"), in numpy.

Lets data that was published as a JAX seed be drawn again without JAX. Bits and uniforms are exact;
normals agree with JAX's float32 to about 1e-6, the error of its inverse error function.

References
----------
J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from math import prod

import numpy as np
from jaxtyping import Float, UInt32
from scipy.special import erfinv

Array = np.ndarray

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def prng_key(seed: int) -> UInt32[Array, " 2"]:
    """The key of a non-negative integer seed below 2^64 (``jax.random.PRNGKey``)."""
    return np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], dtype=np.uint32)


def threefry2x32(key: UInt32[Array, " 2"], count: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
    """Hash n counters to n words in 20 rounds, the first half paired with the second."""
    n = count.size
    padded = np.concatenate([count, np.zeros(n % 2, dtype=np.uint32)])
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(0x1BD11BDA))
    x, y = np.split(padded, 2)
    x, y = x + keys[0], y + keys[1]
    for i in range(5):
        for r in _ROTATIONS[i % 2]:
            x = x + y
            y = x ^ (y << np.uint32(r) | y >> np.uint32(32 - r))
        x = x + keys[(i + 1) % 3]
        y = y + keys[(i + 2) % 3] + np.uint32(i + 1)
    return np.concatenate([x, y])[:n]


def split(key: UInt32[Array, " 2"]) -> UInt32[Array, "2 2"]:
    """Two new keys, to be unpacked (``jax.random.split``)."""
    return threefry2x32(key, np.arange(4, dtype=np.uint32)).reshape(2, 2)


def subkey(seed: int, position: int = 0) -> UInt32[Array, " 2"]:
    """The key that a program gets from its (position + 1)-th ``key, sub = split(key)``."""
    key = prng_key(seed)
    for _ in range(position + 1):
        key, sub = split(key)
    return sub


def normal(key: UInt32[Array, " 2"], shape: tuple[int, ...]) -> Float[Array, "*shape"]:
    """Standard normal float32 numbers, returned as float64 (``jax.random.normal``)."""
    bits = threefry2x32(key, np.arange(prod(shape), dtype=np.uint32))
    one_to_two = (bits >> np.uint32(9) | np.uint32(0x3F800000)).view(np.float32)
    low = np.nextafter(np.float32(-1), np.float32(0))
    u = np.maximum(low, (one_to_two - np.float32(1)) * (np.float32(1) - low) + low)
    return np.float32(np.sqrt(2.0) * erfinv(u.astype(np.float64))).astype(np.float64).reshape(shape)
