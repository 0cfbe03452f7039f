"""kernels/elementwise_losses.py: the loop over contiguous numbers, at kinks and far values; the rest is test_losses.py."""

from __future__ import annotations

import numpy as np
import pytest
from callers import from_python

from fastdnn.kernels import elementwise_losses as kernels
from fastdnn.kernels.custom import compile_elementwise

loss_terms = from_python(kernels.loss_terms)


def terms(loss, values, targets, dtype, parameters=(), first=0, n=1):
    """Losses and derivatives of some numbers, in arrays with room to spare, which are whole registers."""
    size = len(values)
    v, d = np.zeros((2, size + 64), dtype)
    v[:size], d[:size] = values, targets
    with np.errstate(all="ignore"):
        loss_terms(loss, v, d, first, n, size, np.array(parameters, dtype))
    return v[:size], d[:size]


def test_kinks(dtype):
    """Where A is Y the derivative is 0, a subgradient; at |e| = delta both forms of Huber's loss agree."""
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    for loss, parameters, expected, slopes in (
        (kernels.ABSOLUTE_ERROR, (), [2, 1, 0, 1, 2], [-1, -1, 0, 1, 1]),
        (kernels.QUANTILE, (0.25,), [0.5, 0.25, 0, 0.75, 1.5], [-0.25, -0.25, 0, 0.75, 0.75]),
        (kernels.HUBER, (1.0,), [1.5, 0.5, 0, 0.5, 1.5], [-1, -1, 0, 1, 1]),
        (kernels.SQUARED_ERROR, (), [2, 0.5, 0, 0.5, 2], [-2, -1, 0, 1, 2]),
    ):
        v, d = terms(loss, values, np.zeros(5), dtype, parameters)
        np.testing.assert_array_equal(v, expected)
        np.testing.assert_array_equal(d, slopes)


def test_each_unit_has_its_own_tau(dtype):
    """Units 2 and 3 of four: panels after the first begin at a later one."""
    v, d = terms(kernels.QUANTILE, [1, 1, -1, -1], np.zeros(4), dtype, (0.5, 0.5, 0.25, 0.75), first=2, n=2)
    np.testing.assert_array_equal(v, [0.75, 0.25, 0.25, 0.75])
    np.testing.assert_array_equal(d, [0.75, 0.25, -0.25, -0.75])


@pytest.mark.parametrize("loss", [kernels.ABSOLUTE_ERROR, kernels.HUBER, kernels.QUANTILE])
def test_errors_whose_square_overflows_have_a_finite_robust_loss(loss, dtype):
    far = float(np.sqrt(np.finfo(dtype).max)) * 4
    v, d = terms(loss, [far, -far], np.zeros(2), dtype, (0.5,))
    factor = 1.0 if loss == kernels.ABSOLUTE_ERROR else 0.5
    np.testing.assert_allclose(v, factor * far, rtol=1e-6)
    np.testing.assert_allclose(d, [factor, -factor], rtol=1e-6)


@pytest.mark.parametrize("loss", range(7))
def test_what_is_not_a_number_shows(loss, dtype):
    if loss == kernels.CATEGORICAL_CROSS_ENTROPY:
        return  # not a sum over the units
    v, _ = terms(loss, [np.nan, 0.5], [1.0, 1.0], dtype, (0.5,))
    assert np.isnan(v[0])
    assert np.isfinite(v[1])
    v, _ = terms(loss, [np.inf], [0.0], dtype, (0.5,))
    assert not np.isfinite(v[0])


def test_poisson_is_least_at_the_logarithm_of_the_count(dtype):
    counts = np.array([1.0, 2.0, 7.0, 100.0])
    best, slope = terms(kernels.POISSON, np.log(counts), counts, dtype)
    np.testing.assert_allclose(slope, 0, atol=200 * np.finfo(dtype).eps * counts.max())
    for step in (-0.1, 0.1):
        assert np.all(terms(kernels.POISSON, np.log(counts) + step, counts, dtype)[0] > best)


def test_a_loss_of_the_user_s_own_sees_only_the_numbers_there_are(dtype):
    """What lies behind them may be anything, on which the function might fail."""

    def f(a, y):
        if a == 0:
            raise ValueError
        return a * y

    address = compile_elementwise(f, lambda a, y: y, dtype, arity=2)
    v, d = terms(address, [1, 2, 3], [4, 5, 6], dtype)
    np.testing.assert_array_equal(v, [4, 10, 18])
    np.testing.assert_array_equal(d, [4, 5, 6])
