"""`fastdnn inspect`: everything that the file holds, readable or as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastdnn.persistence import read_document


def test_everything_is_shown_within_80_columns(run: Any) -> None:
    result = run("inspect", "penguins.fdnn")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for fact in (
        "penguins.fdnn (",
        "from penguins.csv (344 rows)",
        "sha256 ",
        "numba ",
        "Classification into 3 classes",
        "14 inputs → 128 relu → 64 relu → 3 softmax, 10,371 parameters",
        "69 rows kept aside",
        "logistic regression",
        "species the target",
        "island 3 categories: Biscoe, Dream, Torgersen",
        "sex 2 categories: FEMALE, MALE, and one for missing",
        "History of 20 epochs",
        "(best)",
    ):
        assert fact in text
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_json_is_the_whole_document(run: Any) -> None:
    shown = json.loads(run("inspect", "mass.fdnn", "--json").stdout)
    assert shown == {"model": "mass.fdnn", **read_document("mass.fdnn")}


def test_columns_alone(run: Any) -> None:
    result = run("inspect", "mass.fdnn", "--columns")
    assert result.stdout.splitlines()[0].split() == ["column", "becomes"]
    names = [line.split()[0] for line in result.stdout.splitlines()[1:] if not line.startswith(" ")]
    header = Path("penguins.csv").read_text().splitlines()[0].split(",")
    assert names == header


def test_it_is_quick_without_the_kernels(folder: Path) -> None:
    code = (
        "import sys\n"
        "from fastdnn.cli.main import cli\n"
        "try:\n"
        "    cli.main(['inspect', 'penguins.fdnn'])\n"
        "finally:\n"
        "    print('LOADED', [name for name in ('numba', 'pyarrow') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert "LOADED []" in ended.stdout


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_damaged_file_is_one_sentence(run: Any, folder: Path, share: float) -> None:
    whole = (folder / "penguins.fdnn").read_bytes()
    (folder / "penguins.fdnn").write_bytes(whole[: int(share * len(whole))])
    result = run("inspect", "penguins.fdnn")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: 'penguins.fdnn' is")


def test_a_flipped_bit_is_noticed(run: Any, folder: Path) -> None:
    whole = bytearray((folder / "penguins.fdnn").read_bytes())
    whole[-100] ^= 4
    (folder / "penguins.fdnn").write_bytes(whole)
    assert "checksum" in run("inspect", "penguins.fdnn").stderr
