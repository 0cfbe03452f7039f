"""fastdnn/training.py with schedules, metrics and callbacks: what real training does with them, and how it ends."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from callers import JIT

from fastdnn import metrics
from fastdnn.callbacks import Callback, EarlyStopping, ReduceLROnPlateau, TerminateOnNaN
from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.checkpoints import load_checkpoint
from fastdnn.errors import DivergenceError, ParameterError
from fastdnn.examples import Examples
from fastdnn.loggers import CSVLogger
from fastdnn.network import Network
from fastdnn.schedules import Cosine, Plateau, Schedule, make_schedule
from fastdnn.training import train

overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")


def blobs(m=90, seed=0):
    """Points around one of three centres, and which."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 3, m)
    return Examples(np.random.default_rng(0).normal(size=(3, 4))[Y] + rng.normal(size=(m, 4)), Y)


TRAIN, VALID = blobs(), blobs(60, seed=1)


def new_network(**options):
    return Network([4, 8, 3], "tanh", dtype="float64", **options)


def run(valid=VALID, network=None, **options):
    """A quick run: the network and the history."""
    network = network or new_network()
    settings = {"epochs": 6, "batch_size": 32, "optimizer": "sgd", "learning_rate": 0.5, "threads": 1}
    return network, train(network, TRAIN, valid, **(settings | options))


class Keep(Callback):
    """Remembers the parameters of every epoch."""

    def __init__(self):
        self.parameters, self.ended = [], False

    def on_epoch_end(self, run):
        self.parameters.append(run.network.parameters.copy())

    def on_train_end(self, run):
        self.ended = True


# --- schedules ---


@pytest.mark.parametrize("callbacks", [(), (Keep,)])
@pytest.mark.parametrize(
    "name", ["constant", "step", "exponential", "inverse_scaling", "cosine", "one_cycle", "coslog4"]
)
def test_history_has_the_rate_of_each_epochs_last_step(name, callbacks):
    """3 steps an epoch; t and epoch are those at the begin of the step. With callbacks, epochs are run one by one."""
    schedule = make_schedule(name, warm_up=2)
    _, history = run(None, schedule=schedule, callbacks=[make() for make in callbacks], patience=None)
    last = np.arange(2, 18, 3)
    # t is step / 3 / 6 in the run; near the valleys a rounding of t is much of the factor
    wanted = 0.5 * schedule.factors(last / 18, last / 3)
    np.testing.assert_allclose(history["learning_rate"], wanted, rtol=1e-12, atol=1e-15)
    assert history.schedule == repr(schedule)


def test_every_step_has_its_own_rate():
    """One step of 90 rows an epoch is one gradient: theta_3 - theta_0 is the sum of rate x gradient by Network.gradients."""

    class Given(Schedule):
        def factors(self, t, epoch):
            return np.array([0.25, 1.0, 0.5])[np.asarray(epoch, int)]

    by_hand = new_network()
    for factor in (0.25, 1.0, 0.5):
        dW, db = by_hand.gradients(TRAIN)
        for theta, gradient in zip([*by_hand.weights, *by_hand.biases], [*dW, *db], strict=True):
            theta -= 0.5 * factor * gradient
    network, _ = run(None, epochs=3, batch_size=90, schedule=Given())
    np.testing.assert_allclose(network.parameters, by_hand.parameters, rtol=1e-10, atol=1e-12)


def test_a_constant_schedule_changes_no_bit():
    plain, given = run()[0], run(schedule=make_schedule("constant"))[0]
    assert plain.parameters.tobytes() == given.parameters.tobytes()


