"""Kernels on an empty cache: helper processes compile a part of them meanwhile, and they meet in the cache.

Compiling is one thread's work. Two or three processes take the kernels one after the other from the same list; what a helper has
compiled this process reads from the cache. Nothing depends on a helper: what it does not deliver is compiled here.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections import deque
from types import TracebackType
from typing import IO, Any

import numpy as np

from fastdnn import compiling_process
from fastdnn.compiling_process import compiling_processes, helpers_possible, own_python
from fastdnn.errors import CompilationError
from fastdnn.kernels import _jit
from fastdnn.kernels.cache import cache_folder, cache_problem, kept_signatures

# The kernel that runs epochs, the longest to compile; the others are named in kernels/_jit.py.
_EPOCHS = "epochs"
# The longest of those: one process begins with them, the last first, so that short ones are left for the end.
_LONG = ("predict_rows", "matmul_bias", "update_layer", "output_backward")
# Float type -> how many kernels were known when all of them were made ready; those of a file that is read later are not.
_ready: dict[str, int] = {}
# Seconds after which a helper that is still at its last kernel is given up; no kernel takes ten.
_PATIENCE = 120.0


def load_kernels(dtype: Any) -> None:
    """Make ready every kernel that training in float32 or float64 jumps to: from the cache, or by compiling."""
    dtype = np.dtype(dtype)
    if _jit.JIT_DISABLED or compiling_process.helping or _ready.get(dtype.name) == _jit.count_known():
        return
    if len(_jit.missing_known(dtype)) > 1 and helpers_possible() and cache_folder() is not None:
        _name_all_kernels()
        _compile_together(_jit.missing_known(dtype), dtype)
    _jit.load_separate(dtype)
    _ready[dtype.name] = _jit.count_known()


def _name_all_kernels() -> None:
    """A kernel is known when its file was read; nothing is compiled by that."""
    import fastdnn.kernels.epoch
    import fastdnn.kernels.predict  # noqa: F401


def kernels_are_kept(dtype: Any) -> bool:
    """Whether training and prediction in float32 or float64 find all their kernels in the cache."""
    if _jit.JIT_DISABLED or cache_folder() is None:
        return False
    _name_all_kernels()
    from fastdnn.kernels.epoch import run_steps

    # Signatures for float32 have both types in them: losses are summed in float64.
    dtype = np.dtype(dtype)
    float32 = ["float32" in str(signature) for signature in kept_signatures(run_steps)]
    return (dtype == np.float32) in float32 and _jit.known_are_kept(dtype)


def warm_up(dtype: Any) -> None:
    """Fill the cache with every kernel that training and prediction in float32 or float64 use, in a process of its own.

    Raises
    ------
    CompilationError : that failed, or the kernels cannot be kept.
    """
    dtype = np.dtype(dtype)
    if _jit.JIT_DISABLED:
        raise CompilationError("There is nothing to compile: NUMBA_DISABLE_JIT is set.", "unset NUMBA_DISABLE_JIT")
    if cache_problem():
        raise CompilationError(
            f"Compiled kernels cannot be kept: {cache_problem()}.", "FASTDNN_CACHE_DIR=FOLDER, a folder of your own"
        )
    command, environment = own_python("keep", dtype.name)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not kernels_are_kept(dtype):
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise CompilationError(f"The kernels for {dtype} could not be compiled and kept: {said[-1]}.")


def _compile_together(names: list[str], dtype: np.dtype[Any]) -> None:
    jobs = deque([_EPOCHS, *sorted(names, key=lambda name: _LONG.index(name) if name in _LONG else -1)])
    with contextlib.ExitStack() as helpers, _jit.calls_left_open():
        helping = [helpers.enter_context(_Helper(jobs, process)) for process in compiling_processes(dtype.name)]
        while jobs and helping:
            with contextlib.suppress(IndexError):  # a helper has taken the last one
                name = jobs.pop()
                if name != _EPOCHS:  # that one is compiled when it is called
                    _jit.compile_known(name, dtype)


class _Helper:
    """Another process, and the thread that gives it the next job from the front of `jobs`.

    A context: it is waited for at the end, and ended at once where this process has failed or was interrupted.
    """

    def __init__(self, jobs: deque[str], process: subprocess.Popen[str]) -> None:
        self._process = process
        self._thread = threading.Thread(target=self._feed, args=(jobs,), daemon=True)

    def __enter__(self) -> _Helper:
        with contextlib.suppress(RuntimeError):  # no thread can be started: then it is given nothing
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._thread.ident is not None:
                self._thread.join(_PATIENCE)
        finally:
            self._end()

    def _feed(self, jobs: deque[str]) -> None:
        """One job, and the next when the helper says that it is done; until there is none, or the helper has ended."""
        orders, answers = self._pipes()
        with contextlib.suppress(IndexError, OSError, ValueError):
            print(cache_folder(), file=orders, flush=True)
            done = True
            while done:
                name = jobs.popleft()
                print(name, file=orders, flush=True)
                done = answers.readline().strip() == name

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._thread.ident is not None:
            self._thread.join(1.0)
        for pipe in self._pipes():
            with contextlib.suppress(OSError):
                pipe.close()


def _compile_epochs(dtype: np.dtype[Any]) -> None:
    """Compile, or load, the kernel that runs epochs, by a pass over no rows."""
    from fastdnn.engine import run_pass
    from fastdnn.examples import Examples
    from fastdnn.network import Network
    from fastdnn.workspace import Workspace

    examples = Examples(np.zeros((1, 1), dtype), np.zeros(1, dtype))
    workspace = Workspace(Network([1, 1], dtype=dtype.name), 1, 1)
    run_pass(workspace, workspace.data(examples, with_targets=True), examples.indices[:0], 1)


def _keep(dtype: np.dtype[Any]) -> None:
    """Compile, or load, all there is."""
    _compile_epochs(dtype)
    _name_all_kernels()
    for name in _jit.missing_known(dtype):
        _jit.compile_known(name, dtype)


def _help(dtype: np.dtype[Any]) -> None:
    """The helper. From standard input it reads the cache folder of the process that it helps, and the names of kernels.

    Each is compiled, and its name repeated when it is in the cache.
    """
    _name_all_kernels()
    if sys.stdin.readline().rstrip("\n") != str(cache_folder()):
        return
    compiling_process.helping = True
    with _jit.calls_left_open():
        for line in sys.stdin:
            name = line.strip()
            if name == _EPOCHS:
                _compile_epochs(dtype)
            else:
                _jit.compile_known(name, dtype)
            print(name, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _, task, name = sys.argv
        {"help": _help, "keep": _keep}[task](np.dtype(name))
