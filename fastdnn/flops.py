"""How much arithmetic a network is. Imports nothing, so that benchmarks of other libraries can use it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def training_flops(layers: Sequence[int], m: int) -> int:
    """Of m examples in training: forward pass and dW of every layer, dA of every layer but the first; a multiply-add is two.

    >>> training_flops([784, 128, 10], 1)
    409088
    """
    products = [a * b for a, b in pairwise(layers)]
    return 2 * m * (2 * sum(products) + sum(products[1:]))
