"""One pass of the engine over a set of examples, on worker threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.kernels import sync as words
from fastdnn.kernels.epoch import TRAIN, run_epoch
from fastdnn.kernels.layout import Data, Rule
from fastdnn.kernels.optimizers import GRADIENT_DESCENT
from fastdnn.loss_codes import loss_code
from fastdnn.workers import run_workers
from fastdnn.workspace import Workspace

# A step of gradient descent that moves nothing.
NO_UPDATE = Rule(GRADIENT_DESCENT, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass
class Pass:
    """What a pass publishes while it runs, and leaves behind."""

    sync: NDArray[np.int64] = field(default_factory=lambda: np.zeros(words.SYNC_WORDS, np.int64))
    running: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    @property
    def steps(self) -> int:
        """Mini-batches done so far."""
        return int(self.sync[words.STEPS_DONE])

    @property
    def loss_sum(self) -> float:
        """Sum of the losses of the examples so far."""
        return float(self.running[0])

    @property
    def last_cost(self) -> float:
        """The last finite mean loss of a mini-batch."""
        return float(self.running[1])

    @property
    def diverged_at(self) -> int:
        """The mini-batch (from 1) whose cost was not finite, or 0."""
        return int(self.sync[words.DIVERGED_AT])

    def stop(self) -> None:
        """Ask the workers to end after the mini-batch under way."""
        self.sync[words.STOP_ASKED] = 1


def run_pass(
    workspace: Workspace,
    data: Data,
    rows: NDArray[np.int64],
    workers: int,
    *,
    purpose: int = TRAIN,
    rule: Rule = NO_UPDATE,
    step: int = 0,
    shuffle: tuple[int, int] | None = None,
    outputs: NDArray[Any] | None = None,
    losses: NDArray[np.float64] | None = None,
    order: NDArray[np.int64] | None = None,
    resident: bool = False,
    watch: Callable[[Pass], None] | None = None,
) -> tuple[Pass, bool]:
    """Run kernels.epoch.run_epoch on `workers` threads; the arguments are explained there.

    shuffle : (seed, epoch), or None for the order of `rows`. watch : called some times a second with the Pass under way;
    with it, Ctrl-C ends the pass after the mini-batch under way.

    Returns the Pass and whether it was ended by Ctrl-C.
    """
    network = workspace.network
    progress = Pass()
    seed, epoch = shuffle or (0, 0)
    buffers = workspace.with_workers(workers)
    order = np.empty_like(rows) if order is None else order
    outputs = np.zeros((0, 0), network.dtype) if outputs is None else outputs
    losses = np.zeros(0) if losses is None else losses
    slope = network.dtype.type(network.leaky_slope)
    loss = loss_code(network.loss, network.dtype)
    rows = rows.view()
    rows.flags.writeable = False

    def work(worker: int) -> None:
        run_epoch(
            worker, workers, purpose, data, rows, order, workspace.batch, shuffle is not None, resident, seed, epoch, buffers,
            loss, slope, rule, step, progress.sync, progress.running, outputs, losses,
        )  # fmt: skip

    if watch is None:
        return progress, run_workers(work, workers)
    return progress, run_workers(work, workers, watch=lambda: watch(progress), interrupt=progress.stop)