@pytest.mark.parametrize(("valid", "column"), [(VALID, "valid_loss"), (None, "loss")])
def test_plateau_listens_to_what_the_run_watches(valid, column):
    """min_delta is larger than any gain, so every second epoch cuts; also where epochs are quick and there is no callback."""
    schedule = Plateau(factor=0.5, patience=2, min_delta=100.0)
    for _ in range(2):  # a second run begins anew
        _, history = run(valid, schedule=schedule, epochs=7)
        assert history["learning_rate"] == [0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    assert column in history.columns


@pytest.mark.skipif(not JIT, reason="without the JIT one step takes a good part of the limit")
def test_a_time_limit_ends_the_run_in_the_valley():
    _, history = run(time_limit=0.5, epochs=None, patience=None, schedule="cosine")
    assert history.stopped_by == "time limit"
    assert history["learning_rate"][0] > 0.45
    assert history["learning_rate"][-1] < 0.1
    assert history.seconds >= 0.5


def test_schedules_that_are_refused():
    with pytest.raises(ParameterError, match="Did you mean 'cosine'"):
        run(schedule="cosin")
    with pytest.raises(ParameterError, match="schedule must be a name or a Schedule, got None"):
        run(schedule=None)


# --- metrics ---


def test_metrics_of_the_run_and_its_callbacks_are_in_every_epoch():
    keep = Keep()
    _, history = run(metric="f1", callbacks=[EarlyStopping("roc_auc", restore_best=False), keep])
    assert history.columns == [
        "epoch", "loss", "valid_loss", "valid_score", "valid_f1", "valid_roc_auc", "learning_rate", "seconds", "samples_per_s",
    ]  # fmt: skip
    for row, parameters in zip(history.epochs, keep.parameters, strict=True):
        network = new_network()
        network.parameters[:] = parameters
        AL = network.predict(VALID.X)
        assert row["valid_f1"] == pytest.approx(metrics.f1(VALID.Y, AL), rel=1e-12)
        assert row["valid_roc_auc"] == pytest.approx(metrics.roc_auc(VALID.Y, AL), rel=1e-12)
        assert row["valid_score"] == metrics.accuracy(VALID.Y, AL)


@pytest.mark.parametrize("metric", [None, "accuracy", "log_loss", "loss"])
def test_the_best_epoch_by_the_metric_is_kept(metric):
    keep = Keep()
    network, history = run(metric=metric, epochs=15, learning_rate=3.0, patience=None, callbacks=[keep])
    values = history[history.metric]
    best = max(values) if metric == "accuracy" else min(values)
    assert history.best_epoch == values.index(best) + 1
    assert network.parameters.tobytes() == keep.parameters[history.best_epoch - 1].tobytes()
    assert history.metric == {None: "valid_loss", "loss": "loss"}.get(metric, f"valid_{metric}")


def test_the_training_loss_can_be_watched_without_a_validation_part():
    _, history = run(None, metric="loss", epochs=500, min_delta=0.01, patience=2)
    losses = history["loss"]
    assert history.stopped_by == "patience"
    assert min(losses) == losses[history.best_epoch - 1]
    reference, waited = math.inf, 0
    for loss in losses:
        reference, waited = (loss, 0) if loss < reference - 0.01 else (reference, waited + 1)
    assert waited == 2


def test_without_a_validation_part_the_last_epoch_is_kept():
    network, history = run(None)
    assert (history.best_epoch, history.metric) == (6, None)
    assert network.cost(TRAIN) < history["loss"][-1]


@pytest.mark.parametrize(("valid", "metric"), [(None, "f1"), (VALID, "r2"), (VALID, "f2")])
def test_metrics_that_are_refused_leave_the_network_alone(valid, metric):
    network = new_network()
    before = network.parameters.copy()
    for options in (
        {"metric": metric},
        {"callbacks": [EarlyStopping(metric)]} if metric != "f2" else {"metric": metric},
    ):
        with pytest.raises(ParameterError, match=f"etric '{metric}'"):
            run(valid, network, **options)
    np.testing.assert_array_equal(network.parameters, before)


# --- callbacks ---


def test_early_stopping_ends_the_run_with_its_own_best_epoch():
    keep = Keep()
    stop = EarlyStopping("accuracy", patience=3)
    network, history = run(epochs=500, patience=None, callbacks=[stop, keep])
    accuracy = history["valid_accuracy"]
    assert history.stopped_by == "no better valid_accuracy for 3 epochs"
    assert history.best_epoch == accuracy.index(max(accuracy)) + 1 == len(accuracy) - 3
    assert network.parameters.tobytes() == keep.parameters[history.best_epoch - 1].tobytes()


def test_the_learning_rate_may_be_set_and_the_schedule_stays_on_top():
    callback = ReduceLROnPlateau(factor=0.5, patience=1, min_delta=100.0)
    _, history = run(epochs=4, schedule=Cosine(), patience=None, callbacks=[callback])
    factors = Cosine().factors(np.arange(2, 12, 3) / 12, np.zeros(4))
    np.testing.assert_allclose(history["learning_rate"], 0.5 * factors * [1, 1, 0.5, 0.25], rtol=1e-12)


def test_checkpoints_are_the_networks_of_their_epochs(tmp_path):
    keep = Keep()
    _, history = run(callbacks=[Checkpoint(tmp_path / "{epoch}.ckpt", every=3), keep])
    for epoch in (3, 6):
        network, so_far = load_checkpoint(tmp_path / f"{epoch:04d}.ckpt")
        assert network.parameters.tobytes() == keep.parameters[epoch - 1].tobytes()
        assert so_far.epochs == history.epochs[:epoch]


def test_callbacks_change_no_bit_of_the_training():
    plain, history = run(patience=None)
    watched, seen = run(patience=None, callbacks=[Keep(), TerminateOnNaN(), EarlyStopping(restore_best=False)])
    assert plain.parameters.tobytes() == watched.parameters.tobytes()
    assert history["loss"] == seen["loss"]


def test_stop_ends_after_the_epoch_and_says_why():
    class Third(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 3:
                assert run.epochs == 6
                run.stop("enough")

    _, history = run(callbacks=[Third()], patience=3)
    assert (len(history.epochs), history.stopped_by) == (3, "enough")


class Breaks(Callback):
    def __init__(self, event, epoch=0):
        self.event, self.epoch = event, epoch

    def on_train_begin(self, run):
        self._at("on_train_begin", run)

    def on_epoch_end(self, run):
        self._at("on_epoch_end", run)

    def on_train_end(self, run):
        self._at("on_train_end", run)

    def _at(self, event, run):
        if event == self.event and run.epoch >= self.epoch:
            raise RuntimeError("broken")


def test_a_callback_that_raises_ends_the_run_and_the_best_epoch_is_kept(tmp_path):
    keep, network = Keep(), new_network()
    log = CSVLogger(tmp_path / "h.csv")
    with pytest.raises(RuntimeError, match="broken") as caught:
        run(network=network, learning_rate=3.0, callbacks=[log, keep, Breaks("on_epoch_end", 4)])
    assert caught.value.__notes__ == ["Raised by the callback Breaks in on_epoch_end, epoch 4."]
    with open(tmp_path / "h.csv") as file:
        losses = [float(row["valid_loss"]) for row in csv.DictReader(file)]
    assert len(losses) == len(keep.parameters) == 4
    assert network.parameters.tobytes() == keep.parameters[losses.index(min(losses))].tobytes()
    assert keep.ended


@pytest.mark.parametrize("event", ["on_train_begin", "on_train_end"])
def test_a_callback_that_raises_at_either_end(event):
    keep, network = Keep(), new_network()
    before = network.parameters.copy()
    with pytest.raises(RuntimeError, match="broken") as caught:
        run(network=network, callbacks=[Breaks(event), keep])
    assert event in caught.value.__notes__[0]
    assert keep.ended
    assert np.array_equal(network.parameters, before) == (event == "on_train_begin")
    assert np.isfinite(network.parameters).all()


@overflows
def test_a_run_that_diverges_closes_its_log_and_restores_the_best(tmp_path):
    class Explode(Callback):
        def on_epoch_end(self, run):
            if run.epoch == 2:
                run.learning_rate = 1e300

    keep, network = Keep(), new_network(seed=1)
    log = CSVLogger(tmp_path / "h.csv")
    with pytest.raises(DivergenceError):
        train(
            Network([4, 8, 3], "relu", loss="squared_error", dtype="float64"), Examples(TRAIN.X, np.eye(3)[TRAIN.Y]), epochs=50,
            batch_size=32, optimizer="sgd", learning_rate=0.01, threads=1, callbacks=[log, keep, Explode()],
        )  # fmt: skip
    assert keep.ended
    assert len((tmp_path / "h.csv").read_text().splitlines()) == 3
    assert np.isfinite(network.parameters).all()


@overflows
def test_terminate_on_nan_notices_the_validation_part():
    network = Network([1, 1], loss="squared_error", dtype="float64")
    far = Examples(np.full((4, 1), 1e200), np.zeros(4))
    near = Examples(np.linspace(-1, 1, 20)[:, None], np.linspace(-1, 1, 20))
    history = train(
        network, near, far, epochs=9, optimizer="sgd", threads=1, patience=None, callbacks=[TerminateOnNaN()]
    )
    assert history.stopped_by == "valid_loss is inf at epoch 1"


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_a_run_that_is_killed_leaves_every_finished_epoch_in_its_log(tmp_path):
    code = f"""
        import numpy as np
        from fastdnn import CSVLogger, Examples, Network, train
        X = np.random.default_rng(0).normal(size=(64, 4))
        train(Network([4, 8, 3]), Examples(X, np.arange(64) % 3), epochs=10**6, threads=1,
              callbacks=[CSVLogger({str(tmp_path / "h.csv")!r})])
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=os.environ)
    try:
        ends = time.monotonic() + 120
        while time.monotonic() < ends and not (tmp_path / "h.csv").exists():
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with open(tmp_path / "h.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(math.isfinite(float(row["loss"])) for row in rows[:-1])
