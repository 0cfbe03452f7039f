"""Numba's compiler without what these kernels do not need; half of its Python work is saved, and LLVM gets less to read.

* Passes for what no kernel has are left out: closures, `with`, generators, literal loops, branches known beforehand (LLVM
  drops those), listings of types. What LLVM gets is the same.
* No reference counting: a kernel allocates nothing, keeps nothing and returns no array, so that arrays live as long as the
  caller's. One that does, or calls what counts references, is refused.
* Numba asks again and again whether two functions have the same flags; it compares the few that are set.
* Python's garbage collector rests: what is made while compiling lives until its end, and looking through it takes a tenth.

This reaches into parts of Numba that may change: passes are left out by name, and those not known here stay.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from numba.core import compiler, types
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.errors import TypingError

_Flags: Any = compiler.Flags
_Pass: Any = FunctionPass
_LOWERING = "NativeLowering"
# By the names of Numba's classes. IRLegalization marks where variables end, for counting references.
LEFT_OUT = frozenset(
    {
        "WithLifting", "InlineClosureLikes", "RewriteSemanticConstants", "DeadBranchPrune", "RewriteDynamicRaises",
        "MakeFunctionToJitFunction", "InlineInlinables", "FindLiterallyCalls", "LiteralUnroll",
        "LiteralPropagationSubPipelinePass", "InlineOverloads", "NopythonRewrites", "NoPythonSupportedFeatureValidation",
        "IRLegalization", "AnnotateTypes", "DumpParforDiagnostics",
    }
)  # fmt: skip


class Flags(_Flags):  # type: ignore[misc]
    """Numba's flags of a compilation, equal where Numba's are, without reading all forty each time."""

    __slots__ = ()

    def __hash__(self) -> int:
        return _HASH

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Flags):
            return NotImplemented
        ours, theirs = self._values, other._values
        return ours == theirs or all(
            getattr(self, name) == getattr(other, name) for name in ours.keys() | theirs.keys()
        )


# The same for all flags: Numba's hash is that of their names.
_HASH = hash(_Flags())


@register_pass(mutates_CFG=False, analysis_only=False)
class WithoutReferences(_Pass):  # type: ignore[misc]
    """From here on arrays are not counted."""

    _name = "fastdnn_without_references"

    def __init__(self) -> None:
        _Pass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Raises TypingError for a kernel that would hand Python an array which nothing keeps alive."""
        if isinstance(state.return_type, types.Array) and not state.flags.no_cpython_wrapper:
            raise TypingError(f"kernel {state.func_id.func_name} returns an array: kernels fill those they are given")
        state.targetctx = state.targetctx.subtarget(enable_nrt=False)
        return False


def lean_pipeline(state: Any) -> Any:
    """The passes that turn a kernel, or a piece of one, into LLVM's language."""
    lean = PassManager("fastdnn")
    for step, description in compiler.DefaultPassBuilder.define_nopython_pipeline(state).passes:
        if step.__name__ == _LOWERING:
            lean.add_pass(WithoutReferences, "arrays without reference counts")
        if step.__name__ not in LEFT_OUT:
            lean.add_pass(step, description)
    lean.finalize()
    # Where AnnotateTypes would have left its listing.
    state.type_annotation = None
    return lean


def require_no_references(module: Any, name: str) -> None:
    """Raise TypingError where a kernel's code, with all that is linked into it, allocates or counts references."""
    used = sorted(function.name for function in module.functions if function.name.startswith("NRT_"))
    if used:
        raise TypingError(f"kernel {name} allocates memory, or calls what counts references ({', '.join(used)})")


@contextlib.contextmanager
def garbage_kept() -> Iterator[None]:
    """No garbage collection; where there was none before, there is none after."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
