"""Many steps in one call per worker thread: nothing returns to Python between mini-batches, or between short epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.activations import activate
from fastdnn.kernels.ahead import address_of
from fastdnn.kernels.gather import compact, gather_batch
from fastdnn.kernels.layout import A_AT, ACTIVATION, DZ_AT, ROWS, UNITS, layer_panels
from fastdnn.kernels.losses import output_backward
from fastdnn.kernels.optimizers import prepare_rates
from fastdnn.kernels.passes import backward_pass, forward_pass, update_pass
from fastdnn.kernels.random import shuffle
from fastdnn.kernels.subnormal import subnormal_as_before, subnormal_to_zero
from fastdnn.kernels.sync import DIVERGED_AT, MEETINGS, STEPS_DONE, STOP_ASKED, STOPPING, atomic_load, barrier
from fastdnn.kernels.views import flat_view

# What an epoch is run for: to update the parameters, to know each example's loss, to know each example's A[L].
TRAIN, LOSSES, OUTPUTS = 1, 2, 4
# Numbers that are published while a call runs.
LOSS_SUM, LAST_COST, WEIGHT_SUM = 0, 1, 2


@device
def prepare_order(rows: Any, order: Any, shuffled: bool, seed: int, epoch: int) -> None:
    """order = rows, or a permutation of them drawn from (seed, epoch)."""
    if shuffled:
        shuffle(rows, order, seed, epoch)
    else:
        for i in range(rows.size):
            order[i] = rows[i]


@device
def where_examples_are(data: Any) -> tuple[int, int]:
    """The address of the examples, and the bytes of one."""
    if data.pixels.shape[0] > 0:
        return address_of(data.pixels), data.pixels.shape[1]
    return address_of(data.X), data.X.shape[1] * data.X.itemsize


@device
def batch_weight(weights: Any, m: int) -> float:
    """What the m examples of the batch weigh together: m where all count alike."""
    if weights.size == 0:
        return float(m)
    total = 0.0
    for r in range(m):
        total += weights[r]
    return total


@device
def account(losses: Any, step: int, m: int, weight: float, sync: Any, running: Any) -> None:
    """Add up the losses of a batch of m examples, in their order; publish progress; decide whether this step is the last."""
    total = 0.0
    for r in range(m):
        total += losses[r]
    if np.isfinite(total):
        running[LOSS_SUM] += total
        running[WEIGHT_SUM] += weight
        running[LAST_COST] = total / weight if weight > 0.0 else 0.0
    else:
        sync[DIVERGED_AT] = step + 1
    sync[STEPS_DONE] += 1
    sync[STOPPING] = 1 if atomic_load(sync, STOP_ASKED) != 0 or sync[DIVERGED_AT] != 0 else 0


@device
def copy_outputs(Z: Any, A: Any, activation: int, n: int, first: int, r0: int, r1: int, slope: Any, AL: Any) -> None:
    """A[L] from the logits of examples r0..r1 of a batch, into rows first + r0 .. first + r1 of AL (m, n_y)."""
    activate(activation, Z, A, n, r0, r1, slope)
    compact(A, r0, r1, n, flat_view(AL, (first + r0) * n, (r1 - r0) * n))


@kernel
def run_steps(
    worker: int, workers: int, purpose: int, data: Any, rows: Any, order: Any, batch: int, shuffled: bool, resident: bool,
    seed: int, step0: int, step1: int, learning_rates: Any,
    buffers: Any, loss: int, slope: Any, rule: Any, sync: Any, running: Any, epoch_losses: Any, AL: Any, losses: Any,
) -> None:  # fmt: skip
    """Steps step0 .. step1 through the examples `rows` in mini-batches, as one of `workers` threads that all make this call.

    Parameters
    ----------
    purpose : TRAIN, or a sum of LOSSES and OUTPUTS, which update nothing.
    data, buffers, rule : layout.Data, Buffers, Rule.
    rows : (m,) int64, the examples. order : (m,) int64, the order they are taken in; overwritten at the start of each epoch with
        that of `rows`, or with a permutation drawn from (seed, epoch) if `shuffled`. Steps count from 0 at the start of training,
        and an epoch has ceil(m / batch) of them; where step0 is in the midst of one, `order` is as the call before left it.
    batch : examples of a mini-batch, for which the buffers are made; the last batch of an epoch has what is left.
    resident : the buffers still hold this batch, the only one, from the call before; it is not gathered again.
    learning_rates : (step1 - step0,) float64, of each step; read with TRAIN.
    sync : see sync.py; zero but for STOP_ASKED. running : (3,) float64, updated with TRAIN: LOSS_SUM and WEIGHT_SUM of this
        epoch so far, LAST_COST the last finite cost of a batch. epoch_losses : float64, overwritten with TRAIN: the mean loss
        of each epoch that ends here.
    AL : (m, n_y), overwritten with OUTPUTS. losses : (m,) float64, overwritten with LOSSES. Both in the order of `order`.

    Notes
    -----
    A training step: each worker takes its rows of the batch through forward pass, loss and backward pass, alone but for layers
    whose units are shared out too (passes.py); barrier; each worker updates its share of the parameters over the whole batch;
    barrier. Who is done with a share of units or parameters takes pieces of others' (claims.py). No contraction is split between
    workers, so parameters and losses have the same bits for every number of workers and whoever computes them.
    Without TRAIN workers share nothing they write and meet only once. Training ends early where `sync[STOP_ASKED]` is set or a
    cost is not finite. Allocates nothing.
    """
    m = rows.size
    steps_per_epoch = (m + batch - 1) // batch
    layout = buffers.layout
    last = layout.shape[0] - 1
    capacity, width = layout[0, ROWS], buffers.scratch.shape[2]
    rates = flat_view(buffers.rates, worker * buffers.rates.shape[1], buffers.rates.shape[1])
    A0 = layer_panels(buffers.activations, layout, 0, layout[0, A_AT], capacity, width)
    ZL = layer_panels(buffers.logits, layout, last, 0, capacity, width)
    AL_batch = layer_panels(buffers.activations, layout, last, layout[last, A_AT], capacity, width)
    dZL = layer_panels(buffers.deltas, layout, last, layout[last, DZ_AT], capacity, width)
    training = purpose == TRAIN
    buffers.waits[worker, MEETINGS] = 0
    examples_at, row_bytes = where_examples_are(data)
    if not training or steps_per_epoch == 1:
        row_bytes = 0
    arithmetic = subnormal_to_zero()
    # Weights have their say in training; a loss that is asked for is the example's own.
    weights = flat_view(buffers.batch_weights, 0, buffers.batch_weights.size if training else 0)
    for step in range(step0, step1):
        first = step % steps_per_epoch * batch
        here = min(batch, m - first)
        if first == 0:
            if worker == 0:
                prepare_order(rows, order, shuffled, seed, step // steps_per_epoch + 1)
                running[LOSS_SUM], running[WEIGHT_SUM] = 0.0, 0.0
            barrier(sync, buffers.waits, worker, workers)
        # Without TRAIN nobody waits for the others, so the rows of the buffers that are a worker's own never change.
        shared = here if training else batch
        r0, r1 = min(here, shared * worker // workers), min(here, shared * (worker + 1) // workers)
        if not resident:
            gather_batch(
                data.X, data.pixels, data.scale, data.shift, data.labels, data.targets, data.weights, order, first,
                A0, buffers.batch_labels, buffers.batch_targets, buffers.batch_weights, r0, r1,
            )  # fmt: skip
        forward_pass(worker, workers, buffers, capacity, here, r0, r1, slope, training, seed, step, sync)
        if purpose & OUTPUTS:
            copy_outputs(ZL, AL_batch, layout[last, ACTIVATION], layout[last, UNITS], first, r0, r1, slope, AL)
        if training or purpose & LOSSES:
            output_backward(
                loss, layout[last, ACTIVATION], ZL, AL_batch, buffers.batch_labels, buffers.batch_targets,
                weights, buffers.loss_parameters, dZL, buffers.losses, layout[last, UNITS], r0, r1, slope,
                order, first + batch, examples_at, row_bytes,
            )  # fmt: skip
        if purpose & LOSSES:
            for r in range(r0, r1):
                losses[first + r] = buffers.losses[r]
        if training:
            resident = steps_per_epoch == 1 and buffers.dropout[0] == 0.0
            backward_pass(worker, workers, buffers, capacity, here, r0, r1, slope, sync)
            barrier(sync, buffers.waits, worker, workers)
            weight = batch_weight(buffers.batch_weights, here)
            # A batch of examples that all weigh nothing moves nothing.
            if weight > 0.0:
                prepare_rates(rule, learning_rates[step - step0], rule.updates + step + 1, weight, rates)
                update_pass(worker, workers, buffers, capacity, here, rule, rates, sync)
            if worker == 0:
                account(buffers.losses, first // batch, here, weight, sync, running)
                if first + here == m:
                    epoch_losses[step // steps_per_epoch - step0 // steps_per_epoch] = (
                        running[LOSS_SUM] / running[WEIGHT_SUM]
                    )
            barrier(sync, buffers.waits, worker, workers)
            if sync[STOPPING] != 0:
                break
    subnormal_as_before(arithmetic)
