"""Peer: JAX on the CPU, the whole epoch (gather of each batch, all steps, loss) in one jitted call with lax.scan.

Gathering inside the scan is faster than a shuffled copy of X before it, and needs less memory.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"
if os.environ.get("OMP_NUM_THREADS") == "1":
    os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import jax  # reads the environment now
import jax.numpy as jnp
import numpy as np
from jax import lax
from protocol import Job, Trained, start_weights, time_epochs

MODES = ("",)
_ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def versions() -> dict[str, str]:
    """What ran."""
    return {"jax": jax.__version__, "jaxlib": jax.lib.__version__, "numpy": np.__version__}


def train(job: Job, X: Any, y: Any) -> Trained:
    """Train as run_peer.py asks."""
    began = time.perf_counter()
    m = len(X)
    rows = jnp.asarray(X)
    targets = jnp.asarray(y.astype(np.int32) if job.loss == "softmax" else y)
    parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in start_weights(job)]
    moments = [jax.tree.map(jnp.zeros_like, parameters) if job.optimizer == "adam" else () for _ in range(2)]
    state: Any = (parameters, *moments, jnp.zeros((), jnp.float32))
    run_epoch = partial(jax.jit, donate_argnums=0)(partial(_epoch, job, min(job.batch, m)))
    rng = np.random.default_rng(job.order_seed)

    def epoch() -> float:
        nonlocal state
        order = rng.permutation(m).astype(np.int32) if job.shuffle else np.zeros(1, np.int32)
        state, loss = run_epoch(state, rows, targets, order)
        jax.block_until_ready(state)
        return float(loss)

    setup = time.perf_counter() - began
    seconds, losses = time_epochs(job, epoch)
    return Trained([(np.asarray(W), np.asarray(b)) for W, b in state[0]], seconds, losses, setup)


def _epoch(job: Job, batch: int, state: Any, X: Any, y: Any, order: Any) -> Any:
    m = len(X)
    batches, whole = m // batch, m // batch * batch
    step = partial(_step, job)
    if job.shuffle:
        places = order[:whole].reshape(batches, batch)
        state, losses = lax.scan(lambda s, p: step(s, (X[p], y[p])), state, places)
        rest = (X[order[whole:]], y[order[whole:]])
    else:
        parts = [array[:whole].reshape((batches, batch, *array.shape[1:])) for array in (X, y)]
        state, losses = lax.scan(step, state, tuple(parts))
        rest = (X[whole:], y[whole:])
    total = losses.sum()
    if whole < m:
        state, loss = step(state, rest)
        total = total + loss
    return state, total / m


def _step(job: Job, state: Any, batch: Any) -> Any:
    parameters, v, s, t = state
    loss, gradients = jax.value_and_grad(partial(_cost, job))(parameters, *batch)
    rate = job.learning_rate
    if job.optimizer == "sgd":
        parameters = jax.tree.map(lambda p, g: p - rate * g, parameters, gradients)
    else:
        t = t + 1
        v = jax.tree.map(lambda v, g: _BETA1 * v + (1 - _BETA1) * g, v, gradients)
        s = jax.tree.map(lambda s, g: _BETA2 * s + (1 - _BETA2) * g * g, s, gradients)
        v_left, s_left = 1 - _BETA1**t, 1 - _BETA2**t
        parameters = jax.tree.map(
            lambda p, v, s: p - rate * (v / v_left) / (jnp.sqrt(s / s_left) + _EPSILON), parameters, v, s
        )
    return (parameters, v, s, t), loss * len(batch[0])


def _cost(job: Job, parameters: Any, X: Any, y: Any) -> Any:
    A = X
    for W, b in parameters[:-1]:
        A = _ACTIVATIONS[job.activation](A @ W + b)
    Z = A @ parameters[-1][0] + parameters[-1][1]
    if job.loss == "softmax":
        return (jax.nn.logsumexp(Z, axis=1) - jnp.take_along_axis(Z, y[:, None], 1)[:, 0]).mean()
    if job.loss == "sigmoid":
        return (jnp.maximum(Z, 0) - Z * y + jnp.log1p(jnp.exp(-jnp.abs(Z)))).mean()
    return ((Z - y) ** 2).mean()
