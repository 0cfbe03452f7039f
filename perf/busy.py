"""Two threads beside one, on a quiet machine and while another process keeps a core busy.

    python perf/busy.py                              W1, W2, W4, W7 for two seconds each, three times
    python perf/busy.py --workloads W1 --seconds 5 --markdown table.md

A library whose threads wait for each other by spinning alone falls far below one thread as soon as anybody else computes.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from options import several
from workloads import WORKLOADS, Workload

from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer

_ROWS = 50_000


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Other processes that compute for nothing, one core each."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        time.sleep(0.3)
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def trainer_of(workload: Workload, threads: int) -> Trainer:
    """A trainer on random numbers in the shape of the workload."""
    rng = np.random.default_rng(0)
    n, n_y = workload.layers[0], workload.layers[-1]
    X = rng.standard_normal((_ROWS, n), dtype=np.float32)
    Y = rng.integers(0, max(2, n_y), _ROWS)
    loss = {"softmax": "categorical_cross_entropy", "sigmoid": "binary_cross_entropy"}.get(
        workload.loss, "squared_error"
    )
    targets = Y if loss == "categorical_cross_entropy" else Y.astype(np.float32)
    network = Network(workload.layers, workload.activation, loss=loss)
    optimizer = Optimizer(workload.optimizer, workload.learning_rate)
    return Trainer(network, Examples(X, targets), batch_size=workload.batch, optimizer=optimizer, threads=threads)


def samples_per_second(trainer: Trainer, seconds: float) -> float:
    """Over whole calls of some tens of milliseconds until `seconds` have passed."""
    trainer.run(1, trainer.optimizer.rate)
    began, first, steps = time.perf_counter(), trainer.step, 1
    while (spent := time.perf_counter() - began) < seconds:
        trainer.run(steps, trainer.optimizer.rate)
        per_step = (time.perf_counter() - began) / (trainer.step - first)
        steps = max(1, int(min(0.2, seconds - spent) / per_step))
    return (trainer.step - first) * trainer.batch_size / (time.perf_counter() - began)


def measure(workload: Workload, seconds: float, repeats: int) -> dict[tuple[int, int], float]:
    """Median samples/s for (busy processes, threads), in alternation."""
    found: dict[tuple[int, int], list[float]] = {(busy, threads): [] for busy in (0, 1) for threads in (1, 2)}
    for _ in range(repeats):
        for (busy, threads), rates in found.items():
            with busy_processes(busy):
                rates.append(samples_per_second(trainer_of(workload, threads), seconds))
    return {key: statistics.median(rates) for key, rates in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--workloads", type=several("workload", WORKLOADS), default="W1,W2,W4,W7", help="(default %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="(default %(default)s)")
    parser.add_argument("--markdown", type=Path, help="write the table here too")
    given = parser.parse_args()
    lines = [
        "| workload | quiet, 1 thread | quiet, 2 threads | ratio | busy, 1 thread | busy, 2 threads | ratio (bar 0.8) |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in given.workloads:
        rate = measure(WORKLOADS[name], given.seconds, given.repeats)
        cells = [f"{rate[key]:,.0f}" for key in rate]
        ratios = [rate[busy, 2] / rate[busy, 1] for busy in (0, 1)]
        lines.append(
            f"| {name} | {cells[0]} | {cells[1]} | {ratios[0]:.2f} | {cells[2]} | {cells[3]} | {ratios[1]:.2f} |"
        )
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
