"""Steps of the engine through a set of examples, on worker threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.kernels import sync as words
from fastdnn.kernels.epoch import LAST_COST, LOSS_SUM, TRAIN, WEIGHT_SUM, run_steps
from fastdnn.kernels.layout import Data, Rule
from fastdnn.kernels.optimizers import GRADIENT_DESCENT
from fastdnn.loss_codes import loss_code
from fastdnn.workers import run_workers
from fastdnn.workspace import Workspace

# A step of gradient descent that moves nothing.
NO_UPDATE = Rule(GRADIENT_DESCENT, 0.0, 0.0, 0.0, False, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass
class Pass:
    """What a pass, or one after the other, publishes while it runs, and leaves behind; `epochs` counts those that end in it."""

    running: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    epoch_losses: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    sync: NDArray[np.int64] = field(default_factory=lambda: np.zeros(words.SYNC_WORDS, np.int64))
    epochs: int = 0

    @property
    def steps(self) -> int:
        """Mini-batches done so far."""
        return int(self.sync[words.STEPS_DONE])

    @property
    def mean_loss(self) -> float | None:
        """The (weighted) mean loss of the examples of this epoch so far; None before the first."""
        return float(self.running[LOSS_SUM] / self.running[WEIGHT_SUM]) if self.running[WEIGHT_SUM] > 0 else None

    @property
    def last_cost(self) -> float:
        """The last finite mean loss of a mini-batch."""
        return float(self.running[LAST_COST])

    @property
    def diverged_at(self) -> int:
        """The mini-batch (from 1) of its epoch whose cost was not finite, or 0."""
        return int(self.sync[words.DIVERGED_AT])

    def stop(self) -> None:
        """Ask the workers to end after the mini-batch under way."""
        self.sync[words.STOP_ASKED] = 1


def epochs_ended(workspace: Workspace, rows: NDArray[np.int64], first: int, end: int) -> int:
    """How many epochs end in the steps from `first` to before `end`."""
    steps_per_epoch = max(1, -(-rows.size // workspace.batch))
    return end // steps_per_epoch - first // steps_per_epoch


def run_pass(
    workspace: Workspace,
    data: Data,
    rows: NDArray[np.int64],
    workers: int,
    *,
    purpose: int = TRAIN,
    rule: Rule = NO_UPDATE,
    steps: tuple[int, int] | None = None,
    learning_rates: float | NDArray[np.float64] = 0.0,
    seed: int = 0,
    shuffle: bool = False,
    outputs: NDArray[Any] | None = None,
    losses: NDArray[np.float64] | None = None,
    order: NDArray[np.int64] | None = None,
    state: Pass | None = None,
    resident: bool = False,
    watch: Callable[[Pass], None] | None = None,
) -> tuple[Pass, bool]:
    """Run kernels.epoch.run_steps on `workers` threads; the arguments are explained there.

    steps : the first step and the one after the last; default once through `rows`. learning_rates : one, or one for each step
    and perhaps more. order, state : kept by the caller where a run is made in several passes; `state.epoch_losses` has room for
    all the epochs that end in it. watch : called some times a second with the Pass under way; with it, Ctrl-C ends the pass
    after the mini-batch under way.

    Returns the Pass and whether it was ended by Ctrl-C.
    """
    network = workspace.network
    first, end = steps or (0, -(-rows.size // workspace.batch))
    if state is None:
        state = Pass(epoch_losses=np.zeros(epochs_ended(workspace, rows, first, end)))
    state.sync[words.ARRIVALS] = state.sync[words.STOPPING] = 0
    if purpose == TRAIN and np.ndim(learning_rates) == 0:
        learning_rates = np.full(end - first, learning_rates)
    rates = np.asarray(learning_rates if purpose == TRAIN else np.zeros(0), np.float64)
    epoch_losses = state.epoch_losses[state.epochs :]
    if purpose == TRAIN:
        state.epochs += epochs_ended(workspace, rows, first, end)
    buffers = workspace.with_workers(workers)
    order = np.empty_like(rows) if order is None else order
    outputs = np.zeros((0, 0), network.dtype) if outputs is None else outputs
    losses = np.zeros(0) if losses is None else losses
    loss = loss_code(network.loss, network.dtype)
    slope = network.dtype.type(network.leaky_slope)
    rows = rows.view()
    rows.flags.writeable = False

    def work(worker: int) -> None:
        run_steps(
            worker, workers, purpose, data, rows, order, workspace.batch, shuffle, resident, seed, first, end, rates,
            buffers, loss, slope, rule, state.sync, state.running, epoch_losses, outputs, losses,
        )  # fmt: skip

    if watch is None:
        return state, run_workers(work, workers)
    return state, run_workers(work, workers, watch=lambda: watch(state), interrupt=state.stop)
