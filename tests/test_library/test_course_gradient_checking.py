"""fastdnn.course.improving.gradient_checking. Published figures: test_golden.py."""

from __future__ import annotations

import numpy as np
import pytest
from course_parameters import random_parameters

from fastdnn.course import improving
from fastdnn.course.improving import gradient_checking
from fastdnn.errors import DataError, ParameterError


@pytest.fixture(params=[(3, 1), (4, 5, 3, 1), (5, 17, 2)], ids=str)
def network(request, rng):
    dims = request.param
    parameters = random_parameters(dims, rng)
    X, Y = rng.normal(size=(dims[0], 3)), rng.integers(0, 2, (dims[-1], 3))
    _, cache = improving.forward_propagation_n(X, Y, parameters)
    return parameters, improving.backward_propagation_n(X, Y, cache), X, Y


def test_right_gradients_pass(network):
    parameters, gradients, X, Y = network
    assert improving.gradient_check_n(parameters, gradients, X, Y) < 2e-7
    assert improving.gradient_check_n(parameters, gradients, X, Y, epsilon=1e-5) < 1e-8


@pytest.mark.parametrize("key", ["dW1", "db1"])
def test_a_planted_mistake_is_found(network, key, capsys):
    parameters, gradients, X, Y = network
    gradients[key] = gradients[key] * 1.5
    difference = improving.gradient_check_n(parameters, gradients, X, Y, print_msg=True)
    assert difference > 1e-3
    assert "There is a mistake" in capsys.readouterr().out
    improving.gradient_check_n(parameters, gradients, X, Y)
    assert capsys.readouterr() == ("", "")


def test_one_dimension(capsys):
    assert gradient_checking.forward_propagation(2, 4) == 8
    assert gradient_checking.backward_propagation(2, 4) == 2
    assert improving.gradient_check(2, 4, print_msg=True) < 1e-9
    assert "works perfectly fine! difference = " in capsys.readouterr().out
    assert improving.gradient_check(0.0, 1.0) == 0.0


def test_vectors_and_back(network):
    parameters, gradients, _, _ = network
    theta, keys = improving.dictionary_to_vector(parameters)
    assert theta.shape == (sum(value.size for value in parameters.values()), 1)
    assert [key for i, key in enumerate(keys) if i == 0 or keys[i - 1] != key] == list(parameters)
    back = improving.vector_to_dictionary(theta, parameters)
    for key, value in parameters.items():
        np.testing.assert_array_equal(back[key], value)
        assert not np.shares_memory(back[key], theta)
    in_order = {key: gradients[f"d{key}"] for key in parameters}
    np.testing.assert_array_equal(improving.gradients_to_vector(gradients), improving.dictionary_to_vector(in_order)[0])


def test_the_shapes_of_the_exercise_are_the_default(rng):
    theta = rng.normal(size=(47, 1))
    shapes = [value.shape for value in improving.vector_to_dictionary(theta).values()]
    assert shapes == [(5, 4), (5, 1), (3, 5), (3, 1), (1, 3), (1, 1)]


def test_refused(network):
    parameters, gradients, X, Y = network
    with pytest.raises(DataError, match="theta must hold 47 numbers, got 46"):
        improving.vector_to_dictionary(np.ones(46))
    with pytest.raises(ParameterError, match="epsilon must be a positive number, got 0"):
        improving.gradient_check_n(parameters, gradients, X, Y, epsilon=0)
    with pytest.raises(DataError, match="'dW1' is missing"):
        improving.gradient_check_n(parameters, {}, X, Y)
    with pytest.raises(DataError, match="'dW1' is missing"):
        improving.gradients_to_vector({})
    with pytest.raises(DataError, match="dW1 must have the shape"):
        improving.gradient_check_n(parameters, gradients | {"dW1": np.ones((1, 99))}, X, Y)
