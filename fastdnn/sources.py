"""Where data comes from: a path with a part after ':', gzip, a pipe, standard input; and what is wrong with it."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastdnn.errors import DataError, nearest

GZIP = b"\x1f\x8b"


def names_file(spec: str) -> bool:
    """Whether 'path' or 'path:part' names a file that exists."""
    return Path(spec).is_file() or (":" in spec and Path(spec.rsplit(":", 1)[0]).is_file())


def split_part(source: str) -> tuple[Path, str | None]:
    """The path and the part after ':', if there is one.

    Raises
    ------
    DataError : there is no such file, or it is a directory, or it may not be read.
    """
    if not source:
        raise DataError("The name of the data file is empty.", "give the path of a table, or '-' for standard input")
    path, part = Path(source), None
    if not path.exists() and ":" in source:
        left, right = source.rsplit(":", 1)
        if Path(left).exists():
            path, part = Path(left), right
    if path.is_dir():
        inside = quoted(str(path / _first_file(path)))
        raise DataError(f"'{path}' is a directory, not a file.", f"name a file in it: {inside}")
    if not path.exists():
        raise _no_such_file(source, path)
    if not os.access(path, os.R_OK):
        raise DataError(f"'{path}' cannot be read: permission denied.", "check the file's permissions")
    return path, part


def _no_such_file(source: str, path: Path) -> DataError:
    folder = path.parent
    if not folder.is_dir():
        return DataError(f"There is no file '{source}': its folder '{folder}' does not exist.", "check the path")
    guess = nearest(path.name, [item.name for item in folder.iterdir()])
    if guess is None:
        return DataError(f"There is no file '{source}'.", "check the path")
    return DataError(f"There is no file '{source}'. Did you mean '{folder / guess}'?", quoted(str(folder / guess)))


def _first_file(folder: Path) -> str:
    return next((item.name for item in sorted(folder.iterdir()) if item.is_file()), "FILE")


def start_of_gzip(path: Path) -> bytes:
    """The first four bytes inside a gzip file. Raises DataError if it is damaged."""
    with damage_said(path), gzip.open(path, "rb") as stream:
        return stream.read(4)


def gunzip(path: Path) -> bytes:
    """All that a gzip file holds. Raises DataError if it is damaged or incomplete."""
    with damage_said(path), gzip.open(path, "rb") as stream:
        return stream.read()


def read_pipe(path: Path) -> bytes:
    """All that comes out of a pipe, unzipped. Raises DataError if its gzip data are damaged."""
    return _unzipped(path.read_bytes(), path)


def read_stdin(stdin: Any) -> bytes:
    """All of a stream of bytes or text (None: standard input), unzipped. DataError if its gzip data are damaged."""
    stream = sys.stdin.buffer if stdin is None else getattr(stdin, "buffer", stdin)
    data = stream.read()
    return _unzipped(data.encode() if isinstance(data, str) else bytes(data), "standard input")


def counted(number: int, what: str) -> str:
    """'1 row', '2 rows'.

    >>> counted(1, "row"), counted(0, "row")
    ('1 row', '0 rows')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def quoted(text: str) -> str:
    """The text as a shell takes it, for the hint of an error."""
    return f"'{text}'" if any(c in text for c in " '\"()&;|<>*?$") else text


def _unzipped(data: bytes, source: str | Path) -> bytes:
    if not data.startswith(GZIP):
        return data
    with damage_said(source):
        return gzip.decompress(data)


@contextlib.contextmanager
def damage_said(source: str | os.PathLike[str]) -> Iterator[None]:
    """The errors of a damaged gzip stream as a DataError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"'{source}' is damaged or incomplete: {error}.", "fetch the file again") from None
