"""fastdnn/examples.py: nothing is copied that need not be, and what cannot be used is refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest

import fastdnn
from fastdnn.errors import DataError
from fastdnn.examples import Examples, as_examples


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_data_as_it_should_be_is_not_copied(kind):
    X, rows = np.ones((4, 3), kind), np.array([2, 0])
    examples = Examples(X, np.arange(4), rows)
    assert np.shares_memory(examples.X, X)
    assert np.shares_memory(examples.indices, rows)
    assert len(examples) == 2


def test_other_layouts_and_types_are_converted_once():
    base = np.arange(24).reshape(4, 6)
    for X in (base, base[:, ::2], np.asfortranarray(base.astype(float)), base.tolist(), base > 3):
        examples = Examples(X)
        assert examples.X.dtype == np.float64
        assert examples.X.flags.c_contiguous
        np.testing.assert_array_equal(examples.X, np.asarray(X, float))


def test_read_only_data_stay_read_only_and_unharmed():
    X = np.ones((3, 2))
    X.flags.writeable = False
    assert not Examples(X).X.flags.writeable


def test_all_rows_count_unless_told():
    np.testing.assert_array_equal(Examples(np.ones((3, 2))).indices, [0, 1, 2])
    assert len(Examples(np.ones((3, 2)))) == 3


@pytest.mark.parametrize("largest", [1e-40, 1e31])
def test_weights_whose_sums_leave_float32_are_refused_and_small_ones_beside_others_are_not(largest):
    X = np.ones((3, 2))
    with pytest.raises(DataError, match=r"largest value from 1e-30 to 1e\+30, got"):
        Examples(X, weights=[0.0, largest, largest])
    assert Examples(X, weights=[1e-300, 1.0, 0.0]).total_weight == 1.0


def test_as_examples():
    examples = Examples(np.ones((2, 2)))
    assert as_examples(examples) is examples
    assert as_examples([[1.0, 2.0]]).X.shape == (1, 2)


def with_value(value, at=(1, 2)):
    X = np.zeros((3, 4), np.float32)
    X[at] = value
    return X


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.ones(3),), r"X must be a matrix .*got shape \(3,\)"),
        ((np.ones((0, 3)),), r"at least one of each, got shape \(0, 3\)"),
        ((np.ones((3, 0)),), r"at least one of each, got shape \(3, 0\)"),
        ((np.ones((3, 2, 2)),), r"got shape \(3, 2, 2\)"),
        ((with_value(np.nan),), "X holds nan at row 1, column 2"),
        ((with_value(np.inf),), "X holds inf at row 1, column 2"),
        ((with_value(-np.inf, (2, 0)),), "X holds -inf at row 2, column 0"),
        ((np.ones((3, 2)), np.zeros(4)), "X has 3 examples, but Y has 4"),
        ((np.ones((3, 2)), 5.0), "Y has none"),
        ((np.ones((2, 2)), np.array([1.0, np.nan])), "Y holds nan at row 1"),
        ((np.ones((2, 2)), np.array([[1.0], [np.inf]])), "Y holds inf at row 1, column 0"),
        ((np.ones((2, 2)), None, np.zeros(0, int)), "the list of rows is empty"),
        ((np.ones((2, 2)), None, [0, 2]), "must lie in 0 to 1, got 0 to 2"),
        ((np.ones((2, 2)), None, [-1]), "must lie in 0 to 1, got -1 to -1"),
        ((np.ones((2, 2)), None, [0.0, 1.0]), "rows must be a vector of whole numbers or 2 booleans, got float64"),
        ((np.ones((2, 2)), None, [True, False, True]), "rows must be a vector"),
        ((np.array([["a"]]),), "X must hold numbers"),
        ((np.ones((2, 2)), np.array(["a", "b"])), "Y must hold numbers"),
    ],
)
def test_errors(arguments, sentence):
    with pytest.raises(DataError, match=sentence):
        Examples(*arguments)


def test_a_mask_counts_the_rows_where_it_is_true():
    examples = Examples(np.ones((4, 2)), rows=np.array([True, False, False, True]))
    assert examples.indices.tolist() == [0, 3]


def test_weights_of_scores_are_those_of_the_loss_unless_given_apart():
    X, weights = np.ones((4, 2)), [1.0, 2.0, 3.0, 4.0]
    assert Examples(X).scoring_weights is None
    assert Examples(X, rows=[2, 0], weights=weights).scoring_weights.tolist() == [3.0, 1.0]
    apart = Examples(X, rows=[2, 0], weights=weights, score_weights=np.ones(4))
    assert apart.scoring_weights.tolist() == [1.0, 1.0]
    assert apart.total_weight == 4.0
    with pytest.raises(DataError, match="0 or more, got -1 for row 1"):
        Examples(X, score_weights=[1, -1, 1, 1])
    with pytest.raises(DataError, match="Weights must be numbers, got <U1"):
        Examples(X, weights=["a"] * 4)


def test_a_validation_part_is_scored_by_its_weights():
    rng = np.random.default_rng(0)
    X, y, copies = rng.normal(size=(60, 3)), rng.normal(size=60), rng.integers(0, 4, 60)
    valid = {
        "weighted": Examples(X, y, weights=copies),
        "copied": Examples(X, y, rows=np.repeat(np.arange(60), copies)),
    }
    rows = {}
    for name, part in valid.items():
        network = fastdnn.Network([3, 4, 1], loss="squared_error", dtype="float64")
        history = fastdnn.train(network, Examples(X, y), part, metric="mae", epochs=2, threads=1)
        rows[name] = {column: history[column] for column in ("valid_loss", "valid_score", "valid_mae")}
    for column, values in rows["weighted"].items():
        assert values == pytest.approx(rows["copied"][column], rel=1e-12)
