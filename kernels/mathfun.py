"""exp, log, log1p, tanh, sigmoid, softplus as straight-line arithmetic that LLVM vectorises in a plain loop.

`math.exp` would be a scalar call of libm in every iteration. Each function takes one float32 or float64 and returns the
same type; Numba compiles it for the type a kernel calls it with, and no other compiles. Every constant comes as
`_CONSTANT(x)`, in the type of x, because a bare `0.5` turns float32 work into float64, and a bare `1` into int64.
There is no branch (a conditional expression over computed values becomes a select), no table, and no conversion between
int64 and float64, which AVX2 lacks: n is read from the low bits of n + 1.5 * 2**p, p being the mantissa's stored bits.

Errors are the largest seen, in ulp of the exact result, first of all float32, then of 40 million float64 (dense near
0, near 1 and over all exponents); the worse of FMA (AVX2) and no FMA (SSE2). NaN gives NaN. Results below the smallest
normal number lose bits gradually, none is flushed to zero. The sign of a zero result is not promised.

Sources: range reduction after Cody and Waite, Software Manual for the Elementary Functions, 1980; the form of log after
Tang, Table-driven implementation of the logarithm function, ACM TOMS 16, 1990, without the table, as in FreeBSD msun
e_log.c. Polynomials: our own minimax fits (Remez, weighted by the relative error of the result, then rounded).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from fastdnn.kernels._jit import JIT_DISABLED, device, intrinsic

# p, exponent bias, bits of sqrt(1/2), the integer of the same width; found by LLVM's type and by NumPy's
_SINGLE = 23, 127, 0x3F3504F3, np.uint32, ir.IntType(32)
_DOUBLE = 52, 1023, 0x3FE6A09E667F3BCD, np.uint64, ir.IntType(64)
_FORMATS = {ir.FloatType(): _SINGLE, ir.DoubleType(): _DOUBLE, np.float32: _SINGLE, np.float64: _DOUBLE}


def straight_line(f: Callable[..., Any]) -> Any:
    """`device`; without the JIT NumPy's scalars compute the same, and need not warn of infinities that are meant."""
    return np.errstate(all="ignore")(f) if JIT_DISABLED else device(f)


