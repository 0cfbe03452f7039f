"""fastdnn/workspace.py: where everything lies, what is copied in and out, and which data fit."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.errors import DataError
from fastdnn.examples import Examples
from fastdnn.kernels import layout
from fastdnn.kernels.panels import NARROW
from fastdnn.network import Network
from fastdnn.workspace import Workspace

DIMS = [40, 17, 1, 35, 3]


@pytest.fixture
def network(dtype):
    network = Network(DIMS, dtype=np.dtype(dtype).name, seed=1)
    for l, b in enumerate(network.biases):
        b[:] = np.arange(b.size).reshape(b.shape) + 100 * l
    return network


def test_floats_are_aligned_and_of_the_network_s_type(network):
    buffers = Workspace(network, 9, 3).buffers
    floats = ["parameters", "moments1", "moments2", "transposed", "activations", "deltas", "logits", "scratch"]
    for name in floats:
        array = getattr(buffers, name)
        assert array.dtype == network.dtype, name
        assert array.ctypes.data % 64 == 0, name
    assert buffers.moments1.size == buffers.moments2.size == buffers.parameters.size
    assert not buffers.moments1.any()


def test_every_layer_begins_on_a_vector(network):
    table = Workspace(network, 9, 1).buffers.layout
    width = Workspace(network, 9, 1).buffers.scratch.shape[2]
    offsets = table[:, [layout.A_AT, layout.DZ_AT, layout.W_AT, layout.B_AT, layout.WT_AT]]
    assert not np.any(offsets % width)
    np.testing.assert_array_equal(table[:, layout.UNITS], DIMS)


def test_load_and_store_are_inverse(network):
    before = network.parameters.copy()
    workspace = Workspace(network, 4, 1)
    network.parameters[:] = 0
    workspace.store()
    np.testing.assert_array_equal(network.parameters, before)
    network.parameters[:] = 3
    workspace.load()
    network.parameters[:] = 0
    workspace.store()
    assert np.all(network.parameters == 3)


def test_padding_is_zero_after_load(network):
    network.parameters[:] = 1
    buffers = Workspace(network, 4, 1).buffers
    assert buffers.parameters.sum() == network.n_parameters
    assert buffers.transposed.sum() == sum(W.size for W in network.weights[1:] if len(W) > NARROW)


def test_fewer_workers_share_the_same_buffers(network):
    workspace = Workspace(network, 8, 4)
    other = workspace.with_workers(2)
    assert other.parameters is workspace.buffers.parameters
    assert len(other.shares) == 3
    assert other.shares[-1] == len(other.blocks)
    assert workspace.with_workers(2) is other
    assert workspace.with_workers(4) is workspace.buffers


def test_without_training_there_is_nothing_for_it(network):
    buffers = Workspace(network, 8, 2, training=False).buffers
    assert buffers.moments1.size == buffers.moments2.size == buffers.transposed.size == len(buffers.blocks) == 0


# --- data ---


def workspace_of(n_y, loss, output=None, dtype="float32"):
    return Workspace(Network([3, 4, n_y], output_activation=output, loss=loss, dtype=dtype), 2, 1)


def test_floats_of_the_network_s_type_are_not_copied():
    X, Y = np.ones((5, 3), np.float32), np.ones((5, 2), np.float32)
    data = workspace_of(2, "squared_error").data(Examples(X, Y), with_targets=True)
    assert np.shares_memory(data.X, X)
    assert np.shares_memory(data.targets, Y)
    assert data.pixels.shape == (0, 3)
    assert data.labels.size == 0
    assert not any(a.flags.writeable for a in data)
    assert X.flags.writeable


def test_pixels_stay_pixels():
    X = np.ones((5, 3), np.uint8)
    data = workspace_of(2, "categorical_cross_entropy").data(Examples(X, np.zeros(5, int)), with_targets=True)
    assert np.shares_memory(data.pixels, X)
    assert data.X.shape == (0, 3)
    np.testing.assert_array_equal(data.scale, np.full(3, 1 / 255, np.float32))
    np.testing.assert_array_equal(data.shift, np.zeros(3, np.float32))


def test_scale_and_shift_may_be_numbers_or_one_for_each_feature():
    X = np.ones((5, 3), np.uint8)
    examples = Examples(X, scale=0.5, shift=np.array([1.0, 2.0, 3.0]))
    data = workspace_of(2, "squared_error").data(examples, with_targets=False)
    np.testing.assert_array_equal(data.scale, [0.5] * 3)
    np.testing.assert_array_equal(data.shift, [1, 2, 3])


def test_targets_may_be_a_vector_or_a_matrix_of_any_numbers():
    X, workspace = np.ones((3, 3)), workspace_of(1, "binary_cross_entropy")
    for Y in (np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0]), np.array([[False], [True], [True]])):
        targets = workspace.data(Examples(X, Y), with_targets=True).targets
        np.testing.assert_array_equal(targets, [[0], [1], [1]])
        assert targets.dtype == np.float32


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8])
def test_labels_may_be_any_integers(kind):
    Y = np.array([0, 2, 1], kind)
    data = workspace_of(3, "categorical_cross_entropy").data(Examples(np.ones((3, 3)), Y), with_targets=True)
    np.testing.assert_array_equal(data.labels, Y)
    assert data.labels.dtype == np.int64


@pytest.mark.parametrize(
    ("loss", "n_y", "Y", "sentence"),
    [
        ("categorical_cross_entropy", 3, None, "no targets Y"),
        ("categorical_cross_entropy", 3, np.array([0.0, 1.0]), "class numbers 0 to 2, got float64"),
        ("categorical_cross_entropy", 3, np.eye(3, dtype=int)[:2], r"got int64 of shape \(2, 3\)"),
        ("categorical_cross_entropy", 3, np.array([0, 3]), "must lie in 0 to 2, got 0 to 3"),
        ("categorical_cross_entropy", 3, np.array([-1, 0]), "must lie in 0 to 2, got -1 to 0"),
        ("binary_cross_entropy", 1, np.array([0.0, 1.5]), r"between 0 and 1, got 0.0 to 1.5"),
        ("binary_cross_entropy", 1, np.array([-1, 1]), r"between 0 and 1, got -1 to 1"),
        ("binary_cross_entropy", 2, np.array([0.0, 1.0]), r"2 outputs, but Y has the shape \(2, 1\)"),
        ("squared_error", 2, np.ones((2, 3)), r"2 outputs, but Y has the shape \(2, 3\)"),
        ("squared_error", 1, np.ones((2, 1, 1)), r"1 outputs?, but Y has the shape \(2, 1, 1\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(loss, n_y, Y, sentence):
    with pytest.raises(DataError, match=sentence):
        workspace_of(n_y, loss).data(Examples(np.ones((2, 3)), Y), with_targets=True)


def test_only_the_rows_that_count_are_looked_at():
    Y = np.array([0, 99, 2])
    examples = Examples(np.ones((3, 3)), Y, rows=np.array([0, 2]))
    workspace_of(3, "categorical_cross_entropy").data(examples, with_targets=True)


def test_a_wrong_width_is_refused():
    with pytest.raises(DataError, match="X has 4 features, but the network reads 3"):
        workspace_of(3, "squared_error").data(Examples(np.ones((2, 4))), with_targets=False)


@pytest.mark.parametrize("batch", [1, 9, 63, 64, 127, 128, 512, 513])
def test_panels_of_activations_do_not_begin_in_the_same_place_of_the_first_level_cache(network, batch):
    workspace = Workspace(network, batch, 1)
    panel = workspace.activations(0)[0]
    assert panel.shape[0] >= batch
    assert panel.nbytes % 4096 != 0
    assert workspace.buffers.losses.shape == (batch,)
