"""Activations with their derivatives, beside ReLU's, and what they cost a training step; one thread, float32.

`python -m pytest perf/bench_activations.py`, or `python perf/bench_activations.py` for a table of ratios. Values are compared with
NumPy's in float64 before anything is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import erfc
from typing import Any

import numpy as np
import pytest

from fastdnn.activation_codes import activation_code
from fastdnn.engine import run_pass
from fastdnn.examples import Examples
from fastdnn.kernels import activations
from fastdnn.kernels._jit import from_python, load_separate
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.panels import empty_panels, fill_panels, read_panels
from fastdnn.vocabulary import HIDDEN_ACTIVATIONS
from fastdnn.workspace import Workspace

F = np.float32
M, N = 128, 512
STEPS = [([784, 512, 512, 10], 128), ([100, 256, 256, 1], 256)]
LIMIT = 1.3  # of ReLU's step, for GELU, SiLU and Mish


def _softplus(z: Any) -> Any:
    return np.logaddexp(0, z)


VALUES: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * np.vectorize(erfc)(-z / 2**0.5) / 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "mish": lambda z: z * np.tanh(_softplus(z)),
    "softplus": _softplus,
}


def layer_call(name: str) -> Callable[[], None]:
    """A and D of one hidden layer of N units for M examples, checked against NumPy."""
    load_separate(F)
    Z, A, D = (empty_panels(M, N, F) for _ in range(3))
    drawn = np.random.default_rng(3).standard_normal((M, N)).astype(F) * 2
    fill_panels(Z, drawn)
    code, kernel = activation_code(name, F), from_python(activations.activate_and_derive)

    def call() -> None:
        kernel(code, Z, A, D, N, 0, M, F(0.01))

    call()
    value, derivative = np.empty((M, N), F), np.empty((M, N), F)
    read_panels(A, value)
    read_panels(D, derivative)
    z, g = drawn.astype(np.float64), VALUES[name]
    np.testing.assert_allclose(value, g(z), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(derivative, (g(z + 1e-6) - g(z - 1e-6)) / 2e-6, rtol=1e-5, atol=1e-6)
    return call


def step_call(name: str, dims: list[int], batch: int) -> Callable[[], float]:
    """Eight mini-batches of gradient descent in one pass of the engine, the first cost checked against NumPy."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((8 * batch, dims[0])).astype(F)
    Y = rng.integers(0, dims[-1], len(X)) if dims[-1] > 1 else rng.integers(0, 2, len(X)).astype(F)
    network, examples = Network(dims, name, seed=1), Examples(X, Y)
    assert network.cost(examples) == pytest.approx(numpy_cost(network, VALUES[name], X, Y), rel=1e-4)
    workspace = Workspace(network, batch, 1)
    data = workspace.data(examples, with_targets=True)
    rule = Optimizer("sgd").rule(0.0, 0.0, 0.0)
    return lambda: run_pass(workspace, data, examples.indices, 1, rule=rule, learning_rates=1e-6)[0].epoch_losses[0]


def numpy_cost(network: Network, g: Callable[[Any], Any], X: Any, Y: Any) -> float:
    """Mean cross-entropy, from the logits."""
    A = X.astype(np.float64)
    for W, b in zip(network.weights[:-1], network.biases[:-1], strict=True):
        A = g(A @ W.T + b[:, 0])
    Z = A @ network.weights[-1].T + network.biases[-1][:, 0]
    if Z.shape[1] == 1:
        return float((np.logaddexp(0, Z[:, 0]) - Z[:, 0] * Y).mean())
    return float((np.log(np.exp(Z).sum(1)) - Z[np.arange(len(Z)), Y]).mean())


@pytest.mark.parametrize("name", HIDDEN_ACTIVATIONS)
def test_activate_and_derive(benchmark: Any, name: str) -> None:
    benchmark(layer_call(name))


@pytest.mark.parametrize(("dims", "batch"), STEPS, ids=["784-512-512-10", "100-256-256-1"])
@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "mish"])
def test_step(benchmark: Any, name: str, dims: list[int], batch: int) -> None:
    benchmark(step_call(name, dims, batch))


def best_seconds(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The shortest time of each call, all of them in turn in every round, so that a busy machine meets all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    """Print nanoseconds an element and multiples of ReLU's time."""
    best = best_seconds({name: layer_call(name) for name in HIDDEN_ACTIVATIONS}, 300)
    print(f"activate_and_derive, {M} examples of {N} units, float32, one thread")
    for name, seconds in best.items():
        print(f"  {name:12s} {seconds / (M * N) * 1e9:6.3f} ns an element   {seconds / best['relu']:5.1f} x relu")
    for dims, batch in STEPS:
        best = best_seconds({name: step_call(name, dims, batch) for name in HIDDEN_ACTIVATIONS}, 40)
        print(f"training step, {'-'.join(map(str, dims))}, batch {batch} (bar for gelu, silu, mish: {LIMIT} x relu)")
        for name, seconds in best.items():
            print(f"  {name:12s} {seconds / 8 * 1e3:7.3f} ms   {seconds / best['relu']:5.2f} x relu")


if __name__ == "__main__":
    main()
