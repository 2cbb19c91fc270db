"""Compiled gradient descent of blocks of small linear maps A = W_H ... W_1, one member per lane.

The loss is L = sum_ij s_ij (A_ij - T_ij)^2. With P_k = W_k ... W_1, B_H = -2 eta s (A - T) and
B_{k-1} = W_k^T B_k a step is W_k <- W_k + B_k P_{k-1}^T and W_1 <- W_1 + B_1. Dependent operations
follow each other at the latency of the processor, so that several blocks are taken at once.
"""

from __future__ import annotations

import numba as nb
from numba import types

from spectral_atlas.training.simd import (
    add,
    div,
    fma,
    load,
    mul,
    source_digest,
    splat,
    store,
    where_greater,
)
from spectral_atlas.training.simd_activations import square_root
from spectral_atlas.training.simd_four import (
    add4,
    fma4,
    four,
    load4,
    load4_apart,
    mul4,
    store4,
    store4_apart,
)

TILE = 4  # blocks that are taken at once, as many as `simd_four` has

_ROWS = types.Array(types.float64, 2, "C")
_INTS = types.Array(types.int64, 1, "C")
_PAIR = types.void(_ROWS, _ROWS, types.float64, types.float64, types.int64, _ROWS)
_NUMBERS = types.Array(types.float64, 1, "C")
_MAPS = types.void(_ROWS, _ROWS, _INTS, _NUMBERS, _NUMBERS, _ROWS, types.int64, _ROWS)
_inline = nb.njit(forceinline=True)


@_inline
def _collect(tally, row, squares, eta, loss):
    """Add |gradient| and loss to five rows of a tally; ``squares`` is |eta gradient|^2."""
    norm = div(square_root(squares), eta)
    least, most = load(tally, row + 1), load(tally, row + 2)
    store(tally, row, add(load(tally, row), norm))
    store(tally, row + 1, where_greater(least, norm, norm, least))
    store(tally, row + 2, where_greater(norm, most, norm, most))
    least, most = load(tally, row + 3), load(tally, row + 4)
    store(tally, row + 3, where_greater(least, loss, loss, least))
    store(tally, row + 4, where_greater(loss, most, loss, most))


@_inline
def _pair(a, b, rate, minus_target):
    """One step of L = s (a b - T)^2 with rate = -2 eta s: new a and b."""
    pull = mul(rate, fma(a, b, minus_target))
    return fma(pull, b, a), fma(pull, a, b)


