"""Where a model comes from: versions, data, date; what somebody needs who finds only the file."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from fastdnn.tables import Table

# Hashing reads about a gigabyte a second: above this a fit would wait for it.
HASHED_BYTES = 256_000_000


def provenance_of(table: Table, target: str, facts: dict[str, Any], *, interrupted: bool) -> dict[str, Any]:
    """Plain JSON types. Of paths only the last part is kept: a model travels, and folders tell of people."""
    from fastdnn import __version__

    score_source = facts["split"]["score_source"]
    return {
        "fastdnn": __version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": Path(table.source).name,
        "data_sha256": file_sha256(table.source),
        "target": Path(target).name,
        "rows": facts["data"]["rows"],
        "split": {**facts["split"], "score_source": Path(score_source).name if score_source else None},
        "settings": facts["settings"],
        "initialization": facts["network"]["initialization"],
        "interrupted": interrupted,
    }


def file_sha256(source: str) -> str | None:
    """The checksum of a file; None for standard input, for a file that is gone, and for one too large to read again."""
    path = Path(source if Path(source).exists() else source.rpartition(":")[0] or source)
    if not path.is_file() or path.stat().st_size > HASHED_BYTES:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
