"""kernels/layout.py: each layer's views begin where the table says and have the size of the layer."""

from __future__ import annotations

import numpy as np
import pytest
from callers import copied_from_python

from fastdnn.kernels import layout
from fastdnn.network import Network
from fastdnn.workspace import Workspace

DIMS = [40, 17, 1, 35, 3]


@pytest.fixture(scope="module")
def table():
    return Workspace(Network(DIMS, dtype="float64"), 7, 2).buffers


def flat_position(buffer, view):
    """Where a copied view of np.arange lies: its first number, if it is an unbroken run."""
    np.testing.assert_array_equal(view.ravel(), view.flat[0] + np.arange(view.size))
    return int(view.flat[0])


def numbered(buffer):
    return np.arange(buffer.size, dtype=np.float64)


def test_parameters_fill_their_buffer_once(table):
    """W and b of all layers, one after the other, leave no gap and do not overlap."""
    width, flat = table.scratch.shape[2], numbered(table.parameters)
    weight_panels, bias_panels = copied_from_python(layout.weight_panels), copied_from_python(layout.bias_panels)
    ends = 0
    for l in range(1, len(DIMS)):
        W, b = weight_panels(flat, table.layout, l, width), bias_panels(flat, table.layout, l, width)
        below, here = (-(-DIMS[i] // width) for i in (l - 1, l))
        assert W.shape == ((below, 1, width) if DIMS[l] == 1 else (here, below * width, width))
        assert b.shape == (here * width,)
        assert flat_position(flat, W) == ends
        assert flat_position(flat, b) == ends + W.size
        ends += W.size + b.size
    assert ends == flat.size


def test_transposed_weights_of_all_but_the_first_layer(table):
    width, flat, parameters = table.scratch.shape[2], numbered(table.transposed), numbered(table.parameters)
    transposed_panels, ends = copied_from_python(layout.transposed_panels), 0
    assert transposed_panels(flat, parameters, table.layout, 1, width).shape[0] == 0
    for l in range(2, len(DIMS)):
        WT = transposed_panels(flat, parameters, table.layout, l, width)
        if DIMS[l] == 1:  # narrow: its weights are kept so themselves
            assert flat_position(parameters, WT) == table.layout[l, layout.W_AT]
            continue
        below, here = (-(-DIMS[i] // width) for i in (l - 1, l))
        assert WT.shape == (below, here * width, width)
        assert flat_position(flat, WT) == ends
        ends += WT.size
    assert ends == flat.size


@pytest.mark.parametrize(("buffer", "column", "first"), [("activations", layout.A_AT, 0), ("deltas", layout.DZ_AT, 1)])
def test_activations_and_deltas(table, buffer, column, first):
    width, flat = table.scratch.shape[2], numbered(getattr(table, buffer))
    layer_panels, ends = copied_from_python(layout.layer_panels), 0
    for l in range(first, len(DIMS)):
        P = layer_panels(flat, table.layout, l, table.layout[l, column], 7, width)
        assert P.shape == (-(-DIMS[l] // width), 7, width)
        assert flat_position(flat, P) == ends
        ends += P.size
    assert ends == flat.size
