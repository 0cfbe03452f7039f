"""kernels/ahead.py: which lines of a row are asked for. That they arrive in time only a clock could tell: see perf/."""

from __future__ import annotations

import numpy as np
import pytest
from callers import from_python

from fastdnn.kernels import ahead
from fastdnn.kernels._jit import JIT_DISABLED
from fastdnn.kernels.vector import CACHE_LINE


def test_address_is_where_numbers_begin(dtype):
    X = np.zeros((3, 5), dtype)
    assert from_python(ahead.address_of)(X) == X.ctypes.data


def asked(monkeypatch, *arguments):
    """The addresses that both halves of `ask_for_row` ask for."""
    found = []
    monkeypatch.setattr(ahead, "ask_for", found.append)
    plain = ahead.ask_for_row if JIT_DISABLED else ahead.ask_for_row.py_func
    for half in (0, 1):
        plain(*arguments, half)
    return found


@pytest.mark.parametrize("begin", [0, 4, 60, 1000])
@pytest.mark.parametrize("row_bytes", [4, 60, 64, 68, 216, 384, 388])
def test_every_line_of_a_row_is_asked_for_and_no_other(monkeypatch, begin, row_bytes):
    at = begin + 3 * row_bytes
    lines = {address // CACHE_LINE for address in asked(monkeypatch, begin, row_bytes, 3)}
    assert lines == set(range(at // CACHE_LINE, (at + row_bytes - 1) // CACHE_LINE + 1))


@pytest.mark.parametrize("row_bytes", [0, 4096])
def test_nothing_is_asked_for_of_no_row_and_of_a_long_one(monkeypatch, row_bytes):
    assert asked(monkeypatch, 0, row_bytes, 3) == []


def test_asking_changes_nothing(dtype):
    X = np.arange(50, dtype=dtype).reshape(5, 10)
    for half in (0, 1):
        from_python(ahead.ask_for_row)(X.ctypes.data, X.strides[0], 4, half)
    np.testing.assert_array_equal(X.reshape(-1), np.arange(50))
