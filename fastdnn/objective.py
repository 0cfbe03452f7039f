"""Cost and gradient over all examples as one batch, by layer or as functions of one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.engine import NO_UPDATE, Pass, run_pass
from fastdnn.examples import Examples
from fastdnn.kernels.optimizers import KEEP
from fastdnn.network import Network, layer_views
from fastdnn.workers import check_threads
from fastdnn.workspace import Workspace

Array = NDArray[Any]


class Objective:
    """J(theta) = mean loss + l2 / (2 m) sum W^2 + l1 / m sum |W| over all examples at once, and its gradient.

    Parameters
    ----------
    network : theta is laid out as its `parameters`.
    examples : with targets, perhaps with weights: then a weighted mean, and m the sum of the weights.
    l2, l1 : 0 or more. threads : 1 or more; results have the same bits for every number.

    Notes
    -----
    One workspace, made here, holds the activations of all examples: m (n_0 + 2 (n_1 + ... + n_L)) numbers and some padding.
    The gradient is the training kernels'; loss and gradient are computed in the network's type.
    """

    def __init__(
        self, network: Network, examples: Examples, *, l2: float = 0.0, l1: float = 0.0, threads: int = 1
    ) -> None:
        self.network, self.l2, self.l1 = network, l2, l1
        self.rows = examples.indices
        self.total = examples.total_weight
        self.threads = min(check_threads(threads), self.rows.size)
        self.workspace = Workspace(network, self.rows.size, self.threads, weighted=examples.weights is not None)
        self.data = self.workspace.data(examples, with_targets=True)
        self.rule = NO_UPDATE._replace(optimizer=KEEP, l2=l2 / self.total, l1=l1 / self.total)
        self._gathered = False

    def penalty(self) -> float:
        """l2 / (2 m) sum W^2 + l1 / m sum |W| at the network's parameters."""
        return penalty(self.network.weights, self.l2, self.l1, self.total)

    def gradients(self) -> tuple[list[Array], list[Array]]:
        """dW[l] (n_l, n_{l-1}) and db[l] (n_l, 1) at the network's parameters, newly made, of its type."""
        self._run()
        return layer_views(self._read(), self.network.layer_dims)

    def value_and_gradient(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """J and dJ/dtheta, float64 whatever the network's type; J is inf or nan where a loss is not finite.

        The network's parameters are overwritten by theta.
        """
        self.network.parameters[:] = theta
        state = self._run()
        loss = float("inf") if state.diverged_at else state.mean_loss or 0.0
        return loss + self.penalty(), self._read().astype(np.float64, copy=False)

    def _run(self) -> Pass:
        """Forward and backward at the network's parameters; the gradient is left in the place of the moments."""
        self.workspace.load()
        state, _ = run_pass(self.workspace, self.data, self.rows, self.threads, rule=self.rule, resident=self._gathered)
        self._gathered = True
        return state

    def _read(self) -> Array:
        """The gradient of the last `_run`, newly made, laid out as the network's parameters."""
        flat = np.empty_like(self.network.parameters)
        dW, db = layer_views(flat, self.network.layer_dims)
        for l, (W, b) in enumerate(zip(dW, db, strict=True), 1):
            self.workspace.read_layer(self.workspace.buffers.moments1, l, W, b)
        return flat


def penalty(weights: Sequence[Array], l2: float, l1: float, m: float) -> float:
    """l2 / (2 m) sum W^2 + l1 / m sum |W| over all layers, in float64."""
    wide = [W.astype(np.float64, copy=False) for W in weights] if l2 or l1 else []
    squares = sum(float(np.vdot(W, W)) for W in wide) if l2 else 0.0
    sizes = sum(float(np.sum(np.abs(W))) for W in wide) if l1 else 0.0
    return (l2 / 2 * squares + l1 * sizes) / m
