"""The project's one way into Numba: fast-math flags, error model, cache folder and nogil are decided here and nowhere else.

Four kinds of compiled function:

* `kernel`    called by Python; kept in the cache;
* `separate`  called by kernels, but compiled on its own, once for each float type, and reached through a symbol. Numba links
  the code of everything a kernel calls into the kernel and optimises it again at every level; for the register tiles
  that took half a minute where it now takes seconds. The symbol is that of a pointer to the function, so callers can be
  compiled before, beside or after it, in this process or in another;
* `device`    a piece that LLVM inlines into the two above;
* `c_function` compiled when it is first asked for, and called by its address: activations that few use, what a user has written.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import extending, types
from numba.core.ccallback import CFunc
from numba.core.errors import TypingError

from fastdnn.kernels.cache import is_kept, keep_compiled
from fastdnn.kernels.pieces import KernelCompiler, PieceCompiler

# Numba's own annotations do not know what its decorators make of a function.
intrinsic: Any = extending.intrinsic
_njit: Any = numba.njit
_config: Any = numba.config
JIT_DISABLED: bool = _config.DISABLE_JIT

# `nnan` and `ninf` stay out: with them isnan and isfinite lie, and divergence must show.
_FASTMATH = {"nsz", "arcp", "contract", "afn"}
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": _FASTMATH}

_separate: list[tuple[str, Any, Callable[[Any], tuple[Any, ...]]]] = []
# Symbol -> the pointer it names; null until the function is loaded.
_pointers: dict[str, ctypes.c_void_p] = {}
_calls_left_open = False


def device(function: Any) -> Any:
    """Compile a piece that only kernels call; it cannot be called from Python."""
    return _njit(
        no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, pipeline_class=PieceCompiler, **_OPTIONS
    )(function)


def kernel(function: Any) -> Any:
    """Compile a kernel that Python calls; kept in the per-user cache."""
    return keep_compiled(_njit(no_cfunc_wrapper=True, pipeline_class=KernelCompiler, **_OPTIONS)(function))


def separate(signature: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], Any]:
    """Compile a function on its own, for callers to jump to.

    signature : from the float type in use (numba.float32 or float64) to the types of the arguments; the function returns nothing.

    The result is called by kernels. `result.from_python` is the same code for Python. A kernel that was loaded from the cache
    does not load what it jumps to: `load_separate` must have run before.
    """

    def wrap(function: Any) -> Any:
        if JIT_DISABLED:
            function.from_python = function
            return function
        compiled = kernel(function)
        _separate.append((function.__name__, compiled, signature))

        def call(typingctx: Any, *arguments: Any) -> Any:
            floats = next(a.dtype for a in arguments if isinstance(a, types.Array) and isinstance(a.dtype, types.Float))
            expected = signature(floats)
            for given, wanted in zip(arguments, expected, strict=True):
                if isinstance(wanted, types.Array) and (given.ndim, given.dtype) != (wanted.ndim, wanted.dtype):
                    raise TypingError(f"{function.__name__} takes {wanted}, got {given}")

            def codegen(context: Any, builder: ir.IRBuilder, _signature: Any, values: Any) -> Any:
                symbol = _declare(function.__name__, floats)
                if not _calls_left_open:
                    _load(function.__name__, compiled, signature, floats)
                kind = context.call_conv.get_function_type(types.none, expected).as_pointer()
                pointer = builder.module.globals.get(symbol) or ir.GlobalVariable(builder.module, kind, symbol)
                target = builder.load(pointer)
                unpacked = (
                    [builder.extract_value(values[0], i) for i in range(len(expected))] if len(values) == 1 else values
                )
                context.call_conv.call_function(builder, target, types.none, expected, unpacked)
                return context.get_dummy_value()

            return types.void(types.StarArgTuple(expected)), codegen

        call.__name__ = function.__name__
        caller = intrinsic(call)
        caller.from_python = compiled
        return caller

    return wrap


def c_function(signature: Any, function: Any, *, kept: bool) -> Any:
    """Compile at once for a C caller. `.address` is valid as long as the result is held; what raises is shown and returns 0.

    kept : whether in the cache, as kernels are; for functions of this package only.
    """
    compiled = CFunc(function, (signature.args, signature.return_type), locals={}, options=_OPTIONS)
    if kept:
        keep_compiled(compiled)
    compiled.compile()
    return compiled


def load_separate(dtype: Any) -> None:
    """Compile, or load from the cache, every `separate` function for numpy dtype float32 or float64."""
    for name, compiled, signature in _separate:
        _load(name, compiled, signature, numba.from_dtype(dtype))


def compile_separate(name: str, dtype: Any) -> None:
    """Compile one `separate` function, or load it from the cache."""
    _load(*next(entry for entry in _separate if entry[0] == name), numba.from_dtype(dtype))


def missing_separate(dtype: Any) -> list[str]:
    """The `separate` functions that are neither loaded nor in the cache: those that `load_separate` would compile."""
    floats = numba.from_dtype(dtype)
    return [
        name
        for name, compiled, signature in _separate
        if not _declared_pointer(name, floats).value and not is_kept(compiled, signature(floats))
    ]


def separate_are_kept(dtype: Any) -> bool:
    """Whether the cache holds every `separate` function for numpy dtype float32 or float64."""
    floats = numba.from_dtype(dtype)
    return all(is_kept(compiled, signature(floats)) for _, compiled, signature in _separate)


def leave_calls_open() -> None:
    """From now on kernels are compiled without what they jump to. They must not run in this process: it fills the cache."""
    global _calls_left_open
    _calls_left_open = True


def calls_left_open() -> bool:
    """Whether `leave_calls_open` was called in this process."""
    return _calls_left_open


def _load(name: str, compiled: Any, signature: Callable[[Any], tuple[Any, ...]], floats: Any) -> None:
    pointer = _declared_pointer(name, floats)
    if not pointer.value:
        arguments = signature(floats)
        compiled.compile(arguments)
        result = compiled.overloads[arguments]
        pointer.value = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


def _declare(name: str, floats: Any) -> str:
    """The symbol of a function, known to LLVM from now on."""
    symbol = f"fastdnn.{name}.{floats}"
    if symbol not in _pointers:
        _pointers[symbol] = ctypes.c_void_p()
        llvm.add_symbol(symbol, ctypes.addressof(_pointers[symbol]))
    return symbol


def _declared_pointer(name: str, floats: Any) -> ctypes.c_void_p:
    return _pointers[_declare(name, floats)]
