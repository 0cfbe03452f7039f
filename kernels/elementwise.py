"""Activations of one number: each function takes z and returns (g(z), g'(z)), sharing what both need.

Straight-line arithmetic like that of mathfun.py: one type in, the same type out, no branch, so that a loop over any of them
is vectorised. None overflows: exp is taken of what is below zero, except where g itself is exp. The relative error of g is
a few ulp everywhere, of g' too except beside its zeros. NaN gives NaN.
"""

from __future__ import annotations

from fastdnn.kernels import mathfun
from fastdnn.kernels.mathfun import constant, exp_parts, straight_line
from fastdnn.kernels.normal import normal

_ZERO, _ONE, _TWO, _FOUR = (constant(c) for c in (0.0, 1.0, 2.0, 4.0))
_EXP_MIN = constant(-104.0, -746.0)
# For which mean 0 and variance 1 are a fixed point: scale, and scale times alpha = 1.6732632423543772.
_SELU_SCALE, _SELU_STEEP = constant(1.0507009873554805), constant(1.7580993408473766)


@straight_line
def piecewise_linear(z, below):
    """Identity, ReLU and leaky ReLU: z above zero, `below` z else; the slope at exactly 0 is that below, as in the course."""
    slope = _ONE(z) if z > _ZERO(z) else below
    return (z if z > _ZERO(z) else below * z), slope


@straight_line
def sigmoid(z):
    """g = 1 / (1 + exp(-z)),  g' = g (1 - g). Some notes in circulation print 1 - exp(-z) below the line; that is an error."""
    a = mathfun.sigmoid(z)
    return a, sigmoid_slope(a)


@straight_line
def sigmoid_slope(a):
    """g' = g (1 - g), from a = g."""
    return a * (_ONE(a) - a)


@straight_line
def tanh(z):
    """g = (exp(z) - exp(-z)) / (exp(z) + exp(-z)),  g' = 1 - g^2."""
    a = mathfun.tanh(z)
    return a, tanh_slope(a)


@straight_line
def tanh_slope(a):
    """g' = 1 - g^2, from a = g."""
    return _ONE(a) - a * a


@straight_line
def elu(z):
    """g = z above zero, exp(z) - 1 else,  g' = 1, exp(z). Source: Clevert, Unterthiner and Hochreiter, 2015, with alpha = 1."""
    return _elu(z, _ONE(z), _ONE(z))


@straight_line
def selu(z):
    """g = scale z above zero, scale alpha (exp(z) - 1) else,  g' = scale, scale alpha exp(z); at 0 the one below.

    Source: Klambauer et al., Self-normalizing neural networks, 2017.
    """
    return _elu(z, _SELU_SCALE(z), _SELU_STEEP(z))


@straight_line
def _elu(z, scale, steep):
    """exp(z) - 1 = q s + (s - 1), s a power of two, has no cancellation."""
    x = z if z < _ZERO(z) else _ZERO(z)
    x = _EXP_MIN(z) if x < _EXP_MIN(z) else x
    q, s, t = exp_parts(x, _ZERO(z))
    above = z > _ZERO(z)
    a = steep * (q * (s * t) + (s * t - _ONE(z)))
    d = steep * ((s + q * s) * t)
    a, d = (scale * z if above else a), (scale if above else d)
    return (a if z == z else z), (d if z == z else z)


@straight_line
def gelu(z):
    """g = z Phi(z),  g' = Phi(z) + z phi(z), Phi the normal distribution function (not its tanh approximation).

    Source: Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """
    p, density = normal(z)
    return z * p, p + z * density


@straight_line
def silu(z):
    """g = z s,  g' = s (1 + z (1 - s)),  s = sigmoid(z). Also called swish.

    With e = exp(-|z|): s is 1 / (1 + e) from 0 on, e / (1 + e) below; 1 - s the other of the two.
    Source: Elfwing, Uchibe and Doya, 2017; Ramachandran, Zoph and Le, 2017.
    """
    e = mathfun.exp(-abs(z))
    r = _ONE(z) / (_ONE(z) + e)
    s, other = (e if z < _ZERO(z) else _ONE(z)) * r, (_ONE(z) if z < _ZERO(z) else e) * r
    return z * s, s + s * (z * other)


@straight_line
def mish(z):
    """g = z tanh(log(1 + exp(z))),  g' = tanh(.) + z sigmoid(z) (1 - tanh(.)^2).

    With e = exp(-|z|), tanh(.) = n / m: below 0 n = e (e + 2), m = n + 2; from 0 on n = 1 + 2 e, m = n + 2 e^2. Then
    sigmoid(z) (1 - tanh(.)^2) = 4 e (1 + e) c / m^2 with c = 1 below 0, e from 0 on.
    Source: Misra, Mish: a self regularized non-monotonic activation function, 2019.
    """
    e = mathfun.exp(-abs(z))
    below = z < _ZERO(z)
    n = e * (e + _TWO(z)) if below else _ONE(z) + (e + e)
    r = _ONE(z) / (n + (_TWO(z) if below else _TWO(z) * e * e))
    t = n * r
    rise = (_FOUR(z) * e * r) * ((_ONE(z) + e) * r)
    return z * t, t + z * (rise if below else rise * e)


@straight_line
def softplus(z):
    """g = log(1 + exp(z)),  g' = sigmoid(z)."""
    e = mathfun.exp(-abs(z))
    r = _ONE(z) / (_ONE(z) + e)
    return mathfun.softplus(z), (e if z < _ZERO(z) else _ONE(z)) * r


@straight_line
def exponential(z):
    """g = g' = exp(z): the output of a Poisson regression. Infinite above 88.7 (float32), 709.8 (float64)."""
    a = mathfun.exp(z)
    return a, a
