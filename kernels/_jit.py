"""The project's one way into Numba: fast-math flags, error model, cache folder and nogil are decided here and nowhere else.

The kinds of compiled function:

* `kernel`    called by Python; kept in the cache. `known_kernel` is one whose types are known before it is called;
* `separate`  called by kernels, but compiled on its own, once for each float type, and reached through a symbol. Numba links
  the code of everything a kernel calls into the kernel and optimises it again at every level; for the register tiles
  that took half a minute where it now takes seconds. The symbol is that of a pointer to the function, so callers can be
  compiled before, beside or after it, in this process or in another;
* `device`    a piece that LLVM inlines into the two above;
* `c_function` compiled when it is first asked for, and called by its address: activations that few use, what a user has written.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

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

_Signature = Callable[[Any], tuple[Any, ...]]


class _Known(NamedTuple):
    """What can be compiled by its name and a float type."""

    compiled: Any
    signature: _Signature
    # Whether kernels jump to it: then its address must be known before they run.
    jumped_to: bool


_known: dict[str, _Known] = {}
# Symbol -> the pointer it names; null until the function is loaded.
_pointers: dict[str, ctypes.c_void_p] = {}
_calls_open = 0


def device(function: Any) -> Any:
    """Compile a piece that only kernels call; it cannot be called from Python."""
    return _njit(
        no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, pipeline_class=PieceCompiler, **_OPTIONS
    )(function)


def kernel(function: Any) -> Any:
    """Compile a kernel that Python calls; kept in the per-user cache."""
    return keep_compiled(_njit(no_cfunc_wrapper=True, pipeline_class=KernelCompiler, **_OPTIONS)(function))


def known_kernel(signature: _Signature) -> Callable[[Any], Any]:
    """`kernel`, of the types that `signature` gives for a float type (numba.float32 or float64)."""

    def wrap(function: Any) -> Any:
        compiled = kernel(function)
        if not JIT_DISABLED:
            _known[function.__name__] = _Known(compiled, signature, jumped_to=False)
        return compiled

    return wrap


def separate(signature: _Signature) -> Callable[[Any], Any]:
    """Compile a function on its own, for callers to jump to.

    signature : from the float type in use (numba.float32 or float64) to the types of the arguments; the function returns nothing.

    The result is called by kernels; it has no entry for Python, which would be a quarter of its code. A kernel that was loaded
    from the cache does not load what it jumps to: `load_separate` must have run before.
    """

    def wrap(function: Any) -> Any:
        if JIT_DISABLED:
            return function
        compiled = keep_compiled(
            _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=KernelCompiler, **_OPTIONS)(function)
        )
        _known[function.__name__] = _Known(compiled, signature, jumped_to=True)

        def call(typingctx: Any, *arguments: Any) -> Any:
            floats = next(a.dtype for a in arguments if isinstance(a, types.Array) and isinstance(a.dtype, types.Float))
            expected = signature(floats)
            for given, wanted in zip(arguments, expected, strict=True):
                if isinstance(wanted, types.Array) and (given.ndim, given.dtype) != (wanted.ndim, wanted.dtype):
                    raise TypingError(f"{function.__name__} takes {wanted}, got {given}")

            def codegen(context: Any, builder: ir.IRBuilder, _signature: Any, values: Any) -> Any:
                symbol = _declare(function.__name__, floats)
                if not _calls_open:
                    _load(function.__name__, floats)
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
        return intrinsic(call)

    return wrap


def from_python(function: Any) -> Any:
    """What only kernels call, for Python to call, as tests and benchmarks do: the entry is compiled when called, and not kept."""
    if JIT_DISABLED:
        return function

    def call(*arguments: Any) -> Any:
        return function(*arguments)

    return _njit(error_model="numpy", nogil=True)(call)


def c_function(signature: Any, function: Any, *, kept: bool) -> Any:
    """Compile at once for a C caller. `.address` is valid as long as the result is held; what raises is shown and returns 0.

    kept : whether in the cache, as kernels are; for functions of this package only.
    """
    compiled = CFunc(function, (signature.args, signature.return_type), locals={}, options=_OPTIONS)
    if kept:
        keep_compiled(compiled)
    compiled.compile()
    return compiled


def count_known() -> int:
    """How many `separate` functions and `known_kernel`s there are; more when a file of kernels is read for the first time."""
    return len(_known)


def load_separate(dtype: Any) -> None:
    """Compile, or load from the cache, every `separate` function for numpy dtype float32 or float64."""
    for name, known in _known.items():
        if known.jumped_to:
            _load(name, numba.from_dtype(dtype))


def compile_known(name: str, dtype: Any) -> None:
    """Compile one `separate` function or `known_kernel`, or load it from the cache."""
    _load(name, numba.from_dtype(dtype))


def missing_known(dtype: Any) -> list[str]:
    """The `separate` functions and `known_kernel`s that are neither loaded nor in the cache."""
    floats = numba.from_dtype(dtype)
    return [
        name
        for name, known in _known.items()
        if known.signature(floats) not in known.compiled.overloads
        and not is_kept(known.compiled, known.signature(floats))
    ]


def known_are_kept(dtype: Any) -> bool:
    """Whether the cache holds every `separate` function and `known_kernel` for numpy dtype float32 or float64."""
    floats = numba.from_dtype(dtype)
    return all(is_kept(known.compiled, known.signature(floats)) for known in _known.values())


@contextlib.contextmanager
def calls_left_open() -> Iterator[None]:
    """Within, kernels are compiled without what they jump to: before they run, `load_separate` must."""
    global _calls_open
    _calls_open += 1
    try:
        yield
    finally:
        _calls_open -= 1


def _load(name: str, floats: Any) -> None:
    known = _known[name]
    arguments = known.signature(floats)
    if arguments not in known.compiled.overloads:
        known.compiled.compile(arguments)
    pointer = _declared_pointer(name, floats)
    if known.jumped_to and not pointer.value:
        result = known.compiled.overloads[arguments]
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
