"""fastdnn/kernel_cache.py: what is counted and removed is fastdnn's, and nothing else is."""

from __future__ import annotations

import os

import pytest

from fastdnn import kernel_cache

CURRENT, OTHER = "0123456789abcdef", "fedcba9876543210"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and owners")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A cache with two kernels of this version, one of another, an interrupted write, and much that is not fastdnn's."""
    root = tmp_path / "cache"
    outside = tmp_path / "outside"
    for folder in (root / CURRENT / "kernels_1", root / OTHER / "kernels_1", root / "not-a-key", outside / "deep"):
        folder.mkdir(parents=True)
    for name in ("a.nbi", "a.1.nbc", "b.1.nbc"):
        (root / CURRENT / "kernels_1" / name).write_bytes(b"12345")
    (root / OTHER / "kernels_1" / "a.1.nbc").write_bytes(b"123")
    (root / OTHER / "kernels_1" / "a.1.nbc.tmp.00ff").write_bytes(b"1")
    (root / OTHER / "notes.txt").write_text("mine")
    (root / "not-a-key" / "a.1.nbc").write_text("mine")
    (root / "a.1.nbc").write_text("mine")
    (outside / "deep" / "a.1.nbc").write_text("elsewhere")
    (root / CURRENT / "kernels_1" / "c.1.nbc").symlink_to(outside / "deep" / "a.1.nbc")
    (root / CURRENT / "there").symlink_to(outside)
    (root / ("a" * 16)).symlink_to(outside / "deep")
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(root))
    monkeypatch.setattr(kernel_cache, "cache_key", lambda: CURRENT)
    return root


def test_the_state_counts_this_version_and_the_others(root):
    state = kernel_cache.cache_state()
    assert (state.current_kernels, state.current_bytes) == (2, 15)
    assert (state.other_folders, state.other_bytes) == (1, 4)
    assert state.to_json()["folder"] == str(root)


def test_clearing_removes_ours_and_leaves_the_rest(root):
    cleared = kernel_cache.clear_cache()
    assert (cleared.files, cleared.bytes) == (5, 19)
    left = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert left == {
        CURRENT, f"{CURRENT}/kernels_1", f"{CURRENT}/kernels_1/c.1.nbc", f"{CURRENT}/there",
        OTHER, f"{OTHER}/notes.txt", "not-a-key", "not-a-key/a.1.nbc", "a.1.nbc", "a" * 16,
    }  # fmt: skip
    assert {path.name for path in cleared.left} == {"c.1.nbc", "there", "notes.txt"}
    assert (root.parent / "outside" / "deep" / "a.1.nbc").read_text() == "elsewhere"


def test_clearing_twice_and_clearing_nothing(root, monkeypatch):
    kernel_cache.clear_cache()
    assert kernel_cache.clear_cache().files == 0
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(root / "nowhere"))
    assert kernel_cache.clear_cache().files == 0
    assert kernel_cache.cache_state().current_kernels == 0


def test_folders_that_are_empty_then_go_too(tmp_path, monkeypatch):
    folder = tmp_path / CURRENT / "kernels_1"
    folder.mkdir(parents=True)
    (folder / "a.1.nbc").write_bytes(b"1")
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(tmp_path))
    kernel_cache.clear_cache()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_another_user_are_left(root, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 123_456)
    assert kernel_cache.cache_state().current_kernels == 0
    assert kernel_cache.clear_cache().files == 0
    assert (root / CURRENT / "kernels_1" / "a.nbi").exists()
