"""kernels/cache.py: compiled code is kept for its owner, found again, and never the reason that a run fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from callers import JIT

from fastdnn.kernels import _jit, activations, cache  # noqa: F401  activations: a separate function

pytestmark = pytest.mark.skipif(not JIT or os.name == "nt", reason="keeps machine code, for one POSIX user")

# Uses one small kernel; says on stdout what it gave and how many of its signatures came from the cache.
_USE = """
import warnings, numpy as np
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from fastdnn.kernels.random import shuffle
    order = np.empty(3, np.int64)
    shuffle(np.arange(3), order, 1, 1)
print(sorted(order.tolist()), sum(shuffle.stats.cache_hits.values()), len(said))
for w in said:
    print(w.category.__name__, w.message)
"""


def run(folder, program, **environment):
    """Lines of standard output of a process with this cache folder."""
    environment = os.environ | {"FASTDNN_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)} | environment
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def use(folder, **environment):
    """First line, and the warnings, of a process that uses one kernel with this cache folder."""
    first, *rest = run(folder, _USE, **environment)
    return first, rest


def kept(folder):
    return [p for p in Path(folder).rglob("*") if p.is_file()]


def test_code_is_kept_for_its_owner_and_found_again(tmp_path):
    folder = tmp_path / "made" / "here"
    assert use(folder) == ("[0, 1, 2] 0 0", [])
    assert kept(folder)
    (inner,) = folder.iterdir()
    assert stat.S_IMODE(inner.stat().st_mode) & 0o077 == 0
    assert use(folder) == ("[0, 1, 2] 1 0", [])


def test_kept_code_is_loaded_without_what_compiles(tmp_path):
    """Half a second of every process; what compiles later loads it then."""
    use(tmp_path)
    program = f"""{_USE}
import sys, numba
print("numba.np.linalg" in sys.modules)
print(numba.njit(lambda a: a.sum())(np.ones(3)))
"""
    assert run(tmp_path, program) == ["[0, 1, 2] 1 0", "False", "3.0"]


@pytest.mark.parametrize("damage", ["an index of nonsense", "code cut short"])
def test_a_damaged_file_costs_a_compilation(tmp_path, damage):
    use(tmp_path)
    files = [p for p in kept(tmp_path) if p.suffix == (".nbi" if "index" in damage else ".nbc")]
    assert files
    for path in files:
        path.write_bytes(b"nonsense" if "index" in damage else path.read_bytes()[:-40])
    first, warned = use(tmp_path)
    assert first.startswith("[0, 1, 2] 0")
    assert len(warned) <= 1
    assert use(tmp_path) == ("[0, 1, 2] 1 0", [])  # mended


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path):
    use(tmp_path)
    (inner,) = tmp_path.iterdir()
    inner.chmod(0o777)
    first, warned = use(tmp_path)
    assert first == "[0, 1, 2] 0 1"
    assert len(warned) == 1
    assert warned[0].startswith("RuntimeWarning fastdnn: compiled kernels are not kept: others may write")


def test_a_place_that_cannot_be_made_is_said_once_and_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    first, warned = use(tmp_path / "file" / "cache")
    assert first == "[0, 1, 2] 0 1"
    assert len(warned) == 1


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_place_is_said_once_and_done_without(tmp_path):
    tmp_path.chmod(0o500)
    first, warned = use(tmp_path)
    assert first == "[0, 1, 2] 0 1"
    assert len(warned) == 1


def test_code_of_another_function_is_not_run(tmp_path):
    """Two processes that write an index at once may leave one file under two signatures."""
    first = """
import numpy as np
from fastdnn.kernels import _jit, activations
for dtype in (np.float32, np.float64):
    _jit.compile_known("activate_backward", np.dtype(dtype))
"""
    again = """
import warnings, numpy as np, numba
warnings.simplefilter("ignore")
from fastdnn.kernels import _jit, activations
_jit.compile_known("activate_backward", np.dtype(np.float32))
Z = np.ones((1, 1, 16), np.float32)
_jit.from_python(activations.activate_backward)(activations.IDENTITY, Z, Z, Z.copy(), 1, 0, 1, np.float32(0))
print(sum(_jit._known["activate_backward"].compiled.stats.cache_misses.values()))
"""
    run(tmp_path, first)
    one, two = sorted(
        p for p in kept(tmp_path) if p.name.startswith("activations.activate_backward-") and p.suffix == ".nbc"
    )
    contents = one.read_bytes(), two.read_bytes()
    one.write_bytes(contents[1])
    two.write_bytes(contents[0])
    assert run(tmp_path, again) == ["1"]


def test_the_key_follows_what_compiled_code_depends_on(tmp_path, monkeypatch):
    """Another source, and other flags of the compiler, have a folder of their own."""
    key = cache.cache_key()
    assert key == cache.cache_key()
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    (tmp_path / "tile.py").write_text("# one")
    one = cache.cache_key()
    (tmp_path / "tile.py").write_text("# two")
    assert len({key, one, cache.cache_key()}) == 3


def test_checked_code_and_unchecked_code_are_kept_apart(tmp_path):
    """Else the tests with NUMBA_BOUNDSCHECK=1 would check nothing where code was compiled before without it."""
    use(tmp_path)
    assert use(tmp_path, NUMBA_BOUNDSCHECK="1")[0] == "[0, 1, 2] 0 0"
    assert use(tmp_path, NUMBA_BOUNDSCHECK="1")[0] == "[0, 1, 2] 1 0"


def test_what_is_kept_is_known_without_loading_it(dtype):
    """The kernels of this process are in the cache by now, or cannot be kept at all."""
    if cache.cache_problem():
        pytest.skip("this process has no cache")
    name, (dispatcher, signature, _) = next(iter(_jit._known.items()))
    _jit.compile_known(name, np.dtype(dtype))
    types = signature(numba.from_dtype(np.dtype(dtype)))
    assert cache.is_kept(dispatcher, types)
    assert types in cache.kept_signatures(dispatcher)
    assert not cache.is_kept(dispatcher, types[:-1])


def test_a_problem_is_told_without_a_warning(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(tmp_path / "file" / "cache"))
    folder, problem = cache._prepared.__wrapped__()
    assert folder is None
    assert "file" in problem
