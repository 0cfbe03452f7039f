"""The float32 peak of one core: the register tile with all its operands in the first-level cache; and NumPy's product.

python perf/peak.py            a line for people
python perf/peak.py --json     one object
"""

from __future__ import annotations

import argparse
import json

import protocol

_SECONDS = 0.4


def numpy_peak(n: int, seconds: float = _SECONDS) -> float:
    """GFLOP/s of NumPy's n x n product on one thread."""
    import numpy as np

    from fastdnn.benchmark import rates

    rng = np.random.default_rng(0)
    A, B = (rng.standard_normal((n, n), dtype=np.float32) for _ in range(2))
    C = np.empty((n, n), np.float32)

    def run(times: int) -> None:
        for _ in range(times):
            np.matmul(A, B, out=C)

    return max(rates(run, 2 * n**3, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for each figure (default %(default)s)")
    given = parser.parse_args()
    protocol.limit_threads(1)
    from fastdnn.benchmark import tile_peak

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
