"""kernels/views.py: views begin and end where they say, and write through."""

from __future__ import annotations

import numpy as np
from callers import compiled

from fastdnn.kernels.views import flat_view, panel_view, rows_view


@compiled
def fill_flat(array, at, size, value):
    view = flat_view(array, at, size)
    for i in range(view.size):
        view[i] = value
    return view.size


@compiled
def number_panels(array, at, panels, rows, width):
    view = panel_view(array, at, panels, rows, width)
    for q in range(view.shape[0]):
        for r in range(view.shape[1]):
            for c in range(view.shape[2]):
                view[q, r, c] = 100 * q + 10 * r + c
    return view.shape


@compiled
def fill_rows(P, q, r0, r1, value):
    view = rows_view(P, q, r0, r1)
    for i in range(view.size):
        view[i] = value
    return view.size


def test_flat_view(dtype):
    for array in (np.zeros(20, dtype), np.zeros((4, 5), dtype), np.zeros((2, 2, 5), dtype)):
        assert fill_flat(array, 3, 4, dtype(1)) == 4
        expected = np.zeros(20)
        expected[3:7] = 1
        np.testing.assert_array_equal(array.ravel(), expected)


def test_empty_views(dtype):
    array = np.zeros(4, dtype)
    assert fill_flat(array, 4, 0, dtype(1)) == 0
    assert number_panels(array, 0, 0, 3, 2) == (0, 3, 2)
    assert not array.any()


def test_panel_view(dtype):
    array = np.full(30, -1, dtype)
    assert number_panels(array, 2, 2, 3, 4) == (2, 3, 4)
    q, r, c = np.indices((2, 3, 4))
    np.testing.assert_array_equal(array[2:26].reshape(2, 3, 4), 100 * q + 10 * r + c)
    assert np.all(array[:2] == -1)
    assert np.all(array[26:] == -1)


def test_rows_view(dtype):
    P = np.zeros((3, 5, 4), dtype)
    assert fill_rows(P, 1, 2, 4, dtype(1)) == 8
    expected = np.zeros((3, 5, 4))
    expected[1, 2:4] = 1
    np.testing.assert_array_equal(P, expected)
