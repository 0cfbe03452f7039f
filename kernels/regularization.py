"""The L2 and L1 terms."""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import device


@device
def l2_cost(W: Any, l2: float, m: int) -> float:
    """lambda / (2 m) times the sum of squares of W, a flat array; biases are not penalised. Source: course 2 week 1."""
    total = 0.0
    for i in range(W.size):
        total += W[i] * W[i]
    return l2 / (2.0 * m) * total


@device
def l2_backward(W: Any, l2: Any, m: int, dW: Any) -> None:
    """dW = dW + lambda/m W. Flat arrays of one size: W read, dW updated; l2 has their type."""
    scale = l2 / W.dtype.type(m)
    for i in range(W.size):
        dW[i] += scale * W[i]


@device
def l1_backward(W: Any, l1: Any, dW: Any) -> None:
    """dW = dW + l1 sign(W), sign(0) = 0: the subgradient of l1 sum |W| of least size. Flat arrays of one size."""
    zero = W.dtype.type(0)
    for i in range(W.size):
        # Two selects, which vector instructions have; a chain of conditions they have not.
        up = l1 if W[i] > zero else zero
        down = l1 if W[i] < zero else zero
        dW[i] += up - down
