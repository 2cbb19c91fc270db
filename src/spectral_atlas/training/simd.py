"""Explicit SIMD vectors of float64 for numba kernels: one lane is one member of an ensemble.

A `Vector` lives in registers; arrays that hold vectors are C-contiguous ``(rows, LANES)`` float64.
LLVM splits the vectors into whatever the processor has (512, 256 or 128 bits), so nothing hangs on
its auto-vectorizer and the code is the same everywhere. Every operation acts on each lane alone:
what a member computes cannot depend on its neighbours. Indices are not checked.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.extending import intrinsic

LANES = 8  # one 512-bit register; 16 were measured to be no faster, and waste more padding

_DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
_INTS = ir.VectorType(ir.IntType(64), LANES)


class Vector(types.Type):
    """Numba type of LANES float64 numbers."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector{LANES}")


vector = Vector()


@register_default(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _DOUBLES)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_DOUBLES, [value] * LANES)


def _pointer(context, builder, array_type, array, row):
    data = context.make_array(array_type)(context, builder, array).data
    start = builder.gep(data, [builder.mul(row, ir.Constant(row.type, LANES))])
    return builder.bitcast(start, _DOUBLES.as_pointer())


@intrinsic
def load(typingctx, array, row):
    """Vector at ``array[row, :]``."""

    def codegen(context, builder, signature, args):
        row_int = context.cast(builder, args[1], signature.args[1], types.int64)
        return builder.load(_pointer(context, builder, array, args[0], row_int), align=8)

    return vector(array, row), codegen


@intrinsic
def store(typingctx, array, row, x):
    """``array[row, :] = x``."""

    def codegen(context, builder, signature, args):
        row_int = context.cast(builder, args[1], signature.args[1], types.int64)
        builder.store(args[2], _pointer(context, builder, array, args[0], row_int), align=8)
        return context.get_dummy_value()

    return types.void(array, row, x), codegen


@intrinsic
def splat(typingctx, x):
    """The float64 number x in every lane."""

    def codegen(context, builder, signature, args):
        one = builder.insert_element(
            ir.Constant(_DOUBLES, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_DOUBLES, ir.Undefined), zeros)

    return vector(types.float64), codegen


def _binary(name: str, doc: str):
    def operation(typingctx, x, y):
        def codegen(context, builder, signature, args):
            return getattr(builder, name)(*args)

        return vector(vector, vector), codegen

    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = doc
    return intrinsic(operation)


add = _binary("fadd", "x + y")
sub = _binary("fsub", "x - y")
mul = _binary("fmul", "x * y")
div = _binary("fdiv", "x / y")


@intrinsic
def fma(typingctx, x, y, z):
    """x * y + z, with one rounding where the processor can."""

    def codegen(context, builder, signature, args):
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(_DOUBLES, [_DOUBLES] * 3),
            f"llvm.fmuladd.v{LANES}f64",
        )
        return builder.call(function, args)

    return vector(vector, vector, vector), codegen


@intrinsic
def where_greater(typingctx, x, y, yes, no):
    """``yes`` where x > y, else ``no`` (also where x or y is NaN)."""

    def codegen(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])

    return vector(vector, vector, vector, vector), codegen


@intrinsic
def add_exponent(typingctx, x, shifted):
    """x * 2^k for a normal result, where ``shifted`` is k + 1.5 * 2^52 as a float."""

    def codegen(context, builder, signature, args):
        # The low bits of k + 1.5 * 2^52 are the integer k; the shift drops the rest.
        k = builder.shl(builder.bitcast(args[1], _INTS), ir.Constant(_INTS, [52] * LANES))
        return builder.bitcast(builder.add(builder.bitcast(args[0], _INTS), k), _DOUBLES)

    return vector(vector, vector), codegen


@intrinsic
def nonzero_lanes(typingctx, x):
    """Bit mask (int64) of the lanes where x is not 0, NaN included."""

    def codegen(context, builder, signature, args):
        mask = builder.fcmp_unordered("!=", args[0], _constant(0.0))
        return builder.zext(builder.bitcast(mask, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(vector), codegen


def source_digest() -> int:
    """A number for the source of all kernels and of what they inline.

    Numba's disk cache looks at the file of the cached function and at its closure, not at the files
    it calls into: kernels close over this number, so that no edit leaves a stale one behind.
    """
    files = sorted(Path(__file__).parent.glob("kernels_*.py")) + sorted(
        Path(__file__).parent.glob("simd*.py")
    )
    digest = sha256(b"".join(file.read_bytes() for file in files)).digest()
    return int.from_bytes(digest[:7], "little")
