"""The later course's long runs: with dropout, and in mini-batches, in buffers that are packed once for a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.course import _checks
from fastdnn.course._checks import Array, Parameters
from fastdnn.course._descent import diverged, hold_examples, parameters_of, workspace_for
from fastdnn.course.improving.dropout import draw_masks
from fastdnn.kernels import course_batches as kernels
from fastdnn.kernels.layout import PANELS
from fastdnn.panels import aligned_zeros
from fastdnn.workspace import Workspace

# Steps whose masks are drawn at a time, and epochs whose orders are: few megabytes, and few returns to Python.
_MASKS_AT_A_TIME = 100
_ORDERS_AT_A_TIME = 1000

Report = Callable[[int, float], None]


def descend_with_dropout(
    parameters: Parameters,
    X: Array,
    Y: Array,
    learning_rate: float,
    num_iterations: int,
    masks: tuple[float, int, bool],
    every: int,
    report: Report,
) -> tuple[Parameters, Array]:
    """As _descent.descend with ReLU hidden layers and dropout in them; masks : keep_prob, seed, the same in every step.

    report(i, cost) is called for i = 0, every, 2 every, ...; `every` is a multiple of 100.
    """
    keep_prob, seed, same = masks
    m = X.shape[1]
    workspace = workspace_for(parameters, "relu", m)
    hold_examples(workspace, X, Y)
    more = _descent_buffers(workspace, m)
    units = workspace.network.layer_dims[1:-1]
    draw, costs = np.random.RandomState(seed), np.empty(num_iterations)
    drawn = np.empty((min(_MASKS_AT_A_TIME, num_iterations), sum(units), m), np.uint8)
    for first in range(0, num_iterations, _MASKS_AT_A_TIME):
        part = costs[first : first + _MASKS_AT_A_TIME]
        for mask in drawn[: part.size] if not same else drawn if first == 0 else ():
            mask[:] = np.concatenate(draw_masks(units, m, keep_prob, seed if same else draw))
        done = kernels.descend_with_masks(workspace.buffers, more, drawn, keep_prob, float(learning_rate), part)
        if done < part.size:
            raise diverged("iteration", first + done, costs)
        if first % every == 0:
            report(first, float(part[0]))
    return parameters_of(workspace), costs


def descend_in_batches(
    parameters: Parameters,
    X: Array,
    Y: Array,
    learning_rates: Sequence[float],
    batch: int,
    seeds: Sequence[int],
    rule: tuple[int, float, float, float],
    report: Report,
) -> tuple[Parameters, Array]:
    """Epochs in mini-batches of `batch` examples, ReLU hidden layers.

    learning_rates : of each epoch. seeds : RandomState(seed).permutation(m) is the order of each epoch.
    rule : kernels.GRADIENT_DESCENT, MOMENTUM or ADAM, beta or beta1, beta2, epsilon. report(epoch, cost) is called for each epoch.

    Returns
    -------
    The parameters after the last update, and each epoch's mean loss, (epochs,), each example's before its mini-batch's update.

    Raises
    ------
    DivergenceError : a cost that is not finite.
    """
    _checks.finite("X", X)
    m = X.shape[1]
    workspace = workspace_for(parameters, "relu", min(batch, m))
    more = _descent_buffers(workspace, min(batch, m))
    optimizer, beta1, beta2, epsilon = rule
    rates, costs = np.asarray(learning_rates, np.float64), np.empty(len(seeds))
    steps_per_epoch = -(-m // batch)
    for first in range(0, len(seeds), _ORDERS_AT_A_TIME):
        part = costs[first : first + _ORDERS_AT_A_TIME]
        orders = _orders(seeds[first : first + part.size], m)
        done = kernels.descend_in_batches(
            workspace.buffers, more, X, Y, orders, optimizer, rates[first : first + part.size],
            beta1, beta2, epsilon, first * steps_per_epoch, part,
        )  # fmt: skip
        for i, cost in enumerate(part[:done].tolist()):
            report(first + i, cost)
        if done < part.size:
            raise diverged("epoch", first + done, costs)
    return parameters_of(workspace), costs


def _orders(seeds: Sequence[int], m: int) -> NDArray[np.int64]:
    return np.array([np.random.RandomState(seed).permutation(m) for seed in seeds], np.int64)


def _descent_buffers(workspace: Workspace, batch: int) -> Any:
    """What the kernels need beside the workspace's buffers; W^T filled in."""
    buffers = workspace.buffers
    size = int(buffers.layout[:, PANELS].max()) * batch * buffers.scratch.shape[2]
    flat = buffers.parameters.shape
    more = kernels.Descent(*(aligned_zeros(shape, np.float64) for shape in (flat, flat, (size,))))
    kernels.transpose_weights(buffers, more)
    return more
