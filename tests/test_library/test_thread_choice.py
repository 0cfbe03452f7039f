"""fastdnn/thread_choice.py: the probe chooses among what was offered and leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn import thread_choice
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.workers import available_cores
from fastdnn.workspace import Workspace


def prepare(workers, m=100, batch=16):
    rng = np.random.default_rng(0)
    examples = Examples(rng.normal(size=(m, 5)), rng.integers(0, 3, m))
    workspace = Workspace(Network([5, 8, 3]), batch, workers)
    return workspace, workspace.data(examples, with_targets=True), examples.indices


def test_most_threads():
    cores = available_cores()
    assert thread_choice.most_threads(1) == 1
    assert thread_choice.most_threads(10_000) == cores
    assert thread_choice.most_threads(0) == 1


@pytest.mark.parametrize(("workers", "allowed"), [(1, {1}), (2, {1, 2}), (3, {1, 2, 3}), (4, {1, 2, 4})])
def test_chooses_what_was_offered_and_leaves_no_trace(workers, allowed):
    workspace, data, rows = prepare(workers)
    before = [getattr(workspace.buffers, name).copy() for name in ("parameters", "transposed", "moments1", "moments2")]
    assert thread_choice.choose_threads(workspace, data, rows) in allowed
    after = [getattr(workspace.buffers, name) for name in ("parameters", "transposed", "moments1", "moments2")]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_fewer_rows_than_a_batch():
    workspace, data, _ = prepare(2)
    assert thread_choice.choose_threads(workspace, data, np.arange(3)) in {1, 2}


@pytest.mark.parametrize(("two_threads_take", "chosen"), [(0.5, 2), (0.95, 1), (2.0, 1)])
def test_a_thread_must_be_worth_its_core(monkeypatch, two_threads_take, chosen):
    """With a clock of our own: the second thread is taken only where it saves a tenth or more."""
    workspace, data, rows = prepare(2)
    now = [0.0]

    def run_pass(workspace, data, rows, threads, **_):
        now[0] += 0.01 * (two_threads_take if threads == 2 else 1.0)

    monkeypatch.setattr(thread_choice, "run_pass", run_pass)
    monkeypatch.setattr(thread_choice.time, "perf_counter", lambda: now[0])
    assert thread_choice.choose_threads(workspace, data, rows) == chosen
