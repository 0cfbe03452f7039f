"""Arrays: pixels stay bytes, floats are standardised in blocks."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from fastdnn.columns import column_from_array
from fastdnn.errors import DataError
from fastdnn.inputs import Schema
from fastdnn.matrices import ArrayInputs, PixelInputs
from fastdnn.tables import Table, table_from_array, table_from_columns

generator = np.random.default_rng(0)
PIXELS = generator.integers(0, 256, (50, 12), dtype=np.uint8)


def schema(table: Table, target: int | None = None) -> Schema:
    return Schema(table.names, False, target)


def pixels(array: np.ndarray = PIXELS, rows: np.ndarray | None = None) -> PixelInputs:
    table = table_from_array(array)
    return PixelInputs.fit(table, schema(table), np.arange(len(array)) if rows is None else rows, set())


def test_pixels_are_the_array_itself() -> None:
    table = table_from_array(PIXELS)
    X, _ = pixels().transform(table, "float32")
    assert X is table.matrix
    assert np.shares_memory(X, PIXELS)


def test_scale_and_shift_standardise_all_pixels_of_the_training_rows() -> None:
    rows = np.arange(5, 30)
    inputs = pixels(rows=rows)
    Z = PIXELS[rows] * inputs.scale + inputs.shift
    assert Z.mean() == pytest.approx(0, abs=1e-12)
    assert Z.std() == pytest.approx(1, rel=1e-12)


def test_constant_images_do_not_divide_by_zero() -> None:
    inputs = pixels(np.full((4, 3), 7, np.uint8))
    assert (inputs.scale, inputs.shift) == (1.0, -7.0)


def test_a_target_among_the_pixels_is_left_out() -> None:
    table = table_from_array(PIXELS)
    inputs = PixelInputs.fit(table, schema(table, 3), np.arange(50), set())
    X, _ = inputs.transform(table, "float32")
    np.testing.assert_array_equal(X, np.delete(PIXELS, 3, axis=1))
    X, _ = inputs.transform(table_from_array(np.delete(PIXELS, 3, axis=1)), "float32")
    np.testing.assert_array_equal(X, np.delete(PIXELS, 3, axis=1))


def test_pixels_from_other_numbers() -> None:
    X, _ = pixels().transform(table_from_array(PIXELS.astype(np.float32)), "float32")
    assert X.dtype == np.uint8
    np.testing.assert_array_equal(X, PIXELS)
    scaled = PIXELS / 255
    with pytest.raises(DataError, match=r"in row \d+, column 1; the model was trained on pixels"):
        pixels().transform(table_from_array(scaled), "float32")
    with pytest.raises(DataError, match="has 3 columns; the model was trained on 12"):
        pixels().transform(table_from_array(np.zeros((2, 3), np.uint8)), "float32")


def floats() -> np.ndarray:
    X = generator.normal(size=(40, 5)) * [1, 100, 1e-3, 1, 1] + [0, 50, 0, 0, 3]
    X[:, 3] = 4.0
    X[[2, 7], 1] = np.nan
    return X


def fit_floats(X: np.ndarray, rows: np.ndarray | None = None) -> ArrayInputs:
    table = table_from_array(X)
    return ArrayInputs.fit(table, schema(table), np.arange(len(X)) if rows is None else rows, set())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_standardised_column_by_column(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastdnn.moments._BLOCK_VALUES", 35)
    data, rows = floats(), np.arange(30)
    inputs = fit_floats(data, rows)
    X, _ = inputs.transform(table_from_array(data), dtype)
    assert X.dtype == dtype
    assert X.shape == (40, 5)
    assert inputs.feature_names == ["x1", "x2", "x3", "x5", "x2 (missing)"]
    assert [(item.name, item.reason) for item in inputs.dropped] == [("x4", "is the same in every training row")]
    kept = data[:, [0, 1, 2, 4]]
    known = (kept - np.nanmean(kept[rows], axis=0)) / np.nanstd(kept[rows], axis=0)
    median = (np.nanmedian(kept[rows, 1]) - np.nanmean(kept[rows, 1])) / np.nanstd(kept[rows, 1])
    known[[2, 7], 1] = median
    np.testing.assert_allclose(X[:, :4], known, rtol=1e-6 if dtype == "float32" else 1e-12, atol=1e-12)
    np.testing.assert_array_equal(np.flatnonzero(X[:, 4]), [2, 7])


def test_missing_where_training_had_none_and_outliers() -> None:
    inputs = fit_floats(np.array([[0.0, 1.0], [2.0, 3.0]]))
    X, _ = inputs.transform(table_from_array(np.array([[np.nan, 1e30]])), "float64")
    np.testing.assert_array_equal(X, [[0, 10]])


def test_infinite_values_are_named() -> None:
    data = floats()
    data[4, 2] = np.inf
    with pytest.raises(DataError, match="Column 'x3' has the value inf in row 5"):
        fit_floats(data)
    with pytest.raises(DataError, match="Column 'x3' has the value inf in row 5"):
        fit_floats(data, np.arange(6, 40)).transform(table_from_array(data), "float32")


def test_all_constant() -> None:
    with pytest.raises(DataError, match="is the same in all training rows"):
        fit_floats(np.ones((5, 2)))


def test_floats_from_a_table_of_columns() -> None:
    data = floats()
    table = table_from_columns({f"v{j}": column_from_array(f"v{j}", data[:, j]) for j in range(5)})
    inputs = fit_floats(data)
    expected, _ = inputs.transform(table_from_array(data), "float64")
    found, notes = inputs.transform(table, "float64")
    np.testing.assert_array_equal(found, expected)
    assert "by position" in notes[0]


def test_one_copy_of_a_wide_array_and_no_more() -> None:
    data = generator.normal(size=(20_000, 200)).astype(np.float32)
    table = table_from_array(data)
    tracemalloc.start()
    fit_floats(data).transform(table, "float32")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < data.nbytes + 40e6


def test_json_keeps_every_bit() -> None:
    for inputs in (pixels(), fit_floats(floats())):
        document = json.loads(json.dumps(inputs.to_json(), allow_nan=False))
        again = type(inputs).from_json(document, inputs.schema, inputs.dropped)
        assert again.to_json() == inputs.to_json()
