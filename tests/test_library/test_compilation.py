"""fastdnn/compilation.py: processes compile together on an empty cache, one where several cannot, and nothing compiles twice."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections import deque

import numpy as np
import pytest
from callers import JIT
from numba.core import event

from fastdnn import compilation, compiling_process
from fastdnn.engine import run_pass
from fastdnn.errors import CompilationError
from fastdnn.examples import Examples
from fastdnn.kernels import _jit
from fastdnn.network import Network
from fastdnn.training import train
from fastdnn.workers import available_cores
from fastdnn.workspace import Workspace

FLOAT32 = np.dtype("float32")
pytestmark = pytest.mark.skipif(not JIT, reason="compiled code")

# Trains and predicts in this float type; says how many kernels came from the cache and how many were compiled in this process.
_TRAIN = """
import json, sys, numpy as np
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.training import train
examples = Examples(np.random.rand(9, 4), np.arange(9) % 3)
network = Network([4, 5, 3], dtype=sys.argv[1], seed=1)
train(network, examples, epochs=2, threads=1)
network.predictor()(examples.X)
from fastdnn.kernels import _jit, epoch
kernels = [*(known.compiled for known in _jit._known.values()), epoch.run_steps]
print(json.dumps([sum(sum(k.stats.cache_hits.values()) for k in kernels),
                  sum(sum(k.stats.cache_misses.values()) for k in kernels), len(kernels)]))
"""


def kernels_of_a_run(folder, dtype, **environment):
    """(from the cache, compiled in the process itself, all) of a process that trains."""
    environment = os.environ | {"FASTDNN_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)} | environment
    command = [sys.executable, "-c", _TRAIN, dtype]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(available_cores() < 2, reason="two processes")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_empty_cache_is_filled_by_two_and_then_nothing_compiles(tmp_path, dtype):
    kept, compiled, every = kernels_of_a_run(tmp_path, dtype)
    assert kept >= 1  # the helper's
    assert compiled >= 1
    assert kept + compiled == every
    assert kernels_of_a_run(tmp_path, dtype) == [every, 0, every]


@pytest.mark.slow
def test_a_cache_that_cannot_be_used_is_done_without(tmp_path):
    (tmp_path / "file").write_text("in the way")
    kept, compiled, every = kernels_of_a_run(tmp_path / "file" / "cache", "float32", PYTHONWARNINGS="ignore")
    assert (kept, compiled) == (0, every)


class _Recorded(list):
    """The names that this process compiles; nothing is compiled really."""

    def compile(self, name, dtype):
        self.append(name)


@pytest.fixture
def compiled_here(monkeypatch):
    names = _Recorded()
    monkeypatch.setattr(_jit, "compile_known", names.compile)
    return names


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(compiling_process, "available_cores", lambda: 2)


def helper_that_runs(monkeypatch, code):
    """Replace the helper's program; returns the processes that are started."""
    started = []
    popen = subprocess.Popen

    def start(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(compiling_process, "own_python", lambda *_: ([sys.executable, "-c", code], dict(os.environ)))
    monkeypatch.setattr(subprocess, "Popen", start)
    return started


# Answers each name at once, as if it were compiled.
_DILIGENT = "import sys\nsys.stdin.readline()\nfor line in sys.stdin: print(line, end='', flush=True)"


@pytest.mark.parametrize(
    "code", ["", "raise SystemExit(1)", "print('nonsense')", "import sys; sys.stdin.close()", _DILIGENT]
)
def test_every_kernel_is_compiled_here_or_was_given_to_the_helper(monkeypatch, compiled_here, code):
    """What a helper did not finish is compiled by load_separate, which follows."""
    names = [f"kernel{i}" for i in range(50)]
    (process,) = _compiled_together(monkeypatch, code, names)
    assert process.returncode is not None  # waited for: no zombie
    assert process.stdin.closed
    assert process.stdout.closed
    assert len(set(compiled_here)) == len(compiled_here)
    missing = set(names) - set(compiled_here)
    assert len(missing) <= (1 if code != _DILIGENT else 50)


def _compiled_together(monkeypatch, code, names):
    started = helper_that_runs(monkeypatch, code)
    compilation._compile_together(names, FLOAT32)
    return started


def test_a_helper_that_does_not_answer_is_given_up(monkeypatch, compiled_here):
    monkeypatch.setattr(compilation, "_PATIENCE", 0.2)
    (process,) = _compiled_together(monkeypatch, "import time; time.sleep(600)", ["a", "b"])
    assert process.returncode is not None
    assert compiled_here == ["b", "a"]


def test_an_interrupt_ends_the_helper(monkeypatch):
    def interrupted(name, dtype):
        raise KeyboardInterrupt

    monkeypatch.setattr(_jit, "compile_known", interrupted)
    started = helper_that_runs(monkeypatch, "import time; time.sleep(600)")
    with pytest.raises(KeyboardInterrupt):
        compilation._compile_together(["a", "b"], FLOAT32)
    assert started[0].returncode is not None


def test_where_no_process_can_be_started_one_compiles(monkeypatch, compiled_here):
    def refuse(*_, **__):
        raise PermissionError("no processes here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    compilation._compile_together(["a", "b"], FLOAT32)
    assert compiled_here == []  # load_separate follows and compiles both


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("fastdnn.compiling_process.available_cores", lambda: 1),
        ("sys.frozen", True),
        ("sys.executable", "/opt/blender"),
        ("sys.executable", None),
        ("multiprocessing.current_process", lambda: type("Daemonic", (), {"daemon": True})),
    ],
)
def test_there_is_no_helper_where_it_cannot_work(monkeypatch, tmp_path, target, value):
    monkeypatch.setattr("fastdnn.compiling_process.available_cores", lambda: 2)
    assert compiling_process.helpers_possible() == 1
    monkeypatch.setattr(target, value, raising=False)
    assert compiling_process.helpers_possible() == 0


