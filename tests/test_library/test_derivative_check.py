"""fastdnn/derivative_check.py: right pairs pass, wrong ones are refused with the point, of one argument and of two."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastdnn.derivative_check import check_derivative
from fastdnn.errors import ParameterError

A, Y = (v.ravel() + 0.00123 for v in np.meshgrid(np.linspace(-3, 3, 31), np.linspace(-2.5, 2.5, 11)))


@pytest.mark.parametrize(
    ("f", "f_prime"),
    [
        (math.sin, math.cos),
        (lambda z: math.exp(z), lambda z: math.exp(z)),
        (lambda z: z**3, lambda z: 3 * z**2),
        (lambda z: abs(z), lambda z: 1.0 if z > 0 else -1.0),
        (lambda z: 1e-9 * z, lambda z: 1e-9),
        (lambda z: math.atan(z), lambda z: 1 / (1 + z * z)),
    ],
)
def test_right_pairs_pass(f, f_prime):
    check_derivative("activation 'mine'", f, f_prime)


@pytest.mark.parametrize(
    ("f", "f_prime"),
    [
        (math.sin, math.sin),
        (lambda z: z, lambda z: 1.00001),
        (lambda z: z, lambda z: 1.0 if z < 19.9 else 0.0),
        (lambda z: math.exp(-z * z), lambda z: -z * math.exp(-z * z)),
    ],
)
def test_wrong_pairs_are_refused(f, f_prime):
    with pytest.raises(ParameterError, match="activation 'mine' has a wrong derivative"):
        check_derivative("activation 'mine'", f, f_prime)


def test_two_arguments():
    check_derivative("loss 'mine'", lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y, A, Y)
    with pytest.raises(ParameterError, match=r"loss 'mine' has a wrong derivative: at -?[\d.]+, -?[\d.]+ f' is"):
        check_derivative("loss 'mine'", lambda a, y: (a - y) ** 2 / 2, lambda a, y: y - a, A, Y)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_errors_and_what_is_no_function_are_refused():
    def only_positive(z):
        if z < 0:
            raise ValueError("below zero")
        return z

    with pytest.raises(ParameterError, match="raised an error"):
        check_derivative("activation 'mine'", only_positive, lambda z: 1.0)
    with pytest.raises(ParameterError, match="needs a function as f_prime, got float"):
        check_derivative("activation 'mine'", only_positive, 1.0)
    with pytest.raises(ParameterError, match=r"does not compile|raised an error"):
        check_derivative("activation 'mine'", lambda z: z.nothing, lambda z: 1.0)
