"""fastdnn/resuming.py: a run that was cut short ends with the bits of one that was not."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from resumable import EPOCHS, TRAIN, VALID, at, new_network, run, same, weighted

from fastdnn import custom_losses
from fastdnn.callbacks import Callback
from fastdnn.checkpoint_callback import Checkpoint
from fastdnn.checkpoints import load_checkpoint
from fastdnn.errors import DataError, ModelFileError, ParameterError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.persistence import read_tensors, write_document
from fastdnn.resuming import resume
from fastdnn.schedules import Plateau, WarmUp, make_schedule
from fastdnn.training import train
from fastdnn.vocabulary import OPTIMIZERS, SCHEDULES


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
