"""fastdnn/checkpoints.py: the same bits back, and what is not a checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.checkpoints import load_checkpoint, save_checkpoint
from fastdnn.errors import ModelFileError
from fastdnn.history import History
from fastdnn.model import Model
from fastdnn.network import Network
from fastdnn.persistence import is_checkpoint, is_model_file, read_document, write_document


@pytest.fixture
def place(tmp_path):
    """A checkpoint of a network with three layers."""
    network = Network([3, 5, 4, 2], ["tanh", "leaky_relu"], loss="squared_error", seed=3, leaky_slope=0.2)
    save_checkpoint(tmp_path / "a.ckpt", network, History(8, "adam", 0.1, 0.0, 1, 2, [{"epoch": 1, "loss": 0.1 + 0.2}]))
    return tmp_path / "a.ckpt"


def test_the_same_network_comes_back(place):
    network, history = load_checkpoint(place)
    wanted = Network([3, 5, 4, 2], ["tanh", "leaky_relu"], loss="squared_error", seed=3, leaky_slope=0.2)
    assert network.parameters.tobytes() == wanted.parameters.tobytes()
    assert (network.activations, network.loss, network.leaky_slope) == (wanted.activations, wanted.loss, 0.2)
    assert history["loss"] == [0.1 + 0.2]
    X = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    assert network.predict(X).tobytes() == wanted.predict(X).tobytes()


def test_it_is_a_checkpoint_and_not_a_model(place):
    assert is_checkpoint(place)
    assert not is_model_file(place)
    for read in (Model.load, read_document):
        with pytest.raises(ModelFileError, match="is a checkpoint of a network, not a model") as caught:
            read(place)
        assert "load_checkpoint" in caught.value.hint


def test_what_is_not_a_checkpoint_is_refused(place, tmp_path):
    write_document(tmp_path / "m.fdnn", {"network": {}}, {"W1": np.ones((1, 1))})
    assert is_model_file(tmp_path / "m.fdnn")
    with pytest.raises(ModelFileError, match="is a model, not a checkpoint"):
        load_checkpoint(tmp_path / "m.fdnn")
    with pytest.raises(ModelFileError, match="no model file"):
        load_checkpoint(tmp_path / "none.ckpt")
    (tmp_path / "text").write_text("text")
    assert not is_checkpoint(tmp_path / "text")
    with pytest.raises(ModelFileError, match="damaged"):
        load_checkpoint(tmp_path / "text")


def test_damage_is_noticed(place, tmp_path):
    content = bytearray(place.read_bytes())
    content[-3] ^= 1
    place.write_bytes(content)
    with pytest.raises(ModelFileError, match="checksum"):
        load_checkpoint(place)
    write_document(place, {"kind": "checkpoint", "network": {"layer_dims": [1, 1]}}, {})
    with pytest.raises(ModelFileError, match="damaged"):
        load_checkpoint(place)
