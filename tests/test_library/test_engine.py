"""fastdnn/engine.py: one call into compiled code for each worker and epoch, no array made on the way, stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from callers import JIT

from fastdnn import engine
from fastdnn.engine import NO_UPDATE, Pass, run_pass
from fastdnn.examples import Examples
from fastdnn.kernels.optimizers import ADAM
from fastdnn.network import Network
from fastdnn.workspace import Workspace

SGD = NO_UPDATE


def prepare(dims, m, batch, workers=1, dtype="float32"):
    rng = np.random.default_rng(0)
    examples = Examples(rng.normal(size=(m, dims[0])), rng.integers(0, dims[-1], m))
    workspace = Workspace(Network(dims, dtype=dtype), batch, workers)
    return workspace, workspace.data(examples, with_targets=True), examples.indices


@pytest.fixture
def calls(monkeypatch):
    """The workers of the calls into the compiled epoch, in order."""
    made, original = [], engine.run_steps

    def counted(worker, *arguments):
        made.append(worker)
        return original(worker, *arguments)

    monkeypatch.setattr(engine, "run_steps", counted)
    return made


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_one_call_for_each_worker(calls, workers):
    workspace, data, rows = prepare([3, 4, 2], 50, 7, workers)
    for _ in range(3):
        calls.clear()
        run_pass(workspace, data, rows, workers, rule=SGD)
        assert sorted(calls) == list(range(workers))


def test_what_a_pass_publishes():
    workspace, data, rows = prepare([3, 4, 2], 50, 7, 2)
    done, interrupted = run_pass(workspace, data, rows, 2, rule=SGD, learning_rates=0.1)
    assert interrupted is False
    assert (done.steps, done.diverged_at) == (8, 0)
    assert 0 < done.mean_loss < 5
    assert 0 < done.last_cost < 5
    fresh = Pass()
    assert (fresh.steps, fresh.mean_loss, fresh.diverged_at) == (0, None, 0)


def test_rows_are_not_written_and_may_be_read_only():
    workspace, data, rows = prepare([3, 4, 2], 20, 7)
    before = rows.copy()
    rows.flags.writeable = False
    run_pass(workspace, data, rows, 1, rule=SGD, seed=1, shuffle=True)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_the_pass_after_a_step(workers):
    """A real signal, raised while an endless epoch is watched: steps are done, but not all, and whole steps only."""
    m = 2_000_000 if JIT else 20_000
    workspace, data, _ = prepare([3, 4, 2], 50, 2, workers)
    rows = np.zeros(m, np.int64)
    seen = []

    def watch(state):
        seen.append(state.steps)
        if state.steps > 0 and len(seen) < 100:
            seen.extend([0] * 100)
            signal.raise_signal(signal.SIGINT)

    done, interrupted = run_pass(workspace, data, rows, workers, rule=SGD, watch=watch)
    assert interrupted is True
    assert 0 < done.steps < m // 2
    assert np.isfinite(workspace.buffers.parameters).all()


@pytest.mark.skipif(not JIT, reason="without the JIT everything is Python's")
def test_python_allocates_nothing_that_grows_with_data_or_network():
    workspace, data, rows = prepare([64, 200, 5], 2000, 100, 2)
    order = np.empty_like(rows)
    rule = NO_UPDATE._replace(optimizer=ADAM, beta1=0.9, beta2=0.999, epsilon=1e-8)
    run_pass(workspace, data, rows, 2, rule=rule, learning_rates=0.01, shuffle=True, order=order)
    tracemalloc.start()
    try:
        for epoch in range(3):
            run_pass(workspace, data, rows, 2, rule=rule, learning_rates=0.01, seed=epoch, shuffle=True, order=order)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000  # the order of the rows alone would be 16 000, the parameters 58 000


_COUNT_ALLOCATIONS = """
import numba, numpy as np
from numba.core.runtime import rtsys
from test_engine import SGD, prepare
from fastdnn.engine import run_pass

def allocations(workers, m, batch):
    workspace, data, _ = prepare([9, 20, 3], 50, batch, workers)
    rows = np.zeros(m, np.int64)
    order = rows.copy()
    run_pass(workspace, data, rows[:batch], workers, rule=SGD, order=order)
    before = rtsys.get_allocation_stats()
    run_pass(workspace, data, rows, workers, rule=SGD, seed=1, shuffle=True, order=order)
    after = rtsys.get_allocation_stats()
    return after.alloc - before.alloc, after.mi_alloc - before.mi_alloc

@numba.njit
def allocate(n):
    return np.empty(n).size

allocate(3)  # the first starts the counting
before = rtsys.get_allocation_stats().alloc
allocate(3)
print(rtsys.get_allocation_stats().alloc - before)
for workers in (1, 2):
    print(allocations(workers, 10, 5), allocations(workers, 5000, 5))
"""


@pytest.mark.skipif(not JIT, reason="counts what compiled code allocates")
def test_compiled_code_allocates_nothing_in_a_step():
    """Neither in a pass of 2 steps nor in one of 1000, nor when it is called."""
    here = os.path.dirname(__file__)
    environment = os.environ | {
        "NUMBA_NRT_STATS": "1",
        "PYTHONPATH": os.pathsep.join([*sys.path, here, os.path.dirname(here)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _COUNT_ALLOCATIONS], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1", "(0, 0) (0, 0)", "(0, 0) (0, 0)"]  # 1: the counters work
