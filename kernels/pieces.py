"""How pieces that only kernels use are compiled: handed over as Numba lowered them, and optimised once, where they are used.

Numba optimises every function on its own, makes machine code of it, and does both again for the kernel that LLVM inlines it
into. For a piece that nothing else calls the first time is wasted: a quarter of all that compiling costs, and no kernel is
faster for it. This reaches into parts of Numba that may change; where they look different, Numba's own way is taken.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from fastdnn.kernels.lean import Flags, garbage_kept, lean_pipeline, require_no_references
from fastdnn.kernels.lookups import looked_up_once

_Library: Any = JITCodeLibrary
_Compiler: Any = Compiler
_REPLACED = ("_optimize_functions", "_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals")


class _NoEnvironment:
    """A code generator that does not look for a function's environment in machine code that is never made."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        """Nothing: the kernel that a piece becomes part of has its own."""


class KernelLibrary(_Library):  # type: ignore[misc]
    """The code of a kernel: optimised as a whole, and not also function by function before it is put together."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        super()._optimize_final_module()
        require_no_references(self._final_module, self.name)


class PieceLibrary(KernelLibrary):
    """The code of a piece: LLVM's language for others to link, never machine code."""

    @property
    def codegen(self) -> Any:
        """For Numba's last step, which is about machine code."""
        return _NoEnvironment(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:
        """0: there is no such function in machine code."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


def _compiler_into(library: Any) -> Any:
    """Numba's compiler, writing into a library of this class."""
    if not all(hasattr(_Library, name) for name in _REPLACED):
        return _Compiler

    class Lean(_Compiler):  # type: ignore[misc]
        def _compile_core(self) -> Any:
            self.state.flags = Flags(self.state.flags)
            with garbage_kept(), looked_up_once():
                return super()._compile_core()

        def define_pipelines(self) -> Any:
            state = self.state
            state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
            return [lean_pipeline(state)]

    return Lean


KernelCompiler, PieceCompiler = _compiler_into(KernelLibrary), _compiler_into(PieceLibrary)
