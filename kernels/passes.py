"""Forward pass, backward pass and update of one mini-batch: the composed steps that epoch.py repeats."""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device
from fastdnn.kernels.activations import activate, activate_backward, is_piecewise_linear, slope_below_zero
from fastdnn.kernels.gemm import matmul_bias
from fastdnn.kernels.layout import (
    A_AT,
    ACTIVATION,
    DZ_AT,
    UNITS,
    bias_panels,
    layer_panels,
    transposed_panels,
    weight_panels,
)
from fastdnn.kernels.tile import ACTIVATE, DERIVE, STORE
from fastdnn.kernels.update import update_layer
from fastdnn.kernels.views import flat_view


@device
def forward_pass(buffers: Any, rows: int, r0: int, r1: int, slope: Any) -> None:
    """A[1] .. A[L-1] and the logits Z[L] of examples r0..r1 of a batch held in buffers of `rows` rows; A[0] is read.

    Z[l] = W[l] A[l-1] + b[l],   A[l] = g[l](Z[l])
    """
    layout = buffers.layout
    width = buffers.scratch.shape[2]
    last = layout.shape[0] - 1
    for l in range(1, last + 1):
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        A_prev = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
        Z = layer_panels(buffers.logits, layout, l, 0, rows, width)
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        activation = layout[l, ACTIVATION]
        inside_tile = l < last and is_piecewise_linear(activation)
        finish = ACTIVATE if inside_tile else STORE
        matmul_bias(
            A_prev, W, b, A if inside_tile else Z, A, r0, r1, k, n, True, finish, slope_below_zero(activation, slope)
        )
        if l < last and not inside_tile:
            activate(activation, Z, A, n, r0, r1, slope)


@device
def backward_pass(buffers: Any, rows: int, r0: int, r1: int, slope: Any) -> None:
    """dZ[L-1] .. dZ[1] of examples r0..r1; dZ[L] and A are read.

    dA[l] = W[l+1]^T dZ[l+1],   dZ[l] = dA[l] * g[l]'(Z[l])
    """
    layout = buffers.layout
    width = buffers.scratch.shape[2]
    for l in range(layout.shape[0] - 2, 0, -1):
        k, n = layout[l + 1, UNITS], layout[l, UNITS]
        above = layer_panels(buffers.deltas, layout, l + 1, layout[l + 1, DZ_AT], rows, width)
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
        dA = layer_panels(buffers.logits, layout, l, 0, rows, width)
        A = layer_panels(buffers.activations, layout, l, layout[l, A_AT], rows, width)
        WT, b = (
            transposed_panels(buffers.transposed, layout, l + 1, width),
            bias_panels(buffers.parameters, layout, l, width),
        )
        activation = layout[l, ACTIVATION]
        inside_tile = is_piecewise_linear(activation)
        finish = DERIVE if inside_tile else STORE
        matmul_bias(
            above, WT, b, dZ if inside_tile else dA, A, r0, r1, k, n, False, finish, slope_below_zero(activation, slope)
        )
        if not inside_tile:
            activate_backward(activation, dA, A, dZ, n, r0, r1, slope)


@device
def update_pass(worker: int, buffers: Any, rows: int, m: int, rule: Any) -> None:
    """This worker's share of the parameters, over all m examples of the batch (update.py)."""
    layout, blocks = buffers.layout, buffers.blocks
    rates = flat_view(buffers.rates, worker * buffers.rates.shape[1], buffers.rates.shape[1])
    width = buffers.scratch.shape[2]
    S = buffers.scratch[worker]
    t, end = buffers.shares[worker], buffers.shares[worker + 1]
    while t < end:
        first = t
        l = blocks[t, 0]
        while t < end and blocks[t, 0] == l:
            t += 1
        A = layer_panels(buffers.activations, layout, l - 1, layout[l - 1, A_AT], rows, width)
        dZ = layer_panels(buffers.deltas, layout, l, layout[l, DZ_AT], rows, width)
        W, b = weight_panels(buffers.parameters, layout, l, width), bias_panels(buffers.parameters, layout, l, width)
        W1, b1 = weight_panels(buffers.moments1, layout, l, width), bias_panels(buffers.moments1, layout, l, width)
        W2, b2 = weight_panels(buffers.moments2, layout, l, width), bias_panels(buffers.moments2, layout, l, width)
        WT = transposed_panels(buffers.transposed, layout, l, width)
        k, n = layout[l - 1, UNITS], layout[l, UNITS]
        update_layer(A, dZ, W, b, W1, b1, W2, b2, WT, S, blocks, first, t, m, k, n, rule.optimizer, rule.l2, rates)
