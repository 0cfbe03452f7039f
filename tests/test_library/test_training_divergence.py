"""fastdnn/training.py: where a run diverged, and what is left of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train

# Without the JIT it is NumPy that computes, and it warns of what these tests are about.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


def line(m=40):
    x = np.linspace(-1, 1, m)[:, None]
    return Examples(np.hstack([x, x**2, x**3, np.ones_like(x)]), 3 * x)


@overflows
def test_divergence_at_once_leaves_the_first_parameters():
    network = Network([4, 16, 1], loss="squared_error", dtype="float32")
    before = network.parameters.copy()
    with pytest.raises(DivergenceError, match=r"diverged at epoch 1, batch [2-5]: the cost is not finite") as caught:
        train(network, line(), epochs=9, batch_size=8, optimizer="sgd", learning_rate=1e30, threads=1)
    error = caught.value
    assert error.epoch == 1
    assert 2 <= error.batch <= 5
    assert math.isfinite(error.last_finite)
    assert f"batch {error.batch}" in str(error)
    assert "learning rate" in error.hint
    assert "1e+30" in error.hint
    np.testing.assert_array_equal(network.parameters, before)


@overflows
def test_divergence_later_keeps_the_epoch_before():
    """A step size just beyond what is stable: the cost grows for some epochs before it overflows."""
    options = {"batch_size": 8, "optimizer": "sgd", "learning_rate": 1e5, "threads": 1}
    network = Network([4, 1], loss="squared_error", dtype="float64")
    with pytest.raises(DivergenceError) as caught:
        train(network, line(), epochs=1000, **options)
    error = caught.value
    assert error.epoch > 2
    assert error.last_finite > 1e100
    kept = []
    for epochs in range(1, error.epoch):
        again = Network([4, 1], loss="squared_error", dtype="float64")
        train(again, line(), epochs=epochs, **options)
        kept.append(np.array_equal(network.parameters, again.parameters))
    assert sum(kept) == 1
    assert np.isfinite(network.parameters).all()


@overflows
def test_divergence_in_the_first_batch_has_no_finite_cost():
    network = Network([4, 1], loss="squared_error", dtype="float32")
    network.weights[0][:] = 1e30
    with pytest.raises(DivergenceError) as caught:
        train(network, line(), epochs=2, threads=1)
    assert (caught.value.epoch, caught.value.batch, caught.value.last_finite) == (1, 1, None)
    assert "last finite" not in str(caught.value)
