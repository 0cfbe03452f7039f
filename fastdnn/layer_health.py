"""The health of each layer: units that are off, outputs at their ends, units that are copies, and the size of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.network import Network

Array = NDArray[Any]

# A unit whose |A| never exceeds this is off: it gives nothing, and next to nothing flows back through it.
OFF_BELOW = {"relu": 0.0, "gelu": 1e-3, "silu": 1e-3, "mish": 1e-3}
# Outside these an output is at the end of its range, where the slope is next to 0.
SATURATED_OUTSIDE = {
    "sigmoid": (0.01, 0.99), "tanh": (-0.99, 0.99), "elu": (-0.99, np.inf), "selu": (-0.99 * 1.7580993408473766, np.inf),
}  # fmt: skip
# Optimizers whose first step has the same length whatever the gradient's is.
ADAPTIVE = ("rmsprop", "adam", "adamw")
_EPSILON = 1e-8


@dataclass(frozen=True)
class LayerDiagnosis:
    """One layer.

    Attributes
    ----------
    layer : 1 .. L; activation, units : of it.
    dead : share of the units that are off for every row; None where the activation cannot be off, and for the output.
    saturated : share of the outputs at the end of the activation's range; None where it has none.
    copies : units with the same weights and bias as an earlier unit of the layer; alike : whether they also give the same to
        the layer above, so that they will stay the same.
    weight_norm, gradient_norm, update_norm : of W, of dW, and of what one step adds to W: None of an optimizer that finds the
        length of its steps itself.
    """

    layer: int
    activation: str
    units: int
    dead: float | None
    saturated: float | None
    copies: int
    alike: bool
    weight_norm: float
    gradient_norm: float
    update_norm: float | None

    @property
    def gradient_ratio(self) -> float | None:
        """||dW|| / ||W||, None for weights of zero."""
        return self.gradient_norm / self.weight_norm if self.weight_norm > 0 else None

    @property
    def update_ratio(self) -> float | None:
        """||step|| / ||W||, None for weights of zero, and where the step is not known."""
        return None if self.update_norm is None or self.weight_norm == 0 else self.update_norm / self.weight_norm


class OutputCounts:
    """What the outputs of one layer are, added up batch by batch.

    loss : of the network for its output layer, None for a hidden one. An output that is 0 is an answer, and so is one near the end
    of a sigmoid where the loss is a cross-entropy: dZ is A - Y there, without the slope.
    """

    def __init__(self, activation: str, units: int, loss: str | None) -> None:
        self._off_below = OFF_BELOW.get(activation) if loss is None else None
        self._ends = SATURATED_OUTSIDE.get(activation) if loss is None or "cross_entropy" not in loss else None
        self._largest = np.zeros(units)
        self._at_ends = self._counted = 0

    def add(self, A: Array) -> None:
        """Count the outputs A (m, units) of some rows."""
        np.maximum(self._largest, np.abs(A).max(axis=0), out=self._largest)
        if self._ends is not None:
            inside = (self._ends[0] <= A) & (self._ends[1] >= A)
            self._at_ends += int(np.count_nonzero(~inside))
            self._counted += A.size

    @property
    def dead(self) -> float | None:
        """As LayerDiagnosis."""
        return None if self._off_below is None else float(np.mean(self._largest <= self._off_below))

    @property
    def saturated(self) -> float | None:
        """As LayerDiagnosis."""
        return self._at_ends / self._counted if self._counted else None


def copies_in_layer(network: Network, l: int) -> tuple[int, bool]:
    """Units of hidden layer l whose weights and bias are those of an earlier unit, and whether what they give is alike too."""
    incoming = np.column_stack([network.weights[l - 1], network.biases[l - 1]])
    copies = len(incoming) - len(np.unique(incoming, axis=0))
    whole = np.column_stack([incoming, network.weights[l].T])
    return copies, copies > 0 and len(whole) - len(np.unique(whole, axis=0)) == copies


def update_of(gradient: Array, optimizer: str, learning_rate: float) -> Array:
    """What the first step of an optimizer adds: -learning_rate g, or with RMSprop and the Adam family, whose moments are then
    g and g^2, -learning_rate g / (|g| + 1e-8)."""
    step = gradient / (np.abs(gradient) + _EPSILON) if optimizer in ADAPTIVE else gradient
    return -learning_rate * step


def layer_diagnoses(
    network: Network, counts: list[OutputCounts], gradients: list[Array], optimizer: str, learning_rate: float | None
) -> tuple[LayerDiagnosis, ...]:
    """One for each layer. counts : of all outputs. gradients : dW of each layer. learning_rate : None: no step is known."""
    layers = []
    for l, (W, dW, count, name) in enumerate(
        zip(network.weights, gradients, counts, network.activations, strict=True), 1
    ):
        copies, alike = copies_in_layer(network, l) if l < network.L else (0, False)
        step = None if learning_rate is None else _norm(update_of(dW, optimizer, learning_rate))
        layers.append(
            LayerDiagnosis(l, name, W.shape[0], count.dead, count.saturated, copies, alike, _norm(W), _norm(dW), step)
        )
    return tuple(layers)


def _norm(array: Array) -> float:
    """sqrt(sum of squares), of numbers whose squares are beyond float64 too."""
    largest = float(np.abs(array).max())
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(array / np.float64(largest)))
