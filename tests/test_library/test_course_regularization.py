"""fastdnn.course.improving: L2 and dropout against the course's loops. Published figures: test_golden.py."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from course_parameters import random_parameters

from fastdnn.course import improving
from fastdnn.course.improving import regularization
from fastdnn.errors import DataError, DivergenceError, ParameterError

long_run = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of steps, too many in plain Python")


@pytest.fixture(params=[(3, 1), (5, 4, 1), (17, 33, 2, 1), (4, 16, 15, 3)], ids=str)
def network(request, rng):
    dims = request.param
    parameters = random_parameters(dims, rng)
    return parameters, rng.normal(size=(dims[0], 19)), rng.integers(0, 2, (dims[-1], 19))


@pytest.fixture
def points(rng):
    X = rng.normal(size=(2, 41))
    return X, (X[:1] + 0.3 * rng.normal(size=(1, 41)) > 0).astype(int)


def slope(cost, parameters, key):
    """The two-sided difference of cost(parameters) for one entry of `key`, and where that is."""
    at = np.unravel_index(parameters[key].size // 2, parameters[key].shape)
    costs = []
    for sign in (1, -1):
        moved = parameters[key].copy()
        moved[at] += sign * 1e-6
        costs.append(cost(parameters | {key: moved}))
    return at, (costs[0] - costs[1]) / 2e-6


def test_l2_cost_is_the_sum_of_squares(network):
    parameters, X, Y = network
    AL, _ = improving.forward_propagation(X, parameters)
    squares = sum(np.sum(value**2) for key, value in parameters.items() if key[0] == "W")
    expected = improving.compute_cost(AL, Y) + 0.7 / (2 * 19) * squares
    assert improving.compute_cost_with_regularization(AL, Y, parameters, 0.7) == pytest.approx(expected, rel=1e-12)
    assert improving.compute_cost_with_regularization(AL, Y, parameters, 0) == improving.compute_cost(AL, Y)
    weights = {key: value for key, value in parameters.items() if key[0] == "W"}
    assert improving.compute_cost_with_regularization(AL, Y, weights, 0.7) == pytest.approx(expected, rel=1e-12)


def test_l2_gradient_is_the_slope_of_its_cost(network):
    parameters, X, Y = network

    def cost(p):
        return improving.compute_cost_with_regularization(improving.forward_propagation(X, p)[0], Y, p, 3.0)

    cache = improving.forward_propagation(X, parameters)[1]
    grads = improving.backward_propagation_with_regularization(X, Y, cache, 3.0)
    for key in parameters:
        at, expected = slope(cost, parameters, key)
        assert grads[f"d{key}"][at] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_dropout_gradient_is_the_slope_with_the_masks_held(network):
    parameters, X, Y = network
    _, cache = improving.forward_propagation_with_dropout(X, parameters, 0.6, seed=3)
    masks = [cache[5 * i + 1] for i in range(len(parameters) // 2 - 1)]

    def cost(p):
        return improving.compute_cost(improving.forward_propagation_with_dropout(X, p, 0.6, masks=masks)[0], Y)

    grads = improving.backward_propagation_with_dropout(X, Y, cache, 0.6)
    for key in parameters:
        at, expected = slope(cost, parameters, key)
        assert grads[f"d{key}"][at] == pytest.approx(expected, rel=1e-5, abs=1e-8)
    for l, D in enumerate(masks, 1):
        assert not grads[f"dA{l}"][D == 0].any()


def test_masks_are_drawn_layer_after_layer(network):
    parameters, X, _ = network
    AL, cache = improving.forward_propagation_with_dropout(X, parameters, 0.3)
    draw, A = np.random.RandomState(1), X
    L = len(parameters) // 2
    for l in range(1, L + 1):
        Z = parameters[f"W{l}"] @ A + parameters[f"b{l}"]
        if l < L:
            D = draw.rand(*Z.shape) < 0.3
            A = np.maximum(Z, 0) * D / 0.3
            kept = cache[5 * (l - 1) : 5 * l]
            np.testing.assert_array_equal(kept[1], D)
            np.testing.assert_allclose(kept[2], A, rtol=1e-10, atol=1e-13)
            assert kept[3] is parameters[f"W{l}"]
    np.testing.assert_allclose(AL, 1 / (1 + np.exp(-Z)), rtol=1e-10)
    again = improving.forward_propagation_with_dropout(X, parameters, 0.3)[0]
    np.testing.assert_array_equal(again, AL)


def test_a_generator_goes_on_drawing(points):
    X, _ = points
    parameters = improving.initialize_parameters([2, 20, 3, 1])
    draw = np.random.RandomState(1)
    first, second = (improving.forward_propagation_with_dropout(X, parameters, 0.5, seed=draw)[1][1] for _ in range(2))
    np.testing.assert_array_equal(first, improving.forward_propagation_with_dropout(X, parameters, 0.5)[1][1])
    assert not np.array_equal(first, second)


def test_keeping_every_unit_is_the_plain_pass(network):
    parameters, X, Y = network
    AL, cache = improving.forward_propagation_with_dropout(X, parameters, 1)
    plain, plain_cache = improving.forward_propagation(X, parameters)
    np.testing.assert_array_equal(AL, plain)
    grads = improving.backward_propagation_with_dropout(X, Y, cache, 1.0)
    for key, value in improving.backward_propagation(X, Y, plain_cache).items():
        np.testing.assert_array_equal(grads[key], value)


def loop(X, Y, steps, learning_rate, lambd=0.0, keep_prob=1.0, same_masks=False):
    """The course's model, function by function: parameters, and the cost before the first step."""
    p, draw, first = improving.initialize_parameters([X.shape[0], 20, 3, 1]), np.random.RandomState(1), None
    for _ in range(steps):
        if keep_prob < 1:
            seed = 1 if same_masks else draw
            A3, cache = improving.forward_propagation_with_dropout(X, p, keep_prob, seed=seed)
            grads = improving.backward_propagation_with_dropout(X, Y, cache, keep_prob)
        else:
            A3, cache = improving.forward_propagation(X, p)
            grads = improving.backward_propagation_with_regularization(X, Y, cache, lambd)
        first = improving.compute_cost_with_regularization(A3, Y, p, lambd) if first is None else first
        p = improving.update_parameters(p, grads, learning_rate)
    return p, first


