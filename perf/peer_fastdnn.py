"""Peer: fastdnn itself, through fastdnn.training.train, which is what a user calls.

''      up to job.threads threads, the number found while training (fastdnn/pace.py), as the other libraries choose for each product
fixed   job.threads threads
"""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from protocol import Job, Parameters, Trained, start_weights

import fastdnn
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train as fit

MODES = ("", "fixed")
_OUTPUTS = {
    "softmax": ("softmax", "categorical_cross_entropy"),
    "sigmoid": ("sigmoid", "binary_cross_entropy"),
    "mse": ("identity", "squared_error"),
}


def versions() -> dict[str, str]:
    """What ran."""
    return {"fastdnn": getattr(fastdnn, "__version__", "?"), "numba": numba.__version__, "numpy": np.__version__}


def network_of(job: Job, start: Parameters | None = None) -> Network:
    """The job's network with the protocol's start weights."""
    start = start_weights(job) if start is None else start
    output, loss = _OUTPUTS[job.loss]
    activations = [job.activation] * (len(start) - 1) + [output]
    return Network.from_parameters([W.T for W, _ in start], [b for _, b in start], activations, loss)


def loss_factor(job: Job) -> float:
    """The protocol's loss over fastdnn's: fastdnn's squared error is 1/2 the sum over the outputs, the protocol's their mean."""
    if job.loss == "sigmoid" and job.layers[-1] != 1:
        raise SystemExit("The protocol's sigmoid loss is a mean over the outputs, fastdnn's a sum: use one output.")
    return 2 / job.layers[-1] if job.loss == "mse" else 1.0


def settings(job: Job) -> dict[str, Any]:
    """The arguments of train that make its steps those of the protocol."""
    # Gradient descent takes the loss's factor into its rate; Adam's step does not change with the scale of the gradient,
    # but for epsilon, and its epsilon stands where PyTorch has it: v_hat / (sqrt(s_hat) + epsilon).
    rate = job.learning_rate * (loss_factor(job) if job.optimizer == "sgd" else 1.0)
    return {
        "epochs": job.epochs, "batch_size": job.batch, "optimizer": job.optimizer, "learning_rate": rate,
        "seed": job.order_seed, "shuffle": job.shuffle, "threads": job.threads if job.mode == "fixed" else None,
    }  # fmt: skip


def train(job: Job, X: NDArray[Any], y: NDArray[Any]) -> Trained:
    """Train as run_peer.py asks."""
    began = time.perf_counter()
    network = network_of(job)
    history = fit(network, Examples(X, y), **settings(job))
    seconds = np.array([epoch["seconds"] for epoch in history.epochs])
    # What train does between epochs (keep the best parameters, record) is part of an epoch for everybody else.
    seconds += (history.seconds - seconds.sum()) / job.epochs
    return Trained(
        [(W.T, b[:, 0]) for W, b in zip(network.weights, network.biases, strict=True)],
        seconds.tolist(),
        [epoch["loss"] * loss_factor(job) for epoch in history.epochs],
        time.perf_counter() - began - history.seconds,
        {"threads_used": history.threads},
    )
