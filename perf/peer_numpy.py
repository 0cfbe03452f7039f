"""Peer: vectorised float32 NumPy with every buffer made beforehand (`out=`)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from protocol import Job, Parameters, Trained, start_weights, time_epochs

Array = NDArray[Any]

MODES = ("",)
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def versions() -> dict[str, str]:
    """What ran."""
    return {"numpy": np.__version__}


def train(job: Job, X: Array, y: Array) -> Trained:
    """Train as run_peer.py asks."""
    began = time.perf_counter()
    network = _Network(job, min(job.batch, len(X)))
    rng = np.random.default_rng(job.order_seed)
    X_shuffled, y_shuffled = (np.empty_like(X), np.empty_like(y)) if job.shuffle else (X, y)
    m, batch = len(X), network.batch

    def epoch() -> float:
        if job.shuffle:
            order = rng.permutation(m)
            np.take(X, order, axis=0, out=X_shuffled, mode="clip")  # clip: without it NumPy buffers the result
            np.take(y, order, axis=0, out=y_shuffled, mode="clip")
        return sum(network.step(X_shuffled[s : s + batch], y_shuffled[s : s + batch]) for s in range(0, m, batch)) / m

    setup = time.perf_counter() - began
    return Trained(network.parameters, *time_epochs(job, epoch), setup)


class _Network:
    """Parameters, gradients and moments in one flat vector each, so that the optimiser is a few calls; layers are views."""

    def __init__(self, job: Job, batch: int) -> None:
        start = start_weights(job)
        size = sum(W.size + b.size for W, b in start)
        self.job, self.batch, self.steps = job, batch, 0
        self.theta, self.gradient = np.empty(size, np.float32), np.empty(size, np.float32)
        self.parameters, self.gradients = _views(self.theta, start), _views(self.gradient, start)
        for (W, b), (W0, b0) in zip(self.parameters, start, strict=True):
            W[:], b[:] = W0, b0
        if job.optimizer == "adam":
            self.v, self.s, self.spare = (np.zeros(size, np.float32) for _ in range(3))
        widths = job.layers[1:]
        self.outputs, self.deltas = ([np.empty((batch, n), np.float32) for n in widths] for _ in range(2))
        self.positive = [np.empty((batch, n), bool) for n in widths]
        self.column, self.rows = np.empty((batch, 1), np.float32), np.arange(batch)

    def step(self, X: Array, y: Array) -> float:
        """One mini-batch; the sum of its losses."""
        k = len(X)
        A = [X, *(buffer[:k] for buffer in self.outputs)]
        dZ = [buffer[:k] for buffer in self.deltas]
        for l, (W, b) in enumerate(self.parameters):
            np.matmul(A[l], W, out=A[l + 1])
            A[l + 1] += b
            if l < len(dZ) - 1:
                activate(self.job.activation, A[l + 1])
        loss = self.output_backward(A[-1], y, dZ[-1])
        # A[l] is overwritten with the derivative only after dW of the layer above was computed from it.
        for l in range(len(dZ) - 1, -1, -1):
            dW, db = self.gradients[l]
            np.matmul(A[l].T, dZ[l], out=dW)
            np.sum(dZ[l], axis=0, out=db)
            if l > 0:
                np.matmul(dZ[l], self.parameters[l][0].T, out=dZ[l - 1])
                _activate_backward(self.job.activation, A[l], dZ[l - 1], self.positive[l - 1][:k])
        self.steps += 1
        (self.adam if self.job.optimizer == "adam" else self.descend)()
        return loss

    def output_backward(self, Z: Array, y: Array, dZ: Array) -> float:
        """dZ of the output layer with its 1/m, from the logits Z, which are overwritten; the sum of the losses."""
        k, column, rows = len(Z), self.column[: len(Z)], self.rows[: len(Z)]
        if self.job.loss == "softmax":
            np.max(Z, axis=1, keepdims=True, out=column)
            Z -= column
            chosen = Z[rows, y].sum(dtype=np.float64)
            np.exp(Z, out=dZ)
            np.sum(dZ, axis=1, keepdims=True, out=column)
            loss = float(np.log(column).sum(dtype=np.float64) - chosen)
            dZ /= column
            dZ[rows, y] -= 1
            dZ *= np.float32(1 / k)
        elif self.job.loss == "sigmoid":
            losses = np.maximum(Z, 0) - Z * y + np.log1p(np.exp(-np.abs(Z)))
            loss = float(losses.sum(dtype=np.float64)) / Z.shape[1]
            dZ[:] = Z
            activate("sigmoid", dZ)
            dZ -= y
            dZ *= np.float32(1 / dZ.size)
        else:
            np.subtract(Z, y, out=dZ)
            loss = float(np.vdot(dZ, dZ)) / Z.shape[1]
            dZ *= np.float32(2 / dZ.size)
        return loss

    def descend(self) -> None:
        """Gradient descent."""
        np.multiply(self.gradient, np.float32(self.job.learning_rate), out=self.gradient)
        np.subtract(self.theta, self.gradient, out=self.theta)

    def adam(self) -> None:
        """theta -= rate v_hat / (sqrt(s_hat) + epsilon), the bias corrections moved into two scalars."""
        g, v, s, spare = self.gradient, self.v, self.s, self.spare
        np.multiply(v, np.float32(_BETA1), out=v)
        np.multiply(g, np.float32(1 - _BETA1), out=spare)
        np.add(v, spare, out=v)
        np.square(g, out=g)
        np.multiply(g, np.float32(1 - _BETA2), out=g)
        np.multiply(s, np.float32(_BETA2), out=s)
        np.add(s, g, out=s)
        correction = (1 - _BETA2**self.steps) ** 0.5
        np.sqrt(s, out=spare)
        np.add(spare, np.float32(_EPSILON * correction), out=spare)
        np.divide(v, spare, out=spare)
        np.multiply(spare, np.float32(self.job.learning_rate * correction / (1 - _BETA1**self.steps)), out=spare)
        np.subtract(self.theta, spare, out=self.theta)


def _views(flat: Array, like: Parameters) -> Parameters:
    views: Parameters = []
    at = 0
    for W, b in like:
        views.append((flat[at : at + W.size].reshape(W.shape), flat[at + W.size : at + W.size + b.size]))
        at += W.size + b.size
    return views


def activate(name: str, Z: Array) -> None:
    """A = g(Z), in place."""
    if name == "relu":
        np.maximum(Z, 0, out=Z)
    elif name == "tanh":
        np.tanh(Z, out=Z)
    else:
        np.negative(Z, out=Z)
        np.exp(Z, out=Z)
        Z += 1
        np.reciprocal(Z, out=Z)


def _activate_backward(name: str, A: Array, dA: Array, positive: Array) -> None:
    """dA times g'(Z), in place; A may be overwritten."""
    if name == "relu":
        np.greater(A, 0, out=positive)
        dA *= positive
    elif name == "tanh":
        np.square(A, out=A)
        np.subtract(1, A, out=A)
        dA *= A
    else:
        dA *= A
        np.subtract(1, A, out=A)
        dA *= A
