"""fastdnn/training.py: epochs against the oracle, early stopping, history and progress, and what the engine promises."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import reference
from blobs import blobs, network_for_blobs
from callers import JIT

from fastdnn import engine
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import LEARNING_RATES, train
from fastdnn.workers import available_cores

needs_two_cores = pytest.mark.skipif(available_cores() < 2, reason="this process may use one core only")


# --- against the oracle ---


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    ("epochs", "batch_size", "l2"), [(1, 90, 0.0), (1, 32, 0.7), (4, 32, 0.0), (3, 7, 0.7), (2, 1000, 0.5)]
)
def test_epochs_equal_oracle(optimizer, epochs, batch_size, l2):
    X, Y = blobs()
    network = network_for_blobs()
    first = network.weights[0].copy(), network.weights[1].copy(), network.biases[0].copy(), network.biases[1].copy()
    history = train(
        network, Examples(X, Y), epochs=epochs, batch_size=batch_size, optimizer=optimizer, l2=l2, seed=5, threads=1
    )
    orders = [reference.permutation(range(90), 5, epoch) for epoch in range(1, epochs + 1)]
    weights, biases, means = reference.train(
        first[:2], first[2:], network.activations, network.loss, X.T, reference.one_hot(Y, 3), orders, batch_size,
        optimizer, LEARNING_RATES[optimizer], l2,
    )  # fmt: skip
    for ours, wanted in zip([*network.weights, *network.biases], [*weights, *biases], strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose([e["loss"] for e in history.epochs], means, rtol=1e-12)


def test_without_shuffling_examples_come_in_their_order():
    X, Y = blobs()
    network = network_for_blobs()
    parameters = [network.weights, network.biases]
    weights, biases, _ = reference.train(
        *parameters,
        network.activations,
        network.loss,
        X.T,
        reference.one_hot(Y, 3),
        [np.arange(90)] * 2,
        16,
        "sgd",
        0.1,
    )
    train(network, Examples(X, Y), epochs=2, batch_size=16, optimizer="sgd", shuffle=False, threads=1)
    for ours, wanted in zip([*network.weights, *network.biases], [*weights, *biases], strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-11, atol=1e-12)


def test_bits_follow_from_the_seeds(dtype):
    def parameters(network_seed, seed):
        network = network_for_blobs(np.dtype(dtype).name, seed=network_seed)
        train(network, Examples(*blobs()), epochs=2, batch_size=16, seed=seed, threads=1)
        return network.parameters.tobytes()

    assert parameters(1, 1) == parameters(1, 1)
    assert len({parameters(*seeds) for seeds in [(1, 1), (1, 2), (2, 1)]}) == 3


@needs_two_cores
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_threads_give_the_same_bits(optimizer, dtype):
    if not JIT:
        pytest.skip("without the JIT NumPy orders its sums by shape")
    valid, results = Examples(*blobs(2500, seed=1)), []
    for threads in (1, 2, None):
        network = network_for_blobs(np.dtype(dtype).name)
        history = train(
            network, Examples(*blobs(3000)), valid, epochs=4, batch_size=100, optimizer=optimizer, threads=threads
        )
        losses = [(e["loss"], e["valid_loss"], e["valid_score"]) for e in history.epochs]
        results.append((network.parameters.tobytes(), losses, network.predict(valid).tobytes()))
        assert 1 <= history.threads <= (threads or available_cores())  # the number that was fastest
    assert results[0] == results[1] == results[2]


# --- early stopping ---


def contrary():
    """A validation part whose classes are wrong: the better the fit, the greater its loss."""
    X, Y = blobs()
    return Examples(X, Y), Examples(X, (Y + 1) % 3)


def test_without_validation_the_last_epoch_is_kept():
    history = train(network_for_blobs(), Examples(*blobs()), epochs=5, patience=1, threads=1)
    assert (history.best_epoch, history.stopped_by, len(history.epochs)) == (5, "epochs", 5)
    assert history.epochs[0]["valid_loss"] is None
    assert history.epochs[0]["valid_score"] is None


@pytest.mark.parametrize("patience", [1, 3])
def test_patience(patience):
    network = network_for_blobs()
    history = train(network, *contrary(), epochs=50, patience=patience, learning_rate=0.05, threads=1)
    losses = [e["valid_loss"] for e in history.epochs]
    assert history.stopped_by == "patience"
    assert history.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) == history.best_epoch + patience


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_best_epoch_is_kept_bit_for_bit(optimizer):
    """As trained for so many epochs and no more; a noisy step size makes an epoch in the middle the best."""
    X, Y = blobs(60, seed=2)
    valid = Examples(*blobs(200, seed=2))
    options = {"batch_size": 8, "optimizer": optimizer, "learning_rate": 0.3, "threads": 1}
    network = network_for_blobs("float32")
    history = train(network, Examples(X, Y), valid, epochs=12, patience=12, **options)
    assert 1 <= history.best_epoch < 12
    losses = [e["valid_loss"] for e in history.epochs]
    assert history.best_epoch == 1 + int(np.argmin(losses))
    again = network_for_blobs("float32")
    train(again, Examples(X, Y), epochs=history.best_epoch, **options)
    np.testing.assert_array_equal(network.parameters, again.parameters)
    assert network.cost(valid) == pytest.approx(min(losses), rel=1e-6)


def test_valid_loss_and_accuracy_are_those_of_the_epoch():
    X, Y = blobs()
    valid = Examples(*blobs(50, seed=1))
    network = network_for_blobs()
    history = train(network, Examples(X, Y), valid, epochs=1, threads=1)
    assert history.epochs[0]["valid_loss"] == pytest.approx(network.cost(valid), rel=1e-12)
    right = network.predict(valid).argmax(axis=1) == valid.Y
    assert history.epochs[0]["valid_score"] == pytest.approx(right.mean())


def test_score_of_two_classes_and_of_regression():
    X, Y = blobs(classes=2)
    network = Network([4, 5, 1], dtype="float64")
    row = train(network, Examples(X, Y), Examples(X, Y), epochs=1, threads=1).epochs[0]
    assert row["valid_score"] == pytest.approx(np.mean((network.predict(X)[:, 0] > 0.5) == Y))
    network, target = Network([4, 5, 1], loss="squared_error", dtype="float64"), X @ [1.0, 2.0, 3.0, 4.0]
    row = train(network, Examples(X, target), Examples(X, target), epochs=1, threads=1).epochs[0]
    AL = network.predict(X)[:, 0]
    r2 = 1 - np.sum((AL - target) ** 2) / np.sum((target - target.mean()) ** 2)
    assert row["valid_score"] == pytest.approx(r2, rel=1e-10)
    constant = Examples(X, np.ones(90))
    assert train(network, Examples(X, target), constant, epochs=1, threads=1).epochs[0]["valid_score"] is None


# --- history and progress ---


def test_history_says_what_was_used():
    history = train(
        network_for_blobs(), Examples(*blobs()), epochs=2, batch_size=1000, optimizer="sgd", l2=0.5, seed=9, threads=1
    )
    used = history.batch_size, history.optimizer, history.learning_rate, history.l2, history.seed, history.threads
    assert used == (90, "sgd", 0.1, 0.5, 9, 1)
    names = {"epoch", "loss", "valid_loss", "valid_score", "learning_rate", "seconds", "samples_per_s"}
    assert [set(e) for e in history.epochs] == [names] * 2
    assert [e["epoch"] for e in history.epochs] == [1, 2]
    assert history.seconds >= sum(e["seconds"] for e in history.epochs) > 0
    assert history.samples_per_s > 0


def test_progress_at_least_at_the_end_of_each_epoch():
    seen = []
    X, Y = blobs()
    train(network_for_blobs(), Examples(X, Y), Examples(X, Y), epochs=3, batch_size=8, threads=1, progress=seen.append)
    ends = [p for p in seen if p.rows_done == 90]
    assert {p.epoch for p in ends} == {1, 2, 3}
    last = seen[-1]
    assert (last.epoch, last.epochs, last.rows_done, last.rows) == (3, 3, 90, 90)
    assert last.seconds_left == pytest.approx(0, abs=1e-9)
    assert last.valid_loss is not None
    assert 0 < last.loss < 10
    assert last.best_epoch in (1, 2, 3)
    assert all(a.seconds <= b.seconds and a.epoch <= b.epoch for a, b in itertools.pairwise(seen))


def test_progress_within_an_epoch():
    """An epoch of many steps is reported on while it runs, with part of its rows done."""
    rows = np.zeros(600_000 if JIT else 600, np.int64)
    X, Y = blobs()
    seen = []
    train(network_for_blobs("float32"), Examples(X, Y, rows=rows), epochs=1, batch_size=1, progress=seen.append)
    within = [p for p in seen if 0 < p.rows_done < rows.size]
    assert within
    assert all(0 < p.loss < 10 and p.samples_per_s > 0 and p.seconds_left > 0 for p in within)
    done = [p.rows_done for p in seen]
    assert done == sorted(done)


def test_an_error_of_progress_surfaces_and_keeps_the_best():
    network, before = network_for_blobs(), network_for_blobs().parameters

    def progress(p):
        if p.epoch >= 2:
            raise RuntimeError("shown to nobody")

    with pytest.raises(RuntimeError, match="shown to nobody"):
        train(network, Examples(*blobs()), epochs=3, threads=1, progress=progress)
    assert np.any(network.parameters != before)


# --- what DESIGN.md promises of the engine ---


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=needs_two_cores)])
def test_python_meets_compiled_code_once_an_epoch_and_worker_at_most(threads, monkeypatch):
    from fastdnn import run, trainer
    from fastdnn.pace import Pace

    class Steady(Pace):
        def plan(self, steps):
            return threads, steps

        def record(self, threads, steps, seconds):
            pass

    monkeypatch.setattr(trainer, "Pace", Steady)
    made, original = [], engine.run_steps

    def counted(*arguments):
        made.append(None)
        return original(*arguments)

    monkeypatch.setattr(engine, "run_steps", counted)

    def calls(epochs):
        made.clear()
        train(network_for_blobs("float32"), Examples(*blobs()), epochs=epochs, batch_size=2, threads=threads)
        return len(made)

    assert calls(7) <= 7 * threads + 1  # and once before the first epoch
    monkeypatch.setattr(run, "_TOO_QUICK_TO_WATCH", 1e9)
    assert calls(500) == 2 * threads + 1  # short epochs share a call


@pytest.mark.skipif(not JIT, reason="without the JIT everything is Python's")
def test_nothing_that_grows_with_the_data_is_allocated_between_epochs():
    """With a validation part, its predictions and losses alone: 2000 x 3 and 2000 float64."""
    X, Y = blobs(5000)
    train_part, valid = Examples(X, Y, rows=np.arange(3000)), Examples(X, Y, rows=np.arange(3000, 5000))
    for parts, allowed in (((train_part,), 30_000), ((train_part, valid), 30_000 + 5 * 2000 * 4 * 8)):
        peaks = []

        def progress(p, peaks=peaks):
            if p.rows_done == p.rows:
                now, peak = tracemalloc.get_traced_memory()
                peaks.append(peak - now)
                tracemalloc.reset_peak()

        network = Network([4, 300, 3], dtype="float64")
        tracemalloc.start()
        try:
            train(network, *parts, epochs=5, batch_size=500, threads=1, progress=progress)
        finally:
            tracemalloc.stop()
        assert max(peaks[2:]) < allowed, peaks
