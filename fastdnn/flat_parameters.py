"""A buffer of the engine as one vector in the order of Network.parameters: a file of it fits any machine's engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.kernels.layout import B_AT
from fastdnn.workspace import Workspace

Array = NDArray[Any]


def read_flat(workspace: Workspace, flat: Array) -> Array:
    """A flat buffer laid out as the engine's parameters, in the order of Network.parameters."""
    network = workspace.network
    parts = []
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        dW, db = np.empty_like(W), np.empty_like(b)
        workspace.read_layer(flat, l, dW, db)
        parts += [dW.ravel(), db.ravel()]
    return np.concatenate(parts)


def fill_flat(workspace: Workspace, flat: Array, values: Array) -> None:
    """The inverse of `read_flat`: `flat` overwritten, its padding left as it is."""
    at = 0
    for l, W in enumerate(workspace.network.weights, 1):
        end = at + W.size + len(W)
        workspace.fill_layer(flat, l, values[at : at + W.size].reshape(W.shape), values[end - len(W) : end, None])
        at = end


def sum_of_squared_weights(workspace: Workspace) -> float:
    """sum over all layers of W^2 at the engine's parameters, biases left out."""
    flat, table = workspace.buffers.parameters, workspace.buffers.layout
    # The padding of panels is zero and stays so.
    total = float(np.vdot(flat, flat))
    for l, n in enumerate(workspace.network.layer_dims[1:], 1):
        b = flat[table[l, B_AT] :][:n]
        total -= float(np.vdot(b, b))
    return total
