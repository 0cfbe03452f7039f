"""The course's long runs: full-batch gradient descent in the buffers of the training engine, packed once for a run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdnn.course import _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer


def descend(
    parameters: Parameters,
    hidden: str,
    X: Array,
    Y: Array,
    learning_rate: float,
    num_iterations: int,
    every: int,
    report: Callable[[int, float], None] | None = None,
) -> tuple[Parameters, Array]:
    """num_iterations updates of a network with `hidden` activations, sigmoid output and binary cross-entropy.

    Parameters
    ----------
    parameters : where the run begins; left as they are.
    X : (n_x, m), Y : (n_y, m) of 0 and 1.
    every : iterations between two returns to Python; `report(i, cost)` is called for i = 0, every, 2 every, ... and for the
        last iteration, with the cost before its update.

    Returns
    -------
    The parameters after the last update, and the cost before each update, (num_iterations,).

    Raises
    ------
    DivergenceError : a cost that is not finite.
    """
    layers = _checks.layers(parameters)
    network = Network.from_parameters(
        [W for W, _ in layers], [b for _, b in layers], [hidden] * (len(layers) - 1) + ["sigmoid"],
        "binary_cross_entropy", dtype="float64",
    )  # fmt: skip
    _checks.finite("X", X)
    m = X.shape[1]
    trainer = Trainer(
        network, Examples(X.T, Y.T.astype(np.float64)), batch_size=m, optimizer=Optimizer("sgd", learning_rate),
        threads=1, shuffle=False,
    )  # fmt: skip
    costs = np.empty(num_iterations)
    for first in range(0, num_iterations, every):
        part = costs[first : first + every]
        state, _ = trainer.run(part.size, learning_rate)
        part[:] = state.epoch_losses
        if state.diverged_at:
            _diverged(first + state.steps - 1, costs)
        if report is not None:
            report(first, float(part[0]))
    if report is not None and num_iterations and (num_iterations - 1) % every:
        report(num_iterations - 1, float(costs[-1]))
    trainer.store()
    learnt: Parameters = {}
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        learnt[f"W{l}"], learnt[f"b{l}"] = W.copy(), b.copy()
    return learnt, costs


def _diverged(iteration: int, costs: Array) -> None:
    last = float(costs[iteration - 1]) if iteration else None
    before = "" if last is None else f" (last finite: {last:.6g})"
    raise DivergenceError(
        f"Gradient descent diverged: the cost is not finite at iteration {iteration}{before}.",
        "a smaller learning_rate, or inputs of smaller size", epoch=iteration + 1, batch=1, last_finite=last,
    )  # fmt: skip
