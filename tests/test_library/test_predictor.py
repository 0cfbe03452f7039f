"""fastdnn/predictor.py: what network.predict gives, from kept buffers, for every kind of input and any number of callers."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from callers import JIT, assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from strategies import jobs

from fastdnn import vocabulary
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.inference import evaluate
from fastdnn.network import Network
from fastdnn.predictor import Predictor
from fastdnn.workers import available_cores

needs_two_cores = pytest.mark.skipif(available_cores() < 2, reason="this process may use one core only")
PAIRS = [(loss, output) for loss, outputs in vocabulary.OUTPUTS.items() for output in outputs]


def by_the_engine(network, X):
    """What training's forward pass gives for the same rows."""
    return evaluate(network, Examples(X), 1, with_losses=False)[0]


def network_of(dtype, **options):
    return Network([5, 8, 3], dtype=np.dtype(dtype).name, seed=1, **options)


@pytest.mark.parametrize("activation", vocabulary.HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_every_activation_and_output_has_the_bits_of_the_engine(activation, loss, output, dtype, rng):
    for n_y in (1, 3, 40) if loss != "categorical_cross_entropy" else (2, 40):
        network = Network([5, 8, n_y], activation, output, loss, dtype=np.dtype(dtype).name, leaky_slope=0.3)
        predictor = network.predictor(rows=6)
        for m in (1, 2, 13):
            X = rng.normal(size=(m, 5)).astype(dtype)
            AL = predictor(X)
            assert AL.shape == (m, n_y)
            assert AL.dtype == dtype
            assert_same_bits(AL, by_the_engine(network, X))


@given(jobs(), st.integers(1, 50), st.integers(1, 2), st.sampled_from(["float32", "float64"]))
def test_any_network_has_the_bits_of_the_engine(job, rows, threads, dtype):
    network = Network(job.layer_dims, job.activation, job.output_activation, job.loss, dtype=dtype, seed=job.seed)
    X = job.inputs().astype(dtype)
    assert_same_bits(Predictor(network, threads, rows)(X), by_the_engine(network, X))


@pytest.mark.skipif(not JIT, reason="without the JIT NumPy orders its sums by shape")
@needs_two_cores
@pytest.mark.parametrize("rows", [1, 7, 120])
def test_threads_and_rows_at_a_time_give_the_same_bits(rows, dtype, rng):
    network = Network([50, 300, 200, 3], "tanh", dtype=np.dtype(dtype).name)
    X = rng.normal(size=(777, 50)).astype(dtype)
    expected = by_the_engine(network, X)
    predictor = Predictor(network, 2, rows)
    for m in (1, 77, 150, 777):
        np.testing.assert_array_equal(predictor(X[:m]), expected[:m])


def test_network_predict_is_a_predictor_s_answer(dtype, rng):
    network, X = network_of(dtype), rng.normal(size=(9, 5)).astype(dtype)
    assert_same_bits(network.predict(X), by_the_engine(network, X))


def as_given(X, kind):
    """The same rows as another kind of X."""
    read_only = X.copy()
    read_only.flags.writeable = False
    unaligned = np.zeros(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    unaligned[:] = X
    return {
        "list": X.tolist(),
        "float64": X.astype(np.float64),
        "float32": X.astype(np.float32),
        "Fortran": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "swapped": X.astype(X.dtype.newbyteorder()),
        "read-only": read_only,
        "unaligned": unaligned,
        "subclass": X.view(np.matrix),
        "Examples": Examples(X),
    }[kind]


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize(
    "kind",
    ["list", "float64", "float32", "Fortran", "strided", "swapped", "read-only", "unaligned", "subclass", "Examples"],
)
@pytest.mark.parametrize("m", [1, 7, 130])
def test_every_kind_of_matrix_is_read(kind, m, dtype, rng):
    X = rng.normal(size=(m, 5)).astype(np.float32).astype(dtype)
    predictor = network_of(dtype).predictor()
    given_X = as_given(X, kind)
    if kind == "subclass":
        assert type(predictor(given_X)) is np.ndarray
    assert_same_bits(predictor(given_X), predictor(X))


@pytest.mark.parametrize("kind", [bool, np.int8, np.int64, np.uint16, np.float16, np.longdouble, np.uint8])
@pytest.mark.parametrize("m", [2, 130])
def test_every_type_of_number_is_read_as_the_engine_reads_it(kind, m, dtype, rng):
    X = rng.integers(0, 100, (m, 5)).astype(kind)
    network = network_of(dtype)
    assert_same_bits(network.predictor()(X), by_the_engine(network, X))


def test_a_vector_is_one_row(dtype, rng):
    x = rng.normal(size=5).astype(dtype)
    predictor = network_of(dtype).predictor()
    for given_x in (x, x.tolist(), x.astype(np.float64)):
        assert_same_bits(predictor(given_x), predictor(x.reshape(1, 5)))


def test_rows_of_examples_are_answered_in_their_order(dtype, rng):
    X = rng.normal(size=(9, 5)).astype(dtype)
    predictor = network_of(dtype).predictor()
    assert_same_bits(predictor(Examples(X, rows=[7, 1, 7])), predictor(X)[[7, 1, 7]])


def test_pixels_are_scaled(dtype, rng):
    X = rng.integers(0, 256, (4, 5), dtype=np.uint8)
    predictor = network_of(dtype).predictor()
    np.testing.assert_allclose(predictor(X), predictor(X.astype(dtype) / 255), rtol=1e-5)
    np.testing.assert_allclose(
        predictor(Examples(X, scale=2.0, shift=1.0)), predictor(X.astype(dtype) * 2 + 1), rtol=1e-5
    )


@pytest.mark.parametrize("m", [1, 130])
@pytest.mark.parametrize("kind", ["float32", "float64", "list", "Examples"])
def test_out_is_filled_and_returned(kind, m, dtype, rng):
    X = rng.normal(size=(m, 5)).astype(dtype)
    predictor = network_of(dtype).predictor()
    out = np.full((m, 3), np.nan, dtype)
    given_X = as_given(X, kind)
    assert predictor(given_X, out=out) is out
    assert_same_bits(out, predictor(given_X))


@pytest.mark.parametrize("whole", [True, False], ids=["as it is", "converted"])
def test_out_that_does_not_fit_is_refused(whole, dtype):
    predictor = network_of(dtype).predictor()
    X = np.ones((4, 5), dtype if whole else np.int64)
    other = np.float64 if dtype == np.float32 else np.float32
    read_only = np.zeros((4, 3), dtype)
    read_only.flags.writeable = False
    for out in ([[0.0]], np.zeros((3, 3), dtype), np.zeros(12, dtype), np.zeros((4, 3), other), read_only):
        with pytest.raises(ParameterError, match=r"out must be .* of shape \(4, 3\), got"):
            predictor(X, out=out)
    with pytest.raises(ParameterError, match="not writeable or not C-contiguous"):
        predictor(X, out=np.zeros((3, 4), dtype).T)


def test_out_must_not_overlap_x(dtype):
    square = Network([3, 3], output_activation="softmax", dtype=np.dtype(dtype).name).predictor()
    X = np.ones((4, 3), dtype)
    with pytest.raises(ParameterError, match="shares memory with X"):
        square(X, out=X)
    np.testing.assert_array_equal(X, 1)


def message(call, *arguments):
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # NumPy's, without the JIT
@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        (np.ones((2, 4)), "X has 4 features, but the network reads 5"),
        (np.ones((1, 6)), "X has 6 features"),
        (np.ones((0, 5)), r"X must be a matrix"),
        (np.ones((1, 2, 5)), r"X must be a matrix"),
        (np.float64(3), r"X must be a matrix"),
        ([], r"X must be a matrix"),
        (np.array([["a"] * 5]), "X must hold numbers"),
        (np.array([[1, 2, np.nan, 4, 5]]), "X holds nan at row 0, column 2"),
        (np.array([[1.0] * 5, [1, 2, 4, 5, -np.inf]]), "X holds -inf at row 1, column 4"),
    ],
)
def test_errors_are_those_of_examples_and_the_network(X, sentence, dtype):
    network = network_of(dtype)
    predictor = network.predictor()
    calls = [X, X.astype(dtype)] if isinstance(X, np.ndarray) and X.dtype.kind == "f" else [X]
    for given_X in calls:
        assert sentence in message(predictor, given_X)
        assert sentence in message(network.predict, given_X, 2)
    assert predictor(np.ones((2, 5), dtype)).shape == (2, 3)  # and it still answers


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # NumPy's, without the JIT
def test_a_number_beyond_float32_is_refused():
    predictor = network_of(np.float32).predictor()
    for X in ([[1e300] * 5], np.full((200, 5), 1e300)):
        assert "beyond float32" in message(predictor, X)


