"""How much of the machine training uses, and what a second thread adds: `fastdnn bench` for the networks of the workloads.

    python perf/shares.py
    python perf/shares.py --workloads W2,W3 --seconds 20 --markdown shares.md

compare.py divides by one peak, measured before it begins; on a machine whose clock moves that share is a guess. Here the tile is
timed before and after each stretch of training, and training with each number of threads takes turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from options import several
from workloads import ALL, WORKLOADS

from fastdnn.benchmark import benchmark

# Examples: enough that they do not stay in a cache where the workload's do not, few enough that epochs are short.
_ROWS = {"W1": 12_800, "W2": 5_120, "W3": 2_048, "W4": 100_000, "W6": 25_600, "W7": 581_012}
_ONE_THREAD, _TWO_THREADS = 1, 2


def measured(name: str, seconds: float, threads: list[int]) -> dict[str, Any]:
    """What `fastdnn bench` finds for a workload's network, batch and optimizer."""
    workload = WORKLOADS[name]
    return benchmark(
        workload.layers, batch_size=workload.batch, optimizer=workload.optimizer, activation=workload.activation,
        rows=_ROWS.get(name, workload.batch), threads=threads, seconds=seconds,
    )  # fmt: skip


def row(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    workload, runs = WORKLOADS[name], found["runs"]
    cells = [f"{name} {'-'.join(map(str, workload.layers))}, {workload.batch}, {workload.optimizer}"]
    for run in runs:
        cells += [f"{run['samples_per_s']:,.0f}", f"{run['share_of_peak']:.2f}"]
    if len(runs) == _TWO_THREADS:
        cells.append(f"{runs[1]['samples_per_s'] / runs[0]['samples_per_s']:.2f}")
    return f"| {' | '.join(cells)} |"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", type=several("workload", WORKLOADS), default=",".join(ALL))
    parser.add_argument("--seconds", type=float, default=5.0, help="for each number of threads (default %(default)s)")
    parser.add_argument("--threads", default="1,2", help="(default %(default)s)")
    parser.add_argument("--markdown", type=Path, help="write the table here too")
    given = parser.parse_args(argv)
    threads = [int(t) for t in given.threads.split(",")]
    cells = ["network, batch, optimizer"]
    for count in threads:
        cells += [f"samples/s, {count} thread{'s' if count > _ONE_THREAD else ''}", "of the tile's peak"]
    if len(threads) == _TWO_THREADS:
        cells.append(f"{threads[1]} ÷ {threads[0]}")
    lines = [f"| {' | '.join(cells)} |", f"| --- |{' ---: |' * (len(cells) - 1)}"]
    print("\n".join(lines), flush=True)
    for name in given.workloads:
        lines.append(row(name, measured(name, given.seconds, threads)))
        print(lines[-1], flush=True)
    if given.markdown:
        given.markdown.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
