"""Random generators by name: every random array of a run has a stream of its own."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

_WORDS = 4  # 32-bit words per name: two names meet with probability 2^-128


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """The generator that belongs to a seed and a path of names.

    Parameters
    ----------
    seed : non-negative int
    names : str or int
        For example ``generator(0, "init", "scale", 3)``. Every path is an independent stream that
        stays the same whatever other streams are drawn; ``3`` and ``"3"`` differ.

    Raises
    ------
    ValueError
        If the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed = {seed}: must be an integer >= 0")
    key: list[int] = []
    for name in names:
        digest = sha256(f"{'str' if isinstance(name, str) else 'int'}:{name}".encode()).digest()
        key += [int.from_bytes(digest[4 * i : 4 * i + 4], "little") for i in range(_WORDS)]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(key)))
