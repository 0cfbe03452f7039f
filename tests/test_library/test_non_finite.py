"""fastdnn/non_finite.py: the first layer and row of a NaN, in parameters, in a batch, and after training has diverged."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastdnn.errors import DivergenceError
from fastdnn.examples import Examples
from fastdnn.inference import evaluate_in
from fastdnn.network import Network
from fastdnn.non_finite import in_batch, in_parameters
from fastdnn.training import train
from fastdnn.workspace import Workspace

# Without the JIT NumPy warns of what these tests provoke.
pytestmark = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


def found_in(network, X, Y, rows=None):
    examples = Examples(X, Y, rows=rows)
    workspace = Workspace(network, len(examples), 1, training=False)
    data = workspace.data(examples, with_targets=True)
    AL, _ = evaluate_in(workspace, data, examples.indices, 1, with_losses=True)
    return in_batch(workspace, examples.indices, AL)


def test_finite_networks_have_nothing(rng):
    network = Network([3, 5, 2])
    assert in_parameters(network) is None
    assert found_in(network, rng.normal(size=(4, 3)), np.array([0, 1, 1, 0])) is None


def test_a_parameter():
    network = Network([3, 5, 4, 2])
    network.biases[1][3] = np.inf
    network.weights[2][0, 1] = np.nan
    found = in_parameters(network)
    assert (found.layer, found.what, found.unit, found.row, found.value) == (2, "b", 3, None, math.inf)
    assert found.sentence == "b[2] holds inf in unit 3."


def test_the_first_layer_and_row_of_an_overflow(rng):
    """Unit 1 of layer 2 is 1e30 A, and A is 1e10 in the third row only."""
    weights = [np.eye(2), [[1.0, 1.0], [0.0, 1e30]], [[1.0, 1.0]]]
    network = Network.from_parameters(weights, [np.zeros(2), np.zeros(2), np.zeros(1)], ["relu", "relu", "identity"])
    X = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 1e10], [1.0, 3.0]])
    found = found_in(network, X, np.zeros(4))
    assert (found.layer, found.activation, found.what, found.unit, found.row) == (2, "relu", "A", 1, 2)
    assert "layer 2 (relu): unit 1 gives inf in row 2 of X" in found.sentence
    assert found_in(network, X, np.zeros(4), rows=[3, 2]).row == 2


def test_a_loss_of_finite_outputs():
    network = Network.from_parameters([[[1.0]]], [[0.0]], ["identity"], "squared_error")
    found = found_in(network, np.array([[1.0], [1e30]]), np.zeros(2))
    assert (found.layer, found.what, found.unit, found.row, found.value) == (1, "loss", None, 1, math.inf)
    assert "the loss of layer 1's outputs (identity) in row 1 of X" in found.sentence


@pytest.mark.parametrize("threads", [1, 2])
def test_training_that_diverges_names_layer_and_row(rng, threads):
    """Row 17 alone is so large that the second layer's output overflows; the rows are not shuffled."""
    X, Y = rng.normal(size=(40, 3)), rng.normal(size=40)
    X[17] = 1e30
    network = Network([3, 4, 4, 1], "relu", "identity")
    network.weights[0][:], network.weights[1][:] = 1.0, 1e9
    with pytest.raises(
        DivergenceError, match=r"diverged at epoch 1, batch 3: .* layer 2 \(relu\): .* in row 17 of X"
    ) as raised:
        train(
            network, Examples(X, Y), batch_size=8, shuffle=False, threads=threads, learning_rate=1e-30, optimizer="sgd"
        )
    assert (raised.value.batch, raised.value.layer, raised.value.row) == (3, 2, 17)


def test_a_shuffled_run_names_the_row_of_the_table(rng):
    X, Y = rng.normal(size=(60, 3)), rng.normal(size=60)
    X[17] = 1e30
    rows = np.arange(10, 60)
    network = Network([3, 4, 4, 1], "relu", "identity")
    network.weights[0][:], network.weights[1][:] = 1.0, 1e9
    with pytest.raises(DivergenceError) as raised:
        train(network, Examples(X, Y, rows=rows), batch_size=8, threads=1, learning_rate=1e-30, optimizer="sgd", seed=3)
    assert (raised.value.layer, raised.value.row) == (2, 17)
