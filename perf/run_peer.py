"""Train one workload with one library in this process, and print one JSON line.

    python perf/run_peer.py numpy --layers 784,128,10 --data FOLDER/mnist_like.npz --threads 1
    python perf/run_peer.py torch --mode manual ...

A peer is a module peer_NAME.py with MODES, versions() and train(job, X, y) -> protocol.Trained.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
import time

import protocol


def seconds_since_start() -> float:
    """Since this process was started; compare.py notes the time."""
    return time.time() - float(os.environ.get("PERF_STARTED", _LOADED))


_LOADED = time.time()


def main() -> None:
    job = protocol.parse()
    protocol.limit_threads(job.threads)
    try:
        peer = importlib.import_module(f"peer_{job.peer}")
    except ModuleNotFoundError as problem:
        raise SystemExit(f"missing: {problem.name}") from None
    import_seconds = seconds_since_start()
    mode = job.mode or peer.MODES[0]
    if mode not in peer.MODES:
        raise SystemExit(f"'{mode}' is no mode of {job.peer}. Allowed: {', '.join(filter(None, peer.MODES))}.")
    job = dataclasses.replace(job, mode=mode)
    data = protocol.load(job)
    trained = peer.train(job, data["X"], data["y"])
    facts = protocol.record(job, len(data["X"]), trained, import_seconds, peer.versions())

    from final_scores import evaluate

    facts.update(evaluate(job, data, trained.parameters))
    json.dump(facts, sys.stdout)
    print()


if __name__ == "__main__":
    main()
