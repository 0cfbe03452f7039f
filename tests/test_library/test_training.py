"""fastdnn/training.py: epochs against the oracle, early stopping, the ways a run ends, and what it takes as data."""

from __future__ import annotations

import itertools
import math
import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import reference
from callers import JIT

from fastdnn import engine
from fastdnn.errors import DataError, DivergenceError, ParameterError
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import LEARNING_RATES, train
from fastdnn.workers import available_cores

# Without the JIT it is NumPy that computes, and it warns of what these tests are about.
overflows = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
needs_two_cores = pytest.mark.skipif(available_cores() < 2, reason="this process may use one core only")


def blobs(m=90, n=4, classes=3, seed=0):
    """Points around a centre for each class, and their classes."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, classes, m)
    return rng.normal(size=(classes, n))[Y] * 2 + rng.normal(size=(m, n)), Y


def network_for_blobs(dtype="float64", **options):
    return Network([4, 8, 3], "tanh", dtype=dtype, **options)


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


# --- data ---


def trained(X, Y, dtype="float32", **options):
    network = Network([np.shape(X)[1], 6, 3], dtype=dtype)
    train(network, Examples(X, Y, **options), epochs=2, batch_size=16, threads=1)
    return network.parameters


def test_how_x_lies_in_memory_does_not_matter():
    X, Y = blobs()
    wanted = trained(X.astype(np.float32), Y)
    read_only = X.astype(np.float32)
    read_only.flags.writeable = False
    wide = np.zeros((90, 8), np.float32)
    wide[:, ::2] = X
    for other in (X, read_only, np.asfortranarray(X), wide[:, ::2]):
        before = other.copy()
        np.testing.assert_array_equal(trained(other, Y), wanted)
        np.testing.assert_array_equal(other, before)


def test_pixels_equal_the_matrix_they_stand_for(dtype):
    """Scale and shift are powers of two, so that the matrix is exact in both float types."""
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype(np.uint8)
    Y, name = np.arange(90) % 3, np.dtype(dtype).name
    matrix = (pixels / 256 - 0.5).astype(dtype)
    np.testing.assert_array_equal(trained(pixels, Y, name, scale=1 / 256, shift=-0.5), trained(matrix, Y, name))
    columns = 2.0 ** -np.arange(1, 21)
    matrix = (pixels * columns - columns).astype(dtype)
    np.testing.assert_array_equal(trained(pixels, Y, name, scale=columns, shift=-columns), trained(matrix, Y, name))


def test_rows_are_the_copied_subset(dtype):
    X, Y = blobs()
    rows, name = np.random.default_rng(3).permutation(90)[:50], np.dtype(dtype).name
    np.testing.assert_array_equal(trained(X, Y, name, rows=rows), trained(X[rows], Y[rows], name))


def test_valid_rows_are_the_copied_subset():
    X, Y = blobs()
    split = Examples(X, Y, rows=np.arange(60)), Examples(X, Y, rows=np.arange(60, 90))
    copied = Examples(X[:60], Y[:60]), Examples(X[60:], Y[60:])
    one, two = (train(network_for_blobs(), *pair, epochs=3, threads=1).epochs for pair in (split, copied))
    for a, b in zip(one, two, strict=True):
        assert (a["loss"], a["valid_loss"], a["valid_score"]) == (b["loss"], b["valid_loss"], b["valid_score"])


@pytest.mark.parametrize("m", [1, 2])
def test_the_fewest_examples(m, dtype):
    network = network_for_blobs(np.dtype(dtype).name)
    history = train(network, Examples(np.ones((m, 4)), np.zeros(m, int)), epochs=3, batch_size=64)
    assert history.batch_size == m
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]


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


# --- Ctrl-C ---


@pytest.mark.parametrize("stop_in", [1, 3])
def test_ctrl_c_between_epochs_keeps_the_epochs_before(stop_in):
    def progress(p):
        if p.epoch >= stop_in and p.rows_done == p.rows:
            signal.raise_signal(signal.SIGINT)

    network = network_for_blobs()
    history = train(network, Examples(*blobs()), epochs=100, batch_size=16, threads=1, progress=progress)
    assert history.stopped_by == "interrupt"
    assert stop_in - 1 <= history.best_epoch < 100
    again = network_for_blobs()
    if history.best_epoch:
        train(again, Examples(*blobs()), epochs=history.best_epoch, batch_size=16, threads=1)
    np.testing.assert_array_equal(network.parameters, again.parameters)


def test_ctrl_c_within_an_epoch_keeps_what_was_best_before_it():
    """Two epochs of a long run, the signal in the middle of the second: the parameters are those after the first."""
    rows = np.zeros(600_000 if JIT else 600, np.int64)
    X, Y = blobs()

    def progress(p):
        if p.epoch == 2 and 0 < p.rows_done < p.rows:
            signal.raise_signal(signal.SIGINT)

    networks = network_for_blobs("float32"), network_for_blobs("float32")
    options = {"batch_size": 1, "optimizer": "sgd", "learning_rate": 0.01, "threads": 1}
    history = train(networks[0], Examples(X, Y, rows=rows), epochs=3, progress=progress, **options)
    assert (history.stopped_by, history.best_epoch, len(history.epochs)) == ("interrupt", 1, 1)
    train(networks[1], Examples(X, Y, rows=rows), epochs=1, **options)
    np.testing.assert_array_equal(networks[0].parameters, networks[1].parameters)


def test_ctrl_c_while_validating_ends_the_run_in_order(monkeypatch):
    from fastdnn import trainer

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "evaluate_in", interrupted)
    network = network_for_blobs()
    history = train(network, Examples(*blobs()), Examples(*blobs()), epochs=5, threads=1)
    assert (history.stopped_by, history.best_epoch) == ("interrupt", 0)
    np.testing.assert_array_equal(network.parameters, network_for_blobs().parameters)


_ENDLESS = """
import numpy as np
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train

