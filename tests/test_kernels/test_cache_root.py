"""kernels/cache_root.py: the folder of compiled kernels, known without Numba."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastdnn.kernels import cache_root


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"FASTDNN_CACHE_DIR": "/a/b"}, Path("/a/b")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/fastdnn")),
        ({"HOME": "/home/somebody"}, Path("/home/somebody/.cache/fastdnn")),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps such files")
def test_where_it_lies(variables, expected, monkeypatch):
    for name in ("FASTDNN_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_root.user_cache_root() == expected


def test_it_is_known_without_numba():
    code = "import sys; from fastdnn.kernels.cache_root import user_cache_root as f; f(); print('numba' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert ended.stdout == "False\n"
