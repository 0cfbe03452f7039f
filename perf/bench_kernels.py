"""Kernels and whole training steps on a ladder of sizes, one thread, float32: `python -m pytest perf`.

Each is checked against NumPy before it is timed. GFLOP/s stand in the column of extra information (--benchmark-json).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from fastdnn.engine import run_pass
from fastdnn.examples import Examples
from fastdnn.kernels import activations, gemm, optimizers, tile, update
from fastdnn.kernels._jit import from_python, load_separate
from fastdnn.kernels.vector import panel_width
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.panels import aligned_zeros, empty_panels, fill_panels, panel_count, read_panels
from fastdnn.workspace import Workspace

pytest.importorskip("pytest_benchmark", reason="python -m pytest perf needs pytest-benchmark")

F = np.float32
WIDTH = panel_width(F)
# (examples, units below, units): the layers of W4, W1, W2 and W3.
LAYERS = [(32, 20, 64), (64, 784, 128), (128, 512, 512), (512, 2048, 2048)]
LADDER = pytest.mark.parametrize(("m", "k", "n"), LAYERS, ids=["x".join(map(str, sizes)) for sizes in LAYERS])
RNG = np.random.default_rng(3)
load_separate(F)  # a kernel from the cache does not load the kernels that it jumps to


def timed(benchmark: Any, flops: float, call: Callable[..., Any], *arguments: Any) -> None:
    """Time call(*arguments) and note its GFLOP/s; with --benchmark-disable it runs once."""
    benchmark(call, *arguments)
    if benchmark.stats is not None:
        benchmark.extra_info["gflops"] = flops / benchmark.stats["median"] / 1e9


def drawn(rows: int, columns: int) -> Any:
    return RNG.standard_normal((rows, columns)).astype(F)


def panels_of(M: Any, rows: int | None = None) -> Any:
    P = empty_panels(rows or len(M), M.shape[1], F)
    fill_panels(P, M)
    return P


def matrix_of(P: Any, rows: int, columns: int) -> Any:
    M = np.empty((rows, columns), F)
    read_panels(P, M)
    return M


@LADDER
def test_matmul_bias(benchmark: Any, m: int, k: int, n: int) -> None:
    A, W, b = drawn(m, k), drawn(k, n), drawn(1, n)
    padded = aligned_zeros((panel_count(n, F) * WIDTH,), F)
    padded[:n] = b
    Z = empty_panels(m, n, F)
    arguments = (panels_of(A), panels_of(W), padded, Z, Z, 0, m, 0, len(Z), k, n, True, tile.ACTIVATE, F(0))
    matmul_bias = from_python(gemm.matmul_bias)
    matmul_bias(*arguments)
    np.testing.assert_allclose(matrix_of(Z, m, n), np.maximum(A @ W + b, 0), rtol=1e-3, atol=1e-4 * k**0.5)
    timed(benchmark, 2 * m * k * n, matmul_bias, *arguments)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@LADDER
def test_update_layer(benchmark: Any, m: int, k: int, n: int, optimizer: str) -> None:
    A, dZ, W = drawn(m, k), drawn(m, n), drawn(k, n)
    rows = panel_count(k, F) * WIDTH
    PW, v, s = panels_of(W, rows), empty_panels(rows, n, F), empty_panels(rows, n, F)
    b, b1, b2 = (aligned_zeros((panel_count(n, F) * WIDTH,), F) for _ in range(3))
    blocks = np.array([(1, i, j) for j in range(panel_count(n, F)) for i in range(panel_count(k, F))], np.int64)
    rates = np.zeros(optimizers.RATES, F)
    code = optimizers.ADAM if optimizer == "adam" else optimizers.GRADIENT_DESCENT
    correction = (1 - 0.999) ** 0.5  # of the first step, as optimizers.adam_rate has it
    rates[optimizers.RATE] = 0.001 * correction / (1 - 0.9) if optimizer == "adam" else 0.1
    rates[optimizers.EPSILON] = 1e-8 * correction
    rates[[optimizers.BETA1, optimizers.BETA2, optimizers.SCALE, optimizers.KEPT]] = 0.9, 0.999, 1 / m, 1
    arguments = (
        panels_of(A), panels_of(dZ), PW, b, PW, b, v, b1, s, b2, empty_panels(0, 0, F), aligned_zeros((WIDTH + 1, WIDTH), F),
        blocks, 0, len(blocks), m, k, n, code, False, rates,
    )  # fmt: skip
    update_layer = from_python(update.update_layer)
    update_layer(*arguments)
    dW = A.T @ dZ / m
    step = 0.1 * dW if optimizer == "sgd" else 0.001 * dW / (np.abs(dW) + 1e-8)
    np.testing.assert_allclose(matrix_of(PW, k, n), W - step, rtol=1e-3, atol=1e-4)
    timed(benchmark, 2 * m * k * n, update_layer, *arguments)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softmax"])
def test_activate(benchmark: Any, name: str) -> None:
    m, n = 128, 512
    Z = drawn(m, n)
    expected = {
        "sigmoid": lambda: 1 / (1 + np.exp(-Z)),
        "tanh": lambda: np.tanh(Z),
        "softmax": lambda: np.exp(Z) / np.exp(Z).sum(1, keepdims=True),
    }[name]()
    P, A = panels_of(Z), empty_panels(m, n, F)
    arguments = (getattr(activations, name.upper()), P, A, n, 0, m, F(0.01))
    activate = from_python(activations.activate)
    activate(*arguments)
    np.testing.assert_allclose(matrix_of(A, m, n), expected, rtol=1e-5, atol=1e-7)
    timed(benchmark, 0.0, activate, *arguments)


@pytest.mark.parametrize(
    ("dims", "batch"), [([2, 16, 16, 1], 1000), ([20, 64, 32, 1], 32), ([784, 128, 10], 64), ([784, 512, 512, 10], 128)]
)
def test_step(benchmark: Any, dims: list[int], batch: int) -> None:
    """Eight mini-batches in one pass of the engine, gradient descent, checked by the loss of a NumPy forward pass."""
    m = 8 * batch
    X = drawn(m, dims[0])
    Y = RNG.integers(0, dims[-1], m) if dims[-1] > 1 else RNG.integers(0, 2, m).astype(F)
    network, examples = Network(dims, seed=1), Examples(X, Y)
    workspace = Workspace(network, batch, 1)
    data = workspace.data(examples, with_targets=True)
    rule = Optimizer("sgd").rule(0.0, 0.0, 0.0)

    def step() -> float:
        return float(run_pass(workspace, data, examples.indices, 1, rule=rule)[0].epoch_losses[0])

    assert step() == pytest.approx(numpy_cost(network, X, Y), rel=1e-4)
    products = [a * b for a, b in pairwise(dims)]
    timed(benchmark, 2 * m * (2 * sum(products) + sum(products[1:])), step)


def numpy_cost(network: Network, X: Any, Y: Any) -> float:
    """Mean cross-entropy, from the logits."""
    A = X.astype(np.float64)
    for W, b in zip(network.weights[:-1], network.biases[:-1], strict=True):
        A = np.maximum(A @ W.T + b[:, 0], 0)
    Z = A @ network.weights[-1].T + network.biases[-1][:, 0]
    if Z.shape[1] == 1:
        z = Z[:, 0]
        return float((np.logaddexp(0, z) - z * Y).mean())
    return float((np.log(np.exp(Z).sum(1)) - Z[np.arange(len(Z)), Y]).mean())
