"""Vectorized tanh and ELU with their derivatives, each from one exponential and one division.

With exp(v) = 2^k (q + p) / (q - p), as `simd_gelu.exponential` gives it, half the difference
2^k (q + p) - (q - p) is (2^k - 1)/2 (q + p) + p. For k = 0, that is |v| <= ln 2 / 2, this is p
alone: exp(v) - 1 keeps its relative accuracy down to the smallest v.
"""

from __future__ import annotations

import numba as nb
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from spectral_atlas.training.simd import (
    LANES,
    add,
    add_exponent,
    div,
    fma,
    mul,
    splat,
    sub,
    vector,
    where_greater,
)
from spectral_atlas.training.simd_gelu import LIMIT, exponential

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)


def _of_llvm(name: str, arity: int, doc: str):
    def operation(codegen):
        codegen.__name__ = codegen.__qualname__ = name
        codegen.__doc__ = doc
        return intrinsic(codegen)

    def codegen(context, builder, signature, args):
        kind = ir.FunctionType(_DOUBLES, [_DOUBLES] * arity)
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}f64")
        return builder.call(function, args)

    if arity == 1:
        return operation(lambda typingctx, x: (vector(vector), codegen))
    return operation(lambda typingctx, x, y: (vector(vector, vector), codegen))


magnitude = _of_llvm("fabs", 1, "|x|")
copy_sign = _of_llvm("copysign", 2, "|x| with the sign of y")
square_root = _of_llvm("sqrt", 1, "The square root of x")


@nb.njit(forceinline=True)
def tanh(x):
    """tanh(x) and its derivative 1 - tanh(x)^2, relative errors a few 1e-16.

    The derivative is 0 beyond |x| = 353.5, where it is below 1e-306. NaN gives NaN; tanh is odd to
    the last bit and never beyond -+1.
    """
    limit = splat(LIMIT)
    twice = magnitude(add(x, x))
    p, q, shifted = exponential(where_greater(twice, limit, limit, twice))
    half = splat(0.5)
    difference = fma(sub(add_exponent(half, shifted), half), add(q, p), p)
    low = sub(q, p)
    inverse = div(splat(1.0), add(difference, low))
    y = mul(difference, inverse)
    rest = mul(low, inverse)  # 1 - y
    slope = where_greater(twice, limit, splat(0.0), fma(rest, y, rest))
    return copy_sign(y, x), slope


@nb.njit(forceinline=True)
def elu(x):
    """ELU, x for x > 0 and exp(x) - 1 else, and its derivative, relative errors a few 1e-16.

    The derivative is 0 below x = -707, where it is below 1e-307. NaN gives NaN.
    """
    zero, limit = splat(0.0), splat(-LIMIT)
    down = where_greater(x, zero, zero, x)  # one of the two is 0, and exp(0) is exact
    up = where_greater(zero, x, zero, x)
    p, q, shifted = exponential(where_greater(limit, down, limit, down))
    half = splat(0.5)
    half_power = add_exponent(half, shifted)
    total = add(q, p)
    twice = div(splat(2.0), sub(q, p))
    y = fma(fma(sub(half_power, half), total, p), twice, up)
    slope = where_greater(limit, x, zero, mul(mul(half_power, total), twice))
    return y, slope
