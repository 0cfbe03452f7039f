"""From rows of numbers to A[L] in one call: the forward pass alone, for a few arrays that cost Python little to hand over.

Numba unpacks every array of a call, and a tuple of arrays takes it longer than a small network's arithmetic; so the arguments
are six arrays and nothing else, and what training needs beside them (epoch.py) is absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastdnn.kernels._jit import device, known_kernel
from fastdnn.kernels.activations import SOFTMAX, activate, is_piecewise_linear, slope_below_zero
from fastdnn.kernels.gather import compact, gather_numbers
from fastdnn.kernels.layers import linear_forward
from fastdnn.kernels.layout import ACTIVATION, PANELS, UNITS, bias_panels, weight_panels
from fastdnn.kernels.panels import is_narrow
from fastdnn.kernels.row_tile import row_matmul_bias
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.subnormal import subnormal_as_before, subnormal_to_zero
from fastdnn.kernels.tile import ACTIVATE, STORE
from fastdnn.kernels.views import flat_view, panel_view

# Matrices of one block that `buffers` holds at a time: A of the layer below, A of this layer, Z.
MATRICES = 3


@device
def rows_are_finite(Z: Any, m: int) -> bool:
    """Whether the first numbers of m rows of panels Z are finite.

    A NaN or an infinity in an example makes every Z[1] of it NaN or infinite, whatever the weights (0 times infinity is NaN),
    and so it does A[1] of a piecewise linear activation: one number a row tells.
    """
    count = 0
    for r in range(m):
        count += np.isfinite(Z[0, r, 0])
    return count == m


@device
def output_rows(activation: int, Z: Any, A: Any, n: int, m: int, slope: Any, AL: Any) -> None:
    """AL = g(Z) as rows of n numbers in a vector. Z, panels of (m, n), and A of the same shape are overwritten.

    Outputs are often fewer than a panel is wide. An elementwise g then sees them without the padding between them.
    """
    width = width_of(Z)
    if activation == SOFTMAX or n >= width:
        activate(activation, Z, A, n, 0, m, slope)
        compact(A, 0, m, n, AL)
        return
    lines = (m * n + width - 1) // width
    side_by_side = panel_view(A, 0, 1, lines, width)
    compact(Z, 0, m, n, flat_view(side_by_side, 0, lines * width))
    activate(activation, side_by_side, Z, width, 0, lines, slope)
    results = flat_view(Z, 0, m * n)
    for i in range(m * n):
        AL[i] = results[i]


@device
def all_rows(X: Any, AL: Any, parameters: Any, layout: Any, buffers: Any, slope: Any) -> bool:
    """predict_rows, whatever the CPU does with subnormal numbers."""
    m, n_x = X.shape
    last = layout.shape[0] - 1
    if m == 0 or n_x != layout[0, UNITS]:
        return False
    width = width_of(buffers)
    n_y = layout[last, UNITS]
    blocks = (m + buffers.shape[1] - 1) // buffers.shape[1]
    rows = (m + blocks - 1) // blocks
    size = buffers.shape[0] // MATRICES * rows * width
    for first in range(0, m, rows):
        here = min(rows, m - first)
        at, to = 0, size
        A = panel_view(buffers, at, layout[0, PANELS], rows, width)
        for r in range(here):
            gather_numbers(X, first + r, A, r)
        for l in range(1, last + 1):
            k, n, activation = layout[l - 1, UNITS], layout[l, UNITS], layout[l, ACTIVATION]
            A_prev = panel_view(buffers, at, layout[l - 1, PANELS], rows, width)
            A = panel_view(buffers, to, layout[l, PANELS], rows, width)
            Z = panel_view(buffers, 2 * size, layout[l, PANELS], rows, width)
            W, b = weight_panels(parameters, layout, l, width), bias_panels(parameters, layout, l, width)
            inside_tile = is_piecewise_linear(activation)
            Z_or_A, finish = (A, ACTIVATE) if inside_tile else (Z, STORE)
            below = slope_below_zero(activation, slope)
            if rows == 1 and not is_narrow(n):
                row_matmul_bias(A_prev, W, b, Z_or_A, k, n, finish, below)
            else:
                linear_forward(A_prev, W, b, Z_or_A, k, n, 0, here, 0, Z_or_A.shape[0], finish, below)
            if l == 1 and not rows_are_finite(Z_or_A, here):
                return False
            if l < last and not inside_tile:
                activate(activation, Z, A, n, 0, here, slope)
            elif l == last:
                results = flat_view(AL, first * n_y, here * n_y)
                if inside_tile:
                    compact(A, 0, here, n_y, results)
                else:
                    output_rows(activation, Z, A, n_y, here, slope, results)
            at, to = to, at
    return True


def _predict_rows_types(f: Any) -> tuple[Any, ...]:
    rows, numbers = types.Array(f, 2, "C"), types.Array(f, 1, "C")
    return rows, rows, numbers, types.Array(types.int64, 2, "C"), types.Array(f, 3, "C"), numbers


@known_kernel(_predict_rows_types)
def predict_rows(X: Any, AL: Any, parameters: Any, layout: Any, buffers: Any, slope: Any) -> bool:
    """A[L] of every row of X, by Z[l] = W[l] A[l-1] + b[l], A[l] = g[l](Z[l]).

    Parameters
    ----------
    X : (m, n_x) C order, read. AL : (m, n_y) C order, overwritten; overlaps nothing else.
    parameters, layout : as in layout.Buffers, read.
    buffers : (MATRICES * widest layer in panels, rows, width), overwritten: `rows` examples are taken through at a time.
    slope : (1,) leaky ReLU's, read. All floats are of one type.

    Returns
    -------
    False, with AL overwritten in part, where X is not of n_x columns or has no row; and where a Z[1] is not finite, since X may
    hold NaN or infinity.

    Notes
    -----
    The bits of a row of AL do not depend on the other rows, on `rows`, or on whether training's forward pass computed it.
    """
    arithmetic = subnormal_to_zero()
    done = all_rows(X, AL, parameters, layout, buffers, slope[0])
    subnormal_as_before(arithmetic)
    return done
