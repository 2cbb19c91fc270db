"""Compiled gradient descent of two-layer tanh or ELU networks, one member per SIMD lane.

Samples pass through the neurons four at a time. The way up leaves the activations of all samples
and their derivatives in the first-level cache. The way down reads them neuron by neuron, and
updates the neuron's parameters as soon as their gradient is known.
"""

from __future__ import annotations

from functools import cache

import numba as nb
from numba import types

from spectral_atlas.training.simd import (
    add,
    fma,
    load,
    mul,
    source_digest,
    splat,
    store,
    sub,
    where_greater,
)
from spectral_atlas.training.simd_activations import elu, square_root, tanh

GROUP = 4  # samples per pass; the kernel's variables *0 ... *3

_ROWS = types.Array(types.float64, 2, "C")
_BLOCKS = types.Array(types.float64, 3, "C")
_SIGNATURE = types.void(*[_BLOCKS, _ROWS, _ROWS, _ROWS, _ROWS, _ROWS, types.int64, _BLOCKS])


def _compile(source: int, bounded: bool):
    @nb.njit(_SIGNATURE, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend(members, eta, x, y, share, work, n_steps, tallies):
        """Make ``n_steps`` updates of B blocks in place, one block after the other.

        members (B, P, LANES); eta (B, LANES); x (n' d, LANES), y (n', LANES) and share (n', LANES)
        hold the n samples in every lane, and 1/n, and zeros up to a multiple of GROUP; work
        (n' (2 K + 1), LANES). tallies (B, 5, LANES) collect |gradient| (sum, least, most) and loss
        (least, most) before each update; tallies (B, 0, LANES) are left alone.
        """
        _ = source  # in the closure, hence in the key of the disk cache
        n = y.shape[0]
        d = x.shape[0] // n
        K = members.shape[1] // (d + 2)
        biases, readout = K * d, K * d + K  # where they start in the parameters
        slopes, pulls = n * K, 2 * n * K  # where they start in `work`, behind the activations
        zero = splat(0.0)

        for block in range(members.shape[0]):
            weights, tally = members[block], tallies[block]
            minus_eta = sub(zero, load(eta, block))
            for _step in range(n_steps):
                for sample in range(0, n, GROUP):
                    f0, f1, f2, f3 = zero, zero, zero, zero
                    for i in range(K):
                        z0 = load(weights, biases + i)
                        z1, z2, z3 = z0, z0, z0
                        for j in range(d):
                            w, at = load(weights, i * d + j), sample * d + j
                            z0 = fma(w, load(x, at), z0)
                            z1 = fma(w, load(x, at + d), z1)
                            z2 = fma(w, load(x, at + 2 * d), z2)
                            z3 = fma(w, load(x, at + 3 * d), z3)
                        h0, s0 = tanh(z0) if bounded else elu(z0)
                        h1, s1 = tanh(z1) if bounded else elu(z1)
                        h2, s2 = tanh(z2) if bounded else elu(z2)
                        h3, s3 = tanh(z3) if bounded else elu(z3)
                        v, at = load(weights, readout + i), i * n + sample
                        f0, f1 = fma(v, h0, f0), fma(v, h1, f1)
                        f2, f3 = fma(v, h2, f2), fma(v, h3, f3)
                        store(work, at, h0)
                        store(work, at + 1, h1)
                        store(work, at + 2, h2)
                        store(work, at + 3, h3)
                        store(work, slopes + at, s0)
                        store(work, slopes + at + 1, s1)
                        store(work, slopes + at + 2, s2)
                        store(work, slopes + at + 3, s3)
                    store(work, pulls + sample, f0)
                    store(work, pulls + sample + 1, f1)
                    store(work, pulls + sample + 2, f2)
                    store(work, pulls + sample + 3, f3)
                loss = zero
                for s in range(n):
                    error = sub(load(work, pulls + s), load(y, s))
                    pull = mul(load(share, s), error)
                    loss = fma(pull, error, loss)
                    store(work, pulls + s, add(pull, pull))

                squares = zero
                for i in range(K):
                    v = load(weights, readout + i)
                    g, back, row = zero, zero, zero  # for v_i, and for b_i and W_i0 over v_i
                    for s in range(n):
                        at = i * n + s
                        pull = load(work, pulls + s)
                        g = fma(pull, load(work, at), g)
                        pull = mul(pull, load(work, slopes + at))
                        back = add(back, pull)
                        row = fma(pull, load(x, s * d), row)
                    back, row = mul(v, back), mul(v, row)
                    squares = fma(row, row, fma(back, back, fma(g, g, squares)))
                    store(weights, readout + i, fma(minus_eta, g, v))
                    store(weights, biases + i, fma(minus_eta, back, load(weights, biases + i)))
                    store(weights, i * d, fma(minus_eta, row, load(weights, i * d)))
                    for j in range(1, d):
                        row = zero
                        for s in range(n):
                            pull = mul(load(work, pulls + s), load(work, slopes + i * n + s))
                            row = fma(pull, load(x, s * d + j), row)
                        row, at = mul(v, row), i * d + j
                        squares = fma(row, row, squares)
                        store(weights, at, fma(minus_eta, row, load(weights, at)))
                if tally.shape[0] > 0:
                    norm = square_root(squares)
                    low, high = load(tally, 1), load(tally, 2)
                    store(tally, 0, add(load(tally, 0), norm))
                    store(tally, 1, where_greater(low, norm, norm, low))
                    store(tally, 2, where_greater(norm, high, norm, high))
                    low, high = load(tally, 3), load(tally, 4)
                    store(tally, 3, where_greater(low, loss, loss, low))
                    store(tally, 4, where_greater(loss, high, loss, high))

    return descend


@cache
def descent(activation: str):
    """The compiled function for "tanh" or "elu", which compiles on first use."""
    return _compile(source_digest(), {"tanh": True, "elu": False}[activation])
