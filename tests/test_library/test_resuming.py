"""fastdnn/resuming.py: a run that was cut short ends with the bits of one that was not, and says what keeps it from going on."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from fastdnn import custom_losses, run_checkpoints
from fastdnn.callbacks import Callback, Checkpoint, EarlyStopping, ReduceLROnPlateau
from fastdnn.checkpoints import load_checkpoint, save_checkpoint
from fastdnn.errors import DataError, ModelFileError, ParameterError
from fastdnn.examples import Examples
from fastdnn.loggers import CSVLogger, JSONLLogger
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.persistence import read_tensors, write_document
from fastdnn.resuming import resume
from fastdnn.schedules import Plateau, Schedule, WarmUp, make_schedule
from fastdnn.training import train
from fastdnn.vocabulary import OPTIMIZERS, SCHEDULES

EPOCHS = 7
TIMES = ("seconds", "samples_per_s")


def blobs(m=90, seed=0, **more):
    """Points around one of three centres, and which."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 3, m)
    return Examples(np.random.default_rng(0).normal(size=(3, 5))[Y] + rng.normal(size=(m, 5)), Y, **more)


def new_network(dtype="float64", **options):
    return Network([5, 9, 7, 3], "sigmoid", dtype=dtype, **options)


def weighted(examples, seed):
    return Examples(examples.X, examples.Y, weights=np.random.default_rng(seed).uniform(0, 3, len(examples)))


TRAIN, VALID = blobs(), blobs(60, seed=1)


def without_times(history):
    facts = history.to_json()
    for name in (*TIMES, "threads"):
        facts.pop(name)
    facts["epochs"] = [{name: value for name, value in row.items() if name not in TIMES} for row in facts["epochs"]]
    return facts


def same(one, other):
    """Whether two (network, history) agree to the last bit, times left out; nan equals nan."""
    return one[0].parameters.tobytes() == other[0].parameters.tobytes() and repr(without_times(one[1])) == repr(
        without_times(other[1])
    )


def run(folder, train_part=TRAIN, valid=VALID, network=None, callbacks=(), **options):
    """A whole run with a checkpoint of every epoch in `folder`: the network and the history."""
    network = network or new_network()
    settings = {"epochs": EPOCHS, "batch_size": 32, "threads": 1, "seed": 3} | options
    callbacks = [Checkpoint(folder / "{epoch}.ckpt"), *callbacks]
    return network, train(network, train_part, valid, **settings, callbacks=callbacks)


def at(folder, epoch):
    return folder / f"{epoch:04d}.ckpt"


# --- the same bits ---


