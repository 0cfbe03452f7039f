"""One side of gate.py: reads the names of workloads, trains a fraction of a second of each, answers with a JSON line.

Its arguments are the number of threads and the tree whose fastdnn it must find first on PYTHONPATH. That may be an old one, so
little of it is used here.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import protocol
from workloads import WORKLOADS, Workload

# A turn of each workload takes 0.1 to 0.3 s on one core of 2020: long against a switch of processes, short against the
# seconds over which a shared machine changes its mind.
_TURNS = {
    "W1": (12_000, 3),
    "W2": (1_500, 2),
    "W3": (512, 2),
    "W4": (50_000, 3),
    "W5": (1_000, 1000),
    "W6": (10_000, 3),
}
_OTHER_TURN = (200, 50)


def prepare(name: str, threads: int) -> tuple[Any, Any, Any, dict[str, Any]]:
    """A job, its start weights, its examples and train's arguments."""
    from peer_fastdnn import settings
    from workload_data import DATA_SETS

    from fastdnn.examples import Examples

    workload: Workload = WORKLOADS[name]
    rows, epochs = _TURNS.get(name, _OTHER_TURN)
    job = protocol.parse(
        [
            "fastdnn",
            "--mode",
            "fixed",
            *replace(workload, epochs=epochs).arguments(),
            "--threads",
            str(threads),
            "--data",
            "-",
        ]
    )
    draw = DATA_SETS[workload.data][0]
    X, y = draw(rows)
    y = y if job.loss == "softmax" else y.astype("float32").reshape(len(y), -1)
    return job, protocol.start_weights(job), Examples(X.astype("float32"), y), settings(job)


def main() -> None:
    threads = int(sys.argv[1])
    protocol.limit_threads(threads)
    import fastdnn

    found = Path(fastdnn.__file__).resolve().parent.parent
    if found != Path(sys.argv[2]).resolve():  # this tree has no fastdnn, and one is installed
        raise SystemExit(f"it found the fastdnn of {found}, not of {sys.argv[2]}")
    from peer_fastdnn import network_of

    from fastdnn.training import train

    prepared: dict[str, Any] = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in prepared:
            prepared[name] = prepare(name, threads)
        job, start, examples, settings = prepared[name]
        history = train(network_of(job, start), examples, **settings)
        seconds = statistics.median(epoch["seconds"] for epoch in history.epochs)
        facts = {"samples_per_s": len(examples) / seconds, "loss": history.epochs[-1]["loss"]}
        print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
