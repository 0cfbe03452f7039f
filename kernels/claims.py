"""Shares of work given out in pieces: who has done its own share takes pieces of others' that nobody has begun.

Cores are not equally fast at every moment: another program has one, or half of one, and some are built slower. Workers that each
did their share and no more would all wait for the slowest at the next meeting.
"""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device
from fastdnn.kernels.sync import CLAIMS, MEETINGS, atomic_add, atomic_load
from fastdnn.kernels.views import flat_view


@device
def piece(size: int, n: int, least: int) -> tuple[int, int]:
    """Begin and end of piece n of a share of `size`: half of what those before it left, or all where that is under 2 `least`.

    Empty after the last. So the first keeps its worker near its own data, and the last ones are small.
    """
    n = min(n, 62)  # many who come too late count too, and no number can be shifted by 64
    left = size >> n
    if n > 0 and size >> (n - 1) < 2 * least:
        return size, size
    return size - left, size if left < 2 * least else size - (left >> 1)


@device
def next_piece(waits: Any, worker: int, workers: int, owner: int, had: int, size: int, least: int) -> tuple[int, int]:
    """What `worker` does next of the share of `owner`, of which it `had` so many pieces: begin and end, equal if nothing is left.

    Each piece is given out once from one meeting of the workers to the next, within which all ask for shares of one kind. A share
    under 2 `least` is its owner's alone. waits : see sync.barrier.
    """
    if workers == 1 or size < 2 * least:
        return 0, size if owner == worker and had == 0 else 0
    claims = flat_view(waits, owner * waits.shape[1], waits.shape[1])
    kind = CLAIMS + waits[worker, MEETINGS] % 2
    # Who comes late only looks: the owner's line of the cache stays where it is.
    begin, end = piece(size, atomic_load(claims, kind), least)
    return piece(size, atomic_add(claims, kind, 1), least) if begin < end else (begin, end)
