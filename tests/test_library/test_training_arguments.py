"""fastdnn/training.py: the arguments and examples that are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from blobs import blobs, network_for_blobs

from fastdnn.callbacks import Callback, TerminateOnNaN
from fastdnn.errors import DataError, ParameterError
from fastdnn.examples import Examples
from fastdnn.lbfgs import train_lbfgs
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.training import train


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
        ({"threads": 1.5}, "number of threads must lie between 1 and 256; got 1.5"),
        ({"dropout": None}, "dropout must be a number 0 or more and below 1, got None"),
        ({"optimizer": None}, "optimizer must be a name or an Optimizer, got None. Allowed: sgd, momentum"),
        (
            {"optimizer": Optimizer("sgd", 0.1), "learning_rate": 0.5},
            "learning_rate=0.5 beside an Optimizer, whose own is 0.1",
        ),
        ({"callbacks": TerminateOnNaN()}, "callbacks must be a sequence of callbacks, got TerminateOnNaN"),
        ({"callbacks": [TerminateOnNaN]}, "callbacks holds the class TerminateOnNaN"),
        ({"callbacks": [3]}, "callbacks holds 3, which has no on_train_begin, on_epoch_end, on_train_end"),
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


@pytest.mark.parametrize("begin", [train, train_lbfgs])
def test_arrays_in_the_place_of_examples(begin):
    X, y = np.eye(4), np.arange(4) % 2
    network = Network([4, 2])
    for given in ((X, y), (Examples(X, y), (X, y)), ((X, y),)):
        with pytest.raises(DataError, match=r"(examples|valid) must be Examples, got (ndarray|tuple)") as caught:
            begin(network, *given)
        assert caught.value.hint == "fastdnn.Examples(X, y)"


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, "0.1", None])
def test_a_callback_cannot_set_a_learning_rate_that_is_none(rate):
    class Sets(Callback):
        def on_epoch_end(self, run):
            run.learning_rate = rate

    with pytest.raises(ParameterError, match=r"run\.learning_rate must be a number 0 or more, got"):
        train(Network([4, 2]), Examples(np.eye(4), np.arange(4) % 2), epochs=2, callbacks=[Sets()])


def test_dropout_of_any_number_type():
    found = []
    for share in (0.25, np.float32(0.25), [0.0, 0.25], np.array([0.0, 0.25])):
        network = Network([4, 8, 2])
        train(network, Examples(np.eye(4), np.arange(4) % 2), epochs=2, dropout=share)
        found.append(network.parameters)
    for parameters in found[1:]:
        np.testing.assert_array_equal(parameters, found[0])
