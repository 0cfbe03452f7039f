"""Softmax with categorical cross-entropy, from the logits straight to the losses and dZ.

A block of rows is transposed first, as many as a panel is wide: a vector then holds one class of many examples instead of
all classes of one, so that nothing is reduced across lanes, and with few classes no lane is idle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import device
from fastdnn.kernels.ahead import ask_for_row
from fastdnn.kernels.panels import transpose_block
from fastdnn.kernels.rows import copy_row, width_of
from fastdnn.kernels.views import rows_view, scratch_panel


@device
def transpose_rows(P: Any, q: int, first: int, count: int, S: Any, T: Any) -> None:
    """T[0, c, i] = P[q, first + i, c] for i < count; the rest of T's columns have no meaning. S : scratch, as T."""
    width = width_of(P)
    for i in range(count):
        copy_row(P, (q * P.shape[1] + first + i) * width, S, i * width)
    transpose_block(S, T, 0, 0)


@device
def softmax_cross_entropy(
    Z: Any, labels: Any, parameters: Any, dZ: Any, losses: Any, n: int, r0: int, r1: int, order: Any, soon: int, begin: int,
    row_bytes: int,
) -> None:  # fmt: skip
    """Fused: loss = log(sum over c of exp(Z[c])) - sum over c of Y[c] Z[c],  dZ = softmax(Z) - Y.

    labels : (rows,) int64 in [0, n). parameters : label smoothing e, or (0,) for none.
    Y : the one-hot row of the label; with smoothing (1 - e) times that, plus e/n for every class.
    The largest logit is subtracted before exp, so no logit overflows. dZ is another array than Z; the padding of an example that
    has no finite loss may be NaN, as all of its dZ is then.
    order, soon, begin, row_bytes : as in losses.output_backward.
    Smoothing: Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016.
    """
    width = width_of(Z)
    zero, one = Z.dtype.type(0), Z.dtype.type(1)
    panels = (n + width - 1) // width
    smoothing = parameters[0] if parameters.size > 0 else zero
    S, T, V = scratch_panel(Z), scratch_panel(Z), scratch_panel(Z)
    top, total, log_total = rows_view(V, 0, 0, 1), rows_view(V, 0, 1, 2), rows_view(V, 0, 2, 3)
    for first in range(r0, r1, width):
        here = min(width, r1 - first)
        for i in range(width):
            top[i], total[i] = -np.inf, zero
        for q in range(panels):
            transpose_rows(Z, q, first, here, S, T)
            for c in range(min(width, n - q * width)):
                z = rows_view(T, 0, c, c + 1)
                for i in range(width):
                    top[i] = z[i] if z[i] > top[i] else top[i]
        for i in range(here):
            # In float64: logits at both ends of float32 are further apart than float32 reaches.
            r, label, highest = first + i, labels[first + i], np.float64(top[i])
            ask_for_row(begin, row_bytes, order[min(soon + r, order.size - 1)], 0)
            below = np.float64(Z[label // width, r, label % width]) - highest
            if smoothing > zero:
                mean = 0.0
                for c in range(n):
                    mean += (np.float64(Z[c // width, r, c % width]) - highest) / n
                below += np.float64(smoothing) * (mean - below)
            losses[r] = below
        for q in range(panels):
            if panels > 1:
                transpose_rows(Z, q, first, here, S, T)
            classes = min(width, n - q * width)
            for c in range(width):
                e = rows_view(T, 0, c, c + 1)
                if c < classes:
                    for i in range(width):
                        e[i] = mathfun.exp(e[i] - top[i])
                        total[i] += e[i]
                else:
                    for i in range(width):
                        e[i] = zero
            transpose_block(T, S, 0, 0)
            for i in range(here):
                copy_row(S, i * width, dZ, (q * dZ.shape[1] + first + i) * width)
        for i in range(width):
            log_total[i] = mathfun.log(total[i])
            total[i] = one / total[i]
        for i in range(here):
            r, label = first + i, labels[first + i]
            ask_for_row(begin, row_bytes, order[min(soon + r, order.size - 1)], 1)
            for q in range(panels):
                dz = rows_view(dZ, q, r, r + 1)
                for c in range(width):
                    dz[c] *= total[i]
            dZ[label // width, r, label % width] -= one - smoothing
            if smoothing > zero:
                for c in range(n):
                    dZ[c // width, r, c % width] -= smoothing / Z.dtype.type(n)
            losses[r] = np.float64(log_total[i]) - losses[r]
