"""fastdnn/callbacks.py on a run that is played: what stops it, what is kept, saved and slowed down."""

from __future__ import annotations

import math

import pytest
from played import FakeRun

import fastdnn
from fastdnn.callbacks import Callback, EarlyStopping, ReduceLROnPlateau, TerminateOnNaN, notify
from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.checkpoints import load_checkpoint
from fastdnn.errors import ModelFileError, ParameterError

# --- early stopping ---


def test_early_stopping_waits_and_restores_the_best_epoch():
    run = FakeRun().play(EarlyStopping(patience=3), valid_loss=[3.0, 1.0, 2.0, 1.0, 1.5, 0.1])
    assert run.reasons == ["no better valid_loss for 3 epochs"]
    assert run.epoch == 5
    assert run.history.best_epoch == 2
    assert (run.network.parameters == 2).all()


def test_early_stopping_on_a_score_goes_up_and_may_keep_the_last():
    stop = EarlyStopping("f1", patience=1, restore_best=False)
    assert stop.metrics == ("f1",)
    run = FakeRun().play(stop, valid_f1=[0.1, 0.5, 0.7, 0.7])
    assert run.reasons == ["no better valid_f1 for 1 epochs"]
    assert (run.network.parameters == 4).all()
    assert run.history.best_epoch == 4


def test_the_mode_can_be_turned_round():
    run = FakeRun().play(EarlyStopping("f1", patience=1, mode="min"), valid_f1=[0.7, 0.5, 0.6, 0.1])
    assert (run.epoch, run.history.best_epoch) == (3, 2)


def test_gains_below_min_delta_do_not_count_for_patience_but_are_restored():
    run = FakeRun().play(EarlyStopping(patience=2, min_delta=0.5), valid_loss=[3.0, 2.0, 1.9, 1.8, 0.0])
    assert run.epoch == 4
    assert run.history.best_epoch == 4


def test_undefined_scores_are_epochs_without_improvement():
    run = FakeRun().play(EarlyStopping("roc_auc", patience=2), valid_roc_auc=[0.5, None, math.nan, 0.9])
    assert (run.epoch, run.history.best_epoch) == (3, 1)


def test_a_callback_serves_a_second_run_as_if_it_were_the_first():
    stop = EarlyStopping(patience=1)
    for _ in range(2):
        run = FakeRun().play(stop, valid_loss=[1.0, 0.5, 0.5, 0.1])
        assert (run.epoch, run.history.best_epoch) == (3, 2)


def test_a_run_that_ends_for_another_reason_is_restored_too():
    run = FakeRun().play(EarlyStopping("loss"), loss=[1.0, 0.5, 0.7])
    assert run.reasons == []
    assert (run.network.parameters == 2).all()


def test_a_metric_that_the_run_does_not_compute_is_named():
    with pytest.raises(ParameterError, match="History has no 'valid_f1'"):
        FakeRun().play(EarlyStopping("f1"), loss=[1.0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EarlyStopping("f2"), "Unknown metric 'f2'"),
        (lambda: EarlyStopping(patience=0), "patience must be a whole number, 1 or more, got 0"),
        (lambda: EarlyStopping(min_delta=-1), "min_delta must be"),
        (lambda: EarlyStopping(mode="up"), "Unknown mode 'up'. Allowed: auto, min, max"),
        (lambda: ReduceLROnPlateau(factor=1), "factor must be a number above 0 and below 1, got 1"),
        (lambda: ReduceLROnPlateau(patience=1.5), "patience must be"),
        (lambda: ReduceLROnPlateau(min_learning_rate=math.nan), "min_learning_rate must be"),
        (lambda: Checkpoint("a", every=0), "every must be a whole number"),
        (lambda: Checkpoint("a", metric="acuracy"), "Did you mean 'accuracy'"),
    ],
)
def test_settings_out_of_range_are_refused_when_they_are_made(make, words):
    with pytest.raises(ParameterError, match=words):
        make()


# --- learning rate ---


def test_the_learning_rate_falls_on_each_plateau_and_not_below_its_least():
    callback, rates = ReduceLROnPlateau("accuracy", factor=0.5, patience=2, min_learning_rate=0.03), []

    class Watch(Callback):
        def on_epoch_end(self, run):
            rates.append(run.learning_rate)

    FakeRun().play(callback, Watch(), valid_accuracy=[0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6])
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03]


def test_a_rate_already_below_the_least_is_left_alone():
    run = FakeRun().play(ReduceLROnPlateau(patience=1, min_learning_rate=1.0), valid_loss=[1.0, 1.0, 1.0])
    assert run.learning_rate == 0.1


