"""kernels/predict.py: the forward pass alone has the bits of training's, in buffers of any size."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from callers import assert_same_bits, from_python

from fastdnn.examples import Examples
from fastdnn.inference import evaluate
from fastdnn.kernels import gather, layout, predict
from fastdnn.kernels.vector import panel_width
from fastdnn.network import Network
from fastdnn.panels import empty_panels, fill_panels
from fastdnn.workspace import Workspace

ACTIVATIONS = ["tanh", "relu", "sigmoid", "leaky_relu", "identity"]
SLOPE = 0.2


def mixed(dtype, output="softmax"):
    """A network with every hidden activation, and layers around a panel's width."""
    width = panel_width(dtype)
    dims = [7, 2 * width, 5, width + 1, 17, 3, 4]
    network = Network(dims, ACTIVATIONS, output, dtype=np.dtype(dtype).name, leaky_slope=SLOPE, seed=2)
    for b in network.biases:
        b[:] = np.random.default_rng(3).normal(size=b.shape)
    return network


class Call:
    """A network's arrays as the kernel takes them."""

    def __init__(self, network, rows):
        buffers = Workspace(network, 1, 1, training=False).buffers
        self.n_y, self.dtype = network.layer_dims[-1], network.dtype
        self.parameters, self.table = buffers.parameters, buffers.layout
        panels, width = self.table[:, layout.PANELS].max(), panel_width(network.dtype)
        # What is read before it is written would show as NaN.
        self.buffers = np.full((predict.MATRICES * panels, rows, width), np.nan, network.dtype)
        self.slope = np.array([network.leaky_slope], network.dtype)

    def __call__(self, X):
        AL = np.full((len(X), self.n_y), np.nan, self.dtype)
        done = predict.predict_rows(X, AL, self.parameters, self.table, self.buffers, self.slope)
        return done, AL


@pytest.mark.parametrize("rows", [1, 2, 7, 120])
@pytest.mark.parametrize("m", [1, 2, 7, 8, 121])
def test_rows_equal_oracle_and_the_engine(m, rows, dtype, rng):
    network = mixed(dtype)
    X = rng.normal(size=(m, 7)).astype(dtype)
    kept = X.copy()
    done, AL = Call(network, rows)(X)
    assert done
    weights, biases = ([p.astype(float) for p in side] for side in (network.weights, network.biases))
    expected = reference.forward_pass(weights, biases, network.activations, X.T, SLOPE)[1][-1].T
    np.testing.assert_allclose(AL, expected, rtol=1e-4 if dtype == np.float32 else 1e-10)
    assert_same_bits(AL, evaluate(network, Examples(X), 1, with_losses=False)[0])
    np.testing.assert_array_equal(X, kept)


@pytest.mark.parametrize("shape", [(0, 7), (3, 6), (3, 8), (1, 0)])
def test_other_shapes_are_refused(shape, dtype):
    done, AL = Call(mixed(dtype), 4)(np.ones(shape, dtype))
    assert not done
    assert np.all(np.isnan(AL))


# Without the JIT NumPy multiplies, and says that infinity times zero is not a number.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softmax"])
def test_numbers_that_are_not_finite_are_noticed(activation, value, dtype, rng):
    """Wherever they stand, also where the answer would be finite, as the sigmoid of infinity is, and where weights are 0."""
    for hidden in (0, 1):
        if hidden and activation == "softmax":
            continue
        acts = [activation, "identity"] if hidden else [activation]
        n = panel_width(dtype) + 2
        weights = [rng.normal(size=(n, 5)), rng.normal(size=(2, n))] if hidden else [rng.normal(size=(2, 5))]
        weights[0][0, 3] = 0
        network = Network.from_parameters(
            weights, [np.zeros(len(W)) for W in weights], acts, "squared_error", dtype=np.dtype(dtype).name
        )
        for m, row in ((1, 0), (9, 0), (9, 8)):
            for column in range(5):
                X = rng.normal(size=(m, 5)).astype(dtype)
                X[row, column] = value
                assert not Call(network, 4)(X)[0], (hidden, m, row, column)


def test_compact_is_the_matrix(dtype, rng):
    width = panel_width(dtype)
    for m, n in ((1, 1), (5, width - 1), (5, width), (3, 2 * width + 1)):
        M = rng.normal(size=(m, n)).astype(dtype)
        P = empty_panels(m + 2, n, dtype)
        fill_panels(P, M)
        out = np.full(m * n + 1, np.nan, dtype)
        from_python(gather.compact)(P, 0, m, n, out)
        np.testing.assert_array_equal(out[:-1].reshape(m, n), M)
        assert np.isnan(out[-1])
        from_python(gather.compact)(P, m // 2, m, n, out)
        np.testing.assert_array_equal(out[: (m - m // 2) * n].reshape(-1, n), M[m // 2 :])
