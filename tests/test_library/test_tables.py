"""Any file to a Table, and the target that belongs to it."""

from __future__ import annotations

import gzip
import io
import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from fastdnn.errors import DataError
from fastdnn.tables import Table, read_table, read_target, table_from_array, table_from_arrow

CSV = "size,kind,price\n1,a,10\n2,b,20\n3,,30\n"


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    path = tmp_path / "houses.csv"
    path.write_text(CSV)
    return path


def as_lists(table: Table) -> dict[str, list[object]]:
    return {name: column.values.tolist() for name, column in table.columns.items()}


EXPECTED = {"size": [1.0, 2.0, 3.0], "kind": ["a", "b", None], "price": [10.0, 20.0, 30.0]}


def test_csv_gz_and_standard_input(csv_file: Path, tmp_path: Path) -> None:
    table = read_table(csv_file)
    assert as_lists(table) == EXPECTED
    assert (table.n_rows, table.n_columns, table.named, table.source) == (3, 3, True, str(csv_file))
    zipped = tmp_path / "houses.csv.gz"
    zipped.write_bytes(gzip.compress(CSV.encode()))
    assert as_lists(read_table(str(zipped))) == EXPECTED
    assert as_lists(read_table("-", stdin=io.BytesIO(CSV.encode()))) == EXPECTED
    assert as_lists(read_table("-", stdin=io.StringIO(CSV))) == EXPECTED
    assert as_lists(read_table("-", stdin=io.BytesIO(gzip.compress(CSV.encode())))) == EXPECTED


def test_arrow_parquet_feather_and_json_lines(tmp_path: Path) -> None:
    data = pa.table({"size": [1, 2, 3], "kind": ["a", "b", None], "price": [10.0, 20.0, 30.0]})
    assert as_lists(table_from_arrow(data)) == EXPECTED
    parquet.write_table(data, tmp_path / "t.parquet")
    feather.write_feather(data, tmp_path / "t.feather")
    first, second = '{"size": 1, "kind": "a", "price": 10}', '{"size": 2, "kind": "b", "price": 20}'
    lines = f'{first}\n{second}\n{{"size": 3, "kind": null, "price": 30}}\n'
    (tmp_path / "t.jsonl").write_text(lines)
    for name in ("t.parquet", "t.feather", "t.jsonl"):
        assert as_lists(read_table(tmp_path / name)) == EXPECTED, name
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\n{"a": "x"}\n')
    with pytest.raises(DataError, match="cannot be read as JSON Lines"):
        read_table(tmp_path / "bad.jsonl")


def test_a_column_of_lists_is_left_out_and_said() -> None:
    table = table_from_arrow(pa.table({"a": [1, 2], "l": [[1], [2]]}))
    assert table.names == ["a"]
    assert "column 'l' is left out" in table.notes[0]


def test_damaged_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + b"\0" * 30)
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "t.parquet")


def test_images_are_flattened_but_not_copied() -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    table = table_from_array(images)
    assert table.matrix is not None
    assert table.matrix.shape == (2, 12)
    assert np.shares_memory(table.matrix, images)
    assert table.names[-1] == "x12"
    assert table.column(1).values.tolist() == [1.0, 13.0]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.zeros((2, 3), np.float32), np.float32),
        (np.zeros((2, 3), np.float64), np.float64),
        (np.zeros((2, 3), np.float16), np.float32),
        (np.zeros((2, 3), ">f8"), np.float64),
        (np.zeros((2, 3), np.int64), np.float32),
        (np.full((2, 3), 2**24 + 1), np.float64),
        (np.zeros((2, 3), bool), np.float32),
        (np.zeros((0, 3), np.int64), np.float32),
    ],
)
def test_a_matrix_has_a_type_that_holds_its_values(values: np.ndarray, dtype: type) -> None:
    matrix = table_from_array(values).matrix
    assert matrix is not None
    assert matrix.dtype == dtype
    assert matrix.dtype.isnative
    assert matrix.flags.c_contiguous
    np.testing.assert_array_equal(matrix, values)


