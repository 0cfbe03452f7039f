"""`fastdnn predict`: one row out for each row in, in order."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastdnn.model import Model
from fastdnn.tables import read_table


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_one_row_out_for_each_row_in_under_the_target_s_name(run: Any) -> None:
    result = run("predict", "penguins.fdnn", "penguins.csv")
    rows = rows_of(result.stdout)
    assert result.exit_code == 0
    assert rows[0] == ["species"]
    assert [row[0] for row in rows[1:]] == Model.load("penguins.fdnn").predict(read_table("penguins.csv")).tolist()
    assert result.stderr == ""


def test_proba_adds_a_column_for_each_class(run: Any) -> None:
    rows = rows_of(run("predict", "penguins.fdnn", "penguins.csv", "--proba").stdout)
    assert rows[0] == ["species", "p_Adelie", "p_Chinstrap", "p_Gentoo"]
    P = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]], dtype=np.float32)
    np.testing.assert_array_equal(P, Model.load("penguins.fdnn").predict_proba(read_table("penguins.csv")))
    assert [row[0] for row in rows[1:]] == [rows[0][1 + k][2:] for k in P.argmax(axis=1)]


def test_values_read_back_as_the_network_s_own_numbers(run: Any) -> None:
    rows = rows_of(run("predict", "mass.fdnn", "penguins.csv").stdout)
    assert rows[0] == ["body_mass_g"]
    expected = Model.load("mass.fdnn").predict(read_table("penguins.csv")).astype(np.float32)
    np.testing.assert_array_equal(np.array([row[0] for row in rows[1:]], dtype=np.float32), expected)
    assert max(len(row[0]) for row in rows[1:]) <= len("4321.9875")


@pytest.mark.parametrize(
    ("offset", "scale"), [(1e9, 1.0), (0.0, 1e-44), (0.0, 1e300)], ids=["far from 0", "tiny", "huge"]
)
def test_values_that_float32_would_flatten_keep_their_digits(
    run: Any, folder: Path, offset: float, scale: float
) -> None:
    x = np.random.default_rng(3).standard_normal(200)
    y = offset + scale * x
    lines = [f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    (folder / "far.csv").write_text("\n".join(["a,y", *lines]) + "\n")
    assert run("fit", "far.csv", "-t", "y", "--layers", "none", "--epochs", 200, "-q").exit_code == 0
    result = run("predict", "far.fdnn", "far.csv")
    written = np.array([float(row[0]) for row in rows_of(result.stdout)[1:]])
    assert result.stderr == ""
    expected = Model.load("far.fdnn").predict(read_table("far.csv"))
    # 16 roundings of float32 for each standard deviation: 2e-6 of it.
    np.testing.assert_allclose((written - expected) / scale, 0.0, atol=2e-6)
    assert abs(np.corrcoef(written / scale - offset / scale, x)[0, 1]) > 0.99


def test_odd_rows_do_not_shift_the_others(run: Any, folder: Path) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    whole = rows_of(run("predict", "penguins.fdnn", "penguins.csv", "--proba").stdout)
    lines[3] = ",,,,,,"
    lines[5] = ",Atlantis,?,NA,,-1e9,OTHER"
    (folder / "odd.csv").write_text("\n".join(lines) + "\n")
    odd = rows_of(run("predict", "penguins.fdnn", "odd.csv", "--proba").stdout)
    assert len(odd) == len(whole)
    assert [k for k, (a, b) in enumerate(zip(odd, whole, strict=True)) if a != b] == [3, 5]


def test_stdin_and_a_table_without_the_target_give_the_same(run: Any, folder: Path) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    bare = "\n".join(line.partition(",")[2] for line in lines) + "\n"
    expected = run("predict", "penguins.fdnn", "penguins.csv").stdout
    assert run("predict", "penguins.fdnn", "-", stdin=bare).stdout == expected
    assert run("predict", "penguins.fdnn", "-", "-o", "-", stdin="\n".join(lines)).stdout == expected


def test_output_goes_to_a_file_and_the_note_to_stderr(run: Any, folder: Path) -> None:
    expected = run("predict", "penguins.fdnn", "penguins.csv").stdout
    result = run("predict", "penguins.fdnn", "penguins.csv", "-o", "answers.csv")
    assert result.stdout == ""
    assert "344 predictions to answers.csv" in result.stderr
    assert (folder / "answers.csv").read_text() == expected
    assert run("predict", "penguins.fdnn", "penguins.csv", "-o", "answers.csv", "-q").output == ""


def test_columns_that_the_model_does_not_know_are_said_to_be_ignored(run: Any, folder: Path) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    (folder / "more.csv").write_text("\n".join(line + (",diet" if k == 0 else ",fish") for k, line in enumerate(lines)))
    result = run("predict", "penguins.fdnn", "more.csv")
    assert "Warning:" in result.stderr
    assert "diet" in result.stderr
    assert result.stdout == run("predict", "penguins.fdnn", "penguins.csv").stdout
    assert run("predict", "penguins.fdnn", "more.csv", "-q").stderr == ""


def test_a_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    text = (folder / "penguins.csv").read_text().splitlines()
    (folder / "long.csv").write_text("\n".join([text[0], *text[1:] * 60]) + "\n")
    code = "from fastdnn.cli.main import main; main()"
    command = [sys.executable, "-c", code, "predict", "penguins.fdnn", "long.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"species\n"
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ("predict penguins.fdnn none.csv", 1, ["no file 'none.csv'"]),
        ("predict none.fdnn penguins.csv", 1, ["no model file 'none.fdnn'", "penguins.fdnn"]),
        ("predict penguins.csv penguins.fdnn", 2, ["before the data", "fastdnn predict penguins.fdnn penguins.csv"]),
        ("predict penguins.csv penguins.csv", 1, ["not a fastdnn model"]),
        ("predict penguins.fdnn text.csv", 1, ["'bill_length_mm'", "'long'", "row 2"]),
        ("predict penguins.fdnn infinite.csv", 1, ["'bill_length_mm'", "row 1"]),
        ("predict penguins.fdnn lacking.csv", 1, ["lacks column 'sex'"]),
        ("predict mass.fdnn penguins.csv --proba", 1, ["not class probabilities"]),
        ("predict penguins.fdnn penguins.csv -o none/x.csv", 2, ["does not exist"]),
        ("predict penguins.fdnn penguins.csv -o penguins.csv", 2, ["overwrite the input"]),
        ("predict penguins.fdnn penguins.csv -o penguins.fdnn", 2, ["overwrite the input"]),
        ("predict penguins.fdnn penguins.csv -j 0", 2, ["threads"]),
        ("predict penguins.fdnn", 2, ["DATA"]),
    ],
)
def test_what_cannot_work_is_one_sentence(
    run: Any, folder: Path, arguments: str, status: int, words: list[str]
) -> None:
    lines = (folder / "penguins.csv").read_text().splitlines()
    (folder / "text.csv").write_text("\n".join([*lines[:2], "Adelie,Dream,long,1,2,3,MALE"]) + "\n")
    (folder / "infinite.csv").write_text("\n".join([lines[0], "Adelie,Dream,inf,1,2,3,MALE"]) + "\n")
    (folder / "lacking.csv").write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    result = run(*arguments.split())
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert all(word in result.stderr for word in words), result.stderr
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
