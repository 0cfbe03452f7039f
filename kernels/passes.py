"""Forward pass, backward pass and update of one mini-batch: the composed steps that epoch.py repeats."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import device
from fastdnn.kernels.activations import activate, activate_and_derive, is_piecewise_linear, slope_below_zero
from fastdnn.kernels.claims import next_piece
from fastdnn.kernels.dropout import drop
from fastdnn.kernels.gemm import matmul_bias
from fastdnn.kernels.layers import linear_forward
from fastdnn.kernels.layout import (
    A_AT,
    ACTIVATION,
    BACKWARD_GROUPS,
    DZ_AT,
    FORWARD_GROUPS,
    PANELS,
    UNITS,
    bias_panels,
    layer_panels,
    transposed_panels,
    weight_panels,
)
from fastdnn.kernels.optimizers import KEEP, L1, L2, SCALE
from fastdnn.kernels.sync import barrier
from fastdnn.kernels.tile import ACTIVATE, DERIVE, STORE
from fastdnn.kernels.tile import SCALE as TIMES_DERIVATIVE
from fastdnn.kernels.update import gradient_square, update_layer

# The smallest pieces of a worker's share: panels of a layer, blocks of the parameters.
_LEAST_PANELS, _LEAST_BLOCKS = 1, 8


@device
def inside_tile(activation: int, dropout: float) -> bool:
    """Whether a layer's activation, and in training its derivative, is done by the register tile alone.

    Else the forward pass of training writes g'(Z), with the dropout of A[l], to where dZ[l] will be.
    """
    return is_piecewise_linear(activation) and not dropout > 0.0


@device
def part_of_product(worker: int, workers: int, groups: int, m: int, panels: int) -> tuple[int, int, int, int]:
    """First row and end, first panel and end of a worker's share of a product of (panels, m rows).

    The workers stand in a grid of `groups` columns, and those behind each other in one share out the rows.
    """
    lines, line, column = workers // groups, worker // groups, worker % groups
    return m * line // lines, m * (line + 1) // lines, panels * column // groups, panels * (column + 1) // groups


@device
def shared_product(
    worker: int, workers: int, groups: int, met: bool, A: Any, B: Any, b: Any, C: Any, D: Any, m: int, k: int, n: int,
    with_bias: bool, finish: int, slope: Any, sync: Any, waits: Any,
) -> None:  # fmt: skip
    """gemm.matmul_bias of all m rows as one of `workers` that all make this call: its share of the grid, then panels of others'.

    Each reads rows of others, so they meet first, unless they have just `met`; nobody may read C before they meet again.
    """
    if not met:
        barrier(sync, waits, worker, workers)
    for turn in range(workers):
        owner, had = (worker + turn) % workers, 0
        r0, r1, j0, j1 = part_of_product(owner, workers, groups, m, C.shape[0])
        while True:
            begin, end = next_piece(waits, worker, workers, owner, had, j1 - j0, _LEAST_PANELS)
            if begin == end:
                break
            matmul_bias(A, B, b, C, D, r0, r1, j0 + begin, j0 + end, k, n, with_bias, finish, slope)
            had += 1


@device
def forward_pass(
    worker: int, workers: int, buffers: Any, rows: int, m: int, r0: int, r1: int, slope: Any, training: bool, seed: int,
    step: int, sync: Any,
) -> None:  # fmt: skip
    """A[1] .. A[L-1] and the logits Z[L] of examples r0..r1 of a batch held in buffers of `rows` rows; A[0] is read.

    Z[l] = W[l] A[l-1] + b[l],   A[l] = g[l](Z[l])

    In training, workers may share out a layer's units too: then they meet before and after its Z, and each has a part of that of
    all m examples. Dropout takes its share of A[0] .. A[L-1]; seed and step decide which.
    """
    layout = buffers.layout
    width = buffers.scratch.shape[2]
    last = layout.shape[0] - 1
    if training and buffers.dropout[0] > 0.0:
        A0 = layer_panels(buffers.activations, layout, 0, layout[0, A_AT], rows, width)
        drop(A0, A0, layout[0, UNITS], r0, r1, seed, step, 0, False, buffers.dropout[0])
    met = False
    for l in range(1, last + 1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        A_prev = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
        Z = layer_panels(buffers.logits, layout, l, 0, rows, width)
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        activation = layout[l, ACTIVATION]
        done = l < last and inside_tile(activation, buffers.dropout[l] if training else 0.0)
        finish = ACTIVATE if done else STORE
        groups = layout[l, FORWARD_GROUPS] if training else 1
        below = slope_below_zero(activation, slope)
        C = A if done else Z
        if groups == 1:
            linear_forward(A_prev, W, b, C, k, n, r0, r1, 0, layout[l, PANELS], finish, below)
        else:
            shared_product(
                worker, workers, groups, met, A_prev, W, b, C, C, m, k, n, True, finish, below, sync, buffers.waits
            )  # fmt: skip
            barrier(sync, buffers.waits, worker, workers)
        met = groups > 1 and done
        if l == last or done:
            continue
        if training:
            D = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
            activate_and_derive(activation, Z, A, D, n, r0, r1, slope)
            if buffers.dropout[l] > 0.0:
                drop(A, D, n, r0, r1, seed, step, l, True, buffers.dropout[l])
        else:
            activate(activation, Z, A, n, r0, r1, slope)


@device
def backward_pass(
    worker: int, workers: int, buffers: Any, rows: int, m: int, r0: int, r1: int, slope: Any, sync: Any
) -> None:
    """dZ[L-1] .. dZ[1] of examples r0..r1; dZ[L] and what `forward_pass` left in training are read.

    dA[l] = W[l+1]^T dZ[l+1],   dZ[l] = dA[l] * g[l]'(Z[l])

    Units may be shared out as in the forward pass; after it the workers must meet before a row of another is read.
    """
    layout = buffers.layout
    width = buffers.scratch.shape[2]
    met = False
    for l in range(layout.shape[0] - 2, 0, -1):
        k, n = layout[l + 1, UNITS], layout[l, UNITS]
        above = layer_panels(buffers.deltas, layout, l + 1, layout[l + 1, DZ_AT], rows, width)
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
        A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
        WT = transposed_panels(buffers.transposed, buffers.parameters, layout, l + 1, width)
        b = bias_panels(buffers.parameters, layout, l, width)
        activation = layout[l, ACTIVATION]
        by_sign = inside_tile(activation, buffers.dropout[l])
        finish = DERIVE if by_sign else TIMES_DERIVATIVE
        groups = layout[l, BACKWARD_GROUPS]
        below = slope_below_zero(activation, slope)
        D = A if by_sign else dZ
        if groups == 1:
            matmul_bias(above, WT, b, dZ, D, r0, r1, 0, layout[l, PANELS], k, n, False, finish, below)
        else:
            shared_product(
                worker, workers, groups, met, above, WT, b, dZ, D, m, k, n, False, finish, below, sync, buffers.waits
            )  # fmt: skip
            if l > 1:
                barrier(sync, buffers.waits, worker, workers)
        met = groups > 1


@device
def update_pass(worker: int, workers: int, buffers: Any, rows: int, m: int, rule: Any, rates: Any, sync: Any) -> None:
    """The parameters over all m examples of the batch (update.py): this worker's share, then pieces of others' shares.

    Where the gradient's norm is limited, all of the gradient is kept first, and the workers meet.
    """
    clipping = rule.clip_norm > 0.0
    for phase in range(2 if clipping else 1):
        if phase == 1:
            barrier(sync, buffers.waits, worker, workers)
            shrink_to_norm(buffers.squares, rule.clip_norm, rates)
        for turn in range(workers):
            owner, had = (worker + turn) % workers, 0
            t, size = buffers.shares[owner], buffers.shares[owner + 1] - buffers.shares[owner]
            while True:
                begin, end = next_piece(buffers.waits, worker, workers, owner, had, size, _LEAST_BLOCKS)
                if begin == end:
                    break
                update_blocks(worker, t + begin, t + end, buffers, rows, m, rule, rates, phase == 1)
                had += 1


@device
def update_blocks(
    worker: int, t: int, end: int, buffers: Any, rows: int, m: int, rule: Any, rates: Any, kept: bool
) -> None:  # fmt: skip
    """The blocks t..end of the parameters, of whatever layers; `kept` and `rule` say what of, see update.py."""
    layout, blocks = buffers.layout, buffers.blocks
    width = buffers.scratch.shape[2]
    S = buffers.scratch[worker]
    clipping = rule.clip_norm > 0.0
    while t < end:
        first = t
        l = blocks[t, 0]
        while t < end and blocks[t, 0] == l:
            t += 1
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        W1, b1 = weight_panels(buffers.moments1, layout, l, width), bias_panels(buffers.moments1, layout, l, width)
        W2, b2 = weight_panels(buffers.moments2, layout, l, width), bias_panels(buffers.moments2, layout, l, width)
        WT = transposed_panels(buffers.transposed, buffers.parameters, layout, l, width)
        A = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
        optimizer, G, g = rule.optimizer, W, b
        if clipping:
            G, g = weight_panels(buffers.gradients, layout, l, width), bias_panels(buffers.gradients, layout, l, width)
        if clipping and not kept:
            optimizer, W1, b1 = KEEP, G, g
        update_layer(A, dZ, G, g, W, b, W1, b1, W2, b2, WT, S, blocks, first, t, m, k, n, optimizer, kept, rates)
        if clipping and not kept:
            for u in range(first, t):
                buffers.squares[blocks[u, 3]] = gradient_square(G, g, blocks[u, 1], blocks[u, 2], k, n)


@device
def shrink_to_norm(squares: Any, most: float, rates: Any) -> None:
    """Turn the scalars of a step into those of a kept gradient G whose norm may be `most` at most:

        G = G min(1, most / ||G||),   ||G||^2 = sum of `squares`

    The penalties are in G already. Source: Pascanu, Mikolov, Bengio (2013).
    """
    total = 0.0
    for t in range(squares.size):
        total += squares[t]
    rates[L2], rates[L1], rates[SCALE] = 0.0, 0.0, min(1.0, most / np.sqrt(total)) if total > 0.0 else 1.0
