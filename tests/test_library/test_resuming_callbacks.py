"""fastdnn/resuming.py: callbacks and schedules go on where they were."""

from __future__ import annotations

import numpy as np
import pytest
from resumable import EPOCHS, TRAIN, VALID, at, run, same

from fastdnn.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.checkpoints import load_checkpoint
from fastdnn.errors import ParameterError
from fastdnn.loggers import CSVLogger, JSONLLogger
from fastdnn.resuming import resume
from fastdnn.schedules import Schedule


class Halve(Callback):
    """Steers by what it has counted."""

    def on_train_begin(self, run):
        self.worse = 0

    def on_epoch_end(self, run):
        losses = run.history["valid_loss"]
        self.worse += len(losses) > 1 and losses[-1] > min(losses[:-1]) - 0.02
        if self.worse == 2:
            self.worse = 0
            run.learning_rate /= 2


@pytest.mark.parametrize("epoch", [1, 4, 6, 9])
def test_callbacks_that_steer(tmp_path, epoch):
    def callbacks():
        return [
            ReduceLROnPlateau("f1", factor=0.3, patience=2, min_delta=0.01),
            EarlyStopping("accuracy", patience=6, min_delta=0.001),
            Halve(),
        ]

    whole = run(
        tmp_path,
        callbacks=callbacks(),
        optimizer="sgd",
        learning_rate=0.3,
        epochs=20,
        patience=None,
        schedule="exponential",
    )
    assert len(set(np.round(np.diff(np.log(whole[1]["learning_rate"])), 6))) > 1
    assert same(resume(at(tmp_path, epoch), TRAIN, VALID, callbacks=callbacks()), whole)


def test_a_callback_that_steered_is_asked_for(tmp_path):
    run(tmp_path, callbacks=[ReduceLROnPlateau(), EarlyStopping()])
    with pytest.raises(
        ParameterError, match=r"had the callbacks ReduceLROnPlateau, EarlyStopping; of these EarlyStopping is"
    ) as caught:
        resume(at(tmp_path, 2), TRAIN, VALID, callbacks=[ReduceLROnPlateau()])
    assert "callbacks=[ReduceLROnPlateau(...), EarlyStopping(...)]" in caught.value.hint
    with pytest.raises(ParameterError, match="not in this order"):
        resume(at(tmp_path, 2), TRAIN, VALID, callbacks=[EarlyStopping(), ReduceLROnPlateau()])


@pytest.mark.parametrize(("make", "name"), [(CSVLogger, "log.csv"), (JSONLLogger, "log.jsonl")])
def test_a_log_is_as_if_nothing_had_happened(tmp_path, make, name):
    whole = run(tmp_path, callbacks=[make(tmp_path / name)])
    lines = (tmp_path / name).read_text().splitlines()
    _, history = resume(at(tmp_path, 3), TRAIN, VALID, callbacks=[make(tmp_path / name)])
    again = (tmp_path / name).read_text().splitlines()
    assert len(again) == len(lines) >= EPOCHS
    assert again[: len(lines) - 4] == lines[: len(lines) - 4]
    assert history["loss"] == whole[1]["loss"]


def test_best_only_knows_the_best_before(tmp_path):
    place = tmp_path / "best.ckpt"
    whole = run(tmp_path, callbacks=[Checkpoint(place, best_only=True)], epochs=12, learning_rate=0.05, patience=None)
    wanted = load_checkpoint(place)
    place.unlink()
    resume(at(tmp_path, 2), TRAIN, VALID, callbacks=[Checkpoint(place, best_only=True)])
    assert load_checkpoint(place)[1].best_epoch == whole[1].best_epoch == wanted[1].best_epoch
    assert load_checkpoint(place)[0].parameters.tobytes() == wanted[0].parameters.tobytes()


def test_a_callbacks_state_with_arrays(tmp_path):
    class Sum(Callback):
        """Adds up what History does not tell."""

        def __init__(self):
            self.total, self.label = np.zeros(2), "none"

        def on_epoch_end(self, run):
            self.total += run.network.biases[0][:2, 0]
            self.label = f"after {run.epoch}"

        def state(self):
            return {"total": self.total, "label": self.label}

        def restore(self, state):
            self.total, self.label = state["total"].copy(), state["label"]

    one, other = Sum(), Sum()
    run(tmp_path, callbacks=[one])
    resume(at(tmp_path, 3), TRAIN, VALID, callbacks=[other])
    assert (one.total.tobytes(), one.label) == (other.total.tobytes(), other.label)


class Sawtooth(Schedule):
    """A schedule of one's own."""

    def factors(self, t, epoch):
        return 1.0 - 0.5 * (np.asarray(epoch, np.float64) % 2.0) / 2.0


def test_a_schedule_of_ones_own_is_given_again(tmp_path):
    whole = run(tmp_path, schedule=Sawtooth())
    assert same(resume(at(tmp_path, 3), TRAIN, VALID, schedule=Sawtooth()), whole)
    with pytest.raises(ParameterError, match="is a class of your own, which a checkpoint cannot hold"):
        resume(at(tmp_path, 3), TRAIN, VALID)
    (tmp_path / "cosine").mkdir()
    run(tmp_path / "cosine", schedule="cosine")
    with pytest.raises(ParameterError, match="has the schedule Cosine"):
        resume(at(tmp_path / "cosine", 3), TRAIN, VALID, schedule=Sawtooth())
