"""Cost and gradient as functions of one flat vector, for optimizers that ask for both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.engine import NO_UPDATE, run_pass
from fastdnn.examples import Examples
from fastdnn.kernels.optimizers import KEEP
from fastdnn.network import Network
from fastdnn.workers import check_threads
from fastdnn.workspace import Workspace

Array = NDArray[Any]


class Objective:
    """J(theta) = mean loss + l2 / (2 m) sum W^2 over all examples at once, and its gradient.

    Parameters
    ----------
    network : theta is laid out as its `parameters`, which every evaluation overwrites.
    examples : with targets, perhaps with weights: then a weighted mean, and m the sum of the weights.
    l2 : 0 or more. threads : 1 or more; results have the same bits for every number.

    Notes
    -----
    One workspace, made here, holds the activations of all examples: m (n_0 + 2 (n_1 + ... + n_L)) numbers and some padding.
    The gradient is the training kernels'; both are computed in the network's type.
    """

    def __init__(self, network: Network, examples: Examples, *, l2: float = 0.0, threads: int = 1) -> None:
        self.network, self.l2 = network, l2
        self.rows = examples.indices
        self.total = examples.total_weight
        self.threads = min(check_threads(threads), self.rows.size)
        self.workspace = Workspace(network, self.rows.size, self.threads, weighted=examples.weights is not None)
        self.data = self.workspace.data(examples, with_targets=True)
        self.rule = NO_UPDATE._replace(optimizer=KEEP, l2=l2 / self.total)
        self._gathered = False
        self._flat = np.empty_like(network.parameters)
        self._layers = []
        at = 0
        for W, b in zip(network.weights, network.biases, strict=True):
            end = at + W.size
            self._layers.append((self._flat[at:end].reshape(W.shape), self._flat[end : end + b.size].reshape(b.shape)))
            at = end + b.size

    def penalty(self) -> float:
        """l2 / (2 m) sum W^2 at the network's parameters."""
        squares = sum(float(np.vdot(W, W)) for W in self.network.weights) if self.l2 else 0.0
        return self.l2 / (2 * self.total) * squares

    def value_and_gradient(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """J and dJ/dtheta, float64 whatever the network's type; J is inf or nan where a loss is not finite."""
        network, workspace = self.network, self.workspace
        network.parameters[:] = theta
        workspace.load()
        state, _ = run_pass(workspace, self.data, self.rows, self.threads, rule=self.rule, resident=self._gathered)
        self._gathered = True
        for l, (dW, db) in enumerate(self._layers, 1):
            workspace.read_layer(workspace.buffers.moments1, l, dW, db)
        loss = float("inf") if state.diverged_at else state.mean_loss or 0.0
        return loss + self.penalty(), self._flat.astype(np.float64)