def _emitted(twin: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate `emit(builder, x)`, which returns LLVM's value for a float x; `twin(x)` replaces it without the JIT."""

    def register(emit: Callable[..., Any]) -> Any:
        def typed(_context: Any, x: Any) -> Any:
            if x not in (types.float32, types.float64):
                return None
            return x(x), lambda _target, builder, _signature, args: emit(builder, *args)

        typed.__name__ = emit.__name__
        return twin if JIT_DISABLED else intrinsic(typed)

    return register


def polynomial(single: tuple[float, ...], double: tuple[float, ...]) -> Any:
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule, the coefficients chosen by the type of x.

    Two chains, even and odd, gave 0 % in float32 and 10 % in float64: the loop's next iterations hide the latency too.
    """

    def twin(x: Any) -> Any:
        kind = np.result_type(x).type
        value, *rest = (kind(c) for c in reversed(single if kind is np.float32 else double))
        for c in rest:
            value = value * x + c
        return value

    @_emitted(twin)
    def horner(builder: Any, x: Any) -> Any:
        value, *rest = (ir.Constant(x.type, c) for c in reversed(single if x.type == ir.FloatType() else double))
        for c in rest:
            value = builder.fadd(builder.fmul(value, x), c)
        return value

    return horner


def constant(single: float, double: float | None = None) -> Any:
    return polynomial((single,), (single if double is None else double,))


def _split(x: Any) -> tuple[Any, ...]:
    """For the twins: p, bias, bits of sqrt(1/2), bits of x, and the way back from bits."""
    x = np.asarray(x)
    p, bias, root, integer, _ = _FORMATS[x.dtype.type]
    modulus = 1 << 8 * x.itemsize
    return p, bias, root, int(x.view(integer)), lambda i: np.asarray(i % modulus, integer).view(x.dtype)[()]


def _pow2_twin(t: Any) -> Any:
    p, bias, _, i, back = _split(t)
    return back((i + bias) << p)


@_emitted(_pow2_twin)
def _pow2(builder: Any, t: Any) -> Any:
    """2**n for t = n + 1.5 * 2**p, whose low bits hold n; -bias < n <= bias."""
    p, bias, _, _, integer = _FORMATS[t.type]
    i = builder.add(builder.bitcast(t, integer), integer(bias))
    return builder.bitcast(builder.shl(i, integer(p)), t.type)


def _exponent_twin(x: Any) -> Any:
    p, bias, root, i, back = _split(x)
    return back((i - root >> p) + ((bias + p) << p) + bias) - back(((bias + p) << p) + bias)


@_emitted(_exponent_twin)
def _exponent(builder: Any, x: Any) -> Any:
    """k for x = 2**k m, sqrt(1/2) <= m < sqrt(2), x positive and normal: put into the low bits of 2**p, less 2**p."""
    p, bias, root, _, integer = _FORMATS[x.type]
    i = builder.sub(builder.bitcast(x, integer), integer(root - (bias << p)))
    i = builder.or_(builder.lshr(i, integer(p)), integer((bias + p) << p))
    return builder.fsub(builder.bitcast(i, x.type), ir.Constant(x.type, float((1 << p) + bias)))


def _significand_twin(x: Any) -> Any:
    p, _, root, i, back = _split(x)
    return back(((i - root) & ((1 << p) - 1)) + root)


@_emitted(_significand_twin)
def _significand(builder: Any, x: Any) -> Any:
    """m of `_exponent`."""
    p, _, root, _, integer = _FORMATS[x.type]
    i = builder.sub(builder.bitcast(x, integer), integer(root))
    return builder.bitcast(builder.add(builder.and_(i, integer((1 << p) - 1)), integer(root)), x.type)


_ZERO, _HALF, _ONE, _TWO, _NAN, _INF = (constant(c) for c in (0.0, 0.5, 1.0, 2.0, float("nan"), float("inf")))
_MAGIC = constant(1.5 * 2.0**23, 1.5 * 2.0**52)
_LOG2E = constant(1.4426950408889634)
# Few enough bits that n * _LN2_HI is exact without FMA too.
_LN2_HI = constant(0.693359375, 6.93147180369123816490e-01)
_LN2_LO = constant(-2.1219444005469057e-4, 1.90821492927058770002e-10)

_EXP_MAX, _EXP_MIN = constant(89.0, 710.0), constant(-104.0, -746.0)  # infinity and 0 from here on
# Each polynomial: what it fits, where, and the error this leaves in the result, in units of 2**-p for float32, float64.
# fmt: off
_EXP = polynomial(  # (exp(r) - 1 - r) / r**2, |r| <= log(2) / 2; 0.030, 0.036
    (0.49999994, 0.16666523, 0.041668367, 0.008368604, 0.0013815181),
    (0.500000000000001, 0.16666666666666413, 0.04166666666653241, 0.008333333333494194, 0.0013888888943145421,
     0.0001984126950601195, 2.480149351994711e-05, 2.7557587527717082e-06, 2.7630120758778866e-07,
     2.499956746029358e-08),
)
_LOG = polynomial(  # (log y - 2 s) / s**3 in s**2, y = (1 + s) / (1 - s), 2/3 <= y <= 3/2; 0.0002, 0.0007
    (0.6666666, 0.40000933, 0.2850353, 0.24150944),
    (0.666666666666666, 0.4000000000005668, 0.28571428555823664, 0.2222222429742335, 0.18181665796373045,
     0.1539111515888022, 0.13173536469224384, 0.13843514207008162),
)
_TANH = polynomial(  # (tanh(x) - x) / x**3 in x**2, |x| <= 0.55; 0.010, 0.003
    (-0.33333316, 0.13332544, -0.053847548, 0.021050714, -0.0062428503),
    (-0.333333333333333, 0.13333333333326577, -0.05396825396373406, 0.02186948838506016, -0.008863232587811175,
     0.003592091884750638, -0.0014555418384514715, 0.0005884399872184065, -0.0002333690679736939,
     8.32968673206732e-05, -1.9481497259844194e-05),
)
# fmt: on
_TANH_SPLIT, _TANH_MAX = constant(0.55), constant(20.0, 40.0)
_NORMAL, _LIFT, _LIFT_LOG2 = constant(2.0**-126, 2.0**-1022), constant(2.0**25, 2.0**54), constant(25.0, 54.0)
_LARGE = constant(2.0**30, 2.0**60)


@straight_line
def exp_parts(x, low):
    """(q, s, t), e**(x + low) = (1 + q) s t; -104 <= x <= 89 (float32), -746 <= x <= 710 (float64), |low| at most an ulp of x.

    n = round(x / log 2), r = x - n log 2 kept in two parts, q = r + r**2 P(r), |q| < 0.42. 2**n goes in as two factors s, t: one
    cannot hold 2**128 (float32), and would flush subnormal results to zero.
    """
    y = x * _LOG2E(x) + _MAGIC(x)
    n = y - _MAGIC(x)
    high, low = x - n * _LN2_HI(x), n * _LN2_LO(x) - low
    r = high - low
    q = high + (r * r * _EXP(r) - low)
    half = n * _HALF(x) + _MAGIC(x)
    return q, _pow2(half), _pow2(y - (half - _MAGIC(x)))


@straight_line
def exp(x):
    """e**x; every x. exp(-inf) = 0, exp(inf) = inf. Error 0.90 ulp (float32), 0.89 (float64)."""
    x = _EXP_MAX(x) if x > _EXP_MAX(x) else x
    x = _EXP_MIN(x) if x < _EXP_MIN(x) else x
    q, s, t = exp_parts(x, _ZERO(x))
    return (_ONE(x) + q) * s * t


@straight_line
def _log_of(k, f):
    """log(2**k (1 + f)), 2/3 <= 1 + f <= 3/2: k log 2 + f - (f**2/2 - s (f**2/2 + s**2 P(s**2))), s = f / (2 + f)."""
    s = f / (_TWO(f) + f)
    z = s * s
    h = _HALF(f) * f * f
    return k * _LN2_HI(f) - ((h - (s * (h + z * _LOG(z)) + k * _LN2_LO(f))) - f)


@straight_line
def _log_edges(y, value):
    """`value`, if it can be log y: -inf at 0, NaN below, inf at inf, NaN for NaN."""
    outside = -_INF(y) if y == _ZERO(y) else _NAN(y)
    value = value if y > _ZERO(y) else outside
    return value if y < _INF(y) else y


@straight_line
def log(x):
    """log x, natural; x >= 0, else NaN. log(0) = -inf, log(inf) = inf. Error 0.84 ulp (float32), 0.84 (float64)."""
    y = x * _LIFT(x) if x < _NORMAL(x) else x
    k = _exponent(y)
    k = k - _LIFT_LOG2(x) if x < _NORMAL(x) else k
    return _log_edges(x, _log_of(k, _significand(y) - _ONE(x)))


@straight_line
def log1p(x):
    """log(1 + x), accurate near 0; x >= -1, else NaN. log1p(-1) = -inf, log1p(inf) = inf. Error 1.41 ulp, both types.

    y = 1 + x rounded, y + low = 1 + x exactly (Knuth's two-sum), and low goes into f.
    """
    y = _ONE(x) + x
    v = y - _ONE(x)
    k = _exponent(y)
    low = ((_ONE(x) - (y - v)) + (x - v)) * _pow2(_MAGIC(x) - k)
    low = low if y < _LARGE(x) else _ZERO(x)
    return _log_edges(y, _log_of(k, (_significand(y) - _ONE(x)) + low))


@straight_line
def tanh(x):
    """(e**x - e**-x) / (e**x + e**-x); every x. tanh(+-inf) = +-1. Error 1.42 ulp (float32), 1.47 (float64).

    |x| + |x|**3 P(x**2) up to 0.55, from there 1 - 2 / (e**(2 |x|) + 1), with the sign of x. Of that power less is asked than of
    `exp`: it is at most e**20 (float32), e**40, beyond which the result is 1, and its last bits do not count.
    """
    size = abs(x)
    z = x * x
    small = size + size * z * _TANH(z)
    y = size + size
    y = _TANH_MAX(x) if y > _TANH_MAX(x) else y
    t = y * _LOG2E(x) + _MAGIC(x)
    n = t - _MAGIC(x)
    r = (y - n * _LN2_HI(x)) - n * _LN2_LO(x)
    s = _pow2(t)
    large = _ONE(x) - _TWO(x) / (s + (r + r * r * _EXP(r)) * s + _ONE(x))
    value = small if size < _TANH_SPLIT(x) else large
    return -value if x < _ZERO(x) else value


@straight_line
def sigmoid(x):
    """1 / (1 + e**-x); every x. sigmoid(-inf) = 0, sigmoid(inf) = 1. Error 1.82 ulp (float32), 1.81 (float64).

    With e = e**-|x|: e - e e/(1 + e) for x < 0, 1 - e/(1 + e) for x >= 0. The plain e/(1 + e) for x < 0 is up to
    2.2 ulp off, by the rounding of 1 + e.
    """
    e = exp(-abs(x))
    first = e if x < _ZERO(x) else _ONE(x)
    return first - first * (e / (_ONE(x) + e))


@straight_line
def softplus(x):
    """log(1 + e**x); every x. softplus(-inf) = 0, softplus(inf) = inf. Error 1.62 ulp (float32), 1.59 (float64).

    max(x, 0) + log(1 + e), e = e**-|x|; 1 + e is taken as 2 (1 + (e - 1)/2) from e = 1/2 on, where e - 1 is exact.
    """
    e = exp(-abs(x))
    high = e > _HALF(x)
    f = (e - _ONE(x)) * _HALF(x) if high else e
    k = _ONE(x) if high else _ZERO(x)
    return (x if x > _ZERO(x) else _ZERO(x)) + _log_of(k, f)
