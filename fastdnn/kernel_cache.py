"""The folders of compiled kernels: what is in them, and emptying them without touching anything else.

Below `kernels.cache_root.user_cache_root` each state of the code on each kind of CPU has a folder named by its key. Only files with
Numba's endings, in folders named like a key that belong to this user, are ever counted or removed; links are not followed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastdnn.kernels.cache import cache_key
from fastdnn.kernels.cache_root import user_cache_root

_KEY = re.compile(r"[0-9a-f]{16}")
# Index, code, and what an interrupted process left of either.
_NUMBA_FILE = re.compile(r".+\.(nbi|nbc)(\.tmp\.[0-9a-f]+)?")


@dataclass(frozen=True)
class CacheState:
    """What the folders hold: `current` of this code on this CPU, `others` of other versions or CPUs; kernels and bytes."""

    root: Path
    key: str
    current_kernels: int
    current_bytes: int
    other_folders: int
    other_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {
            "folder": str(self.root), "key": self.key,
            "current": {"kernels": self.current_kernels, "bytes": self.current_bytes},
            "stale": {"folders": self.other_folders, "bytes": self.other_bytes},
        }  # fmt: skip


@dataclass
class Cleared:
    """What `clear_cache` removed, and the paths that are not fastdnn's, which it left."""

    root: Path
    files: int = 0
    bytes: int = 0
    left: list[Path] = field(default_factory=list)


def cache_state() -> CacheState:
    """Count what is there. Raises nothing: what cannot be read counts as not there."""
    root, key = user_cache_root(), cache_key()
    current, others = (0, 0), []
    for folder in _key_folders(root):
        files = [path for path in _below(folder) if _is_ours(path)]
        size = sum(path.lstat().st_size for path in files)
        if folder.name == key:
            current = sum(path.suffix == ".nbc" for path in files), size
        else:
            others.append(size)
    return CacheState(root, key, *current, len(others), sum(others))


def clear_cache() -> Cleared:
    """Remove all compiled kernels, of every version and CPU, and the folders that are empty then.

    Raises OSError where a file of ours cannot be removed.
    """
    cleared = Cleared(user_cache_root())
    for folder in _key_folders(cleared.root):
        inside = list(_below(folder))
        for path in inside:
            if _is_ours(path):
                cleared.bytes += path.lstat().st_size
                path.unlink()
                cleared.files += 1
            elif path.is_symlink() or not path.is_dir():
                cleared.left.append(path)
        for path in [*reversed(inside), folder]:
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # not empty
                    path.rmdir()
    return cleared


def _key_folders(root: Path) -> list[Path]:
    """The folders named like a key, that are no links and belong to this user."""
    try:
        found = sorted(root.iterdir())
    except OSError:
        return []
    return [path for path in found if _KEY.fullmatch(path.name) and _is_own_folder(path)]


def _is_own_folder(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISDIR(status.st_mode) and (os.name == "nt" or status.st_uid == os.getuid())


def _is_ours(path: Path) -> bool:
    return _NUMBA_FILE.fullmatch(path.name) is not None and stat.S_ISREG(path.lstat().st_mode)


def _below(folder: Path) -> Iterator[Path]:
    """Everything below a folder, a folder before what is in it; links are not entered."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for path in inside:
        yield path
        if not path.is_symlink() and path.is_dir():
            yield from _below(path)
