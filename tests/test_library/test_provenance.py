"""Where a model comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fastdnn import provenance


def test_the_checksum_is_that_of_the_file_also_for_a_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"some bytes")
    expected = hashlib.sha256(b"some bytes").hexdigest()
    assert provenance.file_sha256(str(tmp_path / "x.h5")) == expected
    assert provenance.file_sha256(f"{tmp_path / 'x.h5'}:images") == expected


def test_there_is_none_without_a_file_or_for_a_very_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert provenance.file_sha256("standard input") is None
    (tmp_path / "x.csv").write_bytes(b"12345")
    monkeypatch.setattr(provenance, "HASHED_BYTES", 4)
    assert provenance.file_sha256(str(tmp_path / "x.csv")) is None
