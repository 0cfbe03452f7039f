"""Peer: PyTorch on the CPU, in the ways a good user has.

fast     hand-tuned: a shuffled copy of X once an epoch, batches are slices of it, fused optimiser, no DataLoader
manual   no autograd: backward pass written by hand with addmm and mm(out=), one flat optimiser step
compile  as fast, with forward pass and loss through torch.compile
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from protocol import Job, Parameters, Trained, start_weights, time_epochs
from torch import Tensor, nn

MODES = ("fast", "manual", "compile")
MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
_IN_PLACE = {"relu": torch.relu_, "tanh": torch.tanh_, "sigmoid": torch.sigmoid_}
_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "softmax": F.cross_entropy, "sigmoid": F.binary_cross_entropy_with_logits, "mse": F.mse_loss,
}  # fmt: skip


def versions() -> dict[str, str]:
    """What ran."""
    return {"torch": torch.__version__, "numpy": np.__version__}


def train(job: Job, X: NDArray[Any], y: NDArray[Any]) -> Trained:
    """Train as run_peer.py asks."""
    torch.set_num_threads(job.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(job.order_seed)
    began = time.perf_counter()
    network = (_ByHand if job.mode == "manual" else _ByAutograd)(job, min(job.batch, len(X)))
    rows, targets = torch.from_numpy(X), torch.from_numpy(y)
    shuffled = (torch.empty_like(rows), torch.empty_like(targets)) if job.shuffle else (rows, targets)

    def epoch() -> float:
        if job.shuffle:
            order = torch.randperm(len(rows))
            torch.index_select(rows, 0, order, out=shuffled[0])
            torch.index_select(targets, 0, order, out=shuffled[1])
        network.total.zero_()
        for X_batch, y_batch in zip(*(part.split(network.batch) for part in shuffled), strict=True):
            network.step(X_batch, y_batch)
        return float(network.total) / len(rows)

    setup = time.perf_counter() - began
    seconds, losses = time_epochs(job, epoch)
    return Trained(network.parameters(), seconds, losses, setup)


def _optimizer(job: Job, parameters: Any) -> torch.optim.Optimizer:
    kind = torch.optim.SGD if job.optimizer == "sgd" else torch.optim.Adam
    return kind(parameters, lr=job.learning_rate, fused=True)


class _ByAutograd:
    def __init__(self, job: Job, batch: int) -> None:
        self.batch, self.total = batch, torch.zeros((), dtype=torch.float64)
        layers: list[nn.Module] = []
        for W, b in start_weights(job):
            linear = nn.Linear(*W.shape)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(W.T.copy()))
                linear.bias.copy_(torch.from_numpy(b))
            layers += [linear, MODULES[job.activation]()]
        self.network = nn.Sequential(*layers[:-1])
        self.optimizer = _optimizer(job, self.network.parameters())
        loss = _LOSSES[job.loss]

        def plain(X: Tensor, y: Tensor) -> Tensor:
            return loss(self.network(X), y)

        self.plain, self.loss = plain, torch.compile(plain) if job.mode == "compile" else plain

    def step(self, X: Tensor, y: Tensor) -> None:
        # The short last batch runs uncompiled: no second graph, no dynamic shapes.
        loss = (self.loss if len(X) == self.batch else self.plain)(X, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.total.add_(loss.detach(), alpha=len(X))

    def parameters(self) -> Parameters:
        linear = [layer for layer in self.network if isinstance(layer, nn.Linear)]
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear]


class _ByHand:
    def __init__(self, job: Job, batch: int) -> None:
        self.job, self.batch, self.total = job, batch, torch.zeros((), dtype=torch.float64)
        start = start_weights(job)
        theta = nn.Parameter(torch.empty(sum(W.size + b.size for W, b in start)))
        theta.grad = torch.empty_like(theta)
        self.layers, self.gradients = _views(theta.detach(), start), _views(theta.grad, start)
        for (W, b), (W0, b0) in zip(self.layers, start, strict=True):
            W.copy_(torch.from_numpy(W0))
            b.copy_(torch.from_numpy(b0))
        self.optimizer = _optimizer(job, [theta])
        self.outputs, self.deltas = ([torch.empty(batch, n) for n in job.layers[1:]] for _ in range(2))

    @torch.no_grad()
    def step(self, X: Tensor, y: Tensor) -> None:
        k = len(X)
        A = [X, *(buffer[:k] for buffer in self.outputs)]
        dZ = [buffer[:k] for buffer in self.deltas]
        for l, (W, b) in enumerate(self.layers):
            torch.addmm(b, A[l], W, out=A[l + 1])
            if l < len(dZ) - 1:
                _IN_PLACE[self.job.activation](A[l + 1])
        self.output_backward(A[-1], y, dZ[-1])
        for l in range(len(dZ) - 1, -1, -1):
            dW, db = self.gradients[l]
            torch.mm(A[l].t(), dZ[l], out=dW)
            torch.sum(dZ[l], 0, out=db)
            if l > 0:
                torch.mm(dZ[l], self.layers[l][0].t(), out=dZ[l - 1])
                _activate_backward(self.job.activation, dZ[l - 1], A[l])
        self.optimizer.step()

    def output_backward(self, Z: Tensor, y: Tensor, dZ: Tensor) -> None:
        """dZ of the output layer with its 1/m; adds the sum of the losses to the total."""
        k = len(Z)
        if self.job.loss == "softmax":
            logs = torch.log_softmax(Z, 1)
            self.total.sub_(logs.gather(1, y[:, None]).sum())
            torch.exp(logs, out=dZ)
            dZ[torch.arange(k), y] -= 1
            dZ.mul_(1 / k)
        elif self.job.loss == "sigmoid":
            self.total.add_(F.binary_cross_entropy_with_logits(Z, y), alpha=k)
            torch.sigmoid(Z, out=dZ)
            dZ.sub_(y).mul_(1 / dZ.numel())
        else:
            torch.sub(Z, y, out=dZ)
            self.total.add_(torch.dot(dZ.view(-1), dZ.view(-1)) / Z.shape[1])
            dZ.mul_(2 / dZ.numel())

    def parameters(self) -> Parameters:
        return [(W.numpy(), b.numpy()) for W, b in self.layers]


def _views(flat: Tensor, like: Parameters) -> list[tuple[Tensor, Tensor]]:
    views, at = [], 0
    for W, b in like:
        views.append((flat[at : at + W.size].view(W.shape), flat[at + W.size : at + W.size + b.size]))
        at += W.size + b.size
    return views


def _activate_backward(name: str, dA: Tensor, A: Tensor) -> None:
    """dA times g'(Z), in place."""
    if name == "relu":
        torch.ops.aten.threshold_backward(dA, A, 0, grad_input=dA)
    elif name == "tanh":
        torch.ops.aten.tanh_backward(dA, A, grad_input=dA)
    else:
        torch.ops.aten.sigmoid_backward(dA, A, grad_input=dA)
