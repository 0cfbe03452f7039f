"""kernels/custom.py: pairs of scalar functions become loops that kernels call by their address."""

from __future__ import annotations

import math
import platform
import re
import sys

import numba
import numpy as np
import pytest
from callers import JIT, from_python

from fastdnn.kernels import custom

call_elementwise = from_python(custom.call_elementwise)
call_elementwise_pair = from_python(custom.call_elementwise_pair)


@numba.njit
def cube(z):
    return z * z * z


def cube_prime(z):
    return type(z)(3) * z * z


def huber(a, y):
    return (a - y) ** 2 / 2 if abs(a - y) < 1 else abs(a - y) - 0.5


def huber_prime(a, y):
    return a - y if abs(a - y) < 1 else math.copysign(1.0, a - y)


def filled(x):
    return np.full_like(x, np.nan), np.full_like(x, np.nan)


@pytest.mark.parametrize("size", [0, 1, 7, 64, 1001])
def test_one_argument(dtype, rng, size):
    """A compiled function and a plain one, as a user may give them."""
    address = custom.compile_elementwise(cube, cube_prime, dtype)
    x = rng.uniform(-2, 2, size).astype(dtype)
    before, (out, derivative) = x.copy(), filled(x)
    call_elementwise(address, x, out, derivative)
    np.testing.assert_allclose(out, x**3, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(derivative, 3 * x**2, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("size", [1, 7, 1001])
def test_two_arguments(dtype, rng, size):
    address = custom.compile_elementwise(huber, huber_prime, dtype, arity=2)
    a, y = rng.uniform(-2, 2, (2, size)).astype(dtype)
    out, derivative = filled(a)
    call_elementwise_pair(address, a, y, out, derivative)
    difference = a - y
    near = np.abs(difference) < 1
    tolerance = {"rtol": 4 * np.finfo(dtype).eps, "atol": np.finfo(dtype).eps}
    np.testing.assert_allclose(out, np.where(near, difference**2 / 2, np.abs(difference) - 0.5), **tolerance)
    np.testing.assert_allclose(derivative, np.where(near, difference, np.sign(difference)), **tolerance)


def test_addresses_lie_above_every_code_and_serve_one_pair_each():
    one, two = (custom.compile_elementwise(cube, f, np.float64) for f in (cube_prime, cube))
    assert min(one, two) >= custom.FIRST_ADDRESS
    assert one != two
    x = np.array([2.0])
    for address, slope in ((one, 12.0), (two, 8.0), (one, 12.0)):
        out, derivative = filled(x)
        call_elementwise(address, x, out, derivative)
        assert (out[0], derivative[0]) == (8.0, slope)


def test_read_only_targets_are_taken():
    address = custom.compile_elementwise(huber, huber_prime, np.float64, arity=2)
    y = np.zeros(3)
    y.flags.writeable = False
    out, derivative = filled(y)
    call_elementwise_pair(address, np.array([0.5, 2.0, -2.0]), y, out, derivative)
    np.testing.assert_array_equal(out, [0.125, 1.5, 1.5])
    np.testing.assert_array_equal(derivative, [0.5, 1.0, -1.0])


@pytest.mark.skipif(not JIT, reason="without the JIT the function is called as it is, and its error comes through")
def test_a_function_that_raises_leaves_nan_and_is_heard(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: heard.append(str(event.exc_value)))

    def only_positive(z):
        if z < 0:
            raise ValueError("below zero")
        return z

    address = custom.compile_elementwise(only_positive, only_positive, np.float32)
    x = np.array([1.0, -1.0, 2.0], np.float32)
    out, derivative = filled(np.zeros(3, np.float32))
    out[:] = derivative[:] = 7
    call_elementwise(address, x, out, derivative)
    assert np.isnan(out).all()
    assert np.isnan(derivative).all()
    assert heard == ["below zero"]


@pytest.mark.skipif(not JIT, reason="compiled types")
def test_a_function_that_does_not_compile_is_refused_at_once():
    with pytest.raises(numba.core.errors.NumbaError):
        custom.compile_elementwise(lambda z: z.nothing, cube, np.float32)


@pytest.mark.skipif(not JIT or platform.machine().lower() not in {"x86_64", "amd64"}, reason="reads x86 assembly")
def test_loop_is_vectorised_in_its_own_type(dtype):
    address = custom.compile_elementwise(cube, cube_prime, dtype)
    assembly = custom._held[address]._library.get_asm_str()
    suffix, other = ("ps", "pd") if dtype is np.float32 else ("pd", "ps")
    assert len(re.findall(rf"\tv?mul{suffix}\t", assembly)) >= 3
    assert not re.search(rf"\tv?(?:mul{other}|cvtps2pd|cvtpd2ps)\t", assembly)
