"""fastdnn.course.improving: initialisation, and the network that its notebooks share. Published figures: test_golden.py."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import reference
from course_parameters import random_parameters

from fastdnn.course import deep, improving
from fastdnn.course.improving import initialization
from fastdnn.errors import DataError, DivergenceError, ParameterError

long_run = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of steps, too many in plain Python")


@pytest.fixture
def points(rng):
    X = rng.normal(size=(2, 41))
    return X, (X[:1] * X[1:] > 0).astype(int)


def test_three_initialisers_share_their_draws():
    he, large = improving.initialize_parameters_he([4, 3, 2], 5), improving.initialize_parameters_random([4, 3, 2], 5)
    zeros = improving.initialize_parameters_zeros([4, 3, 2])
    for l, n_prev in ((1, 4), (2, 3)):
        np.testing.assert_allclose(he[f"W{l}"] / np.sqrt(2 / n_prev), large[f"W{l}"] / 10, rtol=1e-14)
        for start in (he, large, zeros):
            assert not start[f"b{l}"].any()
            assert start[f"b{l}"].shape == (len(start[f"W{l}"]), 1)
        assert zeros[f"W{l}"].shape == he[f"W{l}"].shape
        assert not zeros[f"W{l}"].any()
    assert not np.array_equal(he["W1"], improving.initialize_parameters_he([4, 3, 2])["W1"])


@pytest.mark.parametrize("initialization_name", ["zeros", "random", "he"])
def test_model_is_the_loop_of_its_functions(initialization_name, points):
    X, Y = points
    parameters, costs = initialization.model(X, Y, 0.02, 12, initialization=initialization_name, return_costs=True)
    starts = {
        "zeros": improving.initialize_parameters_zeros,
        "random": improving.initialize_parameters_random,
        "he": improving.initialize_parameters_he,
    }
    p = starts[initialization_name]([2, 10, 5, 1])
    first = None
    for _ in range(12):
        _, cache = improving.forward_propagation(X, p)
        # From the logits: of rounded probabilities the cost of large weights is infinite.
        first = reference.sigmoid_cross_entropy_from_logits(cache[-4], Y).mean() if first is None else first
        p = improving.update_parameters(p, improving.backward_propagation(X, Y, cache), 0.02)
    np.testing.assert_allclose(costs, [first], rtol=1e-9)
    for key in p:
        np.testing.assert_allclose(parameters[key], p[key], rtol=1e-10, atol=1e-13)


@long_run
def test_zeros_stay_alike(points):
    parameters = initialization.model(*points, 0.5, 1500, initialization="zeros")
    assert not parameters["W1"].any()
    assert not parameters["W3"].any()


@long_run
def test_costs_are_printed_when_asked(points, capsys):
    _, costs = initialization.model(*points, num_iterations=1001, print_cost=True, return_costs=True)
    assert capsys.readouterr().out.splitlines() == [
        f"Cost after iteration {i}: {cost}" for i, cost in zip((0, 1000), costs, strict=True)
    ]
    initialization.model(*points, num_iterations=2)
    assert capsys.readouterr() == ("", "")


def test_cost_of_large_weights_is_finite():
    _, costs = initialization.model(
        np.array([[30.0], [30.0]]), [[0]], 1e-9, 1, initialization="random", seed=4, return_costs=True
    )
    assert np.isfinite(costs).all()


def test_divergence_is_told(points):
    X, Y = points
    expected = pytest.raises(DivergenceError, match=r"cost is not finite at iteration \d+")
    with np.errstate(all="ignore"), expected:
        initialization.model(X * 1e150, Y, 1e200, 50)


@pytest.mark.parametrize("dims", [(3, 1), (5, 4, 1), (17, 33, 2, 1), (4, 16, 15, 3)], ids=str)
def test_backward_is_that_of_week_four(dims, rng):
    """The fused dZ = A - Y and the chain of course 1 are one."""
    parameters = random_parameters(dims, rng)
    X, Y = rng.normal(size=(dims[0], 19)), rng.integers(0, 2, (dims[-1], 19))
    AL, cache = improving.forward_propagation(X, parameters)
    by_chain, caches = deep.L_model_forward(X, parameters)
    np.testing.assert_array_equal(AL, by_chain)
    assert len(cache) == 4 * len(caches)
    grads, expected = improving.backward_propagation(X, Y, cache), deep.L_model_backward(AL, Y, caches)
    for key, value in grads.items():
        if key.startswith("dZ"):
            assert value.shape == (dims[int(key[2:])], 19)
        else:
            np.testing.assert_allclose(value, expected[key], rtol=1e-9, atol=1e-13)
    L = len(dims) - 1
    assert list(grads)[:3] == [f"dZ{L}", f"dW{L}", f"db{L}"]
    np.testing.assert_array_equal(improving.predict_dec(parameters, X), AL > 0.5)
    assert type(improving.compute_cost(AL, Y)) is float


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: improving.initialize_parameters_he([4]), ParameterError, "layers_dims must be two or more"),
        (lambda: initialization.model([[1.0]], [[1]], initialization="hee"), ParameterError, "Did you mean 'he'"),
        (lambda: initialization.model([[1.0]], [[0.5]]), DataError, "labels 0 and 1 only"),
        (lambda: initialization.model([[1.0]], [[1, 0]]), DataError, r"Y must have the shape \(1, 1\)"),
        (lambda: initialization.model([[np.nan]], [[1]]), DataError, "X holds nan in row 0, column 0"),
        (lambda: initialization.model([[1.0]], [[1]], 0.0), ParameterError, "learning_rate must be a positive number"),
        (lambda: initialization.model([[1.0]], [[1]], True, 2.5), ParameterError, "num_iterations must be a whole"),
        (lambda: improving.backward_propagation([[1.0]], [[1]], (1, 2, 3)), DataError, "4 entries for each layer"),
        (lambda: improving.backward_propagation([[1.0]], [[1]], ()), DataError, "4 entries for each layer"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


MODULES = [
    "decay", "dropout", "gradient_checking", "initialization", "mini_batches", "optimization", "optimization_model", "propagation",
    "regularization",
]  # fmt: skip


def test_every_public_name_can_be_loaded():
    assert all(getattr(improving, name) is not None for name in improving.__all__)
    assert set(MODULES) <= set(improving.__all__)
