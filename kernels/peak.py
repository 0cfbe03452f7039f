"""The register tile over and over on the same operands: what a core can do when everything is in its first-level cache."""

from __future__ import annotations

from typing import Any

from fastdnn.kernels._jit import kernel
from fastdnn.kernels.product_tile import product_tile
from fastdnn.kernels.tile import ADD, STORE


@kernel
def repeat_tile(A: Any, B: Any, b: Any, C: Any, slope: Any, rows: int, k: int, times: int) -> None:
    """C += A B, `times` times, as one register tile of `rows` rows and two vectors: 4 rows k lanes flops a time.

    Parameters
    ----------
    A : (panels, rows, width), the contraction's k numbers of each row, in panels. B : (1, k, width). b : (width,). All read.
    C : (1, rows, width), updated; adding to it makes each time need the one before, so that none can be left out.
    slope : a number of the arrays' type, not used in the result.
    """
    for _ in range(times):
        product_tile(A, B, b, C, C, 0, rows, 1, 1, 0, k, 0, 2, ADD, STORE, slope, 0, 0, 0)
