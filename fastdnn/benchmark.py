"""How fast a network trains here, and how much of the machine that is: samples/s beside the measured peak of a core."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from fastdnn import vocabulary
from fastdnn.errors import ParameterError, check_name
from fastdnn.examples import Examples
from fastdnn.flops import training_flops
from fastdnn.kernels.peak import repeat_tile
from fastdnn.kernels.vector import panel_width, tile_height
from fastdnn.network import Network
from fastdnn.panels import aligned_zeros
from fastdnn.training import train
from fastdnn.workers import available_cores

# The contraction: A and B then take 128 * (height + width) * 4 bytes, at most 24 KB.
_K = 128
# The tile is timed before and after each stretch of training, because the clock of a shared or warm machine moves.
_PEAK_SECONDS = 0.1
# As many as MNIST has, and no more than 256 MB of them.
_ROWS, _DATA_BYTES = 60_000, 1 << 28
# Thread counts take turns, and medians count.
_TURNS = 5
_MOST_EPOCHS = 10_000


def tile_peak(seconds: float = _PEAK_SECONDS) -> float:
    """GFLOP/s, float32, of the register tile at its full height with all operands in L1, on the core this runs on: the fastest."""
    return max(tile_rates(seconds))


def tile_rates(seconds: float = _PEAK_SECONDS) -> list[float]:
    """As `tile_peak`, of each of some stretches of about 20 ms."""
    height, width = tile_height(), panel_width(np.float32)
    A = aligned_zeros((-(-_K // width), height, width), np.float32)
    B, C = aligned_zeros((1, _K, width), np.float32), aligned_zeros((1, height, width), np.float32)
    b = aligned_zeros((width,), np.float32)
    A[:], B[:] = 1e-3, 1e-3

    def run(times: int) -> None:
        repeat_tile(A, B, b, C, np.float32(1), height, _K, times)

    found = rates(run, 2 * height * width * _K, seconds)
    if not C.min() > 0:
        raise RuntimeError("the tile computed nothing, so its rate would mean nothing")
    return found


def rates(run: Callable[[int], Any], flops: float, seconds: float) -> list[float]:
    """GFLOP/s of each of some stretches of about 20 ms, 3 or more; run(n) repeats the work n times."""
    run(1)
    began = time.perf_counter()
    run(10)
    repeats = max(1, int(10 * 0.02 / max(time.perf_counter() - began, 1e-7)))
    found: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found) < 3:
        began = time.perf_counter()
        run(repeats)
        found.append(repeats * flops / (time.perf_counter() - began) / 1e9)
    return found


def benchmark(
    layers: Sequence[int] = (784, 128, 10),
    *,
    batch_size: int = 64,
    optimizer: str = "sgd",
    activation: str = "relu",
    rows: int | None = None,
    threads: Sequence[int] | None = None,
    seconds: float = 2.0,
) -> dict[str, Any]:
    """Train a float32 network on drawn data for some seconds with each number of threads.

    Parameters
    ----------
    layers : units from the input to the output. One output is a sigmoid, more are a softmax.
    rows : examples; default 60,000, or what takes 256 MB. threads : default 1, 2, 4, ... up to the cores.
    seconds : of training for each number of threads.

    Returns
    -------
    Plain JSON types: `network`, `peak_gflops` of one core, `threads_chosen` as `train` chooses them, and for each number of
    threads in `runs`: samples_per_s, gflops, share_of_peak (of that many cores). The peak is the fastest that was seen; the others
    are medians over some turns, and a share is of the tile's median rate just before and after.

    Raises
    ------
    ParameterError : a size or a number of threads that cannot be.
    """
    layers, batch_size = _checked_layers(layers), int(batch_size)
    for name, value, allowed in (
        ("optimizer", optimizer, vocabulary.OPTIMIZERS),
        ("activation", activation, vocabulary.HIDDEN_ACTIVATIONS),
    ):
        check_name(name, value, allowed)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ParameterError(f"The seconds must be more than 0, got {seconds}.")
    if batch_size < 1:
        raise ParameterError(f"A batch has 1 row or more, got {batch_size}.")
    counts = _checked_threads(threads)
    if rows is None:
        rows = max(batch_size, min(_ROWS, _DATA_BYTES // (4 * layers[0])))
    if not 1 <= batch_size <= rows:
        raise ParameterError(
            f"A batch of {batch_size:,} rows is larger than the data, {rows:,} rows.", f"a batch of at most {rows:,}"
        )
    _check_memory(layers, batch_size, rows)
    examples = _drawn(layers, rows)

    def run(threads: int | None, epochs: int) -> Any:
        network = Network(layers, activation=activation, seed=0)
        return train(network, examples, epochs=epochs, batch_size=batch_size, optimizer=optimizer, threads=threads)

    chosen = run(None, 1).threads
    per_sample = training_flops(layers, 1) / 1e9
    epochs = {count: _epochs_in(run(count, 2).epochs[-1]["seconds"], seconds / _TURNS) for count in counts}
    speeds: dict[int, list[float]] = {count: [] for count in counts}
    shares: dict[int, list[float]] = {count: [] for count in counts}
    tile = [tile_rates()]
    for _ in range(_TURNS):
        for count in counts:
            speed = run(count, epochs[count]).samples_per_s
            tile.append(tile_rates())
            speeds[count].append(speed)
            shares[count].append(speed * per_sample / (count * statistics.median(tile[-2] + tile[-1])))
    runs = []
    for count in counts:
        speed = statistics.median(speeds[count])
        share = statistics.median(shares[count])
        runs.append({"threads": count, "samples_per_s": speed, "gflops": speed * per_sample, "share_of_peak": share})
    return {
        "network": {"layers": list(layers), "activation": activation, "optimizer": optimizer, "batch_size": batch_size,
                    "rows": rows, "dtype": "float32"},
        "peak_gflops": max(map(max, tile)), "threads_chosen": chosen, "runs": runs,
    }  # fmt: skip


def _checked_layers(layers: Sequence[int]) -> tuple[int, ...]:
    if len(layers) < 2 or not all(isinstance(n, int) and n >= 1 for n in layers):
        raise ParameterError(
            f"The layers are two sizes or more, from the inputs to the outputs, each 1 or more; got {list(layers)}.",
            "784,128,10",
        )
    return tuple(layers)


def _checked_threads(threads: Sequence[int] | None) -> list[int]:
    cores = available_cores()
    if threads is None:
        return [*(1 << i for i in range(cores.bit_length()) if 1 << i < cores), cores]
    for count in threads or [0]:
        if not 1 <= count <= cores:
            raise ParameterError(
                f"The number of threads must lie between 1 and {cores}, the cores that this process may use; got {count}."
            )
    return list(dict.fromkeys(threads))


def _check_memory(layers: Sequence[int], batch_size: int, rows: int) -> None:
    """Before anything is allocated: what data, parameters with their moments and copies, and activations take."""
    parameters = sum((a + 1) * b for a, b in pairwise(layers))
    needed = 4 * (2 * rows * layers[0] + rows * 2 + 6 * parameters + 3 * batch_size * sum(layers))
    present = _memory_bytes()
    if needed > present:
        raise ParameterError(
            f"This takes about {needed / 1e9:,.1f} GB ({rows:,} rows of {layers[0]:,} numbers, {parameters:,} parameters), "
            f"and the machine has {present / 1e9:,.1f} GB.",
            "fewer rows, or smaller layers",
        )


def _memory_bytes() -> int:
    """Of the machine; where it cannot be asked, what no machine has."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1 << 40


def _drawn(layers: Sequence[int], rows: int) -> Examples:
    """Examples with numbers from a normal distribution and random labels: speed does not depend on what there is to learn."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, layers[0]), np.float32)
    Y = rng.integers(0, max(2, layers[-1]), rows)
    return Examples(X, Y if layers[-1] > 1 else Y.astype(np.float32))


def _epochs_in(epoch_seconds: float, seconds: float) -> int:
    return int(np.clip(seconds / max(epoch_seconds, 1e-9), 1, _MOST_EPOCHS))
