"""The normal distribution: its function Phi and its density phi, as straight-line arithmetic like that of mathfun.py.

With x = |z|, Phi(-x) = exp(-x**2/2) R(x), where R (half the scaled complementary error function of x / sqrt 2) falls smoothly from
1/2 like 1 / (x sqrt(2 pi)): a polynomial in u = k / (x + k), which lies between 0 and 1. The form and its bounded variable are
those of Shepherd and Laframboise, Chebyshev approximation of (1 + 2x) exp(x**2) erfc x in 0 <= x < infinity, Math. Comp. 36,
1981; the polynomials are our own minimax fits up to the x where Phi(-x) is zero in the type.
"""

from __future__ import annotations

from fastdnn.kernels.mathfun import constant, exp_parts, polynomial, straight_line

_ZERO, _HALF, _ONE = constant(0.0), constant(0.5), constant(1.0)
_DENSITY_AT_0 = constant(0.3989422804014327)
_CAP = constant(14.5, 39.0)  # Phi(-x) is zero from here on
_K, _ROOT, _BASE = constant(1.25, 3.5), constant(1.0, 0.5), constant(0.5, 0.2126903072674109)
# Rounds |x| <= _CAP to so few bits (multiples of 2**-8, 2**-20) that the square of the result is exact.
_COARSE = constant(1.5 * 2.0**15, 1.5 * 2.0**32)
# fmt: off
_RATIO = polynomial(  # (R(x) / u - _BASE) / (u - _ROOT) in u - 1/2; this leaves an error in R of 0.06, 0.03 in units of 2**-p
    (0.07695872, -0.20983763, 0.09523529, 0.0856579, -0.19589063, 0.16551867, -0.0048267140, -0.2117435, 0.40533757, -0.4071741,
     -0.1269087, 0.83307118, -0.60790341),
    (0.3231781806021594, 0.36048567987194524, 0.2652592656321793, 0.07957866332375117, -0.05921114441026744,
     -0.05831499060543669, 0.016274759315215097, 0.03486406256746447, -0.00980600411245824, -0.0221139162388777,
     0.010994186957361787, 0.013466084058823043, -0.013228680377428914, -0.005453789005064031, 0.01384820899492595,
     -0.0026818711300707902, -0.011024596305255622, 0.009286437024353522, 0.004508945921967167, -0.010907215627595461,
     0.0023225316120850884, 0.005910826911402888, -0.0035880676827796335),
)
# fmt: on


@straight_line
def normal(z):
    """(Phi(z), phi(z)); every z. Phi(-inf) = 0, Phi(inf) = 1. NaN gives NaN.

    Error of Phi in ulp: 1.3 for z > 0, 2.6 for z > -2, 3.5 below (float32); 2.6, 4.0, 5.0 (float64). Of phi: 1.5.

    phi(z) = exp(-z**2/2) / sqrt(2 pi),   Phi(z) = integral of phi from -infinity to z

    Three things keep the left tail exact to some ulp: z**2 is taken in two parts; so is x + k, what is lost in rounding it coming
    back by R' = x R - phi(0); and exp(-x**2/2) R is R + q R with the q of `exp_parts`.
    """
    x = abs(z)
    x = _CAP(z) if x > _CAP(z) else x
    coarse = (x + _COARSE(z)) - _COARSE(z)
    square, rest = coarse * coarse, (x - coarse) * (x + coarse)
    total = square + rest
    q, s, t = exp_parts(-_HALF(z) * total, _HALF(z) * ((total - square) - rest))
    shifted = x + _K(z)
    lost = x - (shifted - _K(z))
    u = _K(z) / shifted
    flat, bend = u * _BASE(z), u * ((u - _ROOT(z)) * _RATIO(u - _HALF(z)))
    ratio = flat + (bend + lost * (x * (flat + bend) - _DENSITY_AT_0(z)))
    tail = (ratio + q * ratio) * s * t
    density = (_DENSITY_AT_0(z) + q * _DENSITY_AT_0(z)) * s * t
    return tail if z < _ZERO(z) else _ONE(z) - tail, density
