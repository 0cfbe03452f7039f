"""fastdnn/finite_differences.py: slopes of smooth functions to near the last digit, and kinks that cannot hide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdnn.finite_differences import POINTS, power_of_two, rounding_error, slopes

H = 2.0**-11
SMOOTH = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2),
}


def at(f, x, h=H):
    """The slope of f at x and its error, as `slopes` gives them for one line and one function."""
    points = np.array(POINTS) * h
    slope, error = slopes(f(x + points).reshape(1, 6, 1), np.array([f(np.float64(x))]), np.array([h]))
    return float(slope[0, 0]), float(error[0, 0])


@pytest.mark.parametrize("name", SMOOTH)
@given(x=st.floats(-2, 2))
def test_smooth_functions(name, x):
    f, derivative = SMOOTH[name]
    slope, error = at(f, x)
    assert slope == pytest.approx(derivative(x), abs=rounding_error(H, 10.0))  # |f| is 8 at most
    assert error < 1e-8


def corner(x):
    """The slope jumps by 1."""
    return np.maximum(x, 0.0)


def bend(x):
    """The slope's slope jumps by 1, as at the ends of Huber's parabola."""
    return 0.5 * np.maximum(x, 0.0) ** 2


@given(place=st.floats(-1.99, 1.99))
def test_a_corner_between_the_points_shows_in_the_error(place):
    """The slope is wrong by up to the jump, and the error says so wherever the corner lies."""
    slope, error = at(lambda x: corner(x - place * H), 0.0)
    assert error >= abs(slope - (place < 0))
    assert error > 1e-3


@pytest.mark.parametrize("place", [0.0, 1 / 3, -1 / 3, 2 / 3, 1.0, 4 / 3])
def test_a_corner_where_single_formulas_are_blind(place):
    assert at(lambda x: corner(x - place * H), 0.0)[1] > 0.1


@given(place=st.floats(-1.9, 1.9))
def test_a_bend_between_the_points_shows_in_the_error(place):
    slope, error = at(lambda x: bend(x - place * H), 0.0)
    true = max(-place * H, 0.0)
    assert error >= 0.5 * abs(slope - true)
    assert error > 1e-3 * H or abs(slope - true) < 1e-9


@pytest.mark.parametrize("place", [2.0, -2.0, 3.0, 50.0])
def test_a_corner_outside_does_not(place):
    slope, error = at(lambda x: corner(x - place * H), 0.0)
    assert slope == pytest.approx(float(place < 0), abs=1e-12)
    assert error < 1e-10


def test_lines_and_functions_side_by_side():
    steps = np.array([H, H / 16])
    points = np.array(POINTS)
    values = np.stack([np.stack([np.exp(0.3 + points * h), np.sin(points * h)], axis=1) for h in steps])
    slope, error = slopes(values, np.array([np.exp(0.3), 0.0]), steps)
    np.testing.assert_allclose(slope, [[np.exp(0.3), 1.0]] * 2, rtol=2e-11)
    assert error.shape == (2, 2)


def test_the_noise_of_rounding_is_within_its_bound():
    """A constant plus noise of half an ulp: the slope is 0, and what is found instead is bounded."""
    rng = np.random.default_rng(0)
    noisy = 1.0 + rng.choice([-1.0, 0.0, 1.0], size=(1000, 6, 1)) * np.finfo(np.float64).eps / 2
    steps = np.full(1000, H)
    slope, error = slopes(noisy, np.ones(1), steps)
    assert np.abs(slope).max() <= rounding_error(steps, 1.0)[0]
    assert np.percentile(error, 99) <= rounding_error(steps, 1.0)[0]


def test_steps_are_powers_of_two():
    np.testing.assert_array_equal(power_of_two([1.0, 0.9, 5e-4, 3.0]), [1.0, 0.5, 2.0**-11, 2.0])
