"""Worker threads: each makes one call into a compiled kernel, while the calling thread watches."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from fastdnn.errors import ParameterError

MOST_THREADS = 256
# Seconds between two looks of the watching thread.
_LOOK_EVERY = 0.05


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(threads: object) -> int:
    """`threads`, or ParameterError unless it is a whole number from 1 to MOST_THREADS; more than the cores are slow, not wrong."""
    if isinstance(threads, numbers.Real) and float(threads).is_integer() and 1 <= float(threads) <= MOST_THREADS:
        return int(float(threads))
    raise ParameterError(
        f"The number of threads must lie between 1 and {MOST_THREADS}; got {threads!r}.",
        hint="leave it out: the number that is fastest is then found by trying",
    )


# Threads that wait for work, each in an executor of its own. A new one shares a core with another for some milliseconds, until the
# system sees that a core is free: a tenth of a call of 0.1 s. The last is taken first, so worker i is the thread that it was.
_idle: list[ThreadPoolExecutor] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads stay behind


def _kept_threads(count: int) -> list[ThreadPoolExecutor]:
    """Idle threads, and new ones where there are too few; nobody else has them."""
    taken: list[ThreadPoolExecutor] = []
    while len(taken) < count:
        try:
            taken.append(_idle.pop())
        except IndexError:
            taken.append(ThreadPoolExecutor(1, thread_name_prefix="fastdnn"))
    return taken


def run_workers(
    work: Callable[[int], None],
    workers: int,
    *,
    watch: Callable[[], None] | None = None,
    interrupt: Callable[[], None] | None = None,
) -> bool:
    """Call work(0) .. work(workers - 1), each in a thread of its own, and return when all have returned.

    watch : called some times a second from this thread meanwhile.
    interrupt : called once on Ctrl-C, and the workers are then waited for; they must return soon. Without it Ctrl-C passes.

    Returns True if Ctrl-C was pressed. An exception in a worker is raised here after all have ended.
    """
    alone = watch is None and interrupt is None
    if workers == 1 and alone:
        work(0)
        return False
    # With nothing to watch, this thread is worker 0, and no signal reaches it before it has done its work.
    threads = _kept_threads(workers - int(alone))
    running = {thread.submit(work, worker) for worker, thread in enumerate(threads, int(alone))}
    failures: list[BaseException] = []
    if alone:
        try:
            work(0)
        except BaseException as failure:
            failures.append(failure)
    interrupted = False
    while running:
        try:
            done, running = wait(running, _LOOK_EVERY)
            failures += [error for future in done if (error := future.exception()) is not None]
            if watch is not None and not interrupted and not failures:
                watch()
        except KeyboardInterrupt:
            if interrupt is None or interrupted:
                raise
            interrupted = True
            interrupt()
        except Exception as failure:  # of `watch`: the workers still write to buffers that the caller owns
            failures.append(failure)
            if interrupt is not None:
                interrupt()
    _idle.extend(reversed(threads))
    if failures:
        raise failures[0]
    return interrupted
