"""Trainer: the engine's buffers, the optimizer's moments and the step counter of one training job."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fastdnn.engine import Pass, epochs_ended, run_pass
from fastdnn.errors import ParameterError, check_number, check_seed, check_whole
from fastdnn.examples import Array, Examples
from fastdnn.flat_parameters import fill_flat, read_flat
from fastdnn.inference import evaluate_in
from fastdnn.kernels.layout import Data
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.pace import Pace, most_threads
from fastdnn.workers import check_threads
from fastdnn.workspace import Workspace


class Trainer:
    """Runs steps; what to do between them (schedules, validation, stopping) is the caller's.

    Parameters
    ----------
    network : trained in the engine's buffers: `store` writes the parameters back, `load` takes them from it.
    examples : with targets, perhaps with weights.
    batch_size : examples a step; more than there are means all of them.
    l2 : lambda of lambda / (2 m) sum W^2, m the number of examples, or the sum of their weights. l1 : lambda / m sum |W|, alike.
    batch_l2 : scikit-learn's `alpha`: as l2, but divided by the number (weight) of each batch's examples.
    dropout : the share of units dropped in training: one for all hidden layers, or a sequence of one for the input and one for
        each hidden layer; in [0, 1).
    seed : of the order of examples, drawn anew each epoch unless `shuffle` is False, and of dropout.
    threads : the most there may be; default: the cores. How many of them work is found by timing (fastdnn/pace.py), and the
        result has the same bits for every number.

    Attributes
    ----------
    step : steps done. steps_per_epoch, batch_size, workspace.

    Raises
    ------
    ParameterError : a number outside its range. DataError : targets that do not fit the loss.
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        *,
        batch_size: int,
        optimizer: Optimizer,
        l2: float = 0.0,
        l1: float = 0.0,
        batch_l2: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        seed: int = 0,
        threads: int | None = None,
        shuffle: bool = True,
    ) -> None:
        for name, strength in (("l2", l2), ("l1", l1), ("batch_l2", batch_l2)):
            check_number(name, strength, 0.0)
        self.network, self.examples, self.optimizer = network, examples, optimizer
        self.seed, self.shuffle = check_seed(seed), shuffle
        rows = len(examples)
        self.batch_size = min(check_whole("batch_size", batch_size), rows)
        self.steps_per_epoch = -(-rows // self.batch_size)
        self.step = 0
        most = most_threads(self.batch_size) if threads is None else check_threads(threads)
        self.workspace = Workspace(
            network, self.batch_size, most, weighted=examples.weights is not None,
            clipping=optimizer.clip_norm > 0, dropout=dropout_shares(dropout, network.L),
        )  # fmt: skip
        self.data: Data = self.workspace.data(examples, with_targets=True)
        total = examples.total_weight
        self.rule = optimizer.rule(l2 / total, l1 / total, batch_l2)
        self._order = np.empty(rows, np.int64)
        self._running = np.zeros(3)
        self._resident = False
        self._pass(
            Pass(self._running), examples.indices[:0], (0, 0), np.zeros(0), 1
        )  # compiles, so that no epoch's clock does
        self._pace = Pace(self.workspace.workers, asked=threads is not None)

    @property
    def threads(self) -> int:
        """The number of threads that is fastest, as far as is known."""
        return self._pace.threads

    def run(
        self,
        steps: int,
        learning_rates: float | NDArray[np.float64],
        *,
        order: NDArray[np.int64] | None = None,
        watch: Callable[[Pass], None] | None = None,
    ) -> tuple[Pass, bool]:
        """The next `steps` steps, part of an epoch or many of them.

        learning_rates : one, or one for each step. order : (m,) int64, the rows of one whole epoch in the order to take them
        in, instead of an order of our own. watch : called some times a second with the Pass under way; with it Ctrl-C ends the
        run after the step under way.

        Returns the Pass, whose `epoch_losses` has the mean loss of each epoch that ended, and whether Ctrl-C ended it.
        """
        rows = self.examples.indices if order is None else order
        rates = np.asarray(learning_rates, np.float64)
        rates = np.full(steps, rates) if rates.ndim == 0 else rates
        first, end, interrupted = self.step, self.step + steps, False
        state = Pass(self._running, np.zeros(epochs_ended(self.workspace, rows, first, end)))
        while self.step < end and not interrupted and not state.diverged_at:
            threads, count = self._pace.plan(end - self.step)
            before, began, part = state.steps, time.perf_counter(), (self.step, self.step + count)
            interrupted = self._pass(
                state,
                rows,
                part,
                rates[self.step - first :],
                threads,
                shuffle=self.shuffle and order is None,
                watch=watch,
            )
            done = state.steps - before
            self._pace.record(threads, done, time.perf_counter() - began)
            self.step += done
            # One batch of all examples: their order does not matter, and they are still in the buffers.
            self._resident = self.steps_per_epoch == 1 and not self.workspace.buffers.dropout[0]
        # The step that failed ends no epoch.
        good = self.step - bool(state.diverged_at)
        state.epoch_losses = state.epoch_losses[: epochs_ended(self.workspace, rows, first, good)]
        return state, interrupted

    def _pass(
        self, state: Pass, rows: NDArray[np.int64], steps: tuple[int, int], learning_rates: NDArray[np.float64], threads: int, *,
        shuffle: bool = False, watch: Callable[[Pass], None] | None = None,
    ) -> bool:  # fmt: skip
        return run_pass(
            self.workspace, self.data, rows, threads, rule=self.rule, steps=steps, learning_rates=learning_rates, seed=self.seed,
            shuffle=shuffle and self.steps_per_epoch > 1, order=self._order[: rows.size], state=state,
            resident=self._resident, watch=watch,
        )[1]  # fmt: skip

    def batch_rows(self, number: int) -> NDArray[np.int64]:
        """The rows of mini-batch `number` (from 1) of the epoch that ran last."""
        return self._order[(number - 1) * self.batch_size : number * self.batch_size]

    def evaluate(self, examples: Examples, data: Data | None = None) -> tuple[Array, NDArray[np.float64]]:
        """A[L] (m, n_y), and the (m,) losses of other examples at the present parameters.

        data : workspace.data(examples, with_targets=True), if that was made before.
        """
        self._resident = False
        data = self.workspace.data(examples, with_targets=True) if data is None else data
        return evaluate_in(self.workspace, data, examples.indices, self.threads, with_losses=True)

    def tensors(self) -> dict[str, Array]:
        """What the next step reads beside parameters: moments in the order of Network.parameters, where not all are 0, and the
        running sums of the cost."""
        buffers = self.workspace.buffers
        moments = {"moments1": buffers.moments1, "moments2": buffers.moments2}
        kept = {name: read_flat(self.workspace, flat) for name, flat in moments.items() if flat.any()}
        return kept | {"running": self._running.copy()}

    def go_on(self, step: int, tensors: Mapping[str, Array]) -> None:
        """The next step is `step`, and the moments are those that `tensors` gave an earlier trainer; parameters stay."""
        buffers = self.workspace.buffers
        for name, flat in (("moments1", buffers.moments1), ("moments2", buffers.moments2)):
            if name in tensors:
                fill_flat(self.workspace, flat, tensors[name])
        self._running[:] = tensors["running"]
        self.step = step

    def resume(self, updates: int) -> None:
        """Adam's t goes on from `updates`: the moments in the workspace are those of an earlier trainer."""
        self.rule = self.rule._replace(updates=int(updates))

    def store(self) -> None:
        """The parameters into the network."""
        self.workspace.store()

    def load(self) -> None:
        """The parameters from the network; moments stay."""
        self.workspace.load()


def dropout_shares(dropout: float | Sequence[float], layers: int) -> tuple[float, ...]:
    """The shares of A[0] .. A[L-1]; ParameterError unless each lies in [0, 1) and there are as many as layers."""
    if isinstance(dropout, Sequence | np.ndarray):
        shares = tuple(dropout)
    else:
        shares = (0.0, *[check_number("dropout", dropout, 0.0, 1.0, below=True)] * (layers - 1))
    if len(shares) != layers:
        raise ParameterError(
            f"dropout takes one number, or {layers}: for the input and each of the {layers - 1} hidden layers; got {len(shares)}."
        )
    return tuple(check_number("dropout", share, 0.0, 1.0, below=True) for share in shares)
