"""One column to its columns of X."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from fastdnn.columns import Column, column_from_array, column_from_text
from fastdnn.errors import DataError
from fastdnn.features import (
    MAX_CATEGORIES,
    CategoryFeature,
    Dropped,
    Feature,
    NumberFeature,
    feature_from_json,
    feature_to_json,
    fit_feature,
)


def column(values: Sequence[object], name: str = "c") -> Column:
    if any(isinstance(value, str) for value in values):
        return column_from_text(name, pa.chunked_array([pa.array(values, pa.string())]))
    return column_from_array(name, np.array(values))


def fit(values: Sequence[object], rows: list[int] | None = None, name: str = "c", **options: bool) -> Feature | Dropped:
    chosen = np.arange(len(values)) if rows is None else np.array(rows)
    return fit_feature(column(values, name), 0, chosen, **options)


def written(feature: Feature | Dropped, values: Sequence[object]) -> np.ndarray:
    assert not isinstance(feature, Dropped), feature
    out = np.full((len(values), feature.width), np.nan)
    feature.write(column(values), out)
    assert len(feature.names) == feature.width
    return out


def test_numbers_are_standardised_by_training_rows_alone() -> None:
    feature = fit([1.0, 3.0, 500.0], rows=[0, 1])
    np.testing.assert_array_equal(written(feature, [1.0, 3.0, 5.0, 2.0])[:, 0], [-1, 1, 3, 0])


def test_missing_is_the_median_and_a_column_if_training_had_some() -> None:
    feature = fit([1.0, 2.0, 9.0, np.nan])
    out = written(feature, [np.nan, 2.0, 9.0])
    np.testing.assert_array_equal(out[0, 0], out[1, 0])
    np.testing.assert_array_equal(out[:, 1], [1, 0, 0])
    complete = fit([1.0, 2.0, 9.0])
    out = written(complete, [np.nan, 2.0])
    assert out.shape == (2, 1)
    assert out[0, 0] == out[1, 0]


def test_outliers_end_at_ten_standard_deviations() -> None:
    out = written(fit([0.0, 1.0] * 50), [1e9, -1e300, 0.5])
    np.testing.assert_array_equal(out[:, 0], [10, -10, 0])


def test_statistics_are_those_of_float64() -> None:
    values = 1e9 + np.random.default_rng(0).normal(size=1000)
    z = written(fit(list(values)), list(values))[:, 0]
    assert abs(z.mean()) < 1e-7
    assert z.std() == pytest.approx(1.0, rel=1e-7)


def test_booleans_are_zero_and_one() -> None:
    feature = fit(["True", "False", "True", ""])
    np.testing.assert_array_equal(written(feature, ["False", "TRUE", ""]), [[0, 0], [1, 0], [1, 1]])
    np.testing.assert_array_equal(written(feature, [0, 1]), [[0, 0], [1, 0]])
    with pytest.raises(
        DataError, match=r"Column 'c' has the value 2 in row 2; the model was trained on true and false"
    ):
        written(feature, [0, 2])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([3.0, 3.0], "is the same in every training row"),
        (["a", "a", "a"], "is the same in every training row"),
        ([np.nan, np.nan], "has no value in any training row"),
        ([f"name {k}" for k in range(5)], "is text with 5 distinct values in 5 rows: names or identifiers"),
        ([f"{k % 30}x" for k in range(50)], "is text with 30 distinct values in 50 rows: names or identifiers"),
        ([*map(str, range(40)), "many"], "nearly all its cells are numbers: 'many' in training row 41 is not"),
    ],
)
def test_columns_that_tell_nothing_are_dropped(values: Sequence[object], reason: str) -> None:
    found = fit(values)
    assert isinstance(found, Dropped)
    assert reason in found.reason


@pytest.mark.parametrize(("name", "dropped"), [("id", True), ("PassengerId", True), ("c1", True), ("year", False)])
def test_a_column_that_counts_the_rows_is_dropped_if_its_name_says_so(name: str, dropped: bool) -> None:
    assert isinstance(fit(list(range(1, 20)), name=name), Dropped) is dropped


def test_an_id_that_does_not_count_stays() -> None:
    assert isinstance(fit([3, 1, 2, 7], name="id"), NumberFeature)


def test_constant_with_missing_keeps_the_indicator() -> None:
    np.testing.assert_array_equal(written(fit([3.0, np.nan]), [3.0, np.nan]), [[0, 0], [0, 1]])


def test_categories_have_a_place_each() -> None:
    feature = fit(["b", "a", "b", "a"])
    np.testing.assert_array_equal(written(feature, ["a", "b"]), [[1, 0], [0, 1]])
    assert not isinstance(feature, Dropped)
    assert feature.names == ["c=a", "c=b"]


def test_unseen_and_missing_where_training_had_neither_are_all_zeros() -> None:
    feature = fit(["b", "a", "b", "a"])
    np.testing.assert_array_equal(written(feature, ["z", ""]), [[0, 0], [0, 0]])


def test_missing_and_rare_categories_have_places_of_their_own() -> None:
    feature = fit(["a", "a", "b", "b", "rare", ""])
    assert not isinstance(feature, Dropped)
    assert feature.names == ["c=a", "c=b", "c (other)", "c (missing)"]
    np.testing.assert_array_equal(written(feature, ["rare", "unseen", "", "b"]), np.eye(4)[[2, 2, 3, 1]])
    no_missing = fit(["a", "a", "b", "b", "rare"])
    np.testing.assert_array_equal(written(no_missing, ["", "a"]), np.eye(3)[[2, 0]])


def test_categories_outside_the_training_rows_are_unseen() -> None:
    feature = fit(["a", "b", "a", "b", "late", "late"], rows=[0, 1, 2, 3])
    assert isinstance(feature, CategoryFeature)
    assert feature.categories == ("a", "b")


def test_only_the_most_frequent_categories_have_places() -> None:
    values = [f"v{k}" for k in range(MAX_CATEGORIES + 50) for _ in range(3 if k < MAX_CATEGORIES else 2)]
    feature = fit(values)
    assert isinstance(feature, CategoryFeature)
    assert set(feature.categories) == {f"v{k}" for k in range(MAX_CATEGORIES)}
    assert feature.other


def test_numbers_can_be_forced_to_categories_and_names_too() -> None:
    feature = fit([10, 2, 10, 2, 10, 2], categorical=True)
    assert isinstance(feature, CategoryFeature)
    assert feature.categories == ("2", "10")
    np.testing.assert_array_equal(written(feature, [2, 10]), np.eye(2))
    np.testing.assert_array_equal(written(feature, ["2", "10.0", "x"]), [[1, 0], [0, 1], [0, 0]])
    assert isinstance(fit([*"abcde", "a"], categorical=True), CategoryFeature)


def test_text_categories_are_found_in_a_file_where_the_column_is_numbers_or_booleans() -> None:
    feature = fit(["007", "007", "A1", "A1"])
    np.testing.assert_array_equal(written(feature, [7.0, 8.0]), [[1, 0], [0, 0]])
    feature = fit(["True", "maybe", "True", "maybe"])
    np.testing.assert_array_equal(written(feature, ["TRUE"]), [[1, 0]])


def test_text_and_infinite_values_where_numbers_were() -> None:
    feature = fit([1.0, 2.0])
    with pytest.raises(DataError, match=r"Column 'c' has the text 'two' in row 2"):
        written(feature, ["1", "two"])
    with pytest.raises(DataError, match=r"Column 'c' has the value inf in row 1"):
        written(feature, [np.inf, 1.0])
    with pytest.raises(DataError, match=r"value inf in row 3"):
        fit([1.0, 2.0, np.inf], rows=[0, 1])


@pytest.mark.parametrize(
    "values", [[0.1, 1 / 3, 1e-30], [1.0, np.nan, 3.0], ["a", "b", "a", "b", "c", ""], ["True", "False"]]
)
def test_json_keeps_every_bit(values: Sequence[object]) -> None:
    feature = fit(values)
    assert not isinstance(feature, Dropped)
    again = feature_from_json(json.loads(json.dumps(feature_to_json(feature), allow_nan=False)))
    assert again == feature
    with pytest.raises(KeyError):
        feature_from_json({"kind": "spline"})
