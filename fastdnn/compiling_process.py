"""The processes that compile beside this one: the command that runs one, how many there can be, and their start.

Where nothing at all is kept yet, the command line starts them before this process has even loaded Numba, for all take a second
to do that. They then wait for what they are told on their standard input, and end where that is closed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from fastdnn.kernels.cache_root import user_cache_root
from fastdnn.workers import available_cores

# Two share all that is not the longest kernel; a third would wait for that one with them.
_MOST_HELPERS = 2
# Whether this process is one of them: it fills the cache for another, and runs no kernel.
helping = False
# By float type.
_early: dict[str, list[subprocess.Popen[str]]] = {}


def own_python(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command that runs fastdnn.compilation in another process, and its environment: it imports what this process would."""
    # -P: the current folder is no place to import from, unless it is for this process too.
    command = [sys.executable, "-P", "-m", "fastdnn.compilation", *arguments]
    return command, {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def helpers_possible() -> int:
    """Processes that can be started and have a core to run on."""
    multiprocessing = sys.modules.get("multiprocessing")
    if (
        getattr(sys, "frozen", False)
        or not Path(sys.executable or "").stem.lower().startswith("python")  # a program that Python is embedded in
        or (multiprocessing is not None and multiprocessing.current_process().daemon)
    ):
        return 0
    return min(_MOST_HELPERS, available_cores() - 1)


def start_early(dtype: str) -> None:
    """Start them now where no compiled code is kept, of whatever version; `compiling_processes` then gives them."""
    interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    if interpreted or dtype in _early or not helpers_possible():
        return
    with contextlib.suppress(OSError):
        if not any(user_cache_root().glob("*/*/*.nbi")):
            _early[dtype] = _start_all(dtype)


def compiling_processes(dtype: str) -> list[subprocess.Popen[str]]:
    """Those that were started early, or others that are started now; none where that is not possible."""
    alive = [process for process in _early.pop(dtype, []) if process.poll() is None]
    return alive or _start_all(dtype)


def _start_all(dtype: str) -> list[subprocess.Popen[str]]:
    started: list[subprocess.Popen[str]] = []
    with contextlib.suppress(OSError, RuntimeError):
        started.extend(_start(dtype) for _ in range(helpers_possible()))
    return started


def _start(dtype: str) -> subprocess.Popen[str]:
    command, environment = own_python("help", dtype)
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
