"""kernels/softmax_loss.py: blocks of rows, whole and in part, of one panel of classes and of more."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import from_python

from fastdnn.kernels import softmax_loss
from fastdnn.kernels.vector import panel_width

softmax_cross_entropy = from_python(softmax_loss.softmax_cross_entropy)


def run(M, labels, dtype, r0, r1, smoothing=()):
    Z = reference_panels.to_panels(M, panel_width(dtype), dtype, fill=3.0)
    dZ, losses = np.full_like(Z, np.nan), np.full(len(M), np.nan)
    with np.errstate(all="ignore"):
        softmax_cross_entropy(Z, labels, np.array(smoothing, dtype), dZ, losses, M.shape[1], r0, r1, labels, 0, 0, 0)
    return losses, dZ


@pytest.mark.parametrize("smoothing", [(), (0.2,)])
def test_a_row_has_the_same_bits_whatever_rows_are_done_with_it(smoothing, dtype, rng):
    """So that the number of threads changes nothing: a block may be whole for one thread and in part for another."""
    width = panel_width(dtype)
    rows = 3 * width + 5
    for n in (1, 2, 7, width - 1, width, width + 1):
        M, labels = rng.uniform(-9, 9, (rows, n)).astype(dtype), rng.integers(0, n, rows)
        whole, dZ_whole = run(M, labels, dtype, 0, rows, smoothing)
        for r0, r1 in [(0, width), (3, 3 + 2 * width), (1, rows - 1), (width + 2, 2 * width), (rows - 1, rows), (4, 4)]:
            part, dZ_part = run(M, labels, dtype, r0, r1, smoothing)
            np.testing.assert_array_equal(part[r0:r1], whole[r0:r1])
            np.testing.assert_array_equal(dZ_part[:, r0:r1], dZ_whole[:, r0:r1])
            outside = np.r_[0:r0, r1:rows]
            assert np.isnan(part[outside]).all()
            assert np.isnan(dZ_part[:, outside]).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_losses_and_dZ_equal_the_equations(smoothing, dtype, rng):
    width = panel_width(dtype)
    rows, eps = 2 * width + 3, np.finfo(dtype).eps
    for n in (2, 3, 7, width - 1, width, width + 1, 2 * width + 1):
        M, labels = rng.uniform(-9, 9, (rows, n)).astype(dtype), rng.integers(0, n, rows)
        losses, dZ = run(M, labels, dtype, 0, rows, (smoothing,) if smoothing else ())
        Z = M.T.astype(float)
        Y = (1 - dtype(smoothing)) * reference.one_hot(labels, n) + dtype(smoothing) / n
        expected = np.log(np.exp(Z).sum(axis=0)) - (Y * Z).sum(axis=0)
        np.testing.assert_allclose(losses, expected, rtol=40 * eps, atol=40 * eps * n)
        np.testing.assert_allclose(reference_panels.from_panels(dZ, n), (reference.softmax(Z) - Y).T, atol=8 * eps)
        assert np.all(reference_panels.padding(dZ, n) == 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_example_that_is_not_finite_spoils_no_other(bad, dtype, rng):
    width = panel_width(dtype)
    M, labels = rng.normal(size=(width + 3, 3)).astype(dtype), rng.integers(0, 3, width + 3)
    clean = run(M, labels, dtype, 0, len(M))
    spoilt = [1, width + 1]
    M[spoilt, labels[spoilt]] = bad
    losses, dZ = run(M, labels, dtype, 0, len(M))
    others = np.setdiff1d(np.arange(len(M)), spoilt)
    assert not np.isfinite(losses[spoilt]).any()
    np.testing.assert_array_equal(losses[others], clean[0][others])
    np.testing.assert_array_equal(dZ[:, others], clean[1][:, others])
