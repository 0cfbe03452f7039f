"""kernels/product_tile.py: every height and number of vectors, every way to start and to finish, every length of contraction."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import JIT, assert_same_bits, from_python

from fastdnn.kernels import tile
from fastdnn.kernels.product_tile import product_tile
from fastdnn.kernels.vector import panel_width, tile_height

HEIGHTS = {vectors: range(1, tile_height(vectors) + 1) for vectors in (1, 2)}
STARTS = {"ZERO": tile.ZERO, "BIAS": tile.BIAS, "ADD": tile.ADD}
FINISHES = {"STORE": tile.STORE, "ACTIVATE": tile.ACTIVATE, "DERIVE": tile.DERIVE, "SCALE": tile.SCALE}
PLACE = (2, 1)  # first row of the tile, panel


@pytest.fixture
def product(dtype, rng):
    """Panels of A, B, b, C, D for a contraction of three panels, and the call on copies of C."""
    width, rows = panel_width(dtype), 2 * tile_height() + 8

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    A, B, b = draw(3, rows, width), draw(2, 3 * width, width), draw(2 * width)
    C, D = draw(2, rows, width), draw(2, rows, width)

    def call(height, vectors, p0, p1, start, finish, slope=0.25, higher=0, tiles=1, soon=(0, 0, 0)):
        got = C.copy()
        shape = height, higher or tiles, tiles
        finishing = start, finish, dtype(slope)
        from_python(product_tile)(A, B, b, got, D, PLACE[0], *shape, p0, p1, PLACE[1], vectors, *finishing, *soon)
        return got

    return A, B, b, C, D, call


def product_in_float64(A, B, b, C, D, height, vectors, p0, p1, start, finish, slope=0.25):
    """The tile's own part of C, and what rounding may do to it."""
    (r, j), width = PLACE, C.shape[2]
    rows, columns = slice(r, r + height), slice(0, vectors * width // 2)
    a, b_part = reference_panels.from_panels(A, 3 * width)[rows, p0:p1], B[j, p0:p1, columns]
    first = {"ZERO": 0.0, "BIAS": b[j * width :][columns], "ADD": C[j, rows, columns]}[start]
    Z = reference.matmul(a, b_part) + np.asarray(first, np.float64)
    sign = Z if finish == "ACTIVATE" else D[j, rows, columns]
    result = {"STORE": Z, "SCALE": Z * sign}.get(finish, np.where(sign > 0, Z, slope * Z))
    largest = np.abs(sign).max() if finish == "SCALE" else 1.0
    error = reference.matmul_error(a, b_part, C.dtype) + 2 * np.finfo(C.dtype).eps * np.abs(first)
    return result, max(1.0, largest) * error + 2 * np.finfo(C.dtype).eps * np.abs(result)


def check_product(product, height, vectors, p0, p1, start, finish):
    *operands, call = product
    C, (r, j) = operands[3], PLACE
    got = call(height, vectors, p0, p1, STARTS[start], FINISHES[finish])
    expected, bound = product_in_float64(*operands, height, vectors, p0, p1, start, finish)
    here = (j, slice(r, r + height), slice(0, vectors * C.shape[2] // 2))
    assert np.all(np.abs(got[here] - expected) <= bound), (height, vectors, p0, p1, start, finish)
    whole_rows = here[:2]
    assert not np.any(got[whole_rows][:, vectors * C.shape[2] // 2 :])  # the padding is zeroed
    got[whole_rows] = C[whole_rows]
    np.testing.assert_array_equal(got, C)  # nothing else is written


@pytest.mark.parametrize("vectors", [1, 2])
def test_product_of_every_height(product, vectors):
    width = product[0].shape[2]
    for height in HEIGHTS[vectors]:
        check_product(product, height, vectors, 0, width + 5, "BIAS", "STORE")
        check_product(product, height, vectors, width, 3 * width, "ADD", "ACTIVATE")


@pytest.mark.parametrize("finish", FINISHES.values())
@pytest.mark.parametrize("height", [1, 2, 5])
def test_tiles_below_each_other_are_as_one_after_the_other(product, height, finish):
    """Three tiles in one call have the bits of the same rows taken by a tile at a time, B asked for ahead or not; D may be C."""
    A, B, b, C, D, call = product
    got = call(height + 1, 2, 0, 9, STARTS["ADD"], finish, higher=2, tiles=3, soon=(1, 2, 3))
    width = C.shape[2]
    expected = C.copy()
    kernel = from_python(product_tile)
    slope, start, first = C.dtype.type(0.25), STARTS["ADD"], PLACE[0]
    for rows in (height + 1, height + 1, height):
        kernel(A, B, b, expected, D, first, rows, 1, 1, 0, 9, PLACE[1], 2, start, finish, slope, 0, 0, 0)
        first += rows
    assert_same_bits(got, expected) if JIT else np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    same, product_alone = D.copy(), C.copy()
    one_row, ends = (0, 1, 1, 1, 0, width, 0, 2, STARTS["ZERO"]), (C.dtype.type(0), 0, 0, 0)
    kernel(A, B, b, same, same, *one_row, FINISHES["SCALE"], *ends)
    kernel(A, B, b, product_alone, D, *one_row, FINISHES["STORE"], *ends)
    np.testing.assert_allclose(same[0, 0], product_alone[0, 0] * D[0, 0], rtol=1e-6)


@pytest.mark.parametrize("finish", FINISHES)
@pytest.mark.parametrize("start", STARTS)
def test_product_of_every_start_and_finish(product, start, finish):
    for vectors in (1, 2):
        check_product(product, 3, vectors, 0, 9, start, finish)


def test_product_of_every_length(product):
    width = product[0].shape[2]
    for k in (1, 2, 3, 4, 5, 7, 8, width - 1, width, width + 1, 2 * width - 1, 2 * width, 3 * width):
        check_product(product, tile_height(), 2, 0, k, "ZERO", "STORE")
    for p0 in (width, 2 * width):
        check_product(product, 2, 1, p0, p0 + 3, "ZERO", "STORE")
