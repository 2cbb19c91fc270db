"""Compiled gradient descent of one block of deep linear networks, one member per SIMD lane.

The gradient of R(W) = (1/n) |y - X w|^2, w = W_1^T ... W_L^T p, in layer k is the outer product
u_k v_{k-1}^T, where u_k = W_{k+1}^T ... W_L^T p and v_k = W_k ... W_1 r with r = 2 (Sigma w - b).
A step is one sweep down (the u_k) and one sweep up (the v_k, each weight updated as it is read).
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

_ROWS = types.Array(types.float64, 2, "C")
_INTS = types.Array(types.int64, 1, "C")
_SIGNATURE = types.int64(
    _ROWS, _INTS, _ROWS, _ROWS, _ROWS, _ROWS, _ROWS, types.int64, types.int64, _INTS
)


def _compile(source: int):
    @nb.njit(_SIGNATURE, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend(weights, widths, top, eta, sigma, b, work, first_step, n_steps, diverged_at):
        """Advance a block by ``n_steps`` updates in place; return the number of updates made.

        weights (P, LANES); widths (L + 1,) from the input to the last layer's rows; top (rows of
        W_L, LANES) is p; eta (1, LANES); sigma (d * d, LANES); b (d, LANES); work (2 *
        sum(widths), LANES). ``diverged_at[lane]`` becomes the first step whose weights give a
        predictor that is not finite; a weight that is not finite always does (inf * 0 and
        inf - inf are NaN). A block whose lanes have all diverged stops.
        """
        _ = source  # in the closure, hence in the key of the disk cache
        depth = widths.size - 1
        d = widths[0]
        n_units = 0
        for k in range(depth + 1):
            n_units += widths[k]
        for i in range(widths[depth]):
            store(work, n_units - widths[depth] + i, load(top, i))
        minus_two_eta = mul(splat(-2.0), load(eta, 0))
        zero = splat(0.0)
        finished = 0
        for lane in range(LANES):
            if diverged_at[lane] >= 0:
                finished |= 1 << lane

        for step in range(n_steps + 1):
            upper = n_units - widths[depth]  # where u_k starts in `work`
            start = weights.shape[0]  # where W_k starts
            for k in range(depth - 1, -1, -1):
                rows, columns = widths[k + 1], widths[k]
                lower = upper - columns
                start -= rows * columns
                for j in range(columns):
                    acc = zero
                    for i in range(rows):
                        acc = fma(
                            load(weights, start + i * columns + j), load(work, upper + i), acc
                        )
                    store(work, lower + j, acc)
                upper = lower

            odd = zero  # x - x is 0 unless x is inf or NaN
            for j in range(d):
                x = load(work, j)
                odd = add(odd, sub(x, x))
            bad = nonzero_lanes(odd)
            if bad & ~finished:
                for lane in range(LANES):
                    if (bad & ~finished) >> lane & 1:
                        diverged_at[lane] = first_step + step
                finished |= bad
            if finished == (1 << LANES) - 1 or step == n_steps:
                return step

            below = n_units  # where v_k starts; eta is carried by v
            for i in range(d):
                acc = sub(zero, load(b, i))
                for j in range(d):
                    acc = fma(load(sigma, i * d + j), load(work, j), acc)
                store(work, below + i, mul(minus_two_eta, acc))
            start = 0
            upper = 0
            for k in range(depth):
                rows, columns = widths[k + 1], widths[k]
                upper += columns
                above = below + columns
                for i in range(rows):
                    acc = zero
                    u = load(work, upper + i)
                    for j in range(columns):
                        w = load(weights, start)
                        v = load(work, below + j)
                        acc = fma(w, v, acc)
                        store(weights, start, fma(u, v, w))
                        start += 1
                    store(work, above + i, acc)
                below = above
        return n_steps

    return descend


descend = _compile(source_digest())
