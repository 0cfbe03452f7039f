"""The course's long runs: full-batch gradient descent in the buffers of the training engine, packed once for a run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastdnn.course import _adapters, _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer
from fastdnn.workspace import Workspace

Report = Callable[[int, float], None]


def descend(
    parameters: Parameters,
    hidden: str,
    X: Array,
    Y: Array,
    learning_rate: float,
    num_iterations: int,
    every: int,
    report: Report,
    lambd: float = 0.0,
) -> tuple[Parameters, list[float]]:
    """num_iterations updates of a network with `hidden` activations, sigmoid output and binary cross-entropy.

    Parameters
    ----------
    parameters : where the run begins; left as they are.
    X : (n_x, m), Y : (n_y, m) of 0 and 1.
    every : iterations between two returns to Python; `report(i, cost)` is called for i = 0, every, 2 every, ... and, without an
        L2 term, for the last iteration, with the cost before its update.
    lambd : of the L2 term lambda / (2 m) sum W^2, which is part of the costs.

    Returns
    -------
    The parameters after the last update, and the costs before updates 0, every, 2 every, ...

    Raises
    ------
    DivergenceError : a cost that is not finite.
    """
    trainer = trainer_for(parameters, hidden, X, Y, X.shape[1], Optimizer("sgd", learning_rate), lambd)
    kept, last = list[float](), None
    for first in range(0, num_iterations, every):
        penalty = _penalty(trainer, lambd, X.shape[1])
        state, _ = trainer.run(min(every, num_iterations - first), learning_rate)
        losses = state.epoch_losses
        if state.diverged_at:
            raise diverged("iteration", first + state.steps - 1, float(losses[-1]) if losses.size else last)
        kept.append(float(losses[0]) + penalty)
        report(first, kept[-1])
        last = float(losses[-1])
    if last is not None and not lambd and (num_iterations - 1) % every:
        report(num_iterations - 1, last)
    return parameters_of(trainer), kept


def cost_printer(wanted: bool, period: int, form: str = "") -> Report:
    """What prints the cost of every `period`th iteration in the course's words, or nothing; form : the number's."""

    def show(i: int, cost: float) -> None:
        if wanted and i % period == 0:
            print(f"Cost after iteration {i}: {cost:{form}}")

    return show


def _penalty(trainer: Trainer, lambd: float, m: int) -> float:
    """lambda / (2 m) sum over layers of W^2, at the parameters in the trainer's buffers."""
    if not lambd:
        return 0.0
    trainer.store()
    return sum(_adapters.l2_cost(W, lambd, m) for W in trainer.network.weights)


def trainer_for(
    parameters: Parameters, hidden: str, X: Array, Y: Array, batch: int, optimizer: Optimizer, lambd: float = 0.0
) -> Trainer:
    """Training of a network that begins at `parameters`, with `hidden` activations and sigmoid output, in the order of X."""
    _checks.finite("X", X)
    return Trainer(
        network_of(parameters, hidden), Examples(X.T, Y.T.astype(np.float64)), batch_size=batch, optimizer=optimizer,
        l2=lambd, threads=1, shuffle=False,
    )  # fmt: skip


def network_of(parameters: Parameters, hidden: str) -> Network:
    """The network of {"W1", "b1", ...}, with `hidden` activations and sigmoid output."""
    layers = _checks.layers(parameters)
    return Network.from_parameters(
        [W for W, _ in layers], [b for _, b in layers], [hidden] * (len(layers) - 1) + ["sigmoid"],
        "binary_cross_entropy", dtype="float64",
    )  # fmt: skip


def parameters_of(job: Trainer | Workspace) -> Parameters:
    """{"W1", "b1", ...}: what the buffers hold, copied."""
    job.store()
    learnt: Parameters = {}
    for l, (W, b) in enumerate(zip(job.network.weights, job.network.biases, strict=True), 1):
        learnt[f"W{l}"], learnt[f"b{l}"] = W.copy(), b.copy()
    return learnt


def diverged(what: str, at: int, last: float | None) -> DivergenceError:
    """The error for a cost that is not finite in iteration or epoch `at`; last : the one before, or None."""
    before = "" if last is None else f" (last finite: {last:.6g})"
    return DivergenceError(
        f"Gradient descent diverged: the cost is not finite at {what} {at}{before}.",
        "a smaller learning_rate, or inputs of smaller size", epoch=at + 1, batch=1, last_finite=last,
    )  # fmt: skip
