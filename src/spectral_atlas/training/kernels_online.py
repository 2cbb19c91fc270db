"""Compiled online SGD of one model: each sample is used for one step and never again.

A step needs the scores of its sample under the parameters that the step before has left. So one
sweep over the parameters makes the update of a step and, on the numbers still in registers, the
scores of the next sample: parameters are read and written once a step.

Vectors of R^d are rows of ``blocks`` SIMD vectors, padded with zeros: a parameter matrix has the
shape (rows * blocks, LANES), samples (samples * blocks, LANES).
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from spectral_atlas.training.simd import (
    LANES,
    fma,
    load,
    mul,
    source_digest,
    splat,
    store,
)

_ROWS = types.Array(types.float64, 2, "C")
_NUMBERS = types.Array(types.float64, 1, "C")
_INTS = types.Array(types.int64, 1, "C")
_SOFTMAX = types.int64(
    _ROWS, _NUMBERS, _ROWS, _INTS, types.int64, types.int64, types.float64, types.float64
)
_TWO_LAYER = types.int64(
    _ROWS, _NUMBERS, _NUMBERS, _ROWS, _INTS, types.int64, types.int64, types.float64, types.float64
)
_FIRST = types.boolean(_ROWS, _NUMBERS, _ROWS)
_jit = nb.njit(nogil=True, boundscheck=False, error_model="numpy")


@_jit
def _total(lanes, row):
    """Sum of the lanes of one vector, in an order of its own."""
    s = lanes[row]
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


@_jit
def _sweep(x, decay, coef, Y, now, ahead, scores, lanes):
    """x^c <- decay x^c + coef_c Y_now, then scores_c = <x^c, Y_ahead>, for every row c of x."""
    rows = coef.size
    blocks = x.shape[0] // rows
    shrink, zero = splat(decay), splat(0.0)
    y0, y1 = now * blocks, ahead * blocks
    paired = rows - rows % 2
    for c in range(0, paired, 2):
        # Two rows at a time share the loads of the samples.
        first, second = c * blocks, (c + 1) * blocks
        step_a, step_b = splat(coef[c]), splat(coef[c + 1])
        sum_a, sum_b = zero, zero
        for j in range(blocks):
            y, y_ahead = load(Y, y0 + j), load(Y, y1 + j)
            a = fma(step_a, y, mul(shrink, load(x, first + j)))
            b = fma(step_b, y, mul(shrink, load(x, second + j)))
            store(x, first + j, a)
            store(x, second + j, b)
            sum_a = fma(a, y_ahead, sum_a)
            sum_b = fma(b, y_ahead, sum_b)
        store(lanes, 0, sum_a)
        store(lanes, 1, sum_b)
        scores[c], scores[c + 1] = _total(lanes, 0), _total(lanes, 1)
    if paired < rows:
        step = splat(coef[paired])
        total = zero
        for j in range(blocks):
            a = fma(step, load(Y, y0 + j), mul(shrink, load(x, paired * blocks + j)))
            store(x, paired * blocks + j, a)
            total = fma(a, load(Y, y1 + j), total)
        store(lanes, 0, total)
        scores[paired] = _total(lanes, 0)


@_jit
def _finite(numbers):
    finite = True
    for i in range(numbers.size):
        finite &= np.isfinite(numbers[i])
    return finite


@_jit
def _all_finite(x, scores):
    # A parameter that is not finite always shows in its score (inf * 0 is NaN), but a score may
    # also overflow by itself.
    return _finite(scores) or _finite(x.reshape(x.size))


def _compile(source: int):
    @nb.njit(_SOFTMAX, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend_softmax(x, scores, Y, labels, first, n_steps, rate, decay):
        """``n_steps`` updates in place, with the samples from number ``first`` of Y on.

        scores (k,) are those of sample ``first``, and become those of sample ``first + n_steps``.
        x^c <- decay x^c - rate (p_c - 1{c = label}) Y. Returns how many updates were made until a
        parameter was not finite, or -1.
        """
        _ = source  # in the closure, hence in the key of the disk cache
        k = scores.size
        coef = np.empty(k)
        lanes = np.empty((2, LANES))
        for step in range(n_steps):
            label = labels[first + step]
            top = scores[0]
            for c in range(1, k):
                top = max(top, scores[c])
            others = 0.0
            for c in range(k):
                coef[c] = np.exp(scores[c] - top)
                if c != label:
                    others += coef[c]
            scale = -rate / (others + coef[label])
            for c in range(k):
                coef[c] *= scale
            coef[label] = -scale * others  # 1 - p would lose its digits where p is close to 1
            _sweep(x, decay, coef, Y, first + step, first + step + 1, scores, lanes)
            if not _all_finite(x, scores):
                return step + 1
        return -1

    @nb.njit(_TWO_LAYER, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def descend_two_layer(W, v, hidden, Y, labels, first, n_steps, rate, decay):
        """As `descend_softmax`, for neurons W (K * blocks, LANES) with readout v (K,).

        hidden (K,) holds W_i . X of sample ``first``, before the ReLU; labels are 0 or 1.
        """
        _ = source
        coef = np.empty(v.size)
        lanes = np.empty((2, LANES))
        for step in range(n_steps):
            f = 0.0
            for i in range(v.size):
                if hidden[i] > 0:
                    f += v[i] * hidden[i]
            sign = 1.0 - 2.0 * labels[first + step]
            e = np.exp(-abs(f))
            half = 1.0 if sign * f > 0 else e
            change = -rate * sign * half / (1.0 + e)  # -rate (sigmoid(f) - label), to all digits
            for i in range(v.size):
                coef[i] = 0.0
                old = v[i]
                v[i] = decay * old
                if hidden[i] > 0:
                    coef[i] = change * old
                    v[i] += change * hidden[i]
            _sweep(W, decay, coef, Y, first + step, first + step + 1, hidden, lanes)
            if not (_finite(v) and _all_finite(W, hidden)):
                return step + 1
        return -1

    @nb.njit(_FIRST, nogil=True, cache=True, boundscheck=False, error_model="numpy")
    def first_scores(x, scores, Y):
        """Fill the scores of sample 0; return whether all parameters are finite."""
        _ = source
        # The same sweep as later, so that the sums have the same order.
        _sweep(x, 1.0, np.zeros(scores.size), Y, 0, 0, scores, np.empty((2, LANES)))
        return _all_finite(x, scores)

    return descend_softmax, descend_two_layer, first_scores


descend_softmax, descend_two_layer, first_scores = _compile(source_digest())
