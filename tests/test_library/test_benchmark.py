"""fastdnn/benchmark.py: what it measures is consistent, and what cannot be measured is refused. No speed is judged."""

from __future__ import annotations

import pytest

from fastdnn import benchmark
from fastdnn.errors import ParameterError
from fastdnn.flops import training_flops
from fastdnn.workers import available_cores

QUICK = {"layers": (5, 4, 3), "rows": 40, "batch_size": 16, "seconds": 0.01, "threads": [1]}


def test_figures_belong_together(monkeypatch):
    monkeypatch.setattr(benchmark, "tile_rates", lambda: [50.0])
    found = benchmark.benchmark(**QUICK)
    (run,) = found["runs"]
    assert run["threads"] == 1
    assert run["samples_per_s"] > 0
    assert run["gflops"] == pytest.approx(run["samples_per_s"] * training_flops((5, 4, 3), 1) / 1e9)
    assert run["share_of_peak"] == pytest.approx(run["gflops"] / found["peak_gflops"])
    assert 1 <= found["threads_chosen"] <= available_cores()
    assert found["network"]["layers"] == [5, 4, 3]


@pytest.mark.parametrize("layers", [(3, 1), (2, 8, 1), (4, 3)])
def test_any_output_can_be_trained(layers):
    assert benchmark.benchmark(**QUICK | {"layers": layers, "optimizer": "adam", "activation": "tanh"})["runs"]


def test_more_threads_share_more_peak(monkeypatch):
    monkeypatch.setattr(benchmark, "available_cores", lambda: 2)
    monkeypatch.setattr(benchmark, "tile_rates", lambda: [50.0])
    found = benchmark.benchmark(**QUICK | {"threads": [2, 1, 2]})
    assert [run["threads"] for run in found["runs"]] == [2, 1]
    two = found["runs"][0]
    assert two["share_of_peak"] == pytest.approx(two["gflops"] / (2 * found["peak_gflops"]))


def test_a_share_is_of_what_the_tile_reached_before_and_after_it(monkeypatch):
    """A machine that falls to half its speed: the share is of what was usual in the same turn, not of the fastest ever seen."""
    stretches = iter([[100.0, 60.0], [50.0, 40.0]])
    monkeypatch.setattr(benchmark, "tile_rates", lambda: next(stretches))
    monkeypatch.setattr(benchmark, "_TURNS", 1)
    found = benchmark.benchmark(**QUICK)
    assert found["runs"][0]["share_of_peak"] == pytest.approx(found["runs"][0]["gflops"] / 55)
    assert found["peak_gflops"] == 100


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_the_default_numbers_of_threads(monkeypatch, cores, counts):
    monkeypatch.setattr(benchmark, "available_cores", lambda: cores)
    assert benchmark._checked_threads(None) == counts


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"threads": [0]}, "between 1 and"),
        ({"threads": [1, 10_000]}, "the cores that this process may use; got 10000"),
        ({"threads": []}, "got 0"),
        ({"batch_size": 41}, "A batch of 41 rows is larger than the data, 40 rows"),
        ({"batch_size": 0}, "1 row or more, got 0"),
        ({"rows": 10**20}, "This takes about"),
        ({"layers": (10**6, 10**6)}, "1,000,001,000,000 parameters"),
        ({"layers": (5,)}, "two sizes or more"),
        ({"layers": (5, 0, 2)}, "each 1 or more"),
        ({"optimizer": "sdg"}, "Did you mean 'sgd'"),
        ({"activation": "softmax"}, "Unknown activation 'softmax'"),
        ({"seconds": 0}, "more than 0"),
        ({"seconds": float("nan")}, "more than 0"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_allocated(wrong, sentence):
    with pytest.raises(ParameterError, match=sentence):
        benchmark.benchmark(**QUICK | wrong)


def test_a_machine_that_does_not_tell_its_memory(monkeypatch):
    def unknown(_):
        raise ValueError

    monkeypatch.setattr(benchmark.os, "sysconf", unknown)
    assert benchmark._memory_bytes() == 1 << 40


def test_the_peak_is_that_of_work_that_was_done():
    assert benchmark.tile_peak(0.01) > 0


def test_rates_are_of_some_stretches():
    calls = []
    found = benchmark.rates(calls.append, 1e3, 0.0)
    assert len(found) == 3
    assert min(found) > 0
    assert calls[:2] == [1, 10]
    assert len(calls) == 5
