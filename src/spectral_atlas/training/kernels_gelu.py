"""Compiled full-batch gradient descent of one block of GELU MLPs, one member per SIMD lane.

Samples pass through the network four at a time, forward and back, while the block's weights, its
gradient and the four samples' activations stay in the first-level cache.
"""

from __future__ import annotations

import numba as nb
from numba import types

from spectral_atlas.training.simd import (
    LANES,
    add,
    fma,
    load,
    mul,
    nonzero_lanes,
    source_digest,
    splat,
    store,
    sub,
)
from spectral_atlas.training.simd_gelu import gelu

GROUP = 4  # samples per pass; the kernel's variables *0 ... *3

_ROWS = types.Array(types.float64, 2, "C")
_INTS = types.Array(types.int64, 1, "C")
_SIGNATURE = types.int64(
    *[_ROWS, _INTS, _ROWS, _ROWS, types.Array(types.float64, 1, "C"), types.int64],
    *[_ROWS, _ROWS, types.int64, types.int64, _INTS],
)


def _compile(source: int):
    @nb.njit(_SIGNATURE, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend(weights, widths, eta, x, y, n, change, work, first_step, n_steps, diverged_at):
        """Advance a block by ``n_steps`` updates in place; return the number of updates made.

        weights (P, LANES); widths (L + 1,), the last 1; eta (1, LANES); x (n', d) and y (n',)
        hold the n samples and zeros up to a multiple of GROUP (all-zero samples have output and
        gradient 0); change (P, LANES); work (8 * (sum(widths) + max(widths)), LANES).
        ``diverged_at[lane]`` becomes the first step at which an output is not finite; a weight
        that is not finite makes every output so. A block whose lanes have all diverged stops.
        """
        _ = source  # in the closure, hence in the key of the disk cache
        depth = widths.size - 1
        n_units, widest = 0, 0
        for k in range(depth + 1):
            n_units += widths[k]
            widest = max(widest, widths[k])
        slopes = 4 * n_units  # where the derivatives of the activations start in `work`
        first_delta = 8 * n_units
        zero = splat(0.0)
        rate = mul(splat(-2.0 / n), load(eta, 0))
        finished = 0
        for lane in range(LANES):
            if diverged_at[lane] >= 0:
                finished |= 1 << lane

        for step in range(n_steps + 1):
            odd = zero  # x - x is 0 unless x is inf or NaN
            for p in range(weights.shape[0]):
                store(change, p, zero)
            for sample in range(0, x.shape[0], GROUP):
                for j in range(widths[0]):
                    for s in range(GROUP):
                        store(work, 4 * j + s, splat(x[sample + s, j]))
                start, below = 0, 0
                for k in range(depth):
                    rows, columns = widths[k + 1], widths[k]
                    above = below + 4 * columns
                    for i in range(rows):
                        z0, z1, z2, z3 = zero, zero, zero, zero
                        for j in range(columns):
                            w = load(weights, start)
                            start += 1
                            at = below + 4 * j
                            z0 = fma(w, load(work, at), z0)
                            z1 = fma(w, load(work, at + 1), z1)
                            z2 = fma(w, load(work, at + 2), z2)
                            z3 = fma(w, load(work, at + 3), z3)
                        at = above + 4 * i
                        store(work, at, z0)
                        store(work, at + 1, z1)
                        store(work, at + 2, z2)
                        store(work, at + 3, z3)
                    if k < depth - 1:
                        for at in range(above, above + 4 * rows):
                            h, slope = gelu(load(work, at))
                            store(work, at, h)
                            store(work, slopes + at, slope)
                    below = above
                delta, other = first_delta, first_delta + 4 * widest
                for s in range(GROUP):
                    f = load(work, below + s)
                    odd = add(odd, sub(f, f))
                    store(work, delta + s, mul(rate, sub(f, splat(y[sample + s]))))
                if step == n_steps:
                    continue  # only asks whether the outputs are finite
                for k in range(depth - 1, -1, -1):
                    rows, columns = widths[k + 1], widths[k]
                    start -= rows * columns
                    below -= 4 * columns
                    for j in range(columns):
                        at = below + 4 * j
                        h0, h1 = load(work, at), load(work, at + 1)
                        h2, h3 = load(work, at + 2), load(work, at + 3)
                        z0, z1, z2, z3 = zero, zero, zero, zero
                        for i in range(rows):
                            row = start + i * columns + j
                            w = load(weights, row)
                            d0, d1 = load(work, delta + 4 * i), load(work, delta + 4 * i + 1)
                            d2, d3 = load(work, delta + 4 * i + 2), load(work, delta + 4 * i + 3)
                            z0, z1 = fma(w, d0, z0), fma(w, d1, z1)
                            z2, z3 = fma(w, d2, z2), fma(w, d3, z3)
                            c = fma(d0, h0, load(change, row))
                            c = fma(d2, h2, fma(d1, h1, c))
                            store(change, row, fma(d3, h3, c))
                        if k > 0:
                            store(work, other + 4 * j, mul(z0, load(work, slopes + at)))
                            store(work, other + 4 * j + 1, mul(z1, load(work, slopes + at + 1)))
                            store(work, other + 4 * j + 2, mul(z2, load(work, slopes + at + 2)))
                            store(work, other + 4 * j + 3, mul(z3, load(work, slopes + at + 3)))
                    delta, other = other, delta

            bad = nonzero_lanes(odd)
            if bad & ~finished:
                for lane in range(LANES):
                    if (bad & ~finished) >> lane & 1:
                        diverged_at[lane] = first_step + step
                finished |= bad
            if finished == (1 << LANES) - 1 or step == n_steps:
                return step
            for p in range(weights.shape[0]):
                store(weights, p, add(load(weights, p), load(change, p)))
        return n_steps

    return descend


descend = _compile(source_digest())
