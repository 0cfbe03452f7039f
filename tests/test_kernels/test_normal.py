"""kernels/normal.py: the error of Phi and phi in ulp against a wider type, their edges, and that a loop over them is vectorised."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
import reference

from fastdnn.kernels.normal import normal

JIT = not numba.config.DISABLE_JIT
# Bounds in ulp for z above 0, above -2, and everywhere; phi last. As the docstring states them.
BOUNDS = {"float32": (1.3, 2.6, 3.5, 1.4), "float64": (2.6, 4.0, 5.0, 1.5)}
INF, NAN = math.inf, math.nan


@numba.njit(error_model="numpy")  # not `kernel`: nothing of a test belongs in the user's cache
def loop(z, p, density):
    for i in range(z.size):
        p[i], density[i] = normal(z[i])


def evaluate(z):
    p, density = np.full_like(z, -7), np.full_like(z, -7)
    with np.errstate(all="ignore"):
        loop(z, p, density)
    return p, density


def errors(got, exact):
    """In ulp of the exact result."""
    info = np.finfo(got.dtype)
    _, exponent = np.frexp(exact)
    ulp = np.ldexp(exact.dtype.type(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    return np.abs(got.astype(exact.dtype) - exact) / ulp


def test_the_reference_is_right():
    z = np.linspace(-8, 8, 33)
    p, density = reference.normal(z)
    np.testing.assert_allclose(p.astype(float), [math.erfc(-v / math.sqrt(2)) / 2 for v in z], rtol=1e-13)
    np.testing.assert_allclose(density.astype(float), np.exp(-z * z / 2) / math.sqrt(2 * math.pi), rtol=1e-13)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here")
def test_error(dtype, rng):
    n, low = (200_000 if JIT else 300), (-14.4 if dtype is np.float32 else -38.4)
    z = np.concatenate([rng.uniform(low, 8, n), rng.uniform(-3, 3, n), np.exp(rng.uniform(-40, 1, n))]).astype(dtype)
    p, density = evaluate(z)
    exact, exact_density = reference.normal(z)
    error = errors(p, exact)
    above, middle, everywhere, of_density = BOUNDS[np.dtype(dtype).name]
    assert error[z > 0].max() <= above
    assert error[z > -2].max() <= middle
    assert error.max() <= everywhere
    assert errors(density, exact_density).max() <= of_density


def test_edges(dtype):
    z = np.array([-INF, -1e30, -100, 0, -0.0, 100, 1e30, INF, NAN], dtype)
    p, density = evaluate(z)
    np.testing.assert_array_equal(p, np.array([0, 0, 0, 0.5, 0.5, 1, 1, 1, NAN], dtype))
    middle = dtype(1 / math.sqrt(2 * math.pi))
    np.testing.assert_array_equal(density, np.array([0, 0, 0, middle, middle, 0, 0, 0, NAN], dtype))


def test_phi_of_both_sides_sums_to_one(dtype, rng):
    z = rng.uniform(-6, 6, 500).astype(dtype)
    np.testing.assert_allclose(evaluate(z)[0] + evaluate(-z)[0], 1, rtol=2 * np.finfo(dtype).eps)


def test_type_of_argument_is_type_of_result(dtype):
    assert [a.dtype.type for a in evaluate(np.zeros(1, dtype))] == [dtype, dtype]
    if not JIT:
        assert [type(v) for v in normal(dtype(0.3))] == [dtype, dtype]
        return
    argument = numba.from_dtype(np.dtype(dtype))
    normal.compile((argument,))
    results = {sig.args: sig.return_type for sig in normal.nopython_signatures}
    assert results[(argument,)] == numba.types.UniTuple(argument, 2)