def test_one_bad_row_among_many_is_found_by_every_thread_count(dtype, rng):
    X = rng.normal(size=(700, 50)).astype(dtype)
    X[500, 7] = np.nan
    network = Network([50, 300, 200, 3], dtype=np.dtype(dtype).name)
    for threads in (1, 2):
        with np.errstate(invalid="ignore"):
            assert "X holds nan at row 500, column 7" in message(Predictor(network, threads), X)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # NumPy's, without the JIT
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_an_overflow_inside_the_network_is_answered_as_by_the_engine():
    """Z[1] is infinite though X is not: no reason to refuse X."""
    W = [np.full((2, 2), 3e38), np.ones((1, 2))]
    network = Network.from_parameters(W, [np.zeros(2), np.zeros(1)], ["tanh", "identity"], "squared_error")
    X = np.array([[9.0, 9.0], [-9.0, -9.0], [0.0, 0.0]], np.float32)
    np.testing.assert_array_equal(network.predictor()(X), [[2], [-2], [0]])
    np.testing.assert_array_equal(by_the_engine(network, X), [[2], [-2], [0]])


@pytest.mark.parametrize(("option", "value"), [("threads", 0), ("threads", 1000), ("rows", 0), ("rows", -5)])
def test_options_out_of_range(option, value):
    with pytest.raises(ParameterError, match=str(value)):
        Predictor(Network([2, 2]), **{option: value})
    with pytest.raises(ParameterError, match=str(value)):
        Network([2, 2]).predictor(**{option: value})