@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_from_every_epoch(tmp_path, epoch):
    whole = run(tmp_path)
    assert same(resume(at(tmp_path, epoch), TRAIN, VALID), whole)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(tmp_path, optimizer):
    whole = run(tmp_path, optimizer=Optimizer(optimizer, clip_norm=0.5), l2=0.3, l1=0.1, learning_rate=None)
    assert same(resume(at(tmp_path, 3), TRAIN, VALID), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_every_number_of_threads_and_all_settings_at_once(tmp_path, dtype, threads):
    train_part, valid = weighted(TRAIN, 5), weighted(VALID, 6)
    optimizer = Optimizer("adamw", 0.01, beta1=0.8, weight_decay=0.1, clip_norm=1.0, convention="scikit-learn")
    whole = run(
        tmp_path, train_part, valid, new_network(dtype, loss_options={"label_smoothing": 0.1}), optimizer=optimizer,
        schedule=make_schedule("cosine", warm_up=2), l2=0.5, l1=0.2, dropout=(0.1, 0.3, 0.2), metric="f1", patience=3,
        min_delta=0.01,
    )  # fmt: skip
    assert same(resume(at(tmp_path, 2), train_part, valid, threads=threads), whole)


@pytest.mark.parametrize("warm_up", [0.0, 4.0])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(tmp_path, schedule, warm_up):
    whole = run(tmp_path, schedule=make_schedule(schedule, warm_up=warm_up), optimizer="momentum")
    for epoch in (2, 5):
        assert same(resume(at(tmp_path, epoch), TRAIN, VALID), whole)


def test_plateau_goes_on_waiting(tmp_path):
    """The rate falls at epochs that only who has counted from the first can know."""
    schedule = WarmUp(Plateau(factor=0.5, patience=2, min_delta=0.05), epochs=1.5, start=0.2)
    whole = run(tmp_path, schedule=schedule, optimizer="sgd", learning_rate=0.5, epochs=12, patience=None)
    rates = whole[1]["learning_rate"]
    assert min(rates) < max(rates) / 3
    for epoch in range(1, 12):
        assert same(resume(at(tmp_path, epoch), TRAIN, VALID), whole)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_orders_and_batches(tmp_path, batch_size, shuffle):
    whole = run(tmp_path, batch_size=batch_size, shuffle=shuffle, dropout=0.2)
    assert same(resume(at(tmp_path, 3), TRAIN, VALID), whole)


def test_without_a_validation_part_the_last_epoch_is_kept(tmp_path):
    whole = run(tmp_path, valid=None)
    again = resume(at(tmp_path, 3), TRAIN)
    assert same(again, whole)
    assert again[1].best_epoch == EPOCHS


@pytest.mark.parametrize(
    ("loss", "options"),
    [("squared_error", {}), ("huber", {"delta": 0.3}), ("quantile", {"quantiles": [0.2, 0.5, 0.8]}), ("poisson", {})],
)
def test_quantities(tmp_path, loss, options):
    rng = np.random.default_rng(4)
    parts = [
        Examples(rng.normal(size=(m, 4)).astype(np.float32), rng.poisson(2.0, m).astype(np.float32)) for m in (70, 40)
    ]
    network = Network([4, 6, 3 if loss == "quantile" else 1], "gelu", loss=loss, loss_options=options)
    whole = run(tmp_path, *parts, network)
    assert same(resume(at(tmp_path, 4), *parts), whole)


def test_pixels(tmp_path):
    rng = np.random.default_rng(4)
    pixels = Examples(rng.integers(0, 256, (80, 5), np.uint8), rng.integers(0, 3, 80), scale=0.01, shift=-1.0)
    whole = run(tmp_path, pixels)
    assert same(resume(at(tmp_path, 4), pixels, VALID), whole)
    with pytest.raises(DataError, match="X differ"):
        resume(at(tmp_path, 4), Examples(pixels.X, pixels.Y, scale=0.01, shift=0.0), VALID)


def test_a_loss_of_ones_own(tmp_path, monkeypatch):
    """As every registered loss: known by its name, and named where it is not registered."""
    import numba

    monkeypatch.setattr(custom_losses.REGISTERED, "_pairs", {})
    custom_losses.register_loss(
        "half_quartic_resume", numba.njit(lambda a, y: 0.5 * (a - y) ** 4), numba.njit(lambda a, y: 2 * (a - y) ** 3)
    )
    rng = np.random.default_rng(4)
    parts = [Examples(rng.normal(size=(m, 4)), rng.normal(size=m)) for m in (70, 40)]
    whole = run(tmp_path, *parts, Network([4, 6, 1], "tanh", loss="half_quartic_resume", dtype="float64"))
    assert same(resume(at(tmp_path, 4), *parts), whole)
    custom_losses.REGISTERED._pairs.clear()
    with pytest.raises(ModelFileError, match="half_quartic_resume"):
        resume(at(tmp_path, 4), *parts)


def test_more_epochs_than_at_first(tmp_path):
    (tmp_path / "short").mkdir()
    whole = run(tmp_path)
    run(tmp_path / "short", epochs=3)
    assert same(resume(at(tmp_path / "short", 3), TRAIN, VALID, epochs=EPOCHS), whole)
    assert same(resume(at(tmp_path / "short", 2), TRAIN, VALID, epochs=EPOCHS), whole)
    with pytest.raises(ParameterError, match=r"has done 3 epochs, so it cannot end after 2") as caught:
        resume(at(tmp_path / "short", 3), TRAIN, VALID, epochs=2)
    assert "epochs=3 or more" in caught.value.hint


def test_the_end_by_patience_is_found_again(tmp_path):
    whole = run(tmp_path, optimizer="sgd", learning_rate=1e-9, min_delta=0.1, patience=3)
    assert whole[1].stopped_by == "patience"
    assert len(whole[1].epochs) == 4
    for epoch in (2, 4):
        assert same(resume(at(tmp_path, epoch), TRAIN, VALID), whole)


def test_rows_that_are_not_finite_come_back(tmp_path):
    """nan does not improve, inf does when it is the first: patience must see what it saw."""

    class Spoil(Callback):
        steers = False

        def on_epoch_end(self, run):
            run.history.epochs[-1] |= {"odd": [math.nan, math.inf, -math.inf, 0.1][run.epoch % 4]}

    whole = run(tmp_path, callbacks=[Spoil()])
    again = resume(at(tmp_path, 5), TRAIN, VALID, callbacks=[Spoil()])
    assert same(again, whole)
    assert repr(again[1]["odd"]) == "[inf, -inf, 0.1, nan, inf, -inf, 0.1]"


def test_it_can_be_cut_short_again_and_again(tmp_path):
    whole = run(tmp_path, dropout=0.3)
    place = tmp_path / "run.ckpt"
    place.write_bytes(at(tmp_path, 1).read_bytes())

    class Crash(Callback):
        steers = False

        def on_epoch_end(self, run):
            if run.epoch == self.when:
                raise RuntimeError("the power went")

    for when in (3, 4, 6):
        crash = Crash()
        crash.when = when
        with pytest.raises(RuntimeError, match="power"):
            resume(place, TRAIN, VALID, callbacks=[crash, Checkpoint(place)])
        assert len(load_checkpoint(place)[1].epochs) == when - 1
    assert same(resume(place, TRAIN, VALID, callbacks=[Checkpoint(place)]), whole)


def test_what_was_left_of_the_time_limit_is_gone_on_with(tmp_path):
    run(tmp_path, time_limit=0.3, epochs=None, patience=None, schedule="coslog4")
    history = load_checkpoint(at(tmp_path, 2))[1]
    network, again = resume(at(tmp_path, 2), TRAIN, VALID)
    assert again.stopped_by == "time limit"
    assert again.epochs[:2] == history.epochs
    assert 0.3 <= again.seconds < 30
    assert read_tensors(at(tmp_path, 2))[0]["run"]["seconds"] > 0
    assert network.predict(VALID).shape == (60, 3)
    # A run whose time is up has nothing left.
    document, tensors = read_tensors(at(tmp_path, 2))
    document["run"]["seconds"] = 0.3
    write_document(tmp_path / "late.ckpt", document, tensors)
    _, late = resume(tmp_path / "late.ckpt", TRAIN, VALID)
    assert (len(late.epochs), late.stopped_by) == (2, "time limit")


# --- callbacks ---


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


# --- what keeps it from going on ---


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


# --- a process that is killed ---

KILLED = """
    import os, signal, sys
    import numpy as np
    from fastdnn import Checkpoint, Examples, Network, train

    class Kill:
        steers = False
        def on_train_begin(self, run): pass
        def on_train_end(self, run): pass
        def on_epoch_end(self, run):
            if run.epoch == 5:
                os.kill(os.getpid(), getattr(signal, sys.argv[1]))

    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(300, 6)), rng.integers(0, 3, 300)
    train(
        Network([6, 10, 3], "relu"), Examples(X[:200], Y[:200]), Examples(X[200:], Y[200:]), epochs=9, batch_size=16,
        dropout=0.2, callbacks=[Checkpoint("run.ckpt", every=2), Kill()],
    )
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_process_that_is_killed(tmp_path, how):
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), how], cwd=tmp_path, env=os.environ, timeout=300
    )
    assert ended.returncode == (-signal.SIGKILL if how == "SIGKILL" else 0)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(300, 6)), rng.integers(0, 3, 300)
    parts = Examples(X[:200], Y[:200]), Examples(X[200:], Y[200:])
    network = Network([6, 10, 3], "relu")
    whole = network, train(network, *parts, epochs=9, batch_size=16, dropout=0.2)
    assert len(load_checkpoint(tmp_path / "run.ckpt")[1].epochs) == 4
    assert same(resume(tmp_path / "run.ckpt", *parts), whole)
