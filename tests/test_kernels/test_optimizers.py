"""kernels/optimizers.py against the course's update formulas."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from callers import from_python
from hypothesis import given
from strategies import shaped

from fastdnn.engine import NO_UPDATE
from fastdnn.kernels import optimizers

adam_rate = from_python(optimizers.adam_rate)
adam_update = from_python(optimizers.adam_update)
gradient_descent_update = from_python(optimizers.gradient_descent_update)

SIZES = [1, 7, 17, 64, 1000]


@pytest.mark.parametrize("size", SIZES)
def test_gradient_descent_equals_oracle(size, dtype, rng):
    theta, dtheta = rng.normal(size=(2, size)).astype(dtype)
    (expected,) = reference.gradient_descent([theta.astype(np.float64)], [dtheta.astype(np.float64)], 0.25)
    kept = dtheta.copy()
    gradient_descent_update(theta, dtheta, dtype(0.25))
    np.testing.assert_allclose(theta, expected, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)
    np.testing.assert_array_equal(dtheta, kept)


@pytest.mark.parametrize("size", SIZES)
def test_adam_equals_oracle_over_steps(size, dtype, rng):
    alpha, beta1, beta2, epsilon = 0.01, 0.9, 0.999, 1e-8
    theta = rng.normal(size=size).astype(dtype)
    v, s = np.zeros_like(theta), np.zeros_like(theta)
    oracle = [theta.astype(np.float64)], [np.zeros(size)], [np.zeros(size)]
    for t in range(1, 6):
        dtheta = rng.normal(size=size).astype(dtype)
        kept, (rate, small) = dtheta.copy(), adam_rate(alpha, beta1, beta2, epsilon, t)
        scalars = (dtype(x) for x in (0.25, 0.5, 1.0, beta1, beta2, small, rate))
        adam_update(theta, dtheta, v, s, *scalars)
        np.testing.assert_array_equal(dtheta, kept)
        g = 0.25 * dtheta.astype(np.float64) + 0.5 * oracle[0][0]
        oracle = reference.adam(oracle[0], [g], oracle[1], oracle[2], t, alpha)
    tolerance = 1e-13 if dtype is np.float64 else 1e-4  # float32: 1 - beta2 loses five of its digits
    np.testing.assert_allclose(theta, oracle[0][0], rtol=tolerance, atol=tolerance * alpha)
    np.testing.assert_allclose(v, oracle[1][0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(s, oracle[2][0], rtol=tolerance, atol=tolerance)


def test_adam_epsilon_is_outside_the_root_and_on_the_corrected_moment():
    """One step from zero moments: v_corrected = g, s_corrected = g^2, so theta moves by alpha g / (|g| + epsilon)."""
    for g, epsilon in [(1.0, 1.0), (1e-3, 1e-3), (1e-8, 1e-8), (2.0, 0.0)]:
        theta, v, s = np.zeros(1), np.zeros(1), np.zeros(1)
        rate, small = adam_rate(0.1, 0.9, 0.999, epsilon, 1)
        adam_update(theta, np.array([g]), v, s, 1.0, 0.0, 1.0, 0.9, 0.999, small, rate)
        np.testing.assert_allclose(theta[0], -0.1 * g / (g + epsilon), rtol=1e-12)


@pytest.mark.parametrize("t", [1, 2, 10, 1000, 10**6])
def test_adam_rate_is_the_two_corrections(t):
    rate, small = adam_rate(0.5, 0.9, 0.999, 1e-3, t)
    np.testing.assert_allclose(rate, 0.5 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t), rtol=1e-14)
    np.testing.assert_allclose(small, 1e-3 * np.sqrt(1 - 0.999**t), rtol=1e-14)


def test_zero_gradient_moves_nothing(dtype):
    """Parameters that are padding must stay exactly zero: 0 / (0 + epsilon) is 0."""
    theta, v, s = np.zeros((3, 5), dtype)
    rate, small = adam_rate(0.001, 0.9, 0.999, 1e-8, 1)
    scalars = (dtype(x) for x in (0.5, 0.5, 1.0, 0.9, 0.999, small, rate))
    adam_update(theta, np.zeros(5, dtype), v, s, *scalars)
    assert not theta.any()
    assert not v.any()
    assert not s.any()


@given(shaped("float64", theta="n", dtheta="n"))
def test_adam_first_step_does_not_depend_on_the_size_of_the_gradient(arrays):
    theta, dtheta = arrays["theta"], arrays["dtheta"]
    rate, small = adam_rate(0.1, 0.9, 0.999, 0.0, 1)
    moved = theta.copy()
    nonzero = dtheta + (dtheta == 0)
    moments = np.zeros((2, theta.size))
    adam_update(moved, nonzero, *moments, 1.0, 0.0, 1.0, 0.9, 0.999, small, rate)
    np.testing.assert_allclose(moved, theta - 0.1 * np.sign(nonzero), rtol=1e-12, atol=1e-12)


def scalar_step(name, theta, g, v, s, rate, keep, beta1, beta2, epsilon, gain):
    """theta, v, s after one step, in Python's floats; the recurrences of the docstrings written out."""
    if name == "sgd":
        return keep * theta - rate * g, v, s
    if name == "momentum":
        v = beta1 * v + gain * g
        return keep * theta - rate * v, v, s
    if name == "nesterov":
        v = beta1 * v + gain * g
        return keep * theta - rate * (beta1 * v + gain * g), v, s
    s = beta2 * s + (1 - beta2) * g**2
    return keep * theta - rate * g / (s**0.5 + epsilon), v, s


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "rmsprop"])
def test_rules_equal_their_recurrences_over_steps(name, dtype, rng):
    size, scale, l2, keep, rate, epsilon = 37, 0.25, 0.5, 0.99, 0.125, 1e-3
    beta1, beta2, gain = 0.75, 0.875, 0.5
    theta = rng.normal(size=size).astype(dtype)
    v, s = np.zeros_like(theta), np.zeros_like(theta)
    oracle = [(float(x), 0.0, 0.0) for x in theta]
    for _ in range(4):
        dtheta = rng.normal(size=size).astype(dtype)
        kept, typed = dtheta.copy(), {k: dtype(x) for k, x in locals().items() if isinstance(x, float)}
        common = typed["scale"], typed["l2"], typed["keep"]
        if name == "sgd":
            from_python(optimizers.decayed_descent_update)(theta, dtheta, *common, typed["rate"])
        elif name == "rmsprop":
            update = from_python(optimizers.rmsprop_update)
            update(theta, dtheta, s, *common, typed["beta2"], typed["epsilon"], typed["rate"])
        else:
            update = from_python(getattr(optimizers, f"{name}_update"))
            update(theta, dtheta, v, *common, typed["beta1"], typed["gain"], typed["rate"])
        np.testing.assert_array_equal(dtheta, kept)
        oracle = [
            scalar_step(name, x, scale * float(d) + l2 * x, a, b, rate, keep, beta1, beta2, epsilon, gain)
            for (x, a, b), d in zip(oracle, dtheta, strict=True)
        ]
    tolerance = 1e-13 if dtype is np.float64 else 2e-5
    for got, want in zip((theta, v, s), np.array(oracle).T, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def rates_of(dtype, learning_rate=0.125, step=3, weight=8.0, **fields):
    rule = NO_UPDATE._replace(beta1=0.9, beta2=0.999, epsilon=1e-8, **fields)
    rates = np.full(optimizers.RATES, np.nan, dtype)
    from_python(optimizers.prepare_rates)(rule, learning_rate, step, weight, rates)
    return rates


def test_scalars_of_a_step(dtype):
    """Penalties, weight decay, and where the two conventions of momentum and Adam part."""
    o = optimizers
    rates = rates_of(dtype, optimizer=o.MOMENTUM, l2=0.5, batch_l2=4.0, l1=0.25, weight_decay=0.5)
    np.testing.assert_allclose(rates[[o.RATE, o.SCALE, o.L2, o.L1]], [0.125, 1 / 8, 0.5 + 4 / 8, 0.25])
    np.testing.assert_allclose(rates[[o.GAIN, o.KEPT]], [0.1, 1 - 0.125 * 0.5], rtol=1e-6)
    theirs = rates_of(dtype, optimizer=o.MOMENTUM, uncorrected=True)
    np.testing.assert_allclose(theirs[[o.RATE, o.GAIN]], [1.0, 0.125])
    rate, small = adam_rate(0.125, 0.9, 0.999, 1e-8, 3)
    ours, theirs = rates_of(dtype, optimizer=o.ADAM), rates_of(dtype, optimizer=o.ADAM, uncorrected=True)
    np.testing.assert_array_equal(ours[[o.RATE, o.EPSILON]], np.array([rate, small], dtype))
    np.testing.assert_array_equal(theirs[[o.RATE, o.EPSILON]], np.array([rate, 1e-8], dtype))
