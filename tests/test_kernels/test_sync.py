"""kernels/sync.py: nobody passes the barrier early, nobody waits for ever, no count is lost; more threads than cores too."""

from __future__ import annotations

import time

import numpy as np
import pytest
from callers import JIT, compiled, from_python, on_threads, waits_of

from fastdnn.kernels import sync

atomic_add, atomic_load, barrier = sync.atomic_add, sync.atomic_load, sync.barrier
ROUNDS = 300 if JIT else 20


@compiled
def count(words, times):
    for _ in range(times):
        atomic_add(words, 8, 1)


@compiled
def meet(worker, workers, rounds, words, waits, seen, wrong):
    """Each round: write the round's number, meet, look at everybody's, meet."""
    for r in range(rounds):
        seen[worker * 8] = r + 1
        barrier(words, waits, worker, workers)
        for other in range(workers):
            if seen[other * 8] != r + 1:
                wrong[worker * 8] += 1
        barrier(words, waits, worker, workers)


@compiled
def meet_once(worker, workers, words, waits):
    barrier(words, waits, worker, workers)


def meeting_place(workers):
    """words, waits, seen, wrong."""
    words, seen, wrong = (np.zeros(sync.SYNC_WORDS, np.int64) for _ in range(3))
    return words, waits_of(workers, sync.MOST_SPINS), seen, wrong


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_barrier(workers):
    meet(0, 1, 1, *meeting_place(1))  # compiled before the clock of the others runs
    words, waits, seen, wrong = meeting_place(workers)
    on_threads(workers, lambda worker: meet(worker, workers, ROUNDS, words, waits, seen, wrong))
    assert not wrong.any()
    np.testing.assert_array_equal(seen[: 8 * workers : 8], ROUNDS)
    assert words[sync.ARRIVALS] == (0 if workers == 1 else 2 * ROUNDS * workers)


def test_no_count_is_lost():
    words, times = np.zeros(sync.SYNC_WORDS, np.int64), 20000 if JIT else 200
    count(words, 0)
    on_threads(4, lambda _: count(words, times))
    assert words[8] == 4 * times


def test_add_gives_what_was_there_and_load_what_is():
    words = np.zeros(sync.SYNC_WORDS, np.int64)
    add, load = from_python(atomic_add), from_python(atomic_load)
    assert [add(words, 3, 5), add(words, 3, -2), load(words, 3), load(words, 4)] == [0, 5, 3, 0]


def test_words_have_cache_lines_of_their_own():
    words = [sync.ARRIVALS, sync.STOP_ASKED, sync.STEPS_DONE, sync.STOPPING, sync.DIVERGED_AT, sync.SLEEPERS]
    assert len({8 * w // 64 for w in words}) == len(words)
    assert max(words) < sync.SYNC_WORDS


def test_hints_compile():
    words = np.zeros(sync.SYNC_WORDS, np.int64)
    from_python(sync.pause)()
    from_python(sync.sleep_while)(words, sync.ARRIVALS, 1)  # which it is not, so nobody sleeps
    from_python(sync.wake)(words, sync.ARRIVALS)


def test_a_late_worker_wakes_those_who_sleep():
    """Three wait far longer than anybody looks, and are less patient the next time."""
    words, waits = np.zeros(sync.SYNC_WORDS, np.int64), waits_of(4, 2000)
    meet_once(0, 1, words.copy(), waits.copy())

    def work(worker):
        if worker == 3:
            time.sleep(0.3 if JIT else 2.0)  # a look takes 0.1 ms without the JIT
        meet_once(worker, 4, words, waits)

    on_threads(4, work)
    assert words[sync.ARRIVALS] == 4
    assert words[sync.SLEEPERS] == 0
    assert (waits[:3, sync.SPINS] < 2000).all()
    assert waits[3, sync.SPINS] == 2000


def test_patience_comes_back_when_waiting_was_right():
    meet(0, 1, 1, *meeting_place(1))
    words, _, seen, wrong = meeting_place(2)
    waits = waits_of(2, 1)
    on_threads(2, lambda worker: meet(worker, 2, ROUNDS, words, waits, seen, wrong))
    assert (waits[:, sync.SPINS] > 1).all()
    assert (waits[:, sync.SPINS] <= sync.MOST_SPINS).all()
    assert (waits[:, sync.MEETINGS] == 2 * ROUNDS).all()
    assert not waits[:, 2:].any()
