"""The later course's long runs: with dropout, and in mini-batches, in buffers that are packed once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastdnn.course import _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._descent import Report, diverged, network_of, parameters_of, trainer_for
from fastdnn.course.improving.dropout import draw_masks
from fastdnn.kernels import course_dropout as kernels
from fastdnn.kernels.layout import PANELS
from fastdnn.optimizer import Optimizer
from fastdnn.panels import aligned_zeros, fill_panels
from fastdnn.workspace import Workspace

# Steps whose masks are drawn at a time: half a megabyte on the football field, and few returns to Python.
_MASKS_AT_A_TIME = 100


def descend_with_dropout(
    parameters: Parameters,
    X: Array,
    Y: Array,
    learning_rate: float,
    num_iterations: int,
    masks: tuple[float, int, bool],
    every: int,
    report: Report,
) -> tuple[Parameters, list[float]]:
    """As _descent.descend with ReLU hidden layers and dropout in them; masks : keep_prob, seed, the same in every step.

    report(i, cost) is called for i = 0, every, 2 every, ..., whose costs are returned; `every` is a multiple of 100.
    """
    keep_prob, seed, same = masks
    m = X.shape[1]
    workspace = Workspace(network_of(parameters, "relu"), m, 1)
    more = _fill(workspace, X, Y)
    units = workspace.network.layer_dims[1:-1]
    draw, costs = np.random.RandomState(seed), np.empty(num_iterations)
    drawn = np.empty((min(_MASKS_AT_A_TIME, num_iterations), sum(units), m), np.uint8)
    for first in range(0, num_iterations, _MASKS_AT_A_TIME):
        part = costs[first : first + _MASKS_AT_A_TIME]
        for mask in drawn[: part.size] if not same else drawn if first == 0 else ():
            mask[:] = np.concatenate(draw_masks(units, m, keep_prob, seed if same else draw))
        done = kernels.descend_with_masks(workspace.buffers, more, drawn, keep_prob, float(learning_rate), part)
        if done < part.size:
            at = first + done
            raise diverged("iteration", at, float(costs[at - 1]) if at else None)
        if first % every == 0:
            report(first, float(part[0]))
    return parameters_of(workspace), costs[::every].tolist()


def descend_in_batches(
    parameters: Parameters,
    X: Array,
    Y: Array,
    learning_rates: Sequence[float],
    batch: int,
    seeds: Sequence[int],
    optimizer: Optimizer,
    report: Report,
) -> tuple[Parameters, list[float]]:
    """Epochs in mini-batches of `batch` examples, ReLU hidden layers.

    learning_rates : of each epoch. seeds : RandomState(seed).permutation(m) is the order of each epoch. report(epoch, cost) is
    called for each.

    Returns
    -------
    The parameters after the last update, and each epoch's mean loss, every example's before its mini-batch's update.

    Raises
    ------
    DivergenceError : a cost that is not finite.
    """
    m = X.shape[1]
    trainer = trainer_for(parameters, "relu", X, Y, batch, optimizer)
    # One generator seeded anew each epoch: making a RandomState costs ten times what seeding one does.
    draw, costs = np.random.RandomState(0), list[float]()
    for epoch, (seed, learning_rate) in enumerate(zip(seeds, learning_rates, strict=True)):
        draw.seed(seed)
        state, _ = trainer.run(trainer.steps_per_epoch, learning_rate, order=draw.permutation(m))
        if state.diverged_at:
            raise diverged("epoch", epoch, costs[-1] if costs else None)
        costs.append(float(state.epoch_losses[0]))
        report(epoch, costs[-1])
    return parameters_of(trainer), costs


def _fill(workspace: Workspace, X: Array, Y: Array) -> Any:
    """Put all examples, as many as the workspace is made for, into A[0] and the targets.

    Returns what the kernels need beside its buffers.
    """
    _checks.finite("X", X)
    buffers, A0 = workspace.buffers, workspace.activations(0)
    fill_panels(A0, X.T)
    buffers.batch_targets[:] = Y.T
    flat, widest = buffers.parameters.shape, buffers.layout[:, PANELS].max() * A0[0].size
    more = kernels.Descent(*(aligned_zeros(shape, np.float64) for shape in (flat, flat, (widest,))))
    kernels.transpose_weights(buffers, more)
    return more
