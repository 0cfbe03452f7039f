"""A new table's columns are found by name, or by position where there are no names."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.columns import column_from_array
from fastdnn.errors import DataError
from fastdnn.inputs import ColumnInputs, Schema
from fastdnn.tables import Table, table_from_columns


def table(named: bool = True, **columns: list[float]) -> Table:
    made = {name: column_from_array(name, np.array(values, dtype=float)) for name, values in columns.items()}
    return table_from_columns(made, "new.csv", named=named)


TRAIN = table(a=[1, 3], y=[0, 1], b=[10, 30])


def inputs(named: bool = True, target: int | None = 1) -> ColumnInputs:
    return ColumnInputs.fit(TRAIN, Schema(["a", "y", "b"], named, target), np.arange(2), set(), set())


def test_by_name_order_and_extra_columns_do_not_matter() -> None:
    X, notes = inputs().transform(table(b=[30, 10], extra=[7, 7], a=[3, 1]), "float32")
    np.testing.assert_array_equal(X, [[1, 1], [-1, -1]])
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert notes == ["ignored, as the model does not know it: extra"]


def test_missing_columns_are_named_with_what_they_may_be_called_now() -> None:
    with pytest.raises(DataError, match=r"'new\.csv' lacks column 'a', which the model was trained on") as raised:
        inputs().transform(table(b=[1]), "float32")
    assert raised.value.hint
    long = Schema(["petal_width", "y"], True, 1)
    fitted = ColumnInputs.fit(table(petal_width=[1, 2], y=[0, 1]), long, np.arange(2), set(), set())
    with pytest.raises(DataError, match=r"Is it 'petal_widht'\?"):
        fitted.transform(table(petal_widht=[1]), "float32")
    with pytest.raises(DataError, match="lacks 2 columns that the model was trained on: a, b"):
        inputs().transform(table(z=[1]), "float32")


def test_a_column_dropped_at_training_may_be_absent() -> None:
    fitted = ColumnInputs.fit(TRAIN, Schema(["a", "y", "b"], True, 1), np.arange(2), {0}, set())
    assert [item.name for item in fitted.dropped] == ["a"]
    X, notes = fitted.transform(table(b=[10]), "float32")
    assert X.tolist() == [[-1]]
    assert notes == []


def test_by_position_with_or_without_the_target() -> None:
    whole, notes = inputs(named=False).transform(table(named=False, c1=[1], c2=[0], c3=[30]), "float32")
    without, _ = inputs(named=False).transform(table(named=False, c1=[1], c2=[30]), "float32")
    np.testing.assert_array_equal(whole, [[-1, 1]])
    np.testing.assert_array_equal(without, whole)
    assert notes == []


def test_by_position_where_only_one_side_has_names_and_that_is_said() -> None:
    X, notes = inputs().transform(table(named=False, c1=[1], c2=[30]), "float32")
    np.testing.assert_array_equal(X, [[-1, 1]])
    assert "by position" in notes[0]
    _, notes = inputs(named=False).transform(table(q=[1], r=[30]), "float32")
    assert "by position" in notes[0]


@pytest.mark.parametrize(("target", "allowed"), [(1, "3, or 2 without the target"), (None, "3")])
def test_a_wrong_number_of_columns(target: int | None, allowed: str) -> None:
    with pytest.raises(DataError, match=rf"'new\.csv' has 1 column; the model was trained on {allowed}\."):
        inputs(named=False, target=target).transform(table(named=False, c1=[1]), "float32")


def test_nothing_left_to_learn_from() -> None:
    with pytest.raises(DataError, match="has no column left to learn from: 'a' is the same in every training row"):
        ColumnInputs.fit(table(a=[1, 1], y=[0, 1]), Schema(["a", "y"], True, 1), np.arange(2), set(), set())
