"""fastdnn.course.improving: mini-batches, update rules, decay, and the model of all three. Published figures: test_golden.py."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import reference

from fastdnn.course import improving
from fastdnn.course.improving import optimization_model
from fastdnn.errors import DataError, DivergenceError, ParameterError

EPOCHS = 3 if numba.config.DISABLE_JIT else 12


@pytest.fixture
def points(rng):
    X = rng.normal(size=(2, 41))
    return X, (X[:1] + 0.3 * rng.normal(size=(1, 41)) > 0).astype(int)


def arrays(rng, prefix=""):
    """W1, b1, W2, b2, with a second layer that does not fit the first: an update does not ask."""
    shapes = {"W1": (3, 5), "b1": (3, 1), "W2": (2, 4), "b2": (2, 1)}
    return {prefix + key: rng.normal(size=shape) for key, shape in shapes.items()}


# --- mini-batches ---


@pytest.mark.parametrize(("m", "size"), [(1, 64), (7, 2), (64, 64), (65, 64), (5, 1)])
def test_mini_batches_hold_every_example_once(m, size, rng):
    X = np.arange(2 * m).reshape(2, m)
    Y = X[:1] % 2 == 0
    batches = improving.random_mini_batches(X, Y, size, seed=4)
    assert len(batches) == -(-m // size)
    assert all(x.shape[1] == size for x, _ in batches[:-1])
    together = np.hstack([x for x, _ in batches])
    np.testing.assert_array_equal(together[0], np.random.RandomState(4).permutation(m))
    for x, y in batches:
        np.testing.assert_array_equal(x[1], x[0] + m)
        np.testing.assert_array_equal(y, x[:1] % 2 == 0)
        assert (x.dtype, y.dtype) == (X.dtype, Y.dtype)
        assert not np.shares_memory(x, X)


# --- update rules ---


def test_momentum_over_steps(rng):
    parameters, v = arrays(rng), improving.initialize_velocity(arrays(rng))
    theta, velocity = {key: value.copy() for key, value in parameters.items()}, dict(v)
    for _ in range(5):
        grads = arrays(rng, "d")
        parameters, v = improving.update_parameters_with_momentum(parameters, grads, v, 0.8, 0.1)
        for key in theta:
            velocity[f"d{key}"] = 0.8 * velocity[f"d{key}"] + 0.2 * grads[f"d{key}"]
            theta[key] = theta[key] - 0.1 * velocity[f"d{key}"]
    for key in theta:
        np.testing.assert_allclose(parameters[key], theta[key], rtol=1e-12)
        np.testing.assert_allclose(v[f"d{key}"], velocity[f"d{key}"], rtol=1e-12)


def test_adam_over_steps(rng):
    parameters = arrays(rng)
    v, s = improving.initialize_adam(parameters)
    oracle = list(parameters.values()), list(v.values()), list(s.values())
    for t in range(1, 6):
        grads = arrays(rng, "d")
        parameters, v, s, v_corrected, s_corrected = improving.update_parameters_with_adam(
            parameters, grads, v, s, t, 0.02, 0.8, 0.99, 1e-6
        )
        oracle = reference.adam(oracle[0], list(grads.values()), *oracle[1:], t, 0.02, 0.8, 0.99, 1e-6)
        for ours, wanted in zip((parameters, v, s), oracle, strict=True):
            for a, b in zip(ours.values(), wanted, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)
        for moment, corrected, beta in ((v, v_corrected, 0.8), (s, s_corrected, 0.99)):
            for key in moment:
                np.testing.assert_allclose(corrected[key] * (1 - beta**t), moment[key], rtol=1e-13)


def test_epsilon_is_outside_the_root():
    parameters, grads = {"W1": [[0.0]], "b1": [[0.0]]}, {"dW1": [[1e-3]], "db1": [[1.0]]}
    v, s = improving.initialize_adam(parameters)
    updated, *_ = improving.update_parameters_with_adam(parameters, grads, v, s, 1, 0.1, epsilon=1e-3)
    assert updated["W1"][0, 0] == pytest.approx(-0.1 * 1e-3 / (1e-3 + 1e-3), rel=1e-12)


def test_momentum_without_memory_is_gradient_descent(rng):
    parameters, grads = arrays(rng), arrays(rng, "d")
    v = improving.initialize_velocity(parameters)
    by_momentum, _ = improving.update_parameters_with_momentum(parameters, grads, v, 0.0, 0.1)
    for key, value in improving.update_parameters_with_gd(parameters, grads, 0.1).items():
        np.testing.assert_allclose(by_momentum[key], value, rtol=1e-15)


def test_updates_leave_what_they_are_given(rng):
    parameters, grads = arrays(rng), arrays(rng, "d")
    v, s = improving.initialize_adam(parameters)
    for array in (*parameters.values(), *grads.values(), *v.values(), *s.values()):
        array.flags.writeable = False
    improving.update_parameters_with_gd(parameters, grads, 0.1)
    improving.update_parameters_with_momentum(parameters, grads, v, 0.9, 0.1)
    improving.update_parameters_with_adam(parameters, grads, v, s, 1)


# --- the model ---


def loop(X, Y, dims, optimizer, learning_rate, size, epochs, decay=None, decay_rate=1):
    """The course's model, function by function: parameters, and the mean cost of each epoch."""
    p, rate, costs, t = improving.initialize_parameters_he(dims), learning_rate, [], 0
    v, s = improving.initialize_adam(p)
    for i in range(epochs):
        total = 0.0
        for x, y in improving.random_mini_batches(X, Y, size, 11 + i):
            AL, cache = improving.forward_propagation(x, p)
            total += improving.compute_cost(AL, y) * y.shape[1]
            grads = improving.backward_propagation(x, y, cache)
            t += 1
            if optimizer == "gd":
                p = improving.update_parameters_with_gd(p, grads, rate)
            elif optimizer == "momentum":
                p, v = improving.update_parameters_with_momentum(p, grads, v, 0.9, rate)
            else:
                p, v, s, _, _ = improving.update_parameters_with_adam(p, grads, v, s, t, rate)
        costs.append(total / X.shape[1])
        rate = decay(learning_rate, i, decay_rate) if decay else rate
    return p, costs


