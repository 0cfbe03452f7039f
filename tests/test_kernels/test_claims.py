"""kernels/claims.py: pieces make up a share, each is given out once, and a worker that is late finds less to do."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, compiled, from_python, on_threads, waits_of

from fastdnn.kernels import claims, sync

piece, next_piece, barrier = claims.piece, claims.next_piece, sync.barrier
ROUNDS = 200 if JIT else 5


@compiled
def work_off(worker, workers, rounds, sizes, least, words, waits, done):
    """Count in done[owner, i] how often part i of each owner's share was handed to anybody; meet; and again."""
    for _ in range(rounds):
        turn, had = 0, 0
        while turn < workers:
            owner = (worker + turn) % workers
            begin, end = next_piece(waits, worker, workers, owner, had, sizes[owner], least)
            had += 1
            for i in range(begin, end):
                done[owner, i] += 1
            if begin == end:
                turn, had = turn + 1, 0
        barrier(words, waits, worker, workers)


@pytest.mark.parametrize("least", [1, 3, 8])
@pytest.mark.parametrize("size", [0, 1, 2, 5, 8, 15, 16, 17, 100, 1000, 1 << 40])
def test_pieces_make_up_the_share(size, least):
    at, n, find = 0, 0, from_python(piece)
    while at < size:
        begin, end = find(size, n, least)
        assert begin == at
        # Half of what is left, give or take one; or all of it, where that would leave too little for two.
        left = size - begin
        assert end == size if left < 2 * least else abs(2 * (end - begin) - left) <= 1
        assert end - begin >= min(least, size)
        at, n = end, n + 1
    for after in (n, n + 1, 62, 63, 64, 1000):
        if after >= n + (size == 0):
            begin, end = find(size, after, least)
            assert begin == end


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_each_part_of_each_share_is_handed_out_once_between_two_meetings(workers):
    sizes, least = np.array([100, 37, 5, 64])[:workers], 4
    done = np.zeros((workers, 100), np.int64)
    words, waits = np.zeros(sync.SYNC_WORDS, np.int64), waits_of(workers, sync.MOST_SPINS)
    # Compiled before the threads meet.
    work_off(0, 1, 1, sizes[:1], least, words.copy(), waits[:1].copy(), done.copy())
    on_threads(workers, lambda worker: work_off(worker, workers, ROUNDS, sizes, least, words, waits, done))
    for owner, size in enumerate(sizes):
        np.testing.assert_array_equal(done[owner, :size], ROUNDS)
        assert not done[owner, size:].any()


def hand_out(waits, worker, owner, size, least):
    """All that a worker gets of one share, as (begin, end)."""
    found, take = [], from_python(next_piece)
    while True:
        begin, end = take(waits, worker, len(waits), owner, len(found), size, least)
        if begin == end:
            return found
        found.append((begin, end))


def test_who_is_done_takes_what_others_have_not_begun():
    waits, take = waits_of(2, 1), from_python(next_piece)
    assert take(waits, 1, 2, 1, 0, 64, 8) == (0, 32)  # a slow owner has begun its own
    assert hand_out(waits, 0, 0, 64, 8) == [(0, 32), (32, 48), (48, 56), (56, 64)]
    assert hand_out(waits, 0, 1, 64, 8) == [(32, 48), (48, 56), (56, 64)]
    assert hand_out(waits, 1, 1, 64, 8) == []
    assert hand_out(waits, 1, 0, 64, 8) == []


@pytest.mark.parametrize(("workers", "size"), [(1, 1000), (2, 15), (2, 1)])
def test_a_share_that_is_small_or_nobody_elses_is_one_piece(workers, size):
    waits = waits_of(workers, 1)
    assert hand_out(waits, workers - 1, workers - 1, size, 8) == [(0, size)]
    assert hand_out(waits, 0, workers - 1, size, 8) == ([] if workers > 1 else [(0, size)])
    assert not waits[:, sync.CLAIMS :].any()
