"""Whole epochs in one call per worker thread: nothing returns to Python between mini-batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.activations import activate
from fastdnn.kernels.gather import gather_batch
from fastdnn.kernels.layout import A_AT, ACTIVATION, DZ_AT, UNITS, layer_panels
from fastdnn.kernels.losses import output_backward
from fastdnn.kernels.optimizers import adam_rate
from fastdnn.kernels.passes import backward_pass, forward_pass, update_pass
from fastdnn.kernels.random import shuffle
from fastdnn.kernels.sync import DIVERGED_AT, STEPS_DONE, STOP_ASKED, STOPPING, atomic_load, barrier
from fastdnn.kernels.views import flat_view

# What an epoch is run for: to update the parameters, to know each example's loss, to know each example's A[L].
TRAIN, LOSSES, OUTPUTS = 1, 2, 4


@device
def prepare_order(rows: Any, order: Any, shuffled: bool, seed: int, epoch: int) -> None:
    """order = rows, or a permutation of them drawn from (seed, epoch)."""
    if shuffled:
        shuffle(rows, order, seed, epoch)
    else:
        for i in range(rows.size):
            order[i] = rows[i]


@device
def prepare_rates(rule: Any, step: int, rates: Any) -> None:
    """The scalars of update.apply_rule at update number `step` (from 1), in the type of the arrays."""
    adam = adam_rate(rule.learning_rate, rule.beta1, rule.beta2, rule.epsilon, step)
    rates[0], rates[1], rates[2], rates[3], rates[4] = rule.learning_rate, adam[0], adam[1], rule.beta1, rule.beta2


@device
def account(buffers: Any, first: int, m: int, batch: int, sync: Any, running: Any) -> None:
    """Add up the losses of a batch of m examples, in their order; publish progress; decide whether this step is the last."""
    total = 0.0
    for r in range(m):
        total += buffers.losses[r]
    if np.isfinite(total):
        running[0] += total
        running[1] = total / m
    else:
        sync[DIVERGED_AT] = first // batch + 1
    sync[STEPS_DONE] += 1
    sync[STOPPING] = 1 if atomic_load(sync, STOP_ASKED) != 0 or sync[DIVERGED_AT] != 0 else 0


@device
def copy_outputs(buffers: Any, batch: int, first: int, r0: int, r1: int, slope: Any, AL: Any) -> None:
    """A[L] from the logits of examples r0..r1 of a batch, into rows first + r0 .. first + r1 of AL (m, n_y)."""
    layout = buffers.layout
    last = layout.shape[0] - 1
    width = buffers.scratch.shape[2]
    n = layout[last, UNITS]
    A = layer_panels(buffers.activations, layout, last, layout[last, A_AT], batch, width)
    Z = layer_panels(buffers.logits, layout, last, 0, batch, width)
    activate(layout[last, ACTIVATION], Z, A, n, r0, r1, slope)
    for r in range(r0, r1):
        for c in range(n):
            AL[first + r, c] = A[c // width, r, c % width]


@kernel
def run_epoch(
    worker: int, workers: int, purpose: int, data: Any, rows: Any, order: Any, batch: int, shuffled: bool, resident: bool,
    seed: int, epoch: int,
    buffers: Any, loss: int, slope: Any, rule: Any, step: int, sync: Any, running: Any, AL: Any, losses: Any,
) -> None:  # fmt: skip
    """One pass over the examples `rows` in mini-batches, as one of `workers` threads that all make this call.

    Parameters
    ----------
    purpose : TRAIN, or a sum of LOSSES and OUTPUTS, which update nothing.
    data, buffers, rule : layout.Data, Buffers, Rule.
    rows : (m,) int64, the examples. order : (m,) int64, overwritten: the order they were taken in, which is that of `rows`, or a
        permutation drawn from (seed, epoch) if `shuffled`.
    batch : examples of a mini-batch, the capacity of the buffers; the last batch has what is left.
    resident : the buffers still hold this batch, the only one, from the call before; it is not gathered again.
    step : updates made before this call (Adam's t starts at step + 1).
    sync : see sync.py; zero but for STOP_ASKED. running : (2,) float64, updated with TRAIN: the sum of losses so far, and the
        last finite cost of a batch.
    AL : (m, n_y), overwritten with OUTPUTS. losses : (m,) float64, overwritten with LOSSES. Both in the order of `order`.

    Notes
    -----
    A training step: each worker takes its rows of the batch through forward pass, loss and backward pass alone; barrier; each
    worker updates its share of the parameters over the whole batch; barrier. No contraction is split between workers, so
    parameters and losses have the same bits for every number of workers. Without TRAIN workers share nothing they write and meet
    only once. Training ends early where `sync[STOP_ASKED]` is set or a cost is not finite. Allocates nothing.
    """
    m = rows.size
    layout = buffers.layout
    last = layout.shape[0] - 1
    width = buffers.scratch.shape[2]
    rates = flat_view(buffers.rates, worker * buffers.rates.shape[1], buffers.rates.shape[1])
    A0 = layer_panels(buffers.activations, layout, 0, layout[0, A_AT], batch, width)
    ZL = layer_panels(buffers.logits, layout, last, 0, batch, width)
    AL_batch = layer_panels(buffers.activations, layout, last, layout[last, A_AT], batch, width)
    dZL = layer_panels(buffers.deltas, layout, last, layout[last, DZ_AT], batch, width)
    training = purpose == TRAIN
    meeting = 0
    if worker == 0:
        prepare_order(rows, order, shuffled, seed, epoch)
    barrier(sync, workers, meeting)
    for first in range(0, m, batch):
        here = min(batch, m - first)
        # Without TRAIN nobody waits for the others, so the rows of the buffers that are a worker's own never change.
        shared = here if training else batch
        r0, r1 = min(here, shared * worker // workers), min(here, shared * (worker + 1) // workers)
        if not resident:
            gather_batch(
                data.X, data.pixels, data.scale, data.shift, data.labels, data.targets, order, first,
                A0, buffers.batch_labels, buffers.batch_targets, r0, r1,
            )  # fmt: skip
        forward_pass(buffers, batch, r0, r1, slope)
        if purpose & OUTPUTS:
            copy_outputs(buffers, batch, first, r0, r1, slope, AL)
        if training or purpose & LOSSES:
            output_backward(
                loss, layout[last, ACTIVATION], ZL, AL_batch, buffers.batch_labels, buffers.batch_targets,
                buffers.batch_weights, buffers.loss_parameters, dZL, buffers.losses, layout[last, UNITS], r0, r1, slope,
            )  # fmt: skip
        if purpose & LOSSES:
            for r in range(r0, r1):
                losses[first + r] = buffers.losses[r]
        if training:
            backward_pass(buffers, batch, r0, r1, slope)
            meeting += 1
            barrier(sync, workers, meeting)
            step += 1
            prepare_rates(rule, step, rates)
            update_pass(worker, buffers, batch, here, rule)
            if worker == 0:
                account(buffers, first, here, batch, sync, running)
            meeting += 1
            barrier(sync, workers, meeting)
            if sync[STOPPING] != 0:
                return
