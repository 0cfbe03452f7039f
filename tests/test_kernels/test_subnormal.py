"""kernels/subnormal.py: subnormal numbers are 0 while training and prediction run on this CPU, and only then."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, from_python

from fastdnn.examples import Examples
from fastdnn.kernels import subnormal
from fastdnn.kernels._jit import device, kernel
from fastdnn.kernels.vector import IS_X86
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer

pytestmark = pytest.mark.skipif(not JIT or not IS_X86, reason="the flags are those of x86 machine code")


@device
def multiply(x, y, products):
    for i in range(products.size):
        products[i] = x[i] * y[i]


@kernel
def three_times(x, y, products):
    """Before, between and after."""
    multiply(x, y, products[0])
    before = subnormal.subnormal_to_zero()
    multiply(x, y, products[1])
    subnormal.subnormal_as_before(before)
    multiply(x, y, products[2])


def test_results_and_operands_are_zero_in_between(dtype):
    least = np.finfo(dtype).tiny
    # A normal result, a subnormal result, a subnormal operand; and what must stay as it is.
    x = np.array([least, least, least / 8, -least / 8, np.nan, np.inf, 3], dtype)
    y = np.array([1, 0.5, 16, 16, 1, 1, 2], dtype)
    products = np.empty((3, x.size), dtype)
    three_times(x, y, products)
    plain = x * y
    assert plain[1] != 0
    np.testing.assert_array_equal(products[0], plain)
    np.testing.assert_array_equal(products[2], plain)
    np.testing.assert_array_equal(products[1], [least, 0, 0, 0, np.nan, np.inf, 6])


def test_the_thread_computes_as_before_afterwards(dtype):
    before = from_python(subnormal.subnormal_to_zero)
    after = from_python(subnormal.subnormal_as_before)
    small = np.full(4, np.finfo(dtype).tiny, dtype)
    state = before()
    try:
        flushed = small * dtype(0.5)
    finally:
        after(state)
    assert not flushed.any()
    assert np.all(small * dtype(0.5) != 0)


def test_training_leaves_no_subnormal_moment(rng):
    """A column that is 0 in all rows but the first: the v of its weights would end as a few of the smallest numbers there are."""
    X = rng.normal(size=(1500, 3)).astype(np.float32)
    X[1:, 2] = 0
    network = Network([3, 4, 1], "tanh", "identity", loss="squared_error", seed=1)
    examples = Examples(X, X[:, :1])
    trainer = Trainer(network, examples, batch_size=1, optimizer=Optimizer("adam"), threads=1, shuffle=False)
    trainer.run(1500, 0.01)
    v = np.abs(trainer.workspace.buffers.moments1)
    assert not np.any((v > 0) & (v < np.finfo(np.float32).tiny))
    assert np.count_nonzero(v) == network.n_parameters - 4
