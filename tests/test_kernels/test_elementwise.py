"""kernels/elementwise.py: each g and g' against its closed form in a wider type, in the tails, and by central differences."""

from __future__ import annotations

import math
import platform
import re

import numba
import numpy as np
import pytest
import reference

from fastdnn.kernels import elementwise

JIT = not numba.config.DISABLE_JIT
WIDE = np.longdouble
SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def mish_prime(z):
    t = np.tanh(softplus(z))
    return t + z * sigmoid(z) * (1 - t) * (1 + t)


REFERENCE = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda z: np.exp(np.minimum(z, 0))),
    "selu": (
        lambda z: WIDE(SCALE) * np.where(z > 0, z, WIDE(ALPHA) * np.expm1(np.minimum(z, 0))),
        lambda z: WIDE(SCALE) * np.where(z > 0, 1, WIDE(ALPHA) * np.exp(np.minimum(z, 0))),
    ),
    "gelu": (lambda z: z * reference.normal(z)[0], lambda z: reference.normal(z)[0] + z * reference.normal(z)[1]),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "mish": (lambda z: z * np.tanh(softplus(z)), mish_prime),
    "softplus": (softplus, sigmoid),
    "exponential": (np.exp, np.exp),
}
# Largest error of g in ulp of g: what was seen in either type, with FMA and without, and a little more.
ULP = {
    "sigmoid": 1.85,
    "tanh": 1.45,
    "elu": 1,
    "selu": 2.2,
    "gelu": 4.9,
    "silu": 3.4,
    "mish": 4,
    "softplus": 1.7,
    "exponential": 0.9,
}


def make_loop(name):
    f = getattr(elementwise, name)

    @numba.njit(error_model="numpy", fastmath={"nsz", "arcp", "contract", "afn"})
    def loop(z, a, d):
        for i in range(z.size):
            a[i], d[i] = f(z[i])

    return loop


LOOPS = {name: make_loop(name) for name in REFERENCE}


def evaluate(name, z):
    a, d = np.full_like(z, -7), np.full_like(z, -7)
    with np.errstate(all="ignore"):
        LOOPS[name](z, a, d)
    return a, d


def points(rng, dtype):
    n = 20_000 if JIT else 200
    tiny = np.exp(rng.uniform(-30, 0, n)) * rng.choice([-1, 1], n)
    return np.concatenate([rng.uniform(-12, 12, n), rng.uniform(-2, 2, n), tiny]).astype(dtype)


@pytest.mark.skipif(np.finfo(WIDE).nmant < 63, reason="long double is no wider than double here")
@pytest.mark.parametrize("name", REFERENCE)
def test_value_and_derivative(name, dtype, rng):
    z = points(rng, dtype)
    a, d = evaluate(name, z)
    assert (a.dtype, d.dtype) == (z.dtype, z.dtype)
    exact, exact_prime = (f(z.astype(WIDE)) for f in REFERENCE[name])
    eps = np.finfo(dtype).eps
    _, exponent = np.frexp(exact)
    assert np.max(np.abs(a - exact) / np.ldexp(WIDE(eps), exponent - 1)) <= ULP[name]
    # g' has zeros and cancellation beside them: relative to 1 near them, to itself far out.
    assert (
        np.max(np.abs(d - exact_prime) / np.maximum(np.abs(exact_prime), np.minimum(1, 8 * np.abs(exact)))) <= 3 * eps
    )


@pytest.mark.parametrize("name", sorted(set(REFERENCE) - {"exponential"}))
def test_tails_are_finite_and_right(name, dtype):
    far = np.array([1e4, 1e30], dtype)
    a, d = evaluate(name, np.concatenate([far, -far]))
    assert np.isfinite(a).all()
    assert np.isfinite(d).all()
    grows = name not in ("sigmoid", "tanh")
    scale = SCALE if name == "selu" else 1
    np.testing.assert_allclose(a[:2], scale * far if grows else [1, 1], rtol=1e-6)
    np.testing.assert_allclose(d[:2], scale if grows else 0, rtol=1e-6)
    lowest = {"tanh": -1, "elu": -1, "selu": -SCALE * ALPHA}.get(name, 0)
    np.testing.assert_allclose(a[2:], lowest, rtol=1e-6, atol=0)
    np.testing.assert_array_equal(d[2:], 0)


def test_exponential_overflows_where_its_type_ends(dtype):
    end = math.log(float(np.finfo(dtype).max))
    a, d = evaluate("exponential", np.array([-1e4, end * 0.999, end * 1.001], dtype))
    np.testing.assert_array_equal(a, d)
    assert a[0] == 0
    assert np.isfinite(a[1])
    assert np.isinf(a[2])


@pytest.mark.parametrize("name", REFERENCE)
def test_nan_shows_in_both(name, dtype):
    a, d = evaluate(name, np.array([np.nan, 0.5], dtype))
    np.testing.assert_array_equal(np.isnan(a), [True, False])
    np.testing.assert_array_equal(np.isnan(d), [True, False])


@pytest.mark.parametrize("name", REFERENCE)
def test_derivative_is_that_of_the_value(name, rng):
    """Central differences, h = 1e-5: wrong by h^2 g'''/6 and 1e-16 g/h, some 1e-10."""
    z = rng.uniform(-6, 6, 400)
    z = z[np.abs(z) > 1e-4]  # not across the kink of SELU
    numeric = (evaluate(name, z + 1e-5)[0] - evaluate(name, z - 1e-5)[0]) / 2e-5
    d = evaluate(name, z)[1]
    np.testing.assert_allclose(d, numeric, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "at_zero"), [("elu", 1.0), ("selu", SCALE * ALPHA), ("gelu", 0.5), ("silu", 0.5), ("mish", 0.6)]
)
def test_at_zero(name, at_zero, dtype):
    a, d = evaluate(name, np.zeros(1, dtype))
    assert a[0] == 0
    assert d[0] == pytest.approx(at_zero, rel=2 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("below", [0.0, 0.25, 1.0])
def test_piecewise_linear(below, dtype):
    @numba.njit
    def call(z, below):
        return elementwise.piecewise_linear(z, below)

    for z in (-2.0, 0.0, 3.0):
        value, slope = call(dtype(z), dtype(below))
        assert (value, slope) == ((z, 1) if z > 0 else (below * z, below))
    assert np.isnan(call(dtype(np.nan), dtype(below))[0])


@pytest.mark.skipif(not JIT or platform.machine().lower() not in {"x86_64", "amd64"}, reason="reads x86 assembly")
@pytest.mark.parametrize("name", REFERENCE)
def test_loop_is_vectorised_in_its_own_type(name, dtype):
    evaluate(name, np.ones(8, dtype))
    loop = LOOPS[name]
    index = next(i for i, sig in enumerate(loop.signatures) if sig[0].dtype == numba.from_dtype(np.dtype(dtype)))
    assembly = loop.inspect_asm(loop.signatures[index])
    suffix = "ps" if dtype is np.float32 else "pd"
    assert len(re.findall(rf"\t(?:v?mul|vfn?m(?:add|sub)\d+){suffix}\t", assembly)) >= 8
    assert not re.search(r"[\s$](?:exp|expm1|log|log1p|tanh|erf)f?(?:@\w+)?\n", assembly)  # a call of libm
    if dtype is np.float32:
        assert not re.search(r"\tv?(?:cvtps2pd|cvtss2sd|mulpd|mulsd|addpd|addsd)\t", assembly)