def _compile(source: int):
    @nb.njit(_PAIR, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend_pair(weights, eta, target, scale, n_steps, tally):
        """``n_steps`` updates of B blocks with the loss scale (w_1 w_2 - target)^2, in place.

        weights (2 B, LANES); eta (B, LANES); B a multiple of TILE. A tally (5 B, LANES) collects
        |gradient| (sum, least, most) and loss (least, most) before each update; one with no rows
        is left alone.
        """
        _ = source  # in the closure, hence in the key of the disk cache
        minus_target = splat(-target)
        minus_two, s = splat(-2.0 * scale), splat(scale)
        for block in range(0, eta.shape[0], TILE):
            row = 2 * block
            a0, b0 = load(weights, row), load(weights, row + 1)
            a1, b1 = load(weights, row + 2), load(weights, row + 3)
            a2, b2 = load(weights, row + 4), load(weights, row + 5)
            a3, b3 = load(weights, row + 6), load(weights, row + 7)
            r0, r1 = mul(minus_two, load(eta, block)), mul(minus_two, load(eta, block + 1))
            r2, r3 = mul(minus_two, load(eta, block + 2)), mul(minus_two, load(eta, block + 3))
            if tally.shape[0] == 0:
                for _step in range(n_steps):
                    a0, b0 = _pair(a0, b0, r0, minus_target)
                    a1, b1 = _pair(a1, b1, r1, minus_target)
                    a2, b2 = _pair(a2, b2, r2, minus_target)
                    a3, b3 = _pair(a3, b3, r3, minus_target)
            else:
                for _step in range(n_steps):
                    for i in range(TILE):
                        a, b = load(weights, row + 2 * i), load(weights, row + 2 * i + 1)
                        rate = load(eta, block + i)
                        error = fma(a, b, minus_target)
                        pull = mul(mul(minus_two, rate), error)
                        squares = mul(mul(pull, pull), fma(a, a, mul(b, b)))
                        _collect(tally, 5 * (block + i), squares, rate, mul(s, mul(error, error)))
                        a, b = _pair(a, b, mul(minus_two, rate), minus_target)
                        store(weights, row + 2 * i, a)
                        store(weights, row + 2 * i + 1, b)
                continue
            store(weights, row, a0)
            store(weights, row + 1, b0)
            store(weights, row + 2, a1)
            store(weights, row + 3, b1)
            store(weights, row + 4, a2)
            store(weights, row + 5, b2)
            store(weights, row + 6, a3)
            store(weights, row + 7, b3)

    @nb.njit(_MAPS, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend_maps(weights, eta, widths, targets, scales, work, n_steps, tally):
        """As `descend_pair` for A = W_H ... W_1, H >= 2.

        weights (B P, LANES); widths (H + 1,) from the inputs i to the outputs o; targets and
        scales (o i,); work (TILE (P + i (widths[2] + ... + widths[H] + 2 max(widths))), LANES).
        """
        _ = source
        depth, d = widths.size - 1, widths[0]
        n_params, widest = 0, 0
        for k in range(1, depth + 1):
            n_params += widths[k] * widths[k - 1]
            widest = max(widest, widths[k])
        zero = four(splat(0.0))
        for block in range(0, eta.shape[0], TILE):
            for p in range(n_params):
                store4(work, p, load4_apart(weights, n_params * block + p, n_params))
            eta4 = load4_apart(eta, block, 1)
            rate = mul4(four(splat(-2.0)), eta4)
            for _step in range(n_steps):
                below, start, to = 0, widths[1] * d, n_params  # P_1 is W_1
                for k in range(2, depth + 1):
                    rows, columns = widths[k], widths[k - 1]
                    for _row in range(rows):
                        for j in range(d):
                            acc = zero
                            for c in range(columns):
                                w = load4(work, start + c)
                                acc = fma4(w, load4(work, below + c * d + j), acc)
                            store4(work, to + j, acc)
                        start += columns
                        to += d
                    below = to - rows * d
                product = below  # A
                pull, spare = to, to + widest * d
                loss, squares = zero, zero
                for q in range(widths[depth] * d):
                    error = add4(load4(work, product + q), four(splat(-targets[q])))
                    scaled = mul4(four(splat(scales[q])), error)
                    loss = fma4(scaled, error, loss)
                    store4(work, pull + q, mul4(rate, scaled))
                for k in range(depth, 1, -1):
                    rows, columns = widths[k], widths[k - 1]
                    start -= rows * columns
                    below = 0 if k == 2 else below - columns * d
                    for c in range(columns):
                        for j in range(d):
                            acc = zero
                            for i in range(rows):
                                w = load4(work, start + i * columns + c)
                                acc = fma4(w, load4(work, pull + i * d + j), acc)
                            store4(work, spare + c * d + j, acc)
                    for i in range(rows):
                        for c in range(columns):
                            acc = zero
                            for j in range(d):
                                b = load4(work, pull + i * d + j)
                                acc = fma4(b, load4(work, below + c * d + j), acc)
                            w = start + i * columns + c
                            squares = fma4(acc, acc, squares)
                            store4(work, w, add4(load4(work, w), acc))
                    pull, spare = spare, pull
                for p in range(widths[1] * d):
                    move = load4(work, pull + p)
                    squares = fma4(move, move, squares)
                    store4(work, p, add4(load4(work, p), move))
                if tally.shape[0] > 0:
                    _collect(tally, 5 * block, squares[0], eta4[0], loss[0])
                    _collect(tally, 5 * block + 5, squares[1], eta4[1], loss[1])
                    _collect(tally, 5 * block + 10, squares[2], eta4[2], loss[2])
                    _collect(tally, 5 * block + 15, squares[3], eta4[3], loss[3])
            for p in range(n_params):
                store4_apart(weights, n_params * block + p, n_params, load4(work, p))

    return descend_pair, descend_maps


descend_pair, descend_maps = _compile(source_digest())
