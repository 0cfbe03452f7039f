"""fastdnn/weighting.py: weights of classes and rows, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdnn.errors import DataError, ParameterError
from fastdnn.weighting import class_weights, sample_weights


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50))
def test_balanced_gives_every_class_the_same_total_and_all_together_the_number_of_rows(labels):
    labels = np.array(labels)
    weights = class_weights(labels, 5, "balanced")
    totals = np.bincount(labels, weights[labels], minlength=5)
    occurring = np.unique(labels)
    np.testing.assert_allclose(totals[occurring], len(labels) / occurring.size)
    assert totals.sum() == pytest.approx(len(labels))


def test_given_weights_by_number_and_by_name():
    labels = np.array([0, 1, 2])
    np.testing.assert_array_equal(class_weights(labels, 3, {1: 2.5}), [1, 2.5, 1])
    np.testing.assert_array_equal(class_weights(labels, 3, {"c": 0.0, "a": 3}, ["a", "b", "c"]), [3, 1, 0])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("balance", "must be 'balanced' or a weight for each class, got 'balance'"),
        ({"yse": 2.0}, "the class 'yse', which there is not. Did you mean 'yes'. Classes: no, yes"),
        ({"yes": -1.0}, "weight of class 'yes' must be finite and 0 or more, got -1"),
        ({"yes": float("nan")}, "got nan"),
        ({"yes": 0.0, "no": 0.0}, "weights of all classes are zero"),
    ],
)
def test_class_weights_refused(how, sentence):
    with pytest.raises(ParameterError, match=sentence.replace("?", r"\?")):
        class_weights(np.array([0, 1]), 2, how, ["no", "yes"])


def test_rows_that_do_not_count_may_have_any_weight():
    checked = sample_weights([1, np.nan, 0, np.inf, 2.5], np.array([0, 2, 4]))
    np.testing.assert_array_equal(checked, [1, 0, 0, 0, 2.5])


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1, -2, 1], "got -2 in row 2"),
        ([1, 1, np.nan], "got no value in row 3"),
        ([np.inf, 1, 1], "got inf in row 1"),
        ([0, 0, 0], "are zero in every row"),
        ([0, 1e300, 1], r"largest value from 1e-30 to 1e\+30, got 1e\+300"),
        ([0, 1e-40, 1e-300], r"largest value from 1e-30 to 1e\+30, got 1e-40"),
    ],
)
def test_sample_weights_refused(weights, sentence):
    with pytest.raises(DataError, match=sentence):
        sample_weights(weights, np.arange(3))
