"""Where a NaN or an infinity came from: the first layer that has one, and the example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.layer_outputs import layer_output
from fastdnn.network import Network
from fastdnn.workspace import Workspace

Array = NDArray[Any]


@dataclass(frozen=True)
class NonFinite:
    """The first number that is not finite, layers from the input on.

    Attributes
    ----------
    layer : 1 .. L; its activation: by name.
    what : 'W' or 'b': a parameter; 'A': an output; 'loss': the outputs are finite or unknown, the loss is not.
    unit : of the layer, from 0, or None with 'loss'.
    row : of X, from 0, or None for a parameter. value : nan, inf or -inf.
    """

    layer: int
    activation: str
    what: str
    unit: int | None
    row: int | None
    value: float

    @property
    def sentence(self) -> str:
        """Which number, of which layer and row."""
        if self.row is None:
            return f"{self.what}[{self.layer}] holds {self.value:g} in unit {self.unit}."
        where = f"in row {self.row} of X (from 0)"
        if self.what == "loss":
            return f"The first number that is not finite is the loss of layer {self.layer}'s outputs ({self.activation}) {where}."
        return (
            f"The first number that is not finite is in layer {self.layer} ({self.activation}): "
            f"unit {self.unit} gives {self.value:g} {where}."
        )


def in_parameters(network: Network) -> NonFinite | None:
    """The first layer with a W or b that is not finite."""
    for l, (W, b, name) in enumerate(zip(network.weights, network.biases, network.activations, strict=True), 1):
        for what, array in (("W", W), ("b", b)):
            wrong = np.argwhere(~np.isfinite(array))
            if wrong.size:
                return NonFinite(l, name, what, int(wrong[0][0]), None, float(array[tuple(wrong[0])]))
    return None


def in_batch(workspace: Workspace, rows: NDArray[np.int64], AL: Array | None = None) -> NonFinite | None:
    """The first layer, and in it the first example, of the batch that the workspace's last pass ended with.

    rows : (m,) row of X of each example of that batch. AL : (m, n_y) where the pass gave A[L]; training does not keep it.
    """
    network, m = workspace.network, rows.size
    for l in range(1, network.L + 1):
        if l == network.L and AL is None:
            break
        A = AL if l == network.L and AL is not None else layer_output(workspace, l, m)
        wrong = np.argwhere(~np.isfinite(A))
        if wrong.size:
            r, unit = (int(i) for i in wrong[0])
            return NonFinite(l, network.activations[l - 1], "A", unit, int(rows[r]), float(A[r, unit]))
    losses = workspace.buffers.losses[:m]
    if not np.isfinite(losses).all():
        r = int(np.argmin(np.isfinite(losses)))
        return NonFinite(network.L, network.activations[-1], "loss", None, int(rows[r]), float(losses[r]))
    return None