@pytest.mark.parametrize(("cores", "helpers"), [(1, 0), (2, 1), (3, 2), (64, 2)])
def test_helpers_have_cores_of_their_own(monkeypatch, cores, helpers):
    monkeypatch.setattr("fastdnn.compiling_process.available_cores", lambda: cores)
    assert compiling_process.helpers_possible() == helpers


def test_two_helpers_share_the_kernels(monkeypatch, compiled_here, nothing_kept):
    """Neither is given what the other has, and both are waited for."""
    monkeypatch.setattr(compiling_process, "available_cores", lambda: 4)
    slow = "import sys, time\nsys.stdin.readline()\nfor line in sys.stdin: time.sleep(0.01); print(line, end='', flush=True)"
    started = helper_that_runs(monkeypatch, f"{slow}\nprint('end')")
    monkeypatch.setattr(_jit, "compile_known", lambda name, dtype: (time.sleep(0.01), compiled_here.append(name)))
    names = [f"kernel{i}" for i in range(30)]
    compilation._compile_together(names, FLOAT32)
    assert len(started) == 2
    assert all(process.returncode is not None and process.stdin.closed for process in started)
    assert len(set(compiled_here)) == len(compiled_here) < len(names)


@pytest.mark.parametrize("said", ["/another/folder\nepochs\n", ""])
def test_a_helper_with_another_cache_does_nothing(said, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    compilation._help(FLOAT32)
    assert capsys.readouterr().out == ""
    assert not compiling_process.helping


@pytest.fixture
def nothing_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTDNN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NUMBA_DISABLE_JIT", raising=False)
    monkeypatch.setattr(compiling_process, "_early", {})
    return tmp_path


def test_a_helper_that_was_started_early_is_the_one_that_is_used(monkeypatch, compiled_here, nothing_kept):
    started = helper_that_runs(monkeypatch, _DILIGENT)
    compiling_process.start_early("float64")
    compiling_process.start_early("float32")
    compiling_process.start_early("float32")
    assert len(started) == 2
    compilation._compile_together(["a"] * 20, FLOAT32)
    assert started[1].returncode is not None
    assert started[0].poll() is None
    (other,) = compiling_process.compiling_processes("float64")
    assert other is started[0]
    other.communicate()  # closes what it listens to
    assert other.returncode == 0


def test_a_helper_that_ended_early_is_replaced(monkeypatch, nothing_kept):
    started = helper_that_runs(monkeypatch, "")
    compiling_process.start_early("float32")
    started[0].wait()
    (second,) = compiling_process.compiling_processes("float32")
    assert second is started[1]
    for process in started:
        process.communicate()


@pytest.mark.parametrize("reason", ["kept", "interpreted", "one core"])
def test_no_helper_is_started_early_without_need(monkeypatch, nothing_kept, reason):
    if reason == "kept":
        folder = nothing_kept / "key" / "kernels_hash"
        folder.mkdir(parents=True)
        (folder / "epoch.run_steps-1.py311.nbi").touch()
    elif reason == "interpreted":
        monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    else:
        monkeypatch.setattr(compiling_process, "available_cores", lambda: 1)
    started = helper_that_runs(monkeypatch, "")
    compiling_process.start_early("float32")
    assert started == []


def test_warming_up_says_why_it_cannot(monkeypatch):
    monkeypatch.setattr(compilation, "cache_problem", lambda: "'/x' is not writable")
    with pytest.raises(CompilationError, match="cannot be kept: '/x' is not writable") as caught:
        compilation.warm_up("float32")
    assert "FASTDNN_CACHE_DIR" in caught.value.hint
    monkeypatch.setattr(compilation, "cache_problem", lambda: "")
    monkeypatch.setattr(compilation, "own_python", lambda *_: ([sys.executable, "-c", "1 / 0"], dict(os.environ)))
    with pytest.raises(CompilationError, match="ZeroDivisionError"):
        compilation.warm_up("float32")
    monkeypatch.setattr(_jit, "JIT_DISABLED", True)
    with pytest.raises(CompilationError, match="NUMBA_DISABLE_JIT"):
        compilation.warm_up("float32")


def arrays(dtype, layers, m):
    """X and labels as people have them."""
    rng = np.random.default_rng(1)
    X = rng.integers(0, 255, (m, layers[0])).astype(np.uint8)
    y = rng.integers(0, layers[-1], m)
    if dtype == "uint8":
        return X, y
    X = X.astype(dtype) / 255
    return X, y


def test_nothing_compiles_for_another_network_or_other_data():
    """float32 training after the first: whatever its sizes, its settings, and the type and order of its data."""
    X, y = arrays("float32", (4, 3), 20)
    train(Network([4, 5, 3]), Examples(X, y), Examples(X, y), epochs=1, threads=1)
    Network([4, 5, 3]).predict(X)
    with event.install_recorder("numba:compile") as recorder:
        for layers, dtype, m, batch, optimizer in (
            ((4, 3), "float32", 20, 7, "sgd"),
            ((7, 33, 2, 5), "float64", 64, 64, "adam"),
            ((3, 8, 4), "uint8", 31, 1, "adam"),
            ((100, 1, 2), "float32", 3, 8, "sgd"),
        ):
            X, y = arrays(dtype, layers, m)
            read_only, fortran = X.copy(), np.asfortranarray(X)
            read_only.setflags(write=False)
            for data in (X, read_only, fortran, X[::-1]):
                for labels in (y, y.astype(np.int32)):
                    network = Network(list(layers), activation="tanh")
                    examples = Examples(data, labels)
                    train(network, examples, examples, epochs=2, batch_size=batch, optimizer=optimizer, l2=0.1)
                    network.predict(data)
        for loss, output in (("squared_error", "identity"), ("binary_cross_entropy", "sigmoid")):
            network = Network([4, 2, 1], loss=loss, output_activation=output, activation="leaky_relu")
            train(network, Examples(X[:, :4], (y % 2).astype(np.float64)), epochs=1, shuffle=False)
    assert [e.data["dispatcher"] for _, e in recorder.buffer if e.is_start] == []


def test_the_pass_that_the_helper_compiles_is_that_of_training():
    """Else it would compile what nobody calls."""
    compilation._compile_epochs(FLOAT32)
    X, y = arrays("float32", (4, 3), 20)
    with event.install_recorder("numba:compile") as recorder:
        workspace = Workspace(Network([4, 5, 3]), 5, 1)
        examples = Examples(X, y)
        run_pass(workspace, workspace.data(examples, with_targets=True), examples.indices, 1, seed=1, shuffle=True)
        train(Network([4, 5, 3]), examples, examples, epochs=2)
    assert len(recorder.buffer) == 0


def test_what_was_made_ready_is_not_looked_for_again(monkeypatch):
    """Each `predict` asks; to look through all kernels would take a millisecond."""
    compilation.load_kernels("float32")
    monkeypatch.setattr(_jit, "missing_known", None)
    monkeypatch.setattr(_jit, "load_separate", None)
    compilation.load_kernels("float32")


def test_kernels_of_this_process_are_kept():
    if compilation.cache_problem():
        pytest.skip("this process has no cache")
    compilation._compile_epochs(FLOAT32)
    _jit.load_separate(FLOAT32)
    assert compilation.kernels_are_kept("float32")


def test_jobs_are_taken_from_both_ends(monkeypatch, compiled_here):
    """The helper begins with the kernel of epochs, the longest; this process with the other end."""
    given = deque()
    monkeypatch.setattr(compilation, "_Helper", lambda jobs, process: _Taking(jobs, given))
    monkeypatch.setattr(compilation, "compiling_processes", lambda dtype: [None])
    compilation._compile_together(["update_layer", "a", "output_backward", "b", "c"], FLOAT32)
    assert list(given) == ["epochs"]
    assert compiled_here == ["output_backward", "update_layer", "c", "b", "a"]


class _Taking:
    def __init__(self, jobs, given):
        given.append(jobs.popleft())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
