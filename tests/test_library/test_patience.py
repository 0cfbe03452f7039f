"""fastdnn/patience.py: what improves, and when patience ends."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdnn.errors import ParameterError
from fastdnn.patience import Patience


@pytest.mark.parametrize(("higher", "sign"), [(False, 1), (True, -1)])
def test_a_gain_must_be_larger_than_min_delta_over_the_last_that_counted(higher, sign):
    patience = Patience(3, min_delta=0.25, higher_is_better=higher)
    values = [2.0, 1.875, 1.75, 1.625, 1.5, 1.375]
    improved = [patience.improved(sign * value) for value in values]
    assert improved == [True, False, False, True, False, False]
    assert (patience.waited, patience.exhausted) == (2, False)


def test_nan_and_none_never_improve_and_infinity_is_a_number():
    patience = Patience(2)
    assert [patience.improved(value) for value in (None, math.nan, math.inf, 3.0)] == [False, False, True, True]
    assert [patience.improved(value) for value in (math.nan, None)] == [False, False]
    assert patience.exhausted


def test_restart_waits_anew_against_the_same_value():
    patience = Patience(1)
    patience.improved(1.0)
    patience.improved(1.0)
    assert patience.exhausted
    patience.restart()
    assert not patience.exhausted
    assert not patience.improved(1.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.booleans())
def test_without_min_delta_the_reference_is_the_best_so_far(values, higher):
    patience = Patience(1000, higher_is_better=higher)
    best = max if higher else min
    for i, value in enumerate(values):
        assert patience.improved(value) == (i == 0 or (value != best(values[:i]) and value == best(values[: i + 1])))
    assert patience.reference == best(values)


@pytest.mark.parametrize("epochs", [0, -1, 1.5, math.nan, math.inf, True, None])
def test_epochs_that_are_refused(epochs):
    with pytest.raises(ParameterError, match="patience must be a whole number, 1 or more, got"):
        Patience(epochs)


@pytest.mark.parametrize("min_delta", [-1e-9, math.nan, math.inf, "0"])
def test_min_deltas_that_are_refused(min_delta):
    with pytest.raises(ParameterError, match="min_delta must be a number 0 or more, got"):
        Patience(1, min_delta)
