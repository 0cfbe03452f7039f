"""kernels/mathfun.py against NumPy in a wider type: errors in ulp, edges, types; and loops over it are vectorised."""

from __future__ import annotations

import math
import os
import platform
import re
import subprocess
import sys

import numba
import numpy as np
import pytest

from fastdnn.kernels import mathfun
from fastdnn.kernels.vector import vector_bytes

JIT = not numba.config.DISABLE_JIT
X86 = platform.machine().lower() in {"x86_64", "amd64"}
MAX_ULP = {"exp": 0.9, "log": 0.9, "log1p": 1.45, "tanh": 1.5, "sigmoid": 1.85, "softplus": 1.7}
INF, NAN = math.inf, math.nan


def reference_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def reference_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


REFERENCE = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "tanh": np.tanh,
    "sigmoid": reference_sigmoid,
    "softplus": reference_softplus,
}


def make_loop(name):
    f = getattr(mathfun, name)

    @numba.njit(error_model="numpy")  # not `kernel`: nothing of a test belongs in the user's cache
    def loop(x, y):
        for i in range(x.size):
            y[i] = f(x[i])

    return loop


LOOPS = {name: make_loop(name) for name in REFERENCE}


def evaluate(name, x):
    y = np.full_like(x, -7)
    LOOPS[name](x, y)
    return y


@np.errstate(all="ignore")
def largest_error(name, x, wide):
    """In ulp of the exact result; where that is NaN or infinite in x's type, or ours is, they must agree."""
    y = evaluate(name, x)
    exact = REFERENCE[name](x.astype(wide))
    rounded = exact.astype(x.dtype)
    finite = np.isfinite(rounded) & np.isfinite(y)
    np.testing.assert_array_equal(y[~finite], rounded[~finite])
    info = np.finfo(x.dtype)
    _, exponent = np.frexp(exact[finite])
    ulp = np.ldexp(wide(1), np.maximum(exponent - 1, info.minexp) - info.nmant)
    return float(np.max(np.abs(y[finite].astype(wide) - exact[finite]) / ulp))


@pytest.mark.parametrize("name", REFERENCE)
def test_float32_error_over_all_exponents(name):
    stride = 1021 if JIT else 1_000_003
    x = np.arange(0, 1 << 32, stride, dtype=np.uint32).view(np.float32)
    assert largest_error(name, x, np.float64) <= MAX_ULP[name]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here")
@pytest.mark.parametrize("name", REFERENCE)
def test_float64_error(name):
    rng = np.random.default_rng(1)
    n = 100_000 if JIT else 300
    x = np.concatenate(
        [
            rng.integers(0, 1 << 64, n, dtype=np.uint64).view(np.float64),
            rng.uniform(-3, 3, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-750, 750, n),
            rng.uniform(0.4, 2.2, n),
            np.exp(rng.uniform(-40, 8, n)) * rng.choice([-1.0, 1.0], n),
            1 + np.exp(rng.uniform(-37, 0, n)) * rng.choice([-1.0, 1.0], n),
        ]
    )
    assert largest_error(name, x, np.longdouble) <= MAX_ULP[name]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", [-INF, -1e4, 0, 1e4, INF, NAN], [0, 0, 1, INF, INF, NAN]),
        ("log", [-INF, -1, -0.0, 0, 1, INF, NAN], [NAN, NAN, -INF, -INF, 0, INF, NAN]),
        ("log1p", [-INF, -2, -1, 0, INF, NAN], [NAN, NAN, -INF, 0, INF, NAN]),
        ("tanh", [-INF, -1e4, 0, 1e4, INF, NAN], [-1, -1, 0, 1, 1, NAN]),
        ("sigmoid", [-INF, -1e4, 0, 1e4, INF, NAN], [0, 0, 0.5, 1, 1, NAN]),
        ("softplus", [-INF, -1e4, 1e4, INF, NAN], [0, 0, 1e4, INF, NAN]),
    ],
)
def test_special_values(name, x, y, kind):
    np.testing.assert_array_equal(evaluate(name, np.array(x, kind)), np.array(y, kind))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_smallest_numbers(kind):
    info = np.finfo(kind)
    x = np.array([info.smallest_subnormal, 5 * info.smallest_subnormal, info.tiny, info.eps / 4], kind)
    for name in ("tanh", "log1p"):
        np.testing.assert_array_equal(evaluate(name, x), x)
        np.testing.assert_array_equal(evaluate(name, -x), -x)
    low = np.log(info.tiny) - kind(3)  # e**low is subnormal: bits are lost one by one, not all at once
    assert 0 < evaluate("exp", np.array([low]))[0] == evaluate("sigmoid", np.array([low]))[0] < info.tiny
    largest = np.array([np.nextafter(np.log(info.max), kind(0))], kind)
    assert np.isfinite(evaluate("exp", largest)).all()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_type_of_argument_is_type_of_result(name, kind):
    f = getattr(mathfun, name)
    if not JIT:
        assert type(f(kind(0.3))) is kind
        return
    argument = numba.from_dtype(np.dtype(kind))
    f.compile((argument,))
    results = {sig.args: sig.return_type for sig in f.nopython_signatures}
    assert results[(argument,)] == argument


@pytest.mark.skipif(not JIT, reason="compiled types")
def test_other_types_do_not_compile():
    with pytest.raises(numba.TypingError):
        evaluate("exp", np.ones(1, np.int64))


@pytest.mark.skipif(not (JIT and X86), reason="reads x86 assembly")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_loop_is_vectorised(name, kind):
    if vector_bytes() == 16 and kind is np.float64 and name.startswith("log"):
        pytest.skip("two numbers a vector do not pay for the logarithm's selects, by LLVM's count")
    evaluate(name, np.ones(8, kind))
    loop = LOOPS[name]
    index = next(i for i, sig in enumerate(loop.signatures) if sig[0].dtype == numba.from_dtype(np.dtype(kind)))
    assembly = loop.inspect_asm(loop.signatures[index])
    suffix = {np.float32: "ps", np.float64: "pd"}[kind]
    packed = re.findall(rf"\t(?:v?mul|vfn?m(?:add|sub)\d+){suffix}\t", assembly)
    assert len(packed) >= 8
    assert bool(re.search(rf"\tv?div{suffix}\t", assembly)) == (name != "exp")
    assert not re.search(
        r"\tv?rcp(?:14|28)?[ps][sd]\t", assembly
    )  # "arcp" might allow an estimate: 0 * inf at infinity
    assert not re.search(r"[\s$](?:exp|expm1|log|log1p|tanh)f?(?:@\w+)?\n", assembly)  # a call of libm
    if kind is np.float32:
        assert not re.search(r"\tv?(?:cvtps2pd|cvtss2sd|mulpd|mulsd|addpd|addsd)\t", assembly)


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"NUMBA_DISABLE_JIT": "1"}, id="no JIT"),
        pytest.param(
            {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""},
            id="no FMA",
            marks=pytest.mark.skipif(not X86, reason="x86"),
        ),
    ],
)
def test_again_with(environment):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not again_with", __file__]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
