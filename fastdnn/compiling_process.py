"""The process that compiles beside this one: the command that runs it, whether it can be, and its start.

Where nothing at all is kept yet, the command line starts it before this process has even loaded Numba, for both take a second
to do that. It then waits for what it is told on its standard input, and ends where that is closed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from fastdnn.kernels.cache_root import user_cache_root
from fastdnn.workers import available_cores

# By float type.
_early: dict[str, subprocess.Popen[str]] = {}


def own_python(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command that runs fastdnn.compilation in another process, and its environment: it imports what this process would."""
    # -P: the current folder is no place to import from, unless it is for this process too.
    command = [sys.executable, "-P", "-m", "fastdnn.compilation", *arguments]
    return command, {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def helper_is_possible() -> bool:
    """Whether a second process can be started and has a core to run on."""
    multiprocessing = sys.modules.get("multiprocessing")
    return (
        available_cores() > 1
        and not getattr(sys, "frozen", False)
        and Path(sys.executable or "").stem.lower().startswith("python")  # not a program that Python is embedded in
        and not (multiprocessing is not None and multiprocessing.current_process().daemon)
    )


def start_early(dtype: str) -> None:
    """Start the process now where no compiled code is kept, of whatever version; `compiling_process` then gives it."""
    interpreted = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    if interpreted or dtype in _early or not helper_is_possible():
        return
    with contextlib.suppress(OSError, RuntimeError):
        if not any(user_cache_root().glob("*/*/*.nbi")):
            _early[dtype] = _start(dtype)


def compiling_process(dtype: str) -> subprocess.Popen[str]:
    """The process that was started early, or one that is started now. Raises OSError where that is not possible."""
    process = _early.pop(dtype, None)
    return process if process is not None and process.poll() is None else _start(dtype)


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
