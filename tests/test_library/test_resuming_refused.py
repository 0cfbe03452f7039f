"""fastdnn/resuming.py: other data, and checkpoints that cannot be gone on with, are refused and said."""

from __future__ import annotations

import numpy as np
import pytest
from resumable import EPOCHS, TRAIN, VALID, at, blobs, new_network, run, same, weighted

from fastdnn import run_checkpoints
from fastdnn.callbacks import Callback
from fastdnn.checkpoints import load_checkpoint, save_checkpoint
from fastdnn.errors import DataError, ModelFileError
from fastdnn.examples import Examples
from fastdnn.persistence import read_tensors, write_document
from fastdnn.resuming import resume


def changed(examples, **fields):
    parts = {"X": examples.X, "Y": examples.Y, "rows": examples.rows, "weights": examples.weights}
    return Examples(**(parts | fields))


@pytest.mark.parametrize(
    ("part", "valid", "message"),
    [
        (blobs(91), VALID, r"examples of the run in '.*' were 90 rows of 5 columns; now they are 91 of 5"),
        (changed(TRAIN, X=TRAIN.X[:, :4]), VALID, "now they are 90 of 4"),
        (changed(TRAIN, X=TRAIN.X + 1e-9), VALID, r"The examples are not those of the run in '.*': X differ\."),
        (changed(TRAIN, Y=TRAIN.Y[::-1]), VALID, "Y differ"),
        (changed(TRAIN, rows=np.arange(90)[::-1]), VALID, "X and Y differ"),
        (weighted(TRAIN, 1), VALID, "weights differ"),
        (TRAIN, None, "had a validation part of 60 rows, and now there is none"),
        (TRAIN, blobs(61, seed=1), "examples of the validation part of the run"),
        (TRAIN, changed(VALID, X=VALID.X * 2), "examples of the validation part are not those"),
    ],
)
def test_other_data(tmp_path, part, valid, message):
    run(tmp_path, epochs=1)
    with pytest.raises(DataError, match=message):
        resume(at(tmp_path, 1), part, valid)


def test_a_validation_part_that_was_not_there(tmp_path):
    run(tmp_path, valid=None, epochs=1)
    with pytest.raises(DataError, match="had no examples of the validation part"):
        resume(at(tmp_path, 1), TRAIN, VALID)


def test_the_same_data_in_another_form(tmp_path):
    """A part of a matrix or a copy of it, another integer type, another float type that the network does not see."""
    X = TRAIN.X.astype(np.float32)
    whole = run(tmp_path, Examples(X, TRAIN.Y), network=new_network("float32"))
    padded = np.vstack([np.full((4, 5), 7.0), X.astype(np.float64)])
    same_rows = Examples(
        padded, np.concatenate([np.zeros(4, np.int32), TRAIN.Y.astype(np.int32)]), rows=np.arange(4, 94)
    )
    assert same(resume(at(tmp_path, 3), same_rows, VALID), whole)


def test_checkpoints_without_a_run(tmp_path):
    """Those of earlier versions: for predicting only."""
    network, history = run(tmp_path)
    save_checkpoint(tmp_path / "old.ckpt", network, history)
    assert load_checkpoint(tmp_path / "old.ckpt")[0].parameters.tobytes() == network.parameters.tobytes()
    with pytest.raises(ModelFileError, match=r"not the state of its training .* nothing to resume") as caught:
        resume(tmp_path / "old.ckpt", TRAIN, VALID)
    assert "fastdnn.load_checkpoint" in caught.value.hint
    with pytest.raises(ModelFileError, match="no model file"):
        resume(tmp_path / "none.ckpt", TRAIN, VALID)


def test_the_network_of_a_checkpoint_is_that_of_its_epoch(tmp_path):
    class Keep(Callback):
        def on_train_begin(self, run):
            self.parameters = []

        def on_epoch_end(self, run):
            self.parameters.append(run.network.parameters.copy())

    keep = Keep()
    run(tmp_path, callbacks=[keep])
    for epoch in (1, EPOCHS):
        assert load_checkpoint(at(tmp_path, epoch))[0].parameters.tobytes() == keep.parameters[epoch - 1].tobytes()


def test_a_newer_or_damaged_run(tmp_path):
    run(tmp_path, epochs=2)
    document, tensors = read_tensors(at(tmp_path, 2))
    newer = document | {"run": document["run"] | {"version": run_checkpoints.VERSION + 1}}
    write_document(tmp_path / "newer.ckpt", newer, tensors)
    with pytest.raises(ModelFileError, match="holds a run of version 2; this fastdnn resumes versions up to 1"):
        resume(tmp_path / "newer.ckpt", TRAIN, VALID)
    for name in document["run"]:
        less = {key: value for key, value in document["run"].items() if key != name}
        write_document(tmp_path / "less.ckpt", document | {"run": less}, tensors)
        with pytest.raises(ModelFileError, match="is damaged"):
            resume(tmp_path / "less.ckpt", TRAIN, VALID)
    write_document(tmp_path / "less.ckpt", document, {k: v for k, v in tensors.items() if k != "running"})
    with pytest.raises(ModelFileError, match="is damaged"):
        resume(tmp_path / "less.ckpt", TRAIN, VALID)