@pytest.mark.parametrize(
    "settings", [{}, {"lambd": 0.7}, {"keep_prob": 0.86}, {"keep_prob": 0.86, "same_masks": True}], ids=str
)
def test_model_is_the_loop_of_its_functions(settings, points):
    X, Y = points
    steps = 7 if numba.config.DISABLE_JIT else 130  # masks are drawn a hundred steps at a time
    parameters, costs = regularization.model(X, Y, 0.1, steps, return_costs=True, **settings)
    p, first = loop(X, Y, steps, 0.1, **settings)
    np.testing.assert_allclose(costs, [first], rtol=1e-11)
    for key in p:
        np.testing.assert_allclose(parameters[key], p[key], rtol=1e-8, atol=1e-12)


@long_run
@pytest.mark.parametrize("settings", [{"lambd": 0.7}, {"keep_prob": 0.86}], ids=str)
def test_costs_are_kept_every_thousand_and_printed_every_ten_thousand(settings, points, capsys):
    X, Y = points
    _, costs = regularization.model(X, Y, 0.1, 2001, print_cost=True, return_costs=True, **settings)
    assert len(costs) == 3
    assert costs[0] > costs[2]
    assert capsys.readouterr().out == f"Cost after iteration 0: {costs[0]}\n"
    assert set(regularization.model(X, Y, 0.1, 2)) == {"W1", "b1", "W2", "b2", "W3", "b3"}
    assert capsys.readouterr() == ("", "")


@long_run
def test_divergence_names_the_iteration_of_the_whole_run():
    X, Y = np.zeros((2, 10)), np.arange(10).reshape(1, 10) % 2
    # Every step multiplies W by 1 - 28/10, so that it is infinite after log(1.8e308) / log(1.8) = 1207 of them.
    with pytest.raises(DivergenceError, match=r"not finite at iteration 12\d\d \(last finite: 0\.693"):
        regularization.model(X, Y, 1.0, 3000, lambd=28)


P = {"W1": np.ones((2, 3)), "b1": np.ones((2, 1)), "W2": np.ones((1, 2)), "b2": np.ones((1, 1))}
X5, Y5 = np.ones((3, 5)), np.ones((1, 5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: improving.compute_cost_with_regularization(Y5, Y5, {}, 0.1), DataError, "'W1' is missing"),
        (
            lambda: improving.compute_cost_with_regularization(Y5, Y5, P, -0.1),
            ParameterError,
            r"lambd must be a number of 0 or more, got -0\.1",
        ),
        (lambda: improving.compute_cost_with_regularization(2 * Y5, Y5, P, 0.1), DataError, "AL must hold prob"),
        (
            lambda: improving.forward_propagation_with_dropout(X5, P, 0),
            ParameterError,
            "keep_prob must be above 0 and at most 1, got 0",
        ),
        (lambda: improving.forward_propagation_with_dropout(X5, P, 1.5), ParameterError, r"at most 1, got 1\.5"),
        (lambda: improving.forward_propagation_with_dropout(X5, P, "half"), ParameterError, "at most 1, got half"),
        (
            lambda: improving.forward_propagation_with_dropout(X5, P, 0.5, masks=[]),
            DataError,
            "1 hidden layers need as many masks, got 0",
        ),
        (
            lambda: improving.forward_propagation_with_dropout(X5, P, 0.5, masks=[np.ones((2, 4))]),
            DataError,
            r"D1 must have the shape \(2, 5\), got \(2, 4\)",
        ),
        (
            lambda: improving.backward_propagation_with_dropout(X5, Y5, (1, 2, 3, 4, 5, 6), 0.5),
            DataError,
            "entries for each layer",
        ),
        (
            lambda: regularization.model(X5, Y5, lambd=0.1, keep_prob=0.5),
            ParameterError,
            r"lambd must be 0 or keep_prob 1, got 0\.1 and 0\.5",
        ),
        (lambda: regularization.model(X5, 0.5 * Y5), DataError, "labels 0 and 1 only"),
        (lambda: regularization.model(X5, Y5, num_iterations=-1), ParameterError, "0 or more, got -1"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_inputs_stay_as_they_are(network):
    parameters, X, Y = network
    for array in (*parameters.values(), X, Y):
        array.flags.writeable = False
    _, cache = improving.forward_propagation_with_dropout(X, parameters, 0.5)
    for array in cache:
        array.flags.writeable = False
    improving.backward_propagation_with_dropout(X, Y, cache, 0.5)
    _, cache = improving.forward_propagation(X, parameters)
    improving.backward_propagation_with_regularization(X, Y, cache, 0.5)
