"""fastdnn.course.activations against the course's equations in NumPy (tests/reference.py)."""

from __future__ import annotations

import numpy as np
import pytest
import reference

from fastdnn import course
from fastdnn.errors import DataError, ParameterError

ELEMENTWISE = ["identity", "relu", "leaky_relu", "sigmoid", "tanh"]
SHAPES = [(), (1,), (17,), (1, 5), (5, 1), (3, 33), (2, 3, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_forward_and_backward_of_any_shape(name, shape, rng):
    Z, dA = rng.normal(0, 2, shape), rng.normal(0, 2, shape)
    np.testing.assert_allclose(getattr(course, name)(Z), reference.FORWARD[name](np.asarray(Z), 0.01), rtol=1e-13)
    dZ = getattr(course, f"{name}_backward")(dA, Z)
    np.testing.assert_allclose(
        dZ, reference.BACKWARD[name](np.asarray(dA), np.asarray(Z), 0.01), rtol=1e-12, atol=1e-14
    )
    assert dZ.shape == np.shape(Z)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_derivative_is_the_slope(name):
    x = np.array([-3.0, -0.7, 0.4, 2.0])
    g, derivative = getattr(course, name), getattr(course, f"{name}_derivative")
    np.testing.assert_allclose(derivative(x), (g(x + 1e-5) - g(x - 1e-5)) / 2e-5, atol=1e-9)


def test_derivative_at_zero_is_that_of_the_left():
    assert course.relu_derivative(0.0) == 0.0
    assert course.relu_backward([[3.0]], [[0.0]]).tolist() == [[0.0]]
    assert course.leaky_relu_derivative(0.0) == 0.01


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_number_gives_a_number(name):
    assert isinstance(getattr(course, name)(1), float)
    assert isinstance(getattr(course, f"{name}_derivative")(1), float)


def test_far_ends():
    assert course.sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    assert course.tanh(np.array([-1e4, 1e4])).tolist() == [-1.0, 1.0]
    np.testing.assert_array_equal(course.softmax([[1e4, 0.0, -1e4]]), [[1.0, 0.0, 0.0]])


def test_slope_of_leaky_relu():
    assert course.leaky_relu([-2.0, 3.0], slope=0.25).tolist() == [-0.5, 3.0]
    assert course.leaky_relu_backward([1.0, 1.0], [-2.0, 3.0], slope=0.25).tolist() == [0.25, 1.0]
    assert course.leaky_relu_derivative([-2.0, 3.0], slope=0.25).tolist() == [0.25, 1.0]
    with pytest.raises(ParameterError, match=r"between 0 and 1, got 1\.5"):
        course.leaky_relu([1.0], slope=1.5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (17, 3), (3, 33)])
def test_softmax_by_rows_and_by_columns(shape, rng):
    Z, dA = rng.normal(0, 3, shape), rng.normal(0, 3, shape)
    np.testing.assert_allclose(course.softmax(Z, axis=0), reference.softmax(Z), rtol=1e-13)
    np.testing.assert_allclose(course.softmax(Z), reference.softmax(Z.T).T, rtol=1e-13)
    backward = reference.softmax_backward(dA, Z)
    np.testing.assert_allclose(course.softmax_backward(dA, Z, axis=0), backward, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(course.softmax_backward(dA.T, Z.T), backward.T, rtol=1e-10, atol=1e-15)


def test_softmax_of_a_vector():
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(course.softmax(x), np.exp(x) / np.exp(x).sum(), rtol=1e-14)


def test_losses_of_the_first_exercise(rng):
    yhat, y = rng.normal(size=(3, 40)), rng.normal(size=(3, 40))
    assert course.L1(yhat, y) == pytest.approx(np.abs(y - yhat).sum(), rel=1e-13)
    assert course.L2(yhat, y) == pytest.approx(np.square(y - yhat).sum(), rel=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: course.relu_backward(np.ones((1, 3)), np.ones((2, 3))), r"shape of Z, \(2, 3\), got \(1, 3\)"),
        (lambda: course.sigmoid_backward(1.0, np.ones((2, 3))), r"got \(\)"),
        (lambda: course.softmax_backward(np.ones((1, 3)), np.ones((3, 1))), r"shape of Z, \(3, 1\), got \(1, 3\)"),
        (lambda: course.softmax(np.ones((2, 2, 2))), r"vector or a matrix.*\(2, 2, 2\)"),
        (lambda: course.softmax(np.ones((2, 2)), axis=2), "axis 2"),
        (lambda: course.sigmoid("a lot"), "array of numbers, got str 'a lot'"),
        (lambda: course.L1([1.0, 2.0], [1.0]), r"one shape, got \(2,\) and \(1,\)"),
        (lambda: course.L2([[1.0, 2.0]], [1.0, 2.0]), r"one shape, got \(1, 2\) and \(2,\)"),
    ],
)
def test_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()


def test_inputs_stay_as_they_are(rng):
    Z = rng.normal(size=(3, 4))
    Z.flags.writeable = False
    kept = Z.copy()
    for name in [*ELEMENTWISE, "softmax"]:
        assert not np.shares_memory(getattr(course, name)(Z), Z)
        getattr(course, f"{name}_backward")(Z, Z)
    np.testing.assert_array_equal(Z, kept)
