"""Prediction: fastdnn beside onnxruntime, PyTorch and NumPy, in alternating calls; verified equal before anything is timed.

    python perf/bench_predict.py                                        W1, W2 and W4's networks, 1 to 10000 rows, one thread
    python perf/bench_predict.py --networks W4 --rows 1 --markdown table.md --json table.json
    python perf/bench_predict.py --seconds 0.05                         a smoke run: the figures mean nothing

`Predictor` keeps its buffers between calls, `predict` is network.predict, which packs the parameters in every call. All
compute the output activation too. Exit status 1 if somebody's answers differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import protocol
from options import several
from predicting_peers import PEERS, Forward, make_forward, numpy_forward
from summary import publish, short, table, threads_word
from workloads import WORKLOADS

OUTPUTS = {"softmax": "softmax", "sigmoid": "sigmoid", "mse": "identity"}
# Answers may differ by rounding: this much of the largest.
TOLERANCE = 1e-5


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--networks", type=several("network", WORKLOADS), default="W1,W2,W4",
        help=f"of {', '.join(WORKLOADS)} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--rows", default="1,10,100,1000,10000", help="(default %(default)s)")
    parser.add_argument(
        "--peers", type=several("peer", PEERS), default=",".join(PEERS), help="(default all: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of every library (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each network and size (default %(default)s)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(default: standard output)")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="medians, and the fastest blocks, which a busy machine disturbs least"
    )
    given = parser.parse_args(argv)
    given.rows = [int(m) for m in given.rows.split(",")]
    if min(given.rows) < 1 or given.threads < 1:
        parser.error("--rows and --threads must be 1 or more.")
    return given


def make_network(name: str) -> Any:
    """The network of a workload, with biases that are not zero."""
    import numpy as np

    from fastdnn.network import Network

    workload = WORKLOADS[name]
    output = OUTPUTS[workload.loss]
    network = Network(workload.layers, workload.activation, output, seed=1)
    for b in network.biases:
        b[:] = np.random.default_rng(2).normal(scale=0.1, size=b.shape)
    return network


def time_in_turns(calls: dict[str, Forward], X: Any, seconds: float) -> dict[str, list[float]]:
    """Seconds of a call of each, one number a block: blocks of some 2 ms take turns until the time is over, at least 5 of each."""
    repeats = {}
    for name, call in calls.items():
        began = time.perf_counter()
        for _ in range(5):
            call(X)
        repeats[name] = max(1, int(0.002 / max((time.perf_counter() - began) / 5, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(repeats[name]):
                call(X)
            times[name].append((time.perf_counter() - began) / repeats[name])
    return times


def different(calls: dict[str, Forward], X: Any, expected: Any) -> list[str]:
    """A sentence for every library whose answers are not those expected."""
    import numpy as np

    found = []
    for name, call in calls.items():
        error = float(np.max(np.abs(call(X) - expected)) / np.max(np.abs(expected)))
        if not error <= TOLERANCE:
            found.append(f"{name} differs by {error:.1e} of the largest answer with {len(X)} rows")
    return found


def measure(given: argparse.Namespace, peers: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """A record for each network and number of rows, and what disagreed."""
    import numpy as np

    records, wrong = [], []
    for name in given.networks:
        network = make_network(name)
        oracle = numpy_forward(network, "float64")
        calls = {peer: make_forward(peer, network, given.threads) for peer in peers}
        flops = 2 * sum(n_prev * n for n_prev, n in pairwise(network.layer_dims))
        for m in given.rows:
            X = np.random.default_rng(3).standard_normal((m, network.layer_dims[0]), dtype=np.float32)
            wrong += [f"{name}: {sentence}" for sentence in different(calls, X, oracle(X.astype(np.float64)))]
            times = time_in_turns(calls, X, given.seconds)
            seconds = {peer: statistics.median(each) for peer, each in times.items()}
            records.append({
                "network": name, "layers": network.layer_dims, "rows": m, "seconds": seconds,
                "fastest": {peer: min(each) for peer, each in times.items()},
                "gflops": {peer: m * flops / s / 1e9 for peer, s in seconds.items()},
            })  # fmt: skip
            print(name, m, {p: f"{1e6 * s:.1f} us" for p, s in seconds.items()}, file=sys.stderr, flush=True)
    return records, wrong


def markdown(result: dict[str, Any]) -> str:
    """The machine, and a line for each network and number of rows."""
    machine, peers = result["machine"], result["peers"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = [
        f"Measured on {machine['cpu']}, {machine['vector_bits']}-bit vectors, {threads_word(result['threads'])}; Python "
        f"{machine['python']}, {versions}. Medians of alternating calls, float32; microseconds a call, and how many times "
        f"as long as `Predictor` it is.",
        "",
    ]
    if result["missing"]:
        text += [f"Not installed here, so left out: {', '.join(result['missing'])}.", ""]
    rows = []
    for record in result["records"]:
        ours = record["seconds"].get("Predictor")
        cells = []
        for peer in peers:
            seconds = record["seconds"][peer]
            ratio = "" if peer == "Predictor" or ours is None else f" ({seconds / ours:.2f})"
            cells.append(f"{short(1e6 * seconds)}{ratio}")
        rate = record["gflops"].get("Predictor")
        rows.append(
            [f"{record['network']} {'-'.join(map(str, record['layers']))}", f"{record['rows']:,}", *cells, short(rate)]
        )
    text += table(["network", "rows", *peers, "GFLOP/s of Predictor"], rows)
    text += ["", "Answers: " + ("all libraries agree." if not result["disagreements"] else "THEY DO NOT AGREE.")]
    text += [f"- {sentence}" for sentence in result["disagreements"]]
    return "\n".join(text) + "\n"


def main(argv: list[str] | None = None) -> int:
    given = parse(argv)
    protocol.limit_threads(given.threads)  # before any library is loaded
    needs = {"onnxruntime": ("onnxruntime", "onnx")}
    present = [p for p in given.peers if all(importlib.util.find_spec(n) for n in needs.get(p, (PEERS[p],)))]
    missing = [p for p in given.peers if p not in present]
    if missing:
        print(f"Not installed, left out: {', '.join(missing)}.", file=sys.stderr)
    records, wrong = measure(given, present)
    from machine import facts

    result = {
        "machine": facts(), "threads": given.threads, "peers": present, "missing": missing, "records": records,
        "disagreements": wrong,
    }  # fmt: skip
    publish(markdown(result), result, given.markdown, given.json)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
