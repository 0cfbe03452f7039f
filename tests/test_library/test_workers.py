"""fastdnn/workers.py: every worker runs, failures surface, Ctrl-C is passed on once."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from fastdnn import workers
from fastdnn.errors import ParameterError


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("watched", [False, True])
def test_each_worker_is_called_once(count, watched):
    called = []
    interrupted = workers.run_workers(called.append, count, watch=(lambda: None) if watched else None)
    assert sorted(called) == list(range(count))
    assert interrupted is False


def test_one_worker_that_nobody_watches_runs_in_the_calling_thread():
    names = []
    workers.run_workers(lambda _: names.append(threading.current_thread()), 1)
    assert names == [threading.current_thread()]


def test_workers_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=30)
    workers.run_workers(lambda _: meeting.wait(), 3)


def test_threads_are_kept_for_the_next_call():
    """Worker i is the thread that it was, so it finds its core and that core's cache again."""
    runs = []
    for _ in range(3):
        found = {}
        workers.run_workers(lambda i, found=found: found.update({i: threading.get_ident()}), 4, watch=lambda: None)
        runs.append(found)
    assert len(set(runs[0].values())) == 4
    assert runs[0] == runs[1] == runs[2]


def test_a_run_within_a_run_has_threads_of_its_own():
    inner = []
    workers.run_workers(lambda _: workers.run_workers(inner.append, 3, watch=lambda: None), 3)
    assert sorted(inner) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own():
    """Threads stay behind in a fork: to hand them work would be to wait for ever."""
    workers.run_workers(lambda _: None, 3)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        called = []
        workers.run_workers(called.append, 3)
        os._exit(0 if sorted(called) == [0, 1, 2] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("watched", [False, True])
def test_a_failure_of_a_worker_surfaces(count, watched):
    def work(worker):
        if worker == count - 1:
            raise RuntimeError(f"worker {worker}")

    with pytest.raises(RuntimeError, match=f"worker {count - 1}"):
        workers.run_workers(work, count, watch=(lambda: None) if watched else None)


def run_until_told(watch, *, with_interrupt=True):
    """Two workers that wait for the word to stop. Returns what run_workers returned, and how often the word came."""
    stop, told = threading.Event(), []

    def interrupt():
        told.append(None)
        stop.set()

    try:
        result = workers.run_workers(
            lambda _: stop.wait(30), 2, watch=watch, interrupt=interrupt if with_interrupt else None
        )
    finally:
        stop.set()
    return result, len(told)


def test_watch_is_called_while_workers_run_and_ctrl_c_stops_them():
    looks = []

    def watch():
        looks.append(None)
        if len(looks) == 3:
            signal.raise_signal(signal.SIGINT)

    assert run_until_told(watch) == (True, 1)
    assert len(looks) == 3


def test_a_failure_of_watch_stops_the_workers_before_it_surfaces():
    def watch():
        raise RuntimeError("watch")

    with pytest.raises(RuntimeError, match="watch"):
        run_until_told(watch)


def test_ctrl_c_passes_where_nobody_asked_for_it():
    def watch():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_until_told(watch, with_interrupt=False)


def test_threads_within_their_range():
    """More than the cores are allowed: slow, with the same bits."""
    assert workers.available_cores() >= 1
    for allowed in (1, workers.available_cores() + 1, workers.MOST_THREADS):
        assert workers.check_threads(allowed) == allowed
    for wrong in (0, -1, workers.MOST_THREADS + 1):
        with pytest.raises(ParameterError, match=rf"between 1 and {workers.MOST_THREADS}; got {wrong}") as caught:
            workers.check_threads(wrong)
        assert caught.value.hint