said = []
def progress(p):
    if not said:
        said.append(print("training", flush=True))

network = Network([4, 8, 3])
X = np.random.default_rng(0).normal(size=(30, 4))
rows = np.zeros(50_000_000, np.int64)
history = train(network, Examples(X, np.arange(30) % 3, rows=rows), epochs=1000, batch_size=2, progress=progress)
print(history.stopped_by, np.isfinite(network.parameters).all(), flush=True)
"""


@pytest.mark.skipif(not JIT or os.name == "nt", reason="needs POSIX signals and a quick step")
def test_a_signal_from_outside_ends_a_long_epoch():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _ENDLESS]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline().strip() == "training", child.stderr.read()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (out.strip(), err) == ("interrupt True", "")
    assert child.returncode == 0


# --- divergence ---


def line(m=40):
    x = np.linspace(-1, 1, m)[:, None]
    return Examples(np.hstack([x, x**2, x**3, np.ones_like(x)]), 3 * x)


@overflows
def test_divergence_at_once_leaves_the_first_parameters():
    network = Network([4, 16, 1], loss="squared_error", dtype="float32")
    before = network.parameters.copy()
    with pytest.raises(DivergenceError, match=r"diverged at epoch 1, batch [2-5]: the cost is not finite") as caught:
        train(network, line(), epochs=9, batch_size=8, optimizer="sgd", learning_rate=1e30, threads=1)
    error = caught.value
    assert error.epoch == 1
    assert 2 <= error.batch <= 5
    assert math.isfinite(error.last_finite)
    assert f"batch {error.batch}" in str(error)
    assert "learning rate" in error.hint
    assert "1e+30" in error.hint
    np.testing.assert_array_equal(network.parameters, before)


@overflows
def test_divergence_later_keeps_the_epoch_before():
    """A step size just beyond what is stable: the cost grows for some epochs before it overflows."""
    options = {"batch_size": 8, "optimizer": "sgd", "learning_rate": 1e5, "threads": 1}
    network = Network([4, 1], loss="squared_error", dtype="float64")
    with pytest.raises(DivergenceError) as caught:
        train(network, line(), epochs=1000, **options)
    error = caught.value
    assert error.epoch > 2
    assert error.last_finite > 1e100
    kept = []
    for epochs in range(1, error.epoch):
        again = Network([4, 1], loss="squared_error", dtype="float64")
        train(again, line(), epochs=epochs, **options)
        kept.append(np.array_equal(network.parameters, again.parameters))
    assert sum(kept) == 1
    assert np.isfinite(network.parameters).all()


@overflows
def test_divergence_in_the_first_batch_has_no_finite_cost():
    network = Network([4, 1], loss="squared_error", dtype="float32")
    network.weights[0][:] = 1e30
    with pytest.raises(DivergenceError) as caught:
        train(network, line(), epochs=2, threads=1)
    assert (caught.value.epoch, caught.value.batch, caught.value.last_finite) == (1, 1, None)
    assert "last finite" not in str(caught.value)


# --- arguments ---


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"optimizer": "adamm"}, "Unknown optimizer 'adamm'. Did you mean 'adam'. Allowed: sgd, momentum"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0, got 0.0"),
        ({"learning_rate": -1.0}, "learning_rate must be a number above 0, got -1.0"),
        ({"learning_rate": math.nan}, "learning_rate must be a number above 0, got nan"),
        ({"learning_rate": math.inf}, "learning_rate must be a number above 0, got inf"),
        ({"l2": -0.1}, "l2 must be a number 0 or more, got -0.1"),
        ({"l2": math.nan}, "l2 must be a number 0 or more, got nan"),
        ({"epochs": 0}, "epochs must be a whole number, 1 or more, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, 1 or more, got 1.5"),
        ({"batch_size": 0}, "batch_size must be a whole number, 1 or more, got 0"),
        ({"batch_size": -5}, "batch_size must be a whole number, 1 or more, got -5"),
        ({"patience": 0}, "patience must be a whole number, 1 or more, got 0"),
        ({"threads": 0}, "number of threads must lie between 1 and"),
        ({"threads": 100_000}, "got 100000"),
    ],
)
def test_parameter_errors(options, sentence):
    network = network_for_blobs()
    before = network.parameters.copy()
    with pytest.raises(ParameterError, match=sentence):
        train(network, Examples(*blobs()), **options)
    np.testing.assert_array_equal(network.parameters, before)


@pytest.mark.parametrize("seed", [0, 2**31, 2**40, 2**62, np.int64(5)])
def test_any_seed_of_63_bits(seed):
    history = train(network_for_blobs(), Examples(*blobs()), epochs=1, seed=seed, threads=1)
    assert history.seed == seed


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, True, None, "7"])
def test_other_seeds_are_refused(seed):
    with pytest.raises(ParameterError, match=r"whole number from 0 to 2\^63 - 1"):
        train(network_for_blobs(), Examples(*blobs()), epochs=1, seed=seed, threads=1)
    with pytest.raises(ParameterError, match="The seed must be"):
        Network([4, 3], seed=seed)


@pytest.mark.parametrize("setting", [{"epochs": "9"}, {"batch_size": "8"}, {"learning_rate": "fast"}, {"l2": np.nan}])
def test_settings_that_are_no_numbers_are_refused(setting):
    with pytest.raises(ParameterError, match=next(iter(setting))):
        train(network_for_blobs(), Examples(*blobs()), threads=1, **setting)


def test_numbers_beyond_the_type_of_the_network_are_refused():
    X, Y = blobs()
    with pytest.raises(DataError, match=r"X holds .*e\+300, which is beyond float32"):
        train(network_for_blobs("float32"), Examples(X.astype(np.float64) * 1e300, Y), threads=1)


@pytest.mark.parametrize("which", ["examples", "valid"])
@pytest.mark.parametrize(
    ("X", "Y", "sentence"),
    [
        (np.ones((5, 3)), np.zeros(5, int), "X has 3 features, but the network reads 4"),
        (np.ones((5, 4)), None, "no targets Y"),
        (np.ones((5, 4)), np.full(5, 3), "Class numbers must lie in 0 to 2, got 3 to 3"),
        (np.ones((5, 4)), np.zeros(5), "Categorical cross-entropy takes Y as a vector of class numbers 0 to 2"),
    ],
)
def test_data_errors(which, X, Y, sentence):
    good, bad = Examples(*blobs()), Examples(X, Y)
    arguments = (bad,) if which == "examples" else (good, bad)
    with pytest.raises(DataError, match=sentence):
        train(network_for_blobs(), *arguments, epochs=1, threads=1)


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