def test_arrays_that_become_columns() -> None:
    assert as_lists(table_from_array(np.array([3, 1]))) == {"x1": [3.0, 1.0]}
    records = np.array([(1, b"a"), (2, b"b")], dtype=[("n", "i4"), ("s", "S1")])
    table = table_from_array(records)
    assert table.named
    assert as_lists(table) == {"n": [1.0, 2.0], "s": ["a", "b"]}
    assert as_lists(table_from_array(np.array([["1", "x"], ["2", "y"]]))) == {"x1": [1.0, 2.0], "x2": ["x", "y"]}
    for wrong in (np.array(3.0), np.zeros((2, 2), complex)):
        with pytest.raises(DataError):
            table_from_array(wrong)


def test_a_file_with_a_colon_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a:b.csv"
    path.write_text(CSV)
    assert read_table(path).n_rows == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(CSV))
    writer.start()
    assert as_lists(read_table(pipe)) == EXPECTED
    writer.join()


def test_files_that_are_none(tmp_path: Path, csv_file: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file '.*house\.csv'\. Did you mean '.*houses\.csv'\?") as raised:
        read_table(tmp_path / "house.csv")
    assert raised.value.hint == str(csv_file)
    with pytest.raises(DataError, match=r"folder '.*' does not exist"):
        read_table(tmp_path / "nowhere" / "x.csv")
    with pytest.raises(DataError, match="is a directory") as raised:
        read_table(tmp_path)
    assert str(csv_file) in str(raised.value.hint)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="is empty"):
        read_table(tmp_path / "empty.csv")
    with pytest.raises(DataError, match="name of the data file is empty"):
        read_table("")
    with pytest.raises(DataError, match="holds one table, so it has no part 'x'"):
        read_table(f"{csv_file}:x")


def test_files_that_are_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(DataError, match="is an Excel workbook") as raised:
        read_table(tmp_path / "book.xlsx")
    assert raised.value.hint == "save the table as CSV"
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(CSV.encode() * 1000)[:-10])
    with pytest.raises(DataError, match="damaged or incomplete"):
        read_table(tmp_path / "cut.csv.gz")
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\0\0\0\0")
    with pytest.raises(DataError, match="not a text table"):
        read_table(tmp_path / "p.png")


def test_target_by_name_and_position(csv_file: Path) -> None:
    table = read_table(csv_file)
    for spec in ("price", "3", "-1", 3, -1):
        found = read_target(table, spec)
        assert (found.where, found.name, found.position) == ("column", "price", 2)
    with pytest.raises(
        DataError, match=r"no column 'prise'\. Did you mean 'price'\? It has: size, kind, price"
    ) as raised:
        read_target(table, "prise")
    assert raised.value.hint == "-t price"
    with pytest.raises(DataError, match="'price,size' are 2 columns, and a fit has one target") as raised:
        read_target(table, "price,size")
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("-t price; in Python")
    for spec in ("4", "0", "-4"):
        with pytest.raises(DataError, match=f"has 3 columns, so there is no target column {spec}"):
            read_target(table, spec)


def test_an_exact_name_wins_over_a_position(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("2,1\n5,6\n")
    assert read_target(read_table(path, header=True), "1").position == 1


def test_target_in_the_same_file_or_in_another(tmp_path: Path) -> None:
    X, y = np.zeros((4, 2, 2), np.uint8), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "a.npz", x=X, y=y)
    np.save(tmp_path / "y.npy", y)
    table = read_table(f"{tmp_path}/a.npz:x")
    found = read_target(table, "y")
    assert (found.where, found.name, found.position) == ("array", "y", None)
    for spec in (f"{tmp_path}/y.npy", f"{tmp_path}/a.npz:y"):
        found = read_target(table, spec)
        assert (found.where, found.column.name) == ("file", Path(spec).name)
        np.testing.assert_array_equal(found.column.values, y)
    with pytest.raises(DataError, match="Other arrays in the file: y") as raised:
        read_target(table, "labels")
    assert raised.value.hint == "-t y"


def test_targets_in_files_that_do_not_fit(tmp_path: Path, csv_file: Path) -> None:
    table = table_from_array(np.zeros((4, 3), np.uint8))
    with pytest.raises(DataError, match="has 3 columns where one value per row"):
        read_target(table, str(csv_file))
    np.save(tmp_path / "y.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"'y\.npy' has 3 values, but 'array' has 4 rows"):
        read_target(table, str(tmp_path / "y.npy"))
    with pytest.raises(DataError, match="There is no file"):
        read_target(table, str(tmp_path / "z.npy"))
