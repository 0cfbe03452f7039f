"""One function applied to every number of its arrays, in a loop that LLVM turns into vector instructions.

The arithmetic of an exp or a tanh is one long chain: each instruction waits for the one before, and the chains of a few
registers are all that a CPU sees ahead. So two registers take turns in the loop, instruction by instruction, which LLVM by
itself does for short loops only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, intrinsic
from fastdnn.kernels.vector import INT64, write_loop

# Vector registers that take turns: a panel's width, so that whole rows leave nothing over.
_TURNS = 2


@intrinsic
def _each_ir(typingctx: Any, f: Any, size: Any, inputs: Any, outputs: Any) -> Any:
    call = f.get_call_type(typingctx, tuple(getattr(x, "dtype", x) for x in inputs), {})
    results = tuple(getattr(call.return_type, "types", (call.return_type,)))
    for result, out in zip(results, outputs, strict=True):
        if typingctx.can_convert(result, out.dtype) is None:
            raise TypingError(f"a function applied to numbers returns {result}, which is no {out.dtype}")

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        apply = context.get_function(f, call)
        context.add_linking_libs(getattr(apply, "libs", ()))

        def parts(kinds: Any, values: Any) -> list[tuple[Any, Any]]:
            """Each type with a pointer to its numbers, or with the one number that it is."""
            values = [builder.extract_value(values, i) for i in range(len(kinds))]
            arrays = [isinstance(kind, types.Array) for kind in kinds]
            return [
                (kind, make_array(kind)(context, builder, value).data if is_array else value)
                for kind, value, is_array in zip(kinds, values, arrays, strict=True)
            ]

        read, written = parts(inputs, args[2]), parts(outputs, args[3])

        def at(pointer: Any, i: Any) -> Any:
            return builder.gep(pointer, [i], inbounds=True)

        def number(i: Any, _: list[Any]) -> list[Any]:
            given = [value if isinstance(kind, types.Float) else builder.load(at(value, i)) for kind, value in read]
            value = apply(builder, given)
            values = [value] if len(results) == 1 else [builder.extract_value(value, c) for c in range(len(results))]
            for kind, result, (target, pointer) in zip(results, values, written, strict=True):
                builder.store(context.cast(builder, result, kind, target.dtype), at(pointer, i))
            return []

        write_loop(builder, "each", INT64(0), args[1], 1, [], number, turns=_TURNS)
        return context.get_dummy_value()

    return types.void(f, types.int64, inputs, outputs), codegen


def _each_plain(f: Any, size: int, inputs: Any, outputs: Any) -> None:
    for i in range(size):
        results = f(*(x if np.isscalar(x) else x[i] for x in inputs))
        for out, result in zip(outputs, results if len(outputs) > 1 else (results,), strict=True):
            out[i] = result


each: Any = _each_plain if JIT_DISABLED else _each_ir
each.__doc__ = """each(f, size, inputs, outputs): outputs[0][i], outputs[1][i] = f(inputs[0][i], ...) for i below size.

f : a compiled function of as many numbers as there are inputs; it returns one, or a tuple where there are several outputs.
inputs : a tuple of vectors, of pointers to numbers, of numbers that are the same for every i. outputs : vectors or pointers.
Where two of them overlap, the loop is one without vector instructions, but for an output that is an input number by number.
"""
