"""The most memory that `fastdnn fit` takes, as a whole process, on uint8 images of MNIST's size.

    python perf/memory.py                    60 000 x 784 random images
    python perf/memory.py --mnist FOLDER     the real ones
    python perf/memory.py --cold             with nothing compiled before: the compiler takes memory too
    python perf/memory.py --rows 500         a smoke run

Exit status 1 if it is more than the images themselves plus 250 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

_ALLOWED_BYTES = 250_000_000
_PIXELS = 784


def write_idx(folder: Path, rows: int) -> tuple[Path, Path]:
    """Random images (rows, 28, 28) and labels 0 to 9 as uncompressed IDX files."""
    import numpy as np

    rng = np.random.default_rng(7)
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    for path, array in (
        (images, rng.integers(0, 256, (rows, 28, 28), dtype=np.uint8)),
        (labels, rng.integers(0, 10, rows, dtype=np.uint8)),
    ):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        path.write_bytes(head + array.tobytes())
    return images, labels


def peak_bytes(command: list[str], environment: dict[str, str]) -> int:
    """Run a command and return the most memory it had. It may print to standard error only. SystemExit if it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"It failed: {' '.join(command)}")
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def fit_peak(images: Path, labels: Path, epochs: int, scratch: Path, environment: dict[str, str]) -> int:
    """The most memory of `fastdnn fit` on these files, in bytes."""
    command = [sys.executable, "-m", "fastdnn.cli", "fit", str(images), "-t", str(labels)]
    return peak_bytes([*command, "--epochs", str(epochs), "--quiet", "-o", str(scratch / "model.fdnn")], environment)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, help="folder with train-images-idx3-ubyte(.gz) and its labels")
    parser.add_argument("--rows", type=int, default=60_000, help="of the random images (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=2, help="(default %(default)s)")
    parser.add_argument("--cold", action="store_true", help="start with an empty cache of compiled kernels")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fastdnn-memory-") as name:
        scratch, environment = Path(name), dict(os.environ)
        if given.mnist:
            images = next(given.mnist.glob("train-images-idx3-ubyte*"))
            labels, rows = next(given.mnist.glob("train-labels-idx1-ubyte*")), 60_000
        else:
            (images, labels), rows = write_idx(scratch, given.rows), given.rows
        if given.cold:
            environment["FASTDNN_CACHE_DIR"] = str(scratch / "cache")
        else:
            (scratch / "few").mkdir()
            fit_peak(*write_idx(scratch / "few", 500), 1, scratch, environment)
        peak = fit_peak(images, labels, given.epochs, scratch, environment)
    data = rows * _PIXELS
    allowed = data + _ALLOWED_BYTES
    print(
        f"fit on {rows} x {_PIXELS} uint8 images ({data / 1e6:.0f} MB): {peak / 1e6:.0f} MB at most, {allowed / 1e6:.0f} allowed"
    )
    return 0 if peak <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())
