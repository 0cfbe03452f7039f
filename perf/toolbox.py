"""What the pieces of the toolbox add to a training step, relative to plain gradient descent with ReLU.

    python perf/toolbox.py                            both networks, one thread
    python perf/toolbox.py --seconds 5 --threads 2 --markdown table.md

Before it is timed, every piece must reach in float32 the loss that it reaches in float64, and every optimizer's first step must
be that of its recurrence in NumPy.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.trainer import Trainer

_NETWORKS = {
    "784-512-512-10, batch 128": ((784, 512, 512, 10), 128),
    "100-256-256-1, batch 256": ((100, 256, 256, 1), 256),
}
_ROWS, _STEPS, _RATE = 5_120, 20, 1e-3
# Options of a step, and the most it may take beside the plain one, on the first network and on the second (issue 4).
_PIECES: dict[str, tuple[dict[str, Any], float | None, float | None]] = {
    "sgd, relu": ({}, None, None),
    "momentum": ({"optimizer": "momentum"}, 1.15, 1.15),
    "nesterov": ({"optimizer": "nesterov"}, 1.15, 1.15),
    "rmsprop": ({"optimizer": "rmsprop"}, 1.35, 1.15),
    "adam": ({"optimizer": "adam"}, 1.35, 1.15),
    "adamw": ({"optimizer": "adamw"}, 1.35, 1.15),
    "l2": ({"l2": 1.0}, None, None),
    "l1": ({"l1": 1e-3}, None, None),
    "clip_norm": ({"clip_norm": 1.0}, None, None),
    "dropout 0.2": ({"dropout": 0.2}, 1.10, 1.10),
    "weights": ({"weighted": True}, 1.03, 1.03),
    "gelu": ({"activation": "gelu"}, 1.3, 1.3),
    "silu": ({"activation": "silu"}, 1.3, 1.3),
    "mish": ({"activation": "mish"}, 1.3, 1.3),
    "tanh": ({"activation": "tanh"}, None, None),
}


def data(dims: tuple[int, ...]) -> tuple[Any, Any]:
    """Random examples; classes for several outputs, a quantity for one."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((_ROWS, dims[0]), dtype=np.float32)
    return X, rng.integers(0, dims[-1], _ROWS) if dims[-1] > 1 else rng.standard_normal(_ROWS, dtype=np.float32)


def trainer_of(
    dims: tuple[int, ...], batch: int, threads: int, options: dict[str, Any], dtype: str = "float32"
) -> Trainer:
    """A trainer with one piece of the toolbox."""
    options = dict(options)
    X, Y = data(dims)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, _ROWS) if options.pop("weighted", False) else None
    loss = "squared_error" if dims[-1] == 1 else None
    network = Network(dims, options.pop("activation", "relu"), loss=loss, dtype=dtype)
    optimizer = Optimizer(options.pop("optimizer", "sgd"), _RATE, clip_norm=options.pop("clip_norm", 0.0))
    examples = Examples(X.astype(dtype), Y, weights=weights)
    return Trainer(network, examples, batch_size=batch, optimizer=optimizer, threads=threads, **options)


def verify(dims: tuple[int, ...], batch: int, options: dict[str, Any]) -> None:
    """Raise AssertionError where the piece does not compute what it says."""
    means = []
    for dtype in ("float32", "float64"):
        trainer = trainer_of(dims, batch, 1, options, dtype)
        trainer.run(trainer.steps_per_epoch, _RATE)
        means.append(trainer.evaluate(trainer.examples)[1].mean())
    np.testing.assert_allclose(*means, rtol=2e-3)
    if set(options) <= {"optimizer"}:
        trainer = trainer_of(dims, _ROWS, 1, options, "float64")
        dW, db = trainer.network.gradients(trainer.examples)
        g = np.concatenate([part.ravel() for pair in zip(dW, db, strict=True) for part in pair])
        before = trainer.network.parameters.copy()
        trainer.run(1, _RATE)
        trainer.store()
        steps = {
            "sgd": g, "momentum": 0.1 * g, "nesterov": 0.19 * g, "rmsprop": g / (np.sqrt(1e-3) * np.abs(g) + 1e-8),
            "adam": g / (np.abs(g) + 1e-8), "adamw": g / (np.abs(g) + 1e-8),
        }  # fmt: skip
        name = options.get("optimizer", "sgd")
        decayed = 1e-2 * before if name == "adamw" else 0.0
        moved = (before - trainer.network.parameters) / _RATE
        biases = np.concatenate([np.full(W.size + b.size, 1.0) for W, b in zip(dW, db, strict=True)])
        at = 0
        for W, b in zip(dW, db, strict=True):
            biases[at + W.size : at + W.size + b.size] = 0.0  # which do not decay
            at += W.size + b.size
        np.testing.assert_allclose(moved, steps[name] + decayed * biases, rtol=1e-6, atol=1e-9)


def ratios(dims: tuple[int, ...], batch: int, threads: int, seconds: float) -> dict[str, tuple[float, float]]:
    """Microseconds of a step, and the median ratio to the plain one, all pieces by turns."""
    trainers = {name: trainer_of(dims, batch, threads, options) for name, (options, _, _) in _PIECES.items()}
    times: dict[str, list[float]] = {name: [] for name in trainers}
    began = time.perf_counter()
    while time.perf_counter() - began < seconds * len(trainers):
        for name, trainer in trainers.items():
            start = time.perf_counter()
            trainer.run(_STEPS, _RATE)
            times[name].append((time.perf_counter() - start) / _STEPS)
    plain = times["sgd, relu"]
    return {
        name: (1e6 * statistics.median(taken), statistics.median(b / a for a, b in zip(plain, taken, strict=True)))
        for name, taken in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each piece (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="(default %(default)s)")
    parser.add_argument("--markdown", type=Path, help="write the tables here too")
    given = parser.parse_args()
    lines = []
    for place, (title, (dims, batch)) in enumerate(_NETWORKS.items()):
        for options, _, _ in _PIECES.values():
            verify(dims, batch, options)
        lines += [
            f"{title}, {given.threads} thread(s)",
            "",
            "| step with | us | beside plain | bar |",
            "| --- | ---: | ---: | ---: |",
        ]
        for name, (microseconds, ratio) in ratios(dims, batch, given.threads, given.seconds).items():
            bar = _PIECES[name][1 + place]
            lines.append(f"| {name} | {microseconds:.0f} | {ratio:.2f} | {'' if bar is None else bar} |")
        lines.append("")
    print("\n".join(lines))
    if given.markdown:
        given.markdown.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
