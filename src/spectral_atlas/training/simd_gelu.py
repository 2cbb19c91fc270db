"""Vectorized GELU in its tanh form, and its derivative, from one exponential and one division.

gelu(x) = x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
"""

from __future__ import annotations

from math import log, pi, sqrt

import numba as nb

from spectral_atlas.training.simd import (
    add,
    add_exponent,
    div,
    fma,
    mul,
    splat,
    sub,
    where_greater,
)

_C1 = 2.0 * sqrt(2.0 / pi)
_C3 = _C1 * 0.044715
_LOG2_E = 1.0 / log(2.0)
_LN2_HIGH, _LN2_LOW = 6.93145751953125e-1, 1.42860682030941723212e-6
LIMIT = 707.0  # beyond it exp or 1 / exp leaves the normal numbers
_ROUND = 1.5 * 2.0**52  # adding it rounds to an integer that sits in the low bits


@nb.njit(forceinline=True)
def exponential(v):
    """p, q and shifted for exp(v) = 2^k (q + p) / (q - p), |v| <= 707; shifted is k + 1.5 * 2^52.

    exp(r) = (q + p) / (q - p) on |r| <= ln 2 / 2 with the rational function of the Cephes library
    (S. Moshier): whoever divides by something too needs one division for both.
    """
    shifted = fma(v, splat(_LOG2_E), splat(_ROUND))
    k = sub(shifted, splat(_ROUND))
    r = fma(k, splat(-_LN2_HIGH), v)
    r = fma(k, splat(-_LN2_LOW), r)
    rr = mul(r, r)
    p = fma(splat(1.26177193074810590878e-4), rr, splat(3.02994407707441961300e-2))
    p = mul(r, fma(p, rr, splat(9.99999999999999999910e-1)))
    q = fma(splat(3.00198505138664455042e-6), rr, splat(2.52448340349684104192e-3))
    q = fma(q, rr, splat(2.27265548208155028766e-1))
    q = fma(q, rr, splat(2.0))
    return p, q, shifted


@nb.njit(forceinline=True)
def sigmoid(x):
    """s = 1 / (1 + exp(-x)) and 1 - s, relative errors a few 1e-16.

    Beyond x = -+707 what is below 1e-307 is 0: products with it stay exact zeros. NaN gives NaN.
    """
    limit, minus_limit = splat(LIMIT), splat(-LIMIT)
    minus_x = sub(splat(0.0), x)
    v = where_greater(minus_x, limit, limit, minus_x)
    v = where_greater(minus_limit, v, minus_limit, v)
    p, q, shifted = exponential(v)
    low = sub(q, p)
    high = add_exponent(add(q, p), shifted)  # exp(v) low
    inverse = div(splat(1.0), add(low, high))
    s = where_greater(minus_x, limit, splat(0.0), mul(low, inverse))
    return s, where_greater(minus_limit, minus_x, splat(0.0), mul(high, inverse))


@nb.njit(forceinline=True)
def gelu(x):
    """GELU and its derivative, both not finite where x is not finite.

    At x = -inf the value is NaN, as the tanh form gives: a diverged network stays diverged.
    """
    xx = mul(x, x)
    s, t = sigmoid(mul(x, fma(splat(_C3), xx, splat(_C1))))
    y = mul(x, s)
    slope = fma(mul(y, t), fma(splat(3.0 * _C3), xx, splat(_C1)), s)
    return y, slope
