"""Softmax with categorical cross-entropy, from the logits straight to the losses and dZ.

Up to a panel's width of classes a block of rows is transposed first: a vector then holds one class of as many examples, and
not all classes of one, so that nothing is reduced across lanes and no lane is idle. More classes are taken row by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device
from fastdnn.kernels.activations import exp_below_top, largest, row_sum
from fastdnn.kernels.panels import transpose_block
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.views import panel_view, rows_view, scratch_panel


@device
def softmax_cross_entropy(Z: Any, labels: Any, parameters: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """Fused: loss = log(sum over c of exp(Z[c])) - sum over c of Y[c] Z[c],  dZ = softmax(Z) - Y.

    labels : (rows,) int64 in [0, n). parameters : label smoothing e, or (0,) for none.
    Y : the one-hot row of the label; with smoothing (1 - e) times that, plus e/n for every class.
    The largest logit is subtracted before exp, so no logit overflows. Z is used up; dZ is another array.
    Smoothing: Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016.
    """
    if n <= width_of(Z):
        _block_by_block(Z, labels, parameters, dZ, losses, n, r0, r1)
    else:
        _row_by_row(Z, labels, parameters, dZ, losses, n, r0, r1)


@device
def _block_by_block(Z: Any, labels: Any, parameters: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """`softmax_cross_entropy` for n classes of one panel, as many examples at a time as the panel is wide."""
    width = width_of(Z)
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    smoothing = parameters[0] if parameters.size > 0 else zero
    spread, share = smoothing / Z.dtype.type(n), one - smoothing
    T, V = scratch_panel(Z), scratch_panel(Z)  # of each class a row; of V a row for what is known of each example
    top, total, log_total, label, chosen = 0, 1, 2, 3, 4
    for first in range(r0, r1, width):
        here = min(width, r1 - first)
        if here == width:
            transpose_block(panel_view(Z, first * width, 1, width, width), T, 0, 0)
        else:
            for c in range(n):
                for i in range(width):
                    T[0, c, i] = Z[0, first + i, c] if i < here else zero
        for i in range(here):
            V[0, label, i] = labels[first + i]
        for i in range(width):
            V[0, top, i], V[0, total, i], V[0, chosen, i] = -np.inf, zero, zero
        for c in range(n):
            for i in range(width):
                z = T[0, c, i]
                V[0, top, i] = z if z > V[0, top, i] else V[0, top, i]
                V[0, chosen, i] = z if V[0, label, i] == Z.dtype.type(c) else V[0, chosen, i]
        for i in range(here):
            losses[first + i] = 0.0
        if smoothing > zero:
            for c in range(n):
                for i in range(here):
                    losses[first + i] += (np.float64(T[0, c, i]) - np.float64(V[0, top, i])) / n
        for c in range(n):
            for i in range(width):
                e = mathfun.exp(T[0, c, i] - V[0, top, i])
                T[0, c, i] = e
                V[0, total, i] += e
        for i in range(width):
            V[0, log_total, i] = mathfun.log(V[0, total, i])
            V[0, total, i] = one / V[0, total, i]
        for i in range(here):
            below = _smoothed(np.float64(V[0, chosen, i]) - np.float64(V[0, top, i]), losses[first + i], smoothing)
            losses[first + i] = np.float64(V[0, log_total, i]) - below
        for c in range(width):
            for i in range(width):
                y = share if V[0, label, i] == Z.dtype.type(c) else zero
                T[0, c, i] = T[0, c, i] * V[0, total, i] - spread - y if c < n else zero
        if here == width:
            transpose_block(T, panel_view(dZ, first * width, 1, width, width), 0, 0)
        else:
            for i in range(here):
                for c in range(width):
                    dZ[0, first + i, c] = T[0, c, i]


@device
def _smoothed(below: float, mean: float, smoothing: Any) -> float:
    """sum over c of Y[c] (Z[c] - top), from that of the label's class and the mean over all."""
    return below + np.float64(smoothing) * (mean - below)


@device
def _row_by_row(Z: Any, labels: Any, parameters: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int) -> None:
    """`softmax_cross_entropy` for any number of classes. The logits are used up."""
    width = width_of(Z)
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    smoothing = parameters[0] if parameters.size > 0 else zero
    spread = smoothing / Z.dtype.type(n)
    for r in range(r0, r1):
        # In float64: logits at both ends of float32 are further apart than float32 reaches.
        top = np.float64(largest(Z, r, n))
        total = 0.0
        if smoothing > zero:
            for c in range(n):
                total += np.float64(Z[c // width, r, c % width]) - top
        losses[r] = _smoothed(np.float64(Z[labels[r] // width, r, labels[r] % width]) - top, total / n, smoothing)
    exp_below_top(Z, dZ, n, r0, r1)
    # The logits are used up: their place holds the totals side by side, so that the logarithms share instructions.
    totals = rows_view(Z, 0, r0, r1)
    for r in range(r0, r1):
        total = row_sum(dZ, r, n)
        totals[r - r0] = total
        scale = one / total
        for q in range((n + width - 1) // width):
            for c in range(width):
                dZ[q, r, c] = dZ[q, r, c] * scale - spread if q * width + c < n else zero
        dZ[labels[r] // width, r, labels[r] % width] -= one - smoothing
    for i in range(r1 - r0):
        totals[i] = mathfun.log(totals[i])
    for r in range(r0, r1):
        losses[r] = totals[r - r0] - losses[r]