# --- not finite ---


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_terminate_on_nan(value):
    run = FakeRun().play(TerminateOnNaN(), loss=[1.0, 1.0, 1.0], valid_loss=[1.0, value, 1.0], valid_score=[None] * 3)
    assert run.reasons == [f"valid_loss is {value} at epoch 2"]


# --- checkpoints ---


def test_checkpoints_hold_the_parameters_and_the_history_of_their_epoch(tmp_path):
    run = FakeRun().play(Checkpoint(tmp_path / "{epoch}.ckpt", every=2), loss=[3.0, 2.0, 1.0, math.nan])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0002.ckpt", "0004.ckpt"]
    network, history = load_checkpoint(tmp_path / "0002.ckpt")
    assert (network.parameters == 2).all()
    assert (network.activations, network.loss, network.dtype) == (run.network.activations, run.network.loss, "float64")
    assert history["loss"] == [3.0, 2.0]
    assert load_checkpoint(tmp_path / "0004.ckpt")[1]["loss"] == [3.0, 2.0, 1.0, None]


def test_only_better_epochs_are_saved_and_take_the_place_of_the_last(tmp_path):
    place = tmp_path / "best.ckpt"
    for _ in range(2):  # a second run begins anew
        FakeRun().play(Checkpoint(place, best_only=True, metric="r2"), valid_r2=[0.1, 0.3, 0.2, 0.3])
        assert (load_checkpoint(place)[0].parameters == 2).all()
    assert [file.name for file in tmp_path.iterdir()] == ["best.ckpt"]


def test_a_callback_that_saves_all_asks_for_no_metric():
    assert Checkpoint("a").metrics == ()
    assert Checkpoint("a", best_only=True).metrics == ("valid_loss",)


def test_a_place_that_cannot_be_used_is_refused_before_the_first_epoch(tmp_path):
    (tmp_path / "notes.txt").write_text("my notes")
    for place, words in (("none/a.ckpt", "does not exist"), ("notes.txt", "is not a checkpoint"), (".", "folder")):
        run = FakeRun()
        with pytest.raises(ModelFileError, match=words):
            run.play(Checkpoint(tmp_path / place), loss=[1.0])
        assert run.epoch == 0
    assert (tmp_path / "notes.txt").read_text() == "my notes"


# --- calling ---


def test_callbacks_are_called_in_order_and_each_event_once():
    told = []

    class Tell(Callback):
        def __init__(self, name):
            self.name = name

        def on_train_begin(self, run):
            told.append((self.name, "begin", run.epoch))

        def on_epoch_end(self, run):
            told.append((self.name, "epoch", run.epoch))

        def on_train_end(self, run):
            told.append((self.name, "end", run.epoch))

    FakeRun().play(Tell("a"), Tell("b"), loss=[1.0, 0.5])
    events = [("begin", 0), ("epoch", 1), ("epoch", 2), ("end", 2)]
    assert told == [(name, *event) for event in events for name in "ab"]


class Breaks(Callback):
    def __init__(self, event, message="broken"):
        self.event, self.message, self.ended = event, message, False

    def on_train_begin(self, run):
        self._at("on_train_begin")

    def on_epoch_end(self, run):
        self._at("on_epoch_end")

    def on_train_end(self, run):
        self.ended = True
        self._at("on_train_end")

    def _at(self, event):
        if event == self.event:
            raise RuntimeError(self.message)


@pytest.mark.parametrize("event", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_what_a_callback_raises_names_it(event):
    with pytest.raises(RuntimeError, match="broken") as caught:
        FakeRun().play(Breaks(event), loss=[1.0])
    epoch = 0 if event == "on_train_begin" else 1
    assert caught.value.__notes__ == [f"Raised by the callback Breaks in {event}, epoch {epoch}."]


def test_at_the_end_all_are_called_and_the_first_failure_is_raised():
    callbacks = [Breaks("on_train_end", "first"), Breaks("on_train_end", "second"), Breaks("never")]
    with pytest.raises(RuntimeError, match="first"):
        notify(callbacks, "on_train_end", FakeRun())
    assert all(callback.ended for callback in callbacks)


def test_the_package_has_them():
    for name in ("Callback", "EarlyStopping", "Checkpoint", "ReduceLROnPlateau", "TerminateOnNaN", "load_checkpoint"):
        assert name in fastdnn.__all__
        assert getattr(fastdnn, name).__name__ == name