@pytest.mark.parametrize(
    "decay", [None, improving.update_lr, lambda rate, i, _: improving.schedule_lr_decay(rate, i, 0.5, 3)]
)
@pytest.mark.parametrize("dims", [[2, 1], [2, 5, 2, 1], [2, 19, 1]], ids=str)
@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adam"])
def test_model_is_the_loop_of_its_functions(optimizer, dims, decay, points):
    parameters, costs = optimization_model.model(
        *points, dims, optimizer, 0.01, 16, num_epochs=EPOCHS, decay=decay, decay_rate=0.2, return_costs=True
    )
    p, expected = loop(*points, dims, optimizer, 0.01, 16, EPOCHS, decay, 0.2)
    np.testing.assert_allclose(costs, expected[:1], rtol=1e-11)
    for key in p:
        np.testing.assert_allclose(parameters[key], p[key], rtol=1e-8, atol=1e-12)


def test_a_mini_batch_may_be_larger_than_the_data(points):
    whole = optimization_model.model(*points, [2, 3, 1], "adam", mini_batch_size=41, num_epochs=3)
    larger = optimization_model.model(*points, [2, 3, 1], "adam", mini_batch_size=1000, num_epochs=3)
    for key in whole:
        np.testing.assert_array_equal(whole[key], larger[key])


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="thousands of steps, too many in plain Python")
def test_costs_and_rates_are_printed_when_asked(points, capsys):
    settings = {"num_epochs": 1002, "decay": improving.update_lr, "return_costs": True}
    _, costs = optimization_model.model(*points, [2, 3, 1], "adam", 0.5, print_cost=True, **settings)
    assert len(costs) == 11
    assert capsys.readouterr().out.splitlines() == [
        f"Cost after epoch 0: {costs[0]:f}", "learning rate after epoch 0: 0.500000",
        f"Cost after epoch 1000: {costs[10]:f}", f"learning rate after epoch 1000: {0.5 / 1001:f}",
    ]  # fmt: skip
    optimization_model.model(*points, [2, 3, 1], "gd", num_epochs=2)
    assert capsys.readouterr() == ("", "")


