"""The workloads of the comparison: W1 to W8 on synthetic data, logistic regression on W8's, and `mnist`, W1 on the real images.

python perf/workloads.py FOLDER                 write the data of all workloads (about 470 MB) into FOLDER
python perf/workloads.py FOLDER --only W4,W5    of these only
python perf/workloads.py FOLDER --rows 500      cut to so many training rows, for smoke runs
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from options import several


@dataclass(frozen=True)
class Workload:
    """One training job. `best_peer_bar` and `torch_bar` are the ratios that fastdnn is to reach (issue 3), or None."""

    title: str
    data: str
    layers: tuple[int, ...]
    loss: str
    batch: int
    optimizer: str
    learning_rate: float
    epochs: int
    activation: str = "relu"
    shuffle: bool = True
    best_peer_bar: float | None = None
    torch_bar: float | None = None

    @property
    def full_batch(self) -> bool:
        """Whether order cannot matter: every step sees all rows, so all libraries must agree to rounding."""
        return not self.shuffle

    def arguments(self) -> list[str]:
        """As options of run_peer.py."""
        return [
            "--layers", ",".join(map(str, self.layers)), "--loss", self.loss, "--batch", str(self.batch),
            "--optimizer", self.optimizer, "--learning-rate", str(self.learning_rate), "--epochs", str(self.epochs),
            "--activation", self.activation, "--shuffle", str(int(self.shuffle)),
        ]  # fmt: skip


W1 = Workload(
    "images 60000 x 784, 784-128-10", "mnist_like", (784, 128, 10), "softmax", 64, "sgd", 0.1, 4,
    best_peer_bar=1.5, torch_bar=3.4,
)  # fmt: skip

WORKLOADS = {
    "W1": W1,
    "W2": Workload(
        "images 60000 x 784, 784-512-512-10", "mnist_like", (784, 512, 512, 10), "softmax", 128, "adam", 0.001, 3,
        best_peer_bar=1.15, torch_bar=1.4,
    ),
    "W3": Workload(
        "images 60000 x 784, 784-2048-2048-10", "mnist_like", (784, 2048, 2048, 10), "softmax", 512, "sgd", 0.1, 2,
        best_peer_bar=1.1, torch_bar=1.15,
    ),
    "W4": Workload(
        "binary table 100000 x 20, 20-64-32-1", "tabular_binary", (20, 64, 32, 1), "sigmoid", 32, "adam", 0.001, 4,
        best_peer_bar=1.8, torch_bar=28.0,
    ),
    "W5": Workload(
        "two moons 1000 x 2, 2-16-16-1, full batch", "tiny_moons", (2, 16, 16, 1), "sigmoid", 1000, "sgd", 0.5, 1000,
        activation="tanh", shuffle=False, best_peer_bar=2.5, torch_bar=7.0,
    ),
    "W6": Workload(
        "regression 200000 x 100, 100-256-256-1", "wide_regression", (100, 256, 256, 1), "mse", 256, "adam", 0.001, 4,
        best_peer_bar=1.3, torch_bar=1.8,
    ),
    "W7": Workload(
        "softmax regression 581012 x 54, 54-7", "covtype_like", (54, 7), "softmax", 256, "sgd", 0.1, 4,
        best_peer_bar=2.0, torch_bar=5.8,
    ),
    "W8": Workload(
        "images 209 x 12288, 12288-20-7-5-1, full batch", "cat_like", (12288, 20, 7, 5, 1), "sigmoid", 209, "sgd",
        0.0075, 2500, shuffle=False, best_peer_bar=1.4, torch_bar=1.5,
    ),
    "logistic": Workload(
        "images 209 x 12288, 12288-1, full batch", "cat_like", (12288, 1), "sigmoid", 209, "sgd", 0.0075, 1000,
        shuffle=False,
    ),
    "mnist": replace(W1, title="MNIST itself, 784-128-10", data="mnist", best_peer_bar=None, torch_bar=None),
}  # fmt: skip

# Small enough for a comparison over coffee; between them the kinds of network: wide and tiny layers, full batch, no hidden layer.
SHORT_LIST = ("W1", "W4", "W5", "W7")
# Those with a bar.
ALL = tuple(name for name, workload in WORKLOADS.items() if workload.best_peer_bar)


def default_folder() -> Path:
    """Where the data is kept between runs unless a folder is given."""
    return Path(tempfile.gettempdir()) / "fastdnn-workloads"


def data_file(folder: Path, workload: Workload, rows: int = 0) -> Path:
    """The .npz of a workload; files cut to fewer rows have names of their own."""
    return folder / f"{workload.data}{f'-{rows}' if rows else ''}.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the data of the benchmark's workloads.")
    parser.add_argument("folder", nargs="?", type=Path, default=default_folder(), help="default: %(default)s")
    parser.add_argument("--only", type=several("workload", WORKLOADS), default=",".join(ALL), help="W1,W4,...")
    parser.add_argument("--rows", type=int, default=0, help="training rows at most (0: all)")
    parser.add_argument("--mnist", type=Path, help="folder with the four IDX files of MNIST, for --only mnist")
    given = parser.parse_args()
    from workload_data import write

    for name in given.only:
        path = data_file(given.folder, WORKLOADS[name], given.rows)
        if not path.exists():
            write(path, WORKLOADS[name].data, given.rows, given.mnist)
            print(path)


if __name__ == "__main__":
    main()
