"""Where compiled kernels are kept between runs, and what happens when that fails: they are compiled again.

The folder is `FASTDNN_CACHE_DIR`, or `fastdnn` in the user's cache folder; in it one folder for each fastdnn version, content of
the kernel sources, Numba version and CPU. The source hash covers all kernel files, since Numba itself notices a change in a
function's own file only, and would run stale code after a change in a function it calls.

Numba's files are pickles: whoever can write them can run code. So the folder is created for its owner alone, and one that
belongs to somebody else, or that others may write to, is not used.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import warnings
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import sigutils
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys

from fastdnn.kernels.cache_root import user_cache_root

_config: Any = numba.config
_warned: list[str] = []


def cache_key() -> str:
    """Hash of everything that compiled code depends on."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    codegen = cpu_target.target_context.codegen()
    for part in (numba.__version__, llvmlite.__version__, *codegen.magic_tuple(), _config.OPT, _config.BOUNDSCHECK):
        digest.update(str(part).encode() + b"\0")
    return digest.hexdigest()[:16]


def cache_folder() -> Path | None:
    """The folder for this version of the code on this CPU, created if need be; None, with one warning, if it cannot be used."""
    folder, problem = _prepared()
    if problem:
        _warn_once(f"compiled kernels are not kept: {problem}")
    return folder


def cache_problem() -> str:
    """Why compiled code cannot be kept, or an empty string."""
    return _prepared()[1]


@functools.cache
def _prepared() -> tuple[Path | None, str]:
    try:
        folder = user_cache_root() / cache_key()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_own(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"'{folder}' is not writable")
    except (OSError, RuntimeError) as problem:
        return None, str(problem)
    return folder, ""


def _require_own(folder: Path) -> None:
    if os.name == "nt":
        return
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise PermissionError(f"'{folder}' belongs to another user")
    if stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"others may write to '{folder}'")


class GuardedCache:
    """A Numba cache whose damage costs a compilation and not the run: whatever fails to load is as if it were not there."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled function, or None."""
        try:
            found = self._load(signature, target_context)
            if found is not None and found.signature.args != _argument_types(signature):
                raise ValueError("another function's code")  # two processes that wrote at once may leave this
            return found
        except Exception as problem:
            _warn_once(
                f"a damaged file of compiled kernels is replaced ({type(problem).__name__}) in '{self.cache_path}'"
            )
            self._forget()
            return None

    def _load(self, signature: Any, target_context: Any) -> Any:
        # Numba's own load_overload begins by loading all that it can compile from: half a second, to compile nothing.
        if not hasattr(self._cache, "_load_overload"):
            return self._cache.load_overload(signature, target_context)
        rtsys.initialize(target_context)  # what a kernel's entry calls to read NumPy's arrays
        with self._cache._guard_against_spurious_io_errors():
            return self._cache._load_overload(signature, target_context)

    def save_overload(self, signature: Any, result: Any) -> None:
        """Keep a compiled function, if that is possible."""
        try:
            self._cache.save_overload(signature, result)
        except Exception as problem:
            _warn_once(f"compiled kernels are not kept: {problem}")

    def holds(self, signature: Any) -> bool:
        """Whether there is code for this signature, as far as the index knows."""
        index = self._cache._cache_file._load_index()
        return self._cache._index_key(signature, cpu_target.target_context.codegen()) in index

    def signatures(self) -> list[Any]:
        """The signatures that there is code for, as far as the index knows."""
        return [key[0] for key in self._cache._cache_file._load_index()]

    def _forget(self) -> None:
        try:
            self._cache.flush()
        except Exception as problem:
            _warn_once(f"compiled kernels are not kept: {problem}")


def _argument_types(signature: Any) -> tuple[Any, ...]:
    args: tuple[Any, ...] = sigutils.normalize_signature(signature)[0]
    return args


def is_kept(dispatcher: Any, signature: Any) -> bool:
    """Whether the cache holds a dispatcher's code for a tuple of types. True where that cannot be known."""
    try:
        return isinstance(dispatcher._cache, GuardedCache) and dispatcher._cache.holds(signature)
    except Exception:
        return True


def kept_signatures(dispatcher: Any) -> list[Any]:
    """What the cache holds of a dispatcher's code; nothing where that cannot be known."""
    try:
        return dispatcher._cache.signatures() if isinstance(dispatcher._cache, GuardedCache) else []
    except Exception:
        return []


def keep_compiled(dispatcher: Any) -> Any:
    """Make a dispatcher keep its code in `cache_folder`, or leave it as it is where there is none. Returns the dispatcher."""
    folder = None if _config.DISABLE_JIT else cache_folder()
    if folder is None:
        return dispatcher
    before = _config.CACHE_DIR
    _config.CACHE_DIR = str(folder)
    try:
        dispatcher.enable_caching()
    except RuntimeError as problem:
        _warn_once(f"compiled kernels are not kept: {problem}")
        return dispatcher
    finally:
        _config.CACHE_DIR = before
    dispatcher._cache = GuardedCache(dispatcher._cache)
    return dispatcher


def _warn_once(message: str) -> None:
    if not _warned:
        _warned.append(message)
        warnings.warn(f"fastdnn: {message}", RuntimeWarning, stacklevel=2)
