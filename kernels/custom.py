"""Functions of the user's own: compiled into a loop over flat arrays, and reached by kernels through its address.

A pair f, f' of scalar functions, of one argument (an activation: z) or of two (a loss: a, y), becomes

    out[i] = f(x[i])            derivative[i] = f'(x[i])
    out[i] = f(x[i], y[i])      derivative[i] = f'(x[i], y[i])

with both inlined into one loop, which LLVM vectorises where they are arithmetic. The address serves as the code of the
activation or loss: it lies above every code of ours, from `FIRST_ADDRESS` on, and is good for this process only. Without
the JIT addresses are counted up from there, the pair is called as it is, and what it raises comes through.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.np.arrayobj import make_array

from fastdnn.kernels._jit import JIT_DISABLED, c_function, device, intrinsic
from fastdnn.kernels.each import each

FIRST_ADDRESS = 1 << 16

_held: dict[int, Any] = {}


def compile_elementwise(f: Callable[..., Any], f_prime: Callable[..., Any], dtype: Any, arity: int = 1) -> int:
    """The address of a loop over f and f', for arrays of `dtype`, float32 or float64; it stays valid until the process ends.

    f, f_prime : scalar functions of `arity` (1 or 2) numbers of that type, `@njit` or plain Python; a number they write as a
    bare `3` or `0.5` makes float64 of float32, `type(z)(3)` does not. Raises Numba's errors where they do not compile.
    """
    if not JIT_DISABLED:
        f, f_prime = (device(g) if isinstance(g, FunctionType) else g for g in (f, f_prime))
    return loop_address(_loop_of_one(f, f_prime) if arity == 1 else _loop_of_two(f, f_prime), dtype, arity, kept=False)


def loop_address(loop: Callable[..., Any], dtype: Any, arity: int, *, kept: bool) -> int:
    """The address of loop(x, ..., out, derivative, size) over `arity` inputs and two outputs; it returns `size`.

    Its arguments are pointers to numbers of `dtype`, and an integer. kept : see _jit.c_function.
    """
    if JIT_DISABLED:
        address = FIRST_ADDRESS + len(_held)
        _held[address] = loop
        return address
    pointers = [types.CPointer(numba.from_dtype(np.dtype(dtype)))] * (arity + 2)
    compiled = c_function(types.intp(*pointers, types.intp), loop, kept=kept)
    _held[compiled.address] = compiled
    return int(compiled.address)


def _loop_of_one(f: Any, f_prime: Any) -> Any:
    @device
    def pair(z: Any) -> Any:
        return f(z), f_prime(z)

    def loop(x: Any, out: Any, derivative: Any, size: int) -> int:
        each(pair, size, (x,), (out, derivative))
        return size

    return loop


def _loop_of_two(f: Any, f_prime: Any) -> Any:
    @device
    def pair(a: Any, y: Any) -> Any:
        return f(a, y), f_prime(a, y)

    def loop(x: Any, y: Any, out: Any, derivative: Any, size: int) -> int:
        each(pair, size, (x, y), (out, derivative))
        return size

    return loop


@intrinsic
def _call_ir(typingctx: Any, address: Any, arrays: Any) -> Any:
    """Call a loop with the data pointers and the size of these arrays; it returns that size, or 0 where a function raised."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: list[Any]) -> Any:
        kinds = signature.args[1].types
        parts = [make_array(t)(context, builder, builder.extract_value(args[1], i)) for i, t in enumerate(kinds)]
        given = [*(part.data for part in parts), parts[0].nitems]
        target = ir.FunctionType(given[-1].type, [value.type for value in given])
        return builder.call(builder.inttoptr(args[0], target.as_pointer()), given)

    return types.intp(types.int64, arrays), codegen


def _call_plain(address: int, arrays: Any) -> int:
    with np.errstate(all="ignore"):
        return int(_held[address](*arrays, arrays[0].size))


_call = _call_plain if JIT_DISABLED else _call_ir


@device
def call_elementwise(address: int, x: Any, out: Any, derivative: Any) -> None:
    """out = f(x), derivative = f'(x): flat arrays of one size and of the type the address was compiled for.

    x is read, the others are overwritten, with NaN where a function raised.
    """
    if _call(address, (x, out, derivative)) != out.size:
        _fill(out, derivative)


@device
def call_elementwise_pair(address: int, x: Any, y: Any, out: Any, derivative: Any) -> None:
    """out = f(x, y), derivative = f'(x, y), the derivative for x; otherwise as `call_elementwise`."""
    if _call(address, (x, y, out, derivative)) != out.size:
        _fill(out, derivative)


@device
def _fill(out: Any, derivative: Any) -> None:
    for i in range(out.size):
        out[i] = derivative[i] = np.nan


def evaluate(address: int, *arrays: Any) -> bool:
    """Call a loop from Python: inputs, out, derivative, vectors of one size and of its type. False where a function raised."""
    size = arrays[0].size
    if JIT_DISABLED:
        with contextlib.suppress(Exception):
            return _call_plain(address, arrays) == size
        return False
    pointer = ctypes.c_void_p
    call = ctypes.CFUNCTYPE(ctypes.c_ssize_t, *([pointer] * len(arrays)), ctypes.c_ssize_t)(address)
    return bool(call(*(a.ctypes.data for a in arrays), size) == size)
