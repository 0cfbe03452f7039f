"""What Numba looks up again and again while it compiles, looked up once: a quarter of all its calls of Python functions.

* Which implementation fits arguments of these types: asked in each round of type inference, for each `+` and each intrinsic, and
  each time a text is made of those that do not fit.
* Whether a registry has grown: asked at each use of an array, and answered by importing forty modules.
* How many bytes a type takes: answered by a module in LLVM's language, written, parsed and thrown away.

The answers are Numba's own, and are remembered only while kernels are compiled: other code in this process compiles as ever.
This reaches into parts of Numba that may change; what is not found there is left as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from numba.core.base import BaseContext
from numba.core.compiler_lock import global_compiler_lock
from numba.core.targetconfig import ConfigStack
from numba.core.types.functions import BaseFunction

_Lookup = Callable[..., Any]
# Context, flags, id of a function's type, types of the arguments -> that type (it must live on), signature, implementation.
_signatures: dict[tuple[Any, Any, int, tuple[Any, ...]], tuple[Any, Any, Any]] = {}
# Context -> how many entries its registries had when it was refreshed.
_entries: dict[Any, int] = {}
# Kind of context, a type as LLVM writes it -> bytes.
_sizes: dict[tuple[type, str], int] = {}
_alignments: dict[tuple[type, str], int] = {}
_depth = 0


@contextlib.contextmanager
def looked_up_once() -> Iterator[None]:
    """While a kernel is compiled, and the pieces compiled within that."""
    global _depth
    with global_compiler_lock, contextlib.ExitStack() as after:
        if not _depth:
            for owner, name, once in _ONCE:
                original = getattr(owner, name, None)
                if original is not None:
                    setattr(owner, name, once(original))
                    after.callback(setattr, owner, name, original)
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


def _signature_once(original: _Lookup) -> _Lookup:
    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        if kws:
            return original(self, context, args, kws)
        key = context, ConfigStack.top_or_none(), id(self), tuple(args)
        if key not in _signatures:
            found = original(self, context, args, kws)
            _signatures[key] = self, found, self._impl_keys[found.args]
        _, signature, self._impl_keys[signature.args] = _signatures[key]
        return signature

    return get_call_type


def _refresh_once(original: _Lookup) -> _Lookup:
    def refresh(self: Any) -> None:
        if _entries.get(self.typing_context) != _count_entries(self):
            original(self)
            _entries[self.typing_context] = _count_entries(self)

    return refresh


def _count_entries(context: Any) -> int:
    return sum(
        len(getattr(registry, kind))
        for registries in (context._registries, context.typing_context._registries)
        for registry, loader in registries.items()
        for kind in loader.registry_items
    )


def _bytes_once(known: dict[tuple[type, str], int]) -> Callable[[_Lookup], _Lookup]:
    def once(original: _Lookup) -> _Lookup:
        def number_of_bytes(self: Any, ty: Any) -> int:
            key = type(self), str(ty)
            if "%" in key[1]:  # a name: what it stands for is not in the text
                return int(original(self, ty))
            if key not in known:
                known[key] = original(self, ty)
            return known[key]

        return number_of_bytes

    return once


_ONCE: list[tuple[Any, str, Callable[[_Lookup], _Lookup]]] = [
    (BaseFunction, "get_call_type", _signature_once),
    (BaseContext, "refresh", _refresh_once),
    (BaseContext, "get_abi_sizeof", _bytes_once(_sizes)),
    (BaseContext, "get_abi_alignment", _bytes_once(_alignments)),
]
