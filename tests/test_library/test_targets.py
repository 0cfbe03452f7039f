"""Class or quantity, and the way back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from fastdnn.columns import Column, column_from_array, column_from_text
from fastdnn.errors import DataError, ParameterError
from fastdnn.targets import Target, clean_label


def column(values: Sequence[object]) -> Column:
    if any(isinstance(value, str) for value in values):
        return column_from_text("y", pa.chunked_array([pa.array(values, pa.string())]))
    return column_from_array("y", np.array(values))


def fit(values: Sequence[object], **options: object) -> Target:
    return Target.fit(column(values), np.arange(len(values)), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["b", "a", "b", None], "binary", ["a", "b"]),
        (["c", "a", "b", "a"], "multiclass", ["a", "b", "c"]),
        (["True", "False"], "binary", ["False", "True"]),
        ([0, 1, 1, 0], "binary", ["0", "1"]),
        ([-1.0, 1.0], "binary", ["-1", "1"]),
        ([0.5, 1.5, 0.5], "binary", ["0.5", "1.5"]),
        ([10000, 20000], "binary", ["10000", "20000"]),
        (list(range(10)) * 5, "multiclass", [str(k) for k in range(10)]),
        ([4, 6, 8] * 10, "multiclass", ["4", "6", "8"]),
        ([0, 1, 2, 2.5] * 10, "regression", None),
        ([10, 20, 30] * 10, "regression", None),
        (list(range(28)) * 100, "regression", None),
        (list(range(10)) * 2, "regression", None),
        ([2001, 2002, 2003] * 10, "regression", None),
        (["1", "2", "3", "x"] * 10, "multiclass", ["1", "2", "3", "x"]),
    ],
)
def test_the_task_is_told_from_the_values(values: Sequence[object], task: str, classes: list[str] | None) -> None:
    target = fit(values)
    assert target.task == task
    assert target.classes == classes
    assert target.decision.startswith(
        {"binary": "Binary", "multiclass": "Classification", "regression": "Regression"}[task]
    )
    assert target.n_outputs == (len(classes) if classes and task == "multiclass" else 1)


def test_the_decision_names_the_option_that_changes_it() -> None:
    assert "--task regression" in fit([0, 1, 2] * 10).decision
    assert "--task multiclass" in fit(list(range(28)) * 10).decision
    assert "--task" not in fit([0.1 * k for k in range(50)]).decision
    assert "--task" not in fit(["a", "b"]).decision


def test_the_task_can_be_asked_for() -> None:
    assert fit([0, 1, 2] * 10, task="regression").task == "regression"
    assert fit(list(range(28)) * 10, task="multiclass").n_outputs == 28
    assert fit([0, 1] * 10, task="multiclass").n_outputs == 2
    with pytest.raises(DataError, match="--task binary needs a target with two classes; 'y' has 3"):
        fit([0, 1, 2] * 10, task="binary")
    with pytest.raises(DataError, match="--task regression needs numbers"):
        fit(["a", "b"], task="regression")
    with pytest.raises(ParameterError, match=r"Unknown task 'regresion'\. Did you mean 'regression'"):
        fit([0, 1], task="regresion")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", "a", None], "one class only, 'a', in all 2 labelled rows"),
        (["a"], "one class only, 'a', in its only labelled row"),
        ([3, 3, 3], "one class only, '3'"),
        ([np.nan, np.nan], "has no value in any of 2 rows"),
        ([0.5, np.inf, 1.5], "has the value inf in row 2"),
        ([f"name {k}" for k in range(30)], "has 30 distinct values in 30 rows: too many to be classes"),
    ],
)
def test_targets_that_cannot_be_learned(values: Sequence[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit(values)


def test_a_quantity_that_is_constant_in_the_training_rows() -> None:
    with pytest.raises(DataError, match=r"'y' is 1\.5 in every training row"):
        Target.fit(column([1.5, 1.5, 2.5, 3.5]), np.array([0, 1]))
    with pytest.raises(DataError, match="no value in any training row"):
        Target.fit(column([np.nan, 2.5]), np.array([0]))


def test_classes_come_from_all_rows_and_the_scale_from_training_rows() -> None:
    assert Target.fit(column(["a", "b", "c"]), np.array([0, 1])).classes == ["a", "b", "c"]
    target = Target.fit(column([1.5, 2.5, 100.0, np.nan]), np.array([0, 1, 3]))
    assert (target.mean, target.std) == (2.0, 0.5)


def test_encode_and_decode() -> None:
    many = fit(["b", "a", None, "c"])
    codes = many.encode(column(["c", None, "a", "b"]), "float32")
    assert codes.dtype == np.int64
    np.testing.assert_array_equal(codes, [2, -1, 0, 1])
    assert many.decode(np.eye(3)[[2, 0]]).tolist() == ["c", "a"]

    two = fit([0, 1, 1, np.nan])
    Y = two.encode(column([1.0, 0.0, np.nan]), "float32")
    assert Y.dtype == np.float32
    np.testing.assert_array_equal(Y, [[1], [0], [np.nan]])
    assert two.decode(np.array([[0.51], [0.5]])).tolist() == ["1", "0"]
    np.testing.assert_array_equal(two.probabilities(np.array([[0.25]])), [[0.75, 0.25]])

    quantity = Target.fit(column([1.5, 2.5, 9.5, np.nan]), np.array([0, 1, 3]))
    Y = quantity.encode(column([1.5, 2.5, 3.5]), "float64")
    np.testing.assert_array_equal(Y, [[-1], [1], [3]])
    np.testing.assert_array_equal(quantity.decode(Y), [1.5, 2.5, 3.5])
    with pytest.raises(DataError, match="not class probabilities"):
        quantity.probabilities(Y)


def test_a_class_that_training_did_not_have() -> None:
    target = fit(["cat", "dog", "cat"])
    with pytest.raises(
        DataError, match=r"has the class 'cow' \(2 rows\), which the model does not know; it knows 'cat', 'dog'"
    ):
        target.encode(column(["cow", "cat", "cow"]), "float32")


def test_labels_that_differ_by_a_full_stop_or_case() -> None:
    target = fit(["<=50K", ">50K"])
    dotted = column(["<=50K.", ">50K."])
    with pytest.raises(DataError, match="they differ by a trailing full stop") as raised:
        target.encode(dotted, "float32")
    assert raised.value.hint == "--clean-labels"
    np.testing.assert_array_equal(target.encode(dotted, "float32", clean_labels=True), [[0], [1]])
    assert fit(["a.", "b", "a"], clean_labels=True).classes == ["a", "b"]
    with pytest.raises(DataError, match="differ by upper and lower case"):
        fit(["yes", "no"]).encode(column(["YES", "no"]), "float32")
    assert clean_label(" a. ") == "a"


def test_booleans_in_another_spelling_and_numbers_in_another_form() -> None:
    target = fit(["True", "False"])
    np.testing.assert_array_equal(target.encode(column(["TRUE", "FALSE"]), "float32"), [[1], [0]])
    np.testing.assert_array_equal(fit([0, 1]).encode(column(["1.0", "0.0"]), "float32"), [[1], [0]])


def test_summary_has_shares() -> None:
    facts = fit(["a", "b", "a", "a"]).summary()
    assert facts["classes"] == [{"label": "a", "rows": 3, "share": 0.75}, {"label": "b", "rows": 1, "share": 0.25}]
    assert fit([1.5, 2.5, 4.0]).summary()["mean"] == pytest.approx(8 / 3)
