"""fastdnn's estimators against scikit-learn's on the same task: `python perf/bench_estimators.py [--only NAME] [--repeats N]`.

Each row of the ladder is fitted by both in turns, in one process, from the same random_state, so with the same start weights
and batches. Before anything counts, both must have done the same number of epochs and reached the same loss. Medians of the
wall-clock times of fit; a ratio above 1 is fastdnn's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import machine
import numpy as np
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

import fastdnn

Arrays = tuple[Any, Any]
# The rows where the bar is 3; nowhere may it be below 0.9.
_THREEFOLD = ("digits", "table 100000x20")


@dataclass(frozen=True)
class Task:
    """A row of the ladder: the data, the parameters, how often it is fitted, and how far losses may differ (see `agree`)."""

    name: str
    data: Callable[[], Arrays]
    parameters: dict[str, Any]
    repeats: int = 5
    regressor: bool = False
    tolerance: float = 1e-5


def table(rows: int, columns: int, dtype: Any = np.float64, classes: int = 2) -> Callable[[], Arrays]:
    """Standard normal columns; the class is a rule in three of them."""

    def draw() -> Arrays:
        X = np.random.default_rng(7).standard_normal((rows, columns), dtype=np.float32).astype(dtype)
        score = X[:, 0] * X[:, 1] + X[:, 2]
        return X, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))

    return draw


def digits() -> Arrays:
    """scikit-learn's digits, pixels in 0 to 1."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def continuous(data: Callable[[], Arrays]) -> Callable[[], Arrays]:
    """The same inputs with a number to predict."""

    def draw() -> Arrays:
        X, _ = data()
        return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2]

    return draw


LADDER = [
    Task("tiny 200x4, 1 epoch", table(200, 4), {"max_iter": 1}, 31),
    Task("tiny 200x4", table(200, 4), {}, 7),
    Task("tiny 200x4, early stopping", table(200, 4), {"early_stopping": True, "n_iter_no_change": 200, "tol": 0.0}, 7),
    Task("tiny 200x4 regressor (5,)", continuous(table(200, 4)), {"hidden_layer_sizes": (5,)}, 7, regressor=True),
    Task("lbfgs 1000x20", table(1000, 20), {"solver": "lbfgs", "max_iter": 50}, 7, tolerance=0.02),
    Task("lbfgs digits", digits, {"solver": "lbfgs", "max_iter": 20}, 5, tolerance=0.02),
    Task(
        "lbfgs 10000x20 (64, 32)", table(10000, 20), {"solver": "lbfgs", "max_iter": 20, "hidden_layer_sizes": (64, 32)}, 3,
        tolerance=0.02,
    ),
    Task("digits", digits, {}, 3),
    Task("digits sgd", digits, {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 50}, 3),
    Task("digits tanh", digits, {"activation": "tanh", "max_iter": 50}, 3),
    Task("digits float32", lambda: (digits()[0].astype(np.float32), digits()[1]), {"max_iter": 50}, 3, tolerance=1e-2),
    Task("digits batch 10", digits, {"batch_size": 10, "max_iter": 10}, 3),
    Task("table 10000x50 (256, 128)", table(10000, 50, classes=5), {"hidden_layer_sizes": (256, 128), "max_iter": 10}, 3),
    Task("table 100000x20", table(100_000, 20), {"hidden_layer_sizes": (64, 32), "max_iter": 10}, 3),
    Task(
        "images 60000x784 (128,), 1 epoch", table(60_000, 784, np.float32, 10), {"hidden_layer_sizes": (128,), "max_iter": 1}, 3,
        tolerance=1e-3,
    ),
]  # fmt: skip


def agree(ours: Any, other: Any, task: Task) -> None:
    """Raise unless both did as many epochs (L-BFGS: nearly) and reached the same loss, to `tolerance` of it.

    L-BFGS multiplies differences of rounding from step to step: its final losses differ in their last digits.
    """
    lbfgs = task.parameters.get("solver") == "lbfgs"
    if abs(ours.n_iter_ - other.n_iter_) > (0.1 * other.n_iter_ if lbfgs else 0):
        raise SystemExit(f"{task.name}: {ours.n_iter_} iterations against {other.n_iter_}.")
    if abs(ours.loss_ - other.loss_) > task.tolerance * max(abs(other.loss_), 1e-2):
        raise SystemExit(f"{task.name}: loss {ours.loss_} against {other.loss_}.")


def measure(task: Task, repeats: int | None) -> dict[str, Any]:
    """One row of the table."""
    X, y = task.data()
    kind = "MLPRegressor" if task.regressor else "MLPClassifier"
    makers = {"fastdnn": getattr(fastdnn, kind), "scikit-learn": getattr(theirs, kind)}
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    makers["fastdnn"](**task.parameters | {"max_iter": 1}, random_state=0).fit(X, y)  # compiled code is loaded
    for _ in range(repeats or task.repeats):
        fitted = {}
        for name, make in makers.items():
            began = time.perf_counter()
            fitted[name] = make(**task.parameters, random_state=0).fit(X, y)
            seconds[name].append(time.perf_counter() - began)
        agree(fitted["fastdnn"], fitted["scikit-learn"], task)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "task": task.name,
        "epochs": fitted["fastdnn"].n_iter_,
        "loss": fitted["fastdnn"].loss_,
        **medians,
        "ratio": medians["scikit-learn"] / medians["fastdnn"],
        "bar": 3.0 if task.name in _THREEFOLD else 0.9,
    }


def main() -> int:
    """Print the table and the machine; exit status 1 where a row is below its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="rows whose name contains this")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--json", help="file for rows and machine")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = []
    print(f"{'task':36}{'epochs':>7}{'loss':>10}{'fastdnn s':>12}{'sklearn s':>12}{'ratio':>8}{'bar':>6}")
    for task in LADDER:
        if options.only is None or options.only in task.name:
            row = measure(task, options.repeats)
            rows.append(row)
            print(
                f"{row['task']:36}{row['epochs']:7}{row['loss']:10.5f}{row['fastdnn']:12.4f}{row['scikit-learn']:12.4f}"
                f"{row['ratio']:8.2f}{row['bar']:6.1f}",
                flush=True,
            )
    facts = machine.facts()
    print(json.dumps(facts))
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": facts, "rows": rows}, file, indent=1)
    return int(any(row["ratio"] < row["bar"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
