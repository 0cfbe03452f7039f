"""The float32 peak of one core: the register tile with all its operands in the first-level cache; and NumPy's product.

python perf/peak.py            a line for people
python perf/peak.py --json     one object
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import protocol

_K = 128  # the contraction: A and B then take 128 * (height + width) * 4 bytes, at most 24 KB
_SECONDS = 0.4


def best_rate(run: Callable[[int], Any], flops: float, seconds: float) -> float:
    """GFLOP/s of the fastest of some stretches of about 20 ms; run(n) repeats the work n times."""
    run(1)
    began = time.perf_counter()
    run(10)
    repeats = max(1, int(10 * 0.02 / max(time.perf_counter() - began, 1e-7)))
    rates: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rates) < 3:
        began = time.perf_counter()
        run(repeats)
        rates.append(repeats * flops / (time.perf_counter() - began) / 1e9)
    return max(rates)


def tile_peak(seconds: float = _SECONDS) -> float:
    """GFLOP/s of the product tile at its full height, in L1, on the core this runs on."""
    import numba
    import numpy as np

    from fastdnn.kernels.tile import ADD, STORE, product_tile
    from fastdnn.kernels.vector import panel_width, tile_height
    from fastdnn.panels import aligned_zeros

    height, width = tile_height(), panel_width(np.float32)
    A = aligned_zeros((-(-_K // width), height, width), np.float32)
    B, C = aligned_zeros((1, _K, width), np.float32), aligned_zeros((1, height, width), np.float32)
    b = aligned_zeros((width,), np.float32)
    A[:], B[:] = 1e-3, 1e-3

    @numba.njit(error_model="numpy")
    def repeat(A: Any, B: Any, b: Any, C: Any, slope: Any, times: int) -> None:
        for _ in range(times):  # ADD makes each call need the one before: none can be left out
            product_tile(A, B, b, C, C, 0, height, 0, _K, 0, 2, ADD, STORE, slope)

    rate = best_rate(lambda n: repeat(A, B, b, C, np.float32(1), n), 2 * height * width * _K, seconds)
    if not C.min() > 0:
        raise SystemExit("The tile computed nothing: its rate would mean nothing.")
    return rate


def numpy_peak(n: int, seconds: float = _SECONDS) -> float:
    """GFLOP/s of NumPy's n x n product on one thread."""
    import numpy as np

    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal((n, n), dtype=np.float32) for _ in range(2))
    C = np.empty((n, n), np.float32)

    def run(times: int) -> None:
        for _ in range(times):
            np.matmul(A, B, out=C)

    return best_rate(run, 2 * n**3, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for each figure (default %(default)s)")
    given = parser.parse_args()
    protocol.limit_threads(1)
    tile = tile_peak(given.seconds)
    products = {n: numpy_peak(n, given.seconds) for n in (256, 1024)}
    if given.json:
        print(json.dumps({"tile_gflops": tile, "numpy_gflops": products}))
        return
    print(f"register tile in L1, one core: {tile:.1f} GFLOP/s float32")
    for n, rate in products.items():
        print(f"NumPy, {n} x {n} product, one thread: {rate:.1f} GFLOP/s")


if __name__ == "__main__":
    main()