def test_training_meanwhile_changes_no_answer_until_refresh(dtype, rng):
    network, X = network_of(dtype), rng.normal(size=(3, 5)).astype(dtype)
    predictor = network.predictor()
    before = predictor(X)
    network.parameters *= 2
    for kind in (X, X.tolist(), Examples(X)):
        assert_same_bits(predictor(kind), before)
    predictor.refresh()
    for kind in (X, X.tolist(), Examples(X)):
        assert_same_bits(predictor(kind), by_the_engine(network, X))
    assert not np.allclose(predictor(X), before)


@pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.deepcopy])
def test_a_pickled_predictor_keeps_the_parameters_it_had(copied, dtype, rng):
    network = Network([5, 8, 3], "leaky_relu", dtype=np.dtype(dtype).name, leaky_slope=0.3)
    predictor = Predictor(network, threads=2, rows=7)
    X = rng.normal(size=(9, 5)).astype(dtype)
    before = predictor(X)
    network.parameters *= 2
    again = copied(predictor)
    assert (again.threads, again.rows) == (2, 7)
    assert_same_bits(again(X), before)


def test_a_pickled_predictors_network_keeps_the_options_of_its_loss(rng):
    network = Network([5, 2], loss="quantile", loss_options={"quantiles": [0.1, 0.9]}, dtype="float64", seed=3)
    again = pickle.loads(pickle.dumps(network.predictor())).network
    examples = Examples(rng.normal(size=(9, 5)), rng.normal(size=(9, 2)))
    assert again.cost(examples) == network.cost(examples)


def test_threads_may_call_one_predictor_at_once(dtype, rng):
    network = Network([30, 64, 3], "tanh", dtype=np.dtype(dtype).name)
    predictor = network.predictor(rows=16)
    inputs = [rng.normal(size=(m, 30)).astype(dtype) for m in (1, 3, 16, 40)]
    inputs += [X.astype(np.int64) for X in inputs] + [Examples(X) for X in inputs]
    expected = [predictor(X) for X in inputs]
    wrong = []
    together = threading.Barrier(len(inputs))

    def work(i):
        together.wait()
        wrong.extend(i for _ in range(200 if JIT else 1) if not np.array_equal(predictor(inputs[i]), expected[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_calls_leave_no_memory_behind(rng):
    """Buffers come back, also after an error, so the store of them does not grow."""
    predictor = network_of(np.float32).predictor()
    X = rng.normal(size=(3, 5)).astype(np.float32)
    for _ in range(5):
        predictor(X)
        message(predictor, X[:, :4].copy())
    assert len(predictor._buffers) == 1


@pytest.mark.skipif(not JIT, reason="without the JIT nothing is compiled")
def test_a_second_process_compiles_nothing(tmp_path):
    code = (
        "import sys, numpy as np, fastdnn; p = fastdnn.Predictor(fastdnn.Network([int(sys.argv[1]), 3, 2], 'tanh'))\n"
        "n = int(sys.argv[1])\n"
        "for m in (1, 200): p(np.ones((m, n), np.float32)); p(np.ones((m, n))); p(np.ones((m, n), np.uint8))\n"
        "from fastdnn.kernels.predict import predict_rows as k\n"
        "print(sum(k.stats.cache_misses.values()), len(k.signatures))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

    def run(n):
        done = subprocess.run(
            [sys.executable, "-c", code, n], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    run("4")
    assert run("7") == ["0", "1"]
