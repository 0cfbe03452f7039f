"""Matrix products over panels: blocking for the caches around the register tile of tile.py."""

from __future__ import annotations

from typing import Any

from numba import types

from fastdnn.kernels._jit import device, separate
from fastdnn.kernels.gradient_tile import gradient_tile
from fastdnn.kernels.product_tile import product_tile
from fastdnn.kernels.rows import width_of
from fastdnn.kernels.tile import ADD, BIAS, STORE, ZERO
from fastdnn.kernels.vector import tile_height, vector_bytes

_HEIGHT, _HEIGHT_OF_ONE = tile_height(2), tile_height(1)
# Bytes of one row of a panel, of whatever type.
_ROW_BYTES = 2 * vector_bytes()
# Rows of all panels of a matrix (512 KiB) from which on the second-level cache does not hold it: then it is asked for ahead. B also
# less often.
LARGE = (1 << 19) // _ROW_BYTES
# Rows of a panel of B (16 or 8 KiB) that stay in the first-level cache while tiles of A pass by, which is as long as a contraction
# is at a time; and rows of A, that long, which stay in the second-level cache while panels of B pass by: for a small and a large B.
_B_ROWS, _A_ROWS = (16384 // _ROW_BYTES, 8192 // _ROW_BYTES), (128, 512)
# Examples in one contraction of dW: 32 KiB of a panel of dZ, and of one of A.
_EXAMPLES = (1 << 15) // _ROW_BYTES


@device
def vectors_in_panel(columns: int, j: int, width: int) -> int:
    """Vectors (1 or 2) of panel j that hold one of `columns` columns."""
    return 1 if columns - j * width <= width // 2 else 2


@device
def tiles_for(rows: int, vectors: int) -> tuple[int, int, int]:
    """As few register tiles as hold so many rows of so many vectors, of one height or one row less: that height, how many have it,
    and how many there are."""
    most = _HEIGHT_OF_ONE if vectors == 1 else _HEIGHT
    tiles = (rows + most - 1) // most
    height = (rows + tiles - 1) // tiles
    return height, rows - tiles * (height - 1), tiles


def _matmul_bias_types(f: Any) -> tuple[Any, ...]:
    panels = types.Array(f, 3, "C")
    return panels, panels, types.Array(f, 1, "C"), panels, panels, *([types.int64] * 6), types.boolean, types.int64, f


@separate(_matmul_bias_types)
def matmul_bias(
    A: Any, B: Any, b: Any, C: Any, D: Any, r0: int, r1: int, j0: int, j1: int, k: int, n: int, with_bias: bool, finish: int,
    slope: Any,
) -> None:  # fmt: skip
    """Rows r0 to r1, in panels j0 to j1, of C = A B (+ b), then as `finish` says.

        STORE      C = Z                            Z = A B + b
        ACTIVATE   C = Z where Z > 0, else slope Z  (identity: slope 1, ReLU: 0, leaky ReLU: between)
        DERIVE     C = Z where D > 0, else slope Z  (dZ = dA * g'(Z) of the same activations; D is A, whose sign is Z's)
        SCALE      C = Z * D                        (dZ = dA * g'(Z) of any elementwise activation; D is g'(Z))

    Parameters
    ----------
    A : panels of (rows, k), read. B : panels of (k, n), read. b : (panels of B * width,), read if `with_bias`.
    C : panels of (rows, n), overwritten there, padding columns too. D : as C, read with DERIVE and SCALE; may be C.
    C overlaps neither A nor B.

    Notes
    -----
    Cost: 2 k flops for each number of C. Order of each contraction: ascending, in one accumulator, whatever the blocking.
    """
    width = width_of(C)
    large = k * (j1 - j0) > LARGE
    k_most, rows_most = (_B_ROWS[1], _A_ROWS[1]) if large else (_B_ROWS[0], _A_ROWS[0])
    k_blocks = (k + k_most - 1) // k_most
    k_step = ((k + k_blocks - 1) // k_blocks + width - 1) // width * width
    row_blocks = (r1 - r0 + rows_most - 1) // rows_most
    for block in range(row_blocks):
        first = r0 + (r1 - r0) * block // row_blocks
        last = r0 + (r1 - r0) * (block + 1) // row_blocks
        for p0 in range(0, k, k_step):
            p1 = min(k, p0 + k_step)
            start = ADD if p0 > 0 else BIAS if with_bias else ZERO
            end = finish if p1 == k else STORE
            for j in range(j0, j1):
                vectors = vectors_in_panel(n, j, width)
                height, higher, tiles = tiles_for(last - first, vectors)
                # What is read next of B, a share with each tile: the next panel's rows, or the next rows of the first panel.
                q, p = (j + 1, p0) if j + 1 < j1 else (j0, p1 % k)
                soon = (p1 - p0 + tiles - 1) // tiles if large else 0
                product_tile(
                    A, B, b, C, D, first, height, higher, tiles, p0, p1, j, vectors, start, end, slope, q, p, soon
                )  # fmt: skip


@device
def gradient_block(
    A: Any, dZ: Any, S: Any, W: Any, m: int, k: int, n: int, i: int, j: int, descend: bool, keep: Any, rate: Any, q_soon: int,
    r_soon: int, rows_soon: int,
) -> None:  # fmt: skip
    """One block of sum over examples of A^T dZ: units i width .. (i+1) width of the layer below, units j width .. of this.

        S = A^T dZ                         where not `descend`
        W = keep W - rate (A^T dZ)         where `descend`; S is scratch then

    Parameters
    ----------
    A : panels of (m, k), read. dZ : panels of (m, n), read. S : (width, width), overwritten in the block's rows and vectors.
    W : panels of (k, n), that block updated if `descend`, else not touched.
    q_soon, r_soon, rows_soon : rows of a panel of A that are asked for meanwhile, or 0 of them.
    """
    width = width_of(S)
    vectors = vectors_in_panel(n, j, width)
    rows = min(width, k - i * width)
    if rows == width:  # nearly always, and then known when the kernel is compiled
        height, higher, tiles = tiles_for(width, 1) if vectors == 1 else tiles_for(width, 2)
    else:
        height, higher, tiles = tiles_for(rows, vectors)
    parts = (m + _EXAMPLES - 1) // _EXAMPLES
    step = m if parts == 1 else (m + parts - 1) // parts
    soon = 0 if rows_soon == 0 else (rows_soon + tiles * parts - 1) // (tiles * parts)
    m0 = 0
    while m0 < m:
        m1 = min(m, m0 + step)
        start, ends = ADD if m0 > 0 else ZERO, descend and m1 == m
        gradient_tile(
            A, dZ, S, W, i * width, height, higher, tiles, j, m0, m1, vectors, start, ends, keep, rate, q_soon, r_soon, soon
        )  # fmt: skip
        r_soon += tiles * soon
        m0 = m1
