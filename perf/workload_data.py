"""The data of the workloads: drawn with fixed seeds, learnable but not trivial; labels come from a hidden teacher plus noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Drawn = tuple[Array, Array]


def write(path: Path, data: str, rows: int, mnist: Path | None) -> None:
    """Draw one data set and save X, y, X_test, y_test (X float32, C order; y int64 classes, or float32) at `path`.

    rows : training rows at most, 0 for all; there are a sixth as many test rows then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if data == "mnist":
        X, y, X_test, y_test = read_mnist(mnist)
        if rows:
            X, y, X_test, y_test = X[:rows], y[:rows], X_test[: rows // 6 + 1], y_test[: rows // 6 + 1]
    else:
        draw, m, m_test = DATA_SETS[data]
        if 0 < rows < m:
            m, m_test = rows, rows // 6 + 1
        X, y = draw(m + m_test)
        X = np.ascontiguousarray(X, np.float32)
        X, y, X_test, y_test = X[:m], y[:m], X[m:], y[m:]
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, X=X, y=y, X_test=X_test, y_test=y_test)
    unfinished.replace(path)


def read_mnist(folder: Path | None) -> tuple[Array, Array, Array, Array]:
    """The images as float32 in 0 to 1, and their labels, from the IDX files in `folder`."""
    from fastdnn.idx import read_idx

    if folder is None:
        raise SystemExit("The workload 'mnist' needs its images: give --mnist FOLDER with the IDX files.")
    found: list[Array] = []
    for part in ("train", "t10k"):
        for kind in ("images-idx3", "labels-idx1"):
            files = sorted(folder.glob(f"{part}-{kind}-ubyte*"))
            if not files:
                raise SystemExit(f"No '{part}-{kind}-ubyte' or '{part}-{kind}-ubyte.gz' in '{folder}'.")
            values = read_idx(files[0])
            found.append(
                values.reshape(len(values), -1) / np.float32(255) if "images" in kind else values.astype(np.int64)
            )
    return found[0], found[1], found[2], found[3]


def strokes(rng: np.random.Generator, k: int) -> Array:
    """k smooth 28 x 28 images of a stroke, in 0 to 1, mostly zero, as MNIST is: (k, 784)."""
    grid = np.stack(np.meshgrid(np.arange(28), np.arange(28), indexing="ij"), -1).astype(np.float32)
    images = np.zeros((k, 28, 28), np.float32)
    for image in images:
        pen, velocity = rng.uniform(7, 21, 2), rng.normal(0, 1.6, 2)
        for _ in range(14):
            np.maximum(image, np.exp(-((grid - pen) ** 2).sum(-1) / 3.0), out=image)
            velocity = 0.8 * velocity + rng.normal(0, 1.0, 2)
            pen = np.clip(pen + velocity, 4, 24)
    return images.reshape(k, 784)


def mnist_like(m: int) -> Drawn:
    """Ten classes of six writing styles each, under strokes that any class may have, and 1 % wrong labels."""
    rng = np.random.default_rng(1)
    styles, common = strokes(rng, 60), strokes(rng, 40)
    y = rng.integers(0, 10, m)
    X = styles[y * 6 + rng.integers(0, 6, m)] * rng.uniform(0.55, 1.0, (m, 1)).astype(np.float32)
    for _ in range(2):
        X = np.maximum(X, common[rng.integers(0, 40, m)] * rng.uniform(0, 0.95, (m, 1)).astype(np.float32))
    X += rng.normal(0, 0.18, X.shape).astype(np.float32)
    X[X < 0.25] = 0
    np.clip(X, 0, 1, out=X)
    wrong = rng.random(m) < 0.01
    y[wrong] = rng.integers(0, 10, wrong.sum())
    return X, y.astype(np.int64)


def tabular_binary(m: int) -> Drawn:
    """Twenty normal columns; the class is drawn with the probability that a small tanh network gives."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((m, 20)).astype(np.float32)
    h = np.tanh(X @ rng.normal(0, 0.45, (20, 24)))
    s = (h @ rng.normal(0, 1, (24, 1)))[:, 0]
    p = 1 / (1 + np.exp(-3.0 * (s - np.median(s))))
    return X, (rng.random(m) < p).astype(np.float32)


def tiny_moons(m: int) -> Drawn:
    """Two interleaved half circles."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, m)
    t = rng.uniform(0, np.pi, m)
    X = np.where(y[:, None] == 0, np.c_[np.cos(t), np.sin(t)], np.c_[1 - np.cos(t), 0.5 - np.sin(t)])
    return X + rng.normal(0, 0.15, (m, 2)), y.astype(np.float32)


def wide_regression(m: int) -> Drawn:
    """A hundred normal columns; a standardised mixture of tanh units and one product, with noise of 0.2."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((m, 100)).astype(np.float32)
    h = np.tanh(X @ rng.normal(0, 0.12, (100, 30)).astype(np.float32))
    t = h @ rng.normal(0, 1, (30, 1)) + 0.3 * X[:, :1] * X[:, 1:2]
    return X, ((t - t.mean()) / t.std() + rng.normal(0, 0.2, (m, 1))).astype(np.float32)


def covtype_like(m: int) -> Drawn:
    """Ten numeric and 4 + 40 one-hot columns, seven classes of unequal shares."""
    rng = np.random.default_rng(5)
    X = np.zeros((m, 54), np.float32)
    X[:, :10] = rng.standard_normal((m, 10))
    r = np.arange(m)
    X[r, 10 + rng.integers(0, 4, m)] = 1
    X[r, 14 + rng.integers(0, 40, m)] = 1
    z = X @ rng.normal(0, 1.3, (54, 7)) + np.array([1.0, 1.2, 0, -1, -0.5, 0, 0])
    return X, (z + rng.gumbel(size=z.shape)).argmax(1)


def cat_like(m: int) -> Drawn:
    """64 x 64 x 3 images in 0 to 1 made of smooth waves, two classes, as many as in the course."""
    rng = np.random.default_rng(6)
    u = np.linspace(0, 1, 64)
    waves = [np.outer(np.cos(np.pi * a * u), np.cos(np.pi * b * u)) for a in range(6) for b in range(6)]
    basis = np.stack(waves).reshape(36, 4096)
    fading = (1 + np.arange(36)) ** 0.5
    c, w = rng.normal(0, 1, (m, 3, 36)) / fading, rng.normal(0, 1, (3, 36)) / fading
    y = ((c * w).sum((1, 2)) + rng.normal(0, 0.5, m) > 0).astype(np.float32)
    X = np.einsum("mck,kp->mpc", c, basis).reshape(m, 12288)
    return 1 / (1 + np.exp(-0.7 * X - rng.normal(0, 0.3, X.shape))), y


DATA_SETS: dict[str, tuple[Callable[[int], Drawn], int, int]] = {
    "mnist_like": (mnist_like, 60_000, 10_000),
    "tabular_binary": (tabular_binary, 100_000, 20_000),
    "tiny_moons": (tiny_moons, 1_000, 500),
    "wide_regression": (wide_regression, 200_000, 20_000),
    "covtype_like": (covtype_like, 581_012, 50_000),
    "cat_like": (cat_like, 209, 50),
}
