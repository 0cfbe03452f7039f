"""kernels/dropout.py: what a mask keeps, what it depends on, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import reference_panels
from callers import from_python

from fastdnn.kernels import dropout
from fastdnn.kernels.random import random_uint32
from fastdnn.kernels.vector import panel_width

ROWS = 400


def dropped(dtype, n, share, rows=(0, ROWS), seed=1, step=2, layer=1, hidden=True):
    """A and D of ones after `drop`, as panels."""
    width = panel_width(dtype)
    A, D = (reference_panels.to_panels(np.ones((ROWS, n)), width, dtype) for _ in range(2))
    from_python(dropout.drop)(A, D, n, *rows, seed, step, layer, hidden, share)
    return A, D


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_rest_made_up_for(share, dtype):
    n = 3 * panel_width(dtype) + 1
    A = reference_panels.from_panels(dropped(dtype, n, share)[0], n)
    np.testing.assert_allclose(np.unique(A), [0, 1 / (1 - share)], rtol=1e-6)
    deviation = np.sqrt(share * (1 - share) / A.size)
    assert abs(np.mean(A == 0) - share) < 5 * deviation
    for means in (np.mean(A == 0, axis=0), np.mean(A == 0, axis=1)):  # of a unit, of an example
        assert np.abs(means - share).max() < 6 * np.sqrt(share * (1 - share) * means.size / A.size)


def test_neighbours_are_independent(dtype):
    """Correlations of a unit with the next unit, the next example and the next step are those of chance."""
    n = 64
    one = reference_panels.from_panels(dropped(dtype, n, 0.5)[0], n) > 0
    later = reference_panels.from_panels(dropped(dtype, n, 0.5, step=3)[0], n) > 0
    below = reference_panels.from_panels(dropped(dtype, n, 0.5, layer=2)[0], n) > 0
    for a, b in [(one[:, 1:], one[:, :-1]), (one[1:], one[:-1]), (one, later), (one, below)]:
        assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)


def test_derivative_takes_the_same_mask_where_it_is_wanted(dtype):
    A, D = dropped(dtype, 20, 0.3)
    np.testing.assert_array_equal(A[0], D[0])
    assert np.all(dropped(dtype, 20, 0.3, hidden=False)[1][0] == 1)


def test_mask_depends_on_the_place_and_not_on_who_asks(dtype):
    n = 20
    whole = dropped(dtype, n, 0.5)[0]
    parts = np.concatenate(
        [dropped(dtype, n, 0.5, (a, b))[0][:, a:b] for a, b in [(0, 7), (7, 300), (300, ROWS)]], axis=1
    )
    np.testing.assert_array_equal(whole, parts)
    others = [dropped(dtype, n, 0.5, **{word: 9})[0].tobytes() for word in ("seed", "step", "layer")]
    assert len({whole.tobytes(), *others}) == 4


def test_mask_is_the_same_in_both_float_types():
    masks = [reference_panels.from_panels(dropped(kind, 40, 0.5)[0], 40) > 0 for kind in (np.float32, np.float64)]
    np.testing.assert_array_equal(*masks)


def test_random_uint32_is_lowbias32():
    """Against Python's integers."""
    for key, counter in [(0, 0), (1, 2), (2**32 - 1, 2**32 - 1), (0x12345678, 77)]:
        x = (counter * 0x9E3779B9 % 2**32) ^ key
        x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        with np.errstate(over="ignore"):
            assert int(from_python(random_uint32)(np.uint32(key), np.uint32(counter))) == x ^ (x >> 16)
