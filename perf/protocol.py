"""The protocol every library follows; compare.py compares only what follows it. See README.md for its rules.

Nothing heavy is imported at the top, so that the thread limits are in force before NumPy, PyTorch, ... are loaded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

Array = Any  # a NumPy array, or what a peer has in its place
Parameters = list[tuple[Array, Array]]  # W (n_prev, n), b (n,) of each layer

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip

# The loss of this epoch is reported too: late enough to have trained, too early for rounding to have grown (agreement.py).
EARLY_EPOCHS = 100


@dataclass(frozen=True)
class Job:
    """What a peer is asked to train, as run_peer.py was told."""

    peer: str
    mode: str
    layers: tuple[int, ...]
    activation: str
    loss: str
    batch: int
    optimizer: str
    learning_rate: float
    epochs: int
    threads: int
    data: Path
    shuffle: bool
    seed: int
    order_seed: int
    rows: int

    @property
    def name(self) -> str:
        """The peer with its mode, as tables show it."""
        return f"{self.peer}-{self.mode}" if self.mode else self.peer


@dataclass
class Trained:
    """What a peer hands back: its final weights, the seconds and the mean loss of each epoch, and the seconds before the first."""

    parameters: Parameters
    epoch_seconds: list[float]
    losses: list[float]
    setup_seconds: float
    facts: dict[str, Any] = field(default_factory=dict)


def parse(argv: Sequence[str] | None = None) -> Job:
    """The job on the command line."""
    parser = argparse.ArgumentParser(description="Train one workload with one library; prints one JSON line.")
    parser.add_argument("peer", help="fastdnn, numpy, sklearn, torch or jax")
    parser.add_argument("--mode", default="", help="where a peer has several ways")
    parser.add_argument("--layers", required=True, type=lambda s: tuple(map(int, s.split(","))), help="784,128,10")
    parser.add_argument("--activation", default="relu", choices=("relu", "tanh", "sigmoid"))
    parser.add_argument("--loss", default="softmax", choices=("softmax", "sigmoid", "mse"))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--optimizer", default="sgd", choices=("sgd", "adam"))
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", required=True, type=Path, help=".npz with X, y and perhaps X_test, y_test")
    parser.add_argument("--shuffle", type=lambda s: s != "0", default=True, help="0: rows stay in their order")
    parser.add_argument("--seed", type=int, default=0, help="of the start weights")
    parser.add_argument("--order-seed", type=int, default=0, help="of the orders of rows")
    parser.add_argument("--rows", type=int, default=0, help="train on the first ROWS rows only (0: all)")
    return Job(**vars(parser.parse_args(argv)))


def limit_threads(threads: int) -> None:
    """Pin this process to `threads` cores, the last ones, and set every thread variable. Before NumPy is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(threads)


def load(job: Job) -> dict[str, Array]:
    """X, y, X_test, y_test of the workload: X float32; y int64 classes for softmax, else float32 (m, n_y)."""
    import numpy as np

    with np.load(job.data) as file:
        data = {name: file[name] for name in file.files}
    if job.rows:
        data["X"], data["y"] = data["X"][: job.rows].copy(), data["y"][: job.rows].copy()
    for part in ("", "_test"):
        if "X" + part in data:
            data["X" + part] = np.ascontiguousarray(data["X" + part], np.float32)
            y = data["y" + part]
            data["y" + part] = y.astype(np.int64) if job.loss == "softmax" else y.astype(np.float32).reshape(len(y), -1)
    if data["X"].shape[1] != job.layers[0]:
        raise SystemExit(f"'{job.data}' has {data['X'].shape[1]} columns, the network reads {job.layers[0]}.")
    return data


def start_weights(job: Job) -> Parameters:
    """The weights every peer starts from: He under ReLU, else Glorot; the output layer Glorot; biases zero."""
    import numpy as np

    rng = np.random.default_rng(1234 + job.seed)
    result: Parameters = []
    for n_prev, n in pairwise(job.layers):
        last = len(result) == len(job.layers) - 2
        scale = (2 / n_prev) ** 0.5 if job.activation == "relu" and not last else (2 / (n_prev + n)) ** 0.5
        W = (rng.standard_normal((n_prev, n)) * scale).astype(np.float32)
        result.append((W, np.zeros(n, np.float32)))
    return result


def time_epochs(job: Job, epoch: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Call `epoch`, which trains one and returns its mean loss, job.epochs times: the seconds and the losses."""
    seconds, losses = [], []
    for _ in range(job.epochs):
        began = time.perf_counter()
        losses.append(float(epoch()))
        seconds.append(time.perf_counter() - began)
    return seconds, losses


def peak_memory_mb() -> float:
    """The most memory this process had, in MiB. VmHWM, unlike ru_maxrss, is not inherited from the parent process."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def record(job: Job, m: int, trained: Trained, import_seconds: float, versions: dict[str, str]) -> dict[str, Any]:
    """The facts of one run. samples/s come from the median epoch after the first, which may compile."""
    from fastdnn.flops import training_flops

    rest = trained.epoch_seconds[1:] or trained.epoch_seconds
    median = statistics.median(rest)
    return {
        "peer": job.name, "versions": versions, "threads": job.threads, "m": m, "epochs": len(trained.epoch_seconds),
        "import_s": import_seconds, "setup_s": trained.setup_seconds, "first_epoch_s": trained.epoch_seconds[0],
        "epoch_s": median, "samples_per_s": m / median, "gflops": training_flops(job.layers, m) / median / 1e9,
        "loss_first": trained.losses[0], "loss_early": trained.losses[min(EARLY_EPOCHS, len(trained.losses)) - 1],
        "loss_last": trained.losses[-1], "peak_mb": peak_memory_mb(), **trained.facts,
    }  # fmt: skip
