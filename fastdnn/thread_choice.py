"""How many threads pay for a network: found by trying for some tens of milliseconds, never by guess.

Tiny networks run best on one thread, wide ones on all; where the border lies depends on the machine and on its other users.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from fastdnn.engine import NO_UPDATE, run_pass
from fastdnn.kernels.layout import Data
from fastdnn.workers import available_cores
from fastdnn.workspace import Workspace

# Long beside the 0.2 ms that starting threads takes, as an epoch is; data of a shorter epoch is tried whole.
_SECONDS_A_TRIAL = 0.015
_TRIALS = 3
# More threads must be this much faster: a core that gains less is better left to others.
_WORTH = 0.9


def most_threads(batch_size: int) -> int:
    """The most threads worth trying: the cores, and no more than examples in a batch."""
    return max(1, min(available_cores(), batch_size))


def choose_threads(workspace: Workspace, data: Data, rows: NDArray[np.int64]) -> int:
    """The number of threads, 1, 2, 4, ... up to workspace.workers, whose training steps take the least time.

    Runs whole steps on the first examples; parameters are unchanged afterwards. The least time of alternating trials counts.
    """
    most = workspace.workers
    candidates = [1 << i for i in range(most.bit_length()) if 1 << i < most] + [most]
    if len(candidates) == 1:
        return candidates[0]
    kept = workspace.buffers.parameters.copy(), workspace.buffers.transposed.copy()

    def seconds(threads: int, steps: int) -> float:
        began = time.perf_counter()
        run_pass(workspace, data, rows[: steps * workspace.batch], threads, rule=NO_UPDATE)
        return time.perf_counter() - began

    seconds(1, 1)
    steps = int(np.clip(_SECONDS_A_TRIAL / seconds(1, 1), 1, max(1, len(rows) // workspace.batch)))
    times: dict[int, list[float]] = {threads: [] for threads in candidates}
    for _ in range(_TRIALS):
        for threads in candidates:
            times[threads].append(seconds(threads, steps))
    best = 1
    # The least of each: what the machine can do when it is not disturbed.
    least = {threads: min(values) for threads, values in times.items()}
    for threads in candidates[1:]:
        if least[threads] < _WORTH * least[best]:
            best = threads
    np.copyto(workspace.buffers.parameters, kept[0])
    np.copyto(workspace.buffers.transposed, kept[1])
    return best