def test_no_epochs_give_the_initial_parameters(points):
    parameters, costs = optimization_model.model(*points, [2, 3, 1], "gd", num_epochs=0, return_costs=True)
    np.testing.assert_array_equal(parameters["W1"], improving.initialize_parameters_he([2, 3, 1])["W1"])
    assert costs == []


def test_divergence_is_told(points):
    X, Y = points
    expected = pytest.raises(DivergenceError, match=r"cost is not finite at epoch \d+")
    with np.errstate(all="ignore"), expected:
        optimization_model.model(X * 1e150, Y, [2, 3, 1], "gd", 1e200, num_epochs=9)


P, G = {"W1": np.ones((1, 2)), "b1": np.ones((1, 1))}, {"dW1": np.ones((1, 2)), "db1": np.ones((1, 1))}
X5, Y5 = np.ones((3, 5)), np.ones((1, 5))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: improving.random_mini_batches(X5, np.ones((1, 4))), DataError, r"shape \(n_y, 5\), got \(1, 4\)"),
        (
            lambda: improving.random_mini_batches(np.ones(5), Y5),
            DataError,
            r"X must have the shape \(n_x, m\), got \(5,\)",
        ),
        (
            lambda: improving.random_mini_batches(X5, Y5, 0),
            ParameterError,
            "mini_batch_size must be a whole number of 1",
        ),
        (lambda: improving.update_parameters_with_gd({}, {}, 0.1), DataError, "must hold W1 and b1 at least"),
        (lambda: improving.update_parameters_with_gd(P, G, -1), ParameterError, "learning_rate must be a positive"),
        (
            lambda: improving.update_parameters_with_gd(P, G | {"db1": 1.0}, 0.1),
            DataError,
            r"db1 must have the shape \(1, 1\), got \(\)",
        ),
        (lambda: improving.update_parameters_with_momentum(P, G, {}, 0.9, 0.1), DataError, "'dW1' is missing"),
        (
            lambda: improving.update_parameters_with_momentum(P, G, {"dW1": np.ones((2, 1))}, 0.9, 0.1),
            DataError,
            r"v\['dW1'\] must have the shape \(1, 2\), got \(2, 1\)",
        ),
        (
            lambda: improving.update_parameters_with_momentum(P, G, G, 1.0, 0.1),
            ParameterError,
            r"beta must be 0 or more and below 1, got 1\.0",
        ),
        (lambda: improving.update_parameters_with_adam(P, G, G, G, 0), ParameterError, "t must be a whole number of 1"),
        (lambda: improving.update_parameters_with_adam(P, G, G, G, 1, beta2=-0.1), ParameterError, "beta2 must be 0"),
        (
            lambda: improving.update_parameters_with_adam(P, G, G, G, 1, epsilon=0),
            ParameterError,
            "epsilon must be a pos",
        ),
        (lambda: improving.update_lr(0.0, 1, 1), ParameterError, "learning_rate0 must be a positive number"),
        (lambda: improving.update_lr(0.1, -1, 1), ParameterError, "epoch_num must be a whole number of 0 or more"),
        (lambda: improving.update_lr(0.1, 1, -1), ParameterError, "decay_rate must be a number of 0 or more"),
        (
            lambda: improving.schedule_lr_decay(0.1, 1, 1, 0),
            ParameterError,
            "time_interval must be a whole number of 1",
        ),
        (
            lambda: optimization_model.model(X5, Y5, [3, 1], "adma"),
            ParameterError,
            "Unknown optimizer 'adma'. Did you mean 'adam'",
        ),
        (
            lambda: optimization_model.model(X5, Y5, [2, 1], "gd"),
            DataError,
            r"X must have the shape \(2, m\), got \(3, 5\)",
        ),
        (lambda: optimization_model.model(X5 * np.inf, Y5, [3, 1], "gd"), DataError, "X holds inf in row 0"),
        (lambda: optimization_model.model(X5, Y5, [3, 1], "gd", num_epochs=1.5), ParameterError, "num_epochs must be"),
        (
            lambda: optimization_model.model(X5, Y5, [3, 1], "gd", num_epochs=2, decay=lambda *_: 0.0),
            ParameterError,
            "The rate that `decay` returns must be a positive number",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
