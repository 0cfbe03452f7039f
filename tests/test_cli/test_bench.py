"""`fastdnn bench`: a table or JSON, and a sentence for what cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fastdnn.cli.main import cli

QUICK = ("bench", "--layers", "5,4,3", "--rows", 40, "--batch-size", 16, "--seconds", 0.01, "--threads", 1)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_a_table_within_80_columns() -> None:
    result = call(*QUICK)
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "5-4-3, relu, sgd, batches of 16 of 40 rows, float32" in text
    assert "GFLOP/s on one core" in text
    assert "chosen by the trial" in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    header, row = result.stdout.splitlines()[-2:]
    assert header.split() == ["threads", "samples/s", "GFLOP/s", "of", "peak"]
    assert row.split()[0] == "1"
    assert row.endswith("%")


def test_json_and_nothing_else() -> None:
    found = json.loads(call(*QUICK, "--json").stdout)
    assert found["network"] == {
        "layers": [5, 4, 3], "activation": "relu", "optimizer": "sgd", "batch_size": 16, "rows": 40, "dtype": "float32",
    }  # fmt: skip
    assert [run["threads"] for run in found["runs"]] == [1]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("--threads", "0"), "must lie between 1 and"),
        (("--threads", "1,9999"), "got 9999"),
        (("--threads", "two"), "'two' is not a list of whole numbers"),
        (("--batch-size", 64), "A batch of 64 rows is larger than the data, 40 rows"),
        (("--rows", 0), "1 row or more, got 0"),
        (("--layers", "99999999,99999999"), "parameters), and the machine has"),
        (("--layers", "7"), "two sizes or more"),
        (("--optimizer", "adm"), "Did you mean 'adam'"),
    ],
)
def test_what_cannot_be_is_one_sentence(wrong: Any, sentence: str) -> None:
    result = call(*QUICK, *wrong)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
