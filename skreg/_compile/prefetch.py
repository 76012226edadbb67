"""Tell the processor early what will be read: rows in random order, and their columns."""

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

FOR_READING, KEEP, DATA = 0, 3, 1  # arguments of llvm.prefetch


@intrinsic
def _prefetch(typing_context, array, index):
    def generate(context, builder, signature, arguments):
        struct = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(struct.data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        builder.call(function, [address, word(FOR_READING), word(KEEP), word(DATA)])
        return context.get_dummy_value()

    return types.void(array, index), generate


def prefetch(array, index):
    """Begin to load ``array[index]`` of a contiguous vector; no index is wrong.

    In Python it does nothing.
    """


def _compiled(array, index):
    def implementation(array, index):
        _prefetch(array, index)

    return implementation


if not numba.config.DISABLE_JIT:
    overload(prefetch, jit_options={"forceinline": True})(_compiled)
