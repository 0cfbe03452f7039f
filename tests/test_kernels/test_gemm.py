"""kernels/gemm.py against the oracle, at every size where the blocking or the tile changes its way."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import assert_same_bits, from_python
from hypothesis import given
from strategies import shaped

from fastdnn.kernels import gemm, tile
from fastdnn.kernels.vector import panel_width, tile_height

matmul_bias = from_python(gemm.matmul_bias)
HEIGHT = tile_height()


def product_sizes(width):
    """(rows, k, n): ones, primes, a panel and a tile more or less one, and beyond each cache block."""
    return [
        (1, 1, 1),
        (1, 7, 17),
        (7, 1, 1),
        (17, 17, 7),
        (HEIGHT - 1, width - 1, width - 1),
        (HEIGHT, width, width),
        (HEIGHT + 1, width + 1, width + 1),
        (2 * HEIGHT + 1, 3, width // 2),
        (tile_height(1), 2, 1),
        (3 * tile_height(1) - 2, width + 2, 1),
        (3, 2 * width + 5, width // 2 + 1),
        (121, 259, 2 * width + 1),
        (250, 600, 3),
        (5, 1030, width + 1),
        (33, 4 * width, 1),
        (530, 7 * width + 3, 2),
        (530, 1030, 8 * width + 1),  # of B that the second-level cache does not hold
        (31, 3 * width - 1, width + 2),
    ]


def operands(rng, rows, k, n, dtype):
    width = panel_width(dtype)
    A, B = rng.normal(size=(rows, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    b = np.zeros(-(-n // width) * width, dtype)
    b[:n] = rng.normal(size=n)
    # What the contraction must not read, columns of A and rows of B beyond k, would show as NaN.
    PA = reference_panels.to_panels(A, width, dtype, fill=np.nan)
    PB = reference_panels.to_panels(B, width, dtype, rows=-(-k // width) * width)
    PB[:, k:] = np.nan
    return A, B, b, PA, PB, np.full((-(-n // width), rows, width), np.nan, dtype)


@pytest.mark.parametrize("with_bias", [False, True])
def test_product_equals_oracle(with_bias, dtype, rng):
    for rows, k, n in product_sizes(panel_width(dtype)):
        A, B, b, PA, PB, C = operands(rng, rows, k, n, dtype)
        kept = PA.copy(), PB.copy(), b.copy()
        matmul_bias(PA, PB, b, C, C, 0, rows, 0, len(C), k, n, with_bias, tile.STORE, dtype(0))
        expected = reference.matmul(A, B) + (b[:n].astype(np.float64) if with_bias else 0.0)
        bound = reference.matmul_error(A, B, dtype) + np.finfo(dtype).eps * np.abs(expected)
        assert np.all(np.abs(reference_panels.from_panels(C, n) - expected) <= bound), (rows, k, n)
        assert np.all(reference_panels.padding(C, n) == 0), (rows, k, n)
        for array, before in zip((PA, PB, b), kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("finish", ["ACTIVATE", "DERIVE"])
@pytest.mark.parametrize("slope", [1.0, 0.0, 0.125])
def test_finish_chooses_by_sign(finish, slope, dtype, rng):
    """The same bits as STORE followed by the choice: of Z's own sign, or of D's."""
    for rows, k, n in [(1, 1, 1), (HEIGHT + 1, 40, 17), (5, 600, panel_width(dtype) + 1), (9, 40, 2)]:
        _, _, b, PA, PB, Z = operands(rng, rows, k, n, dtype)
        D = reference_panels.to_panels(rng.choice([-1.0, 0.0, 1.0], (rows, n)), panel_width(dtype), dtype)
        kept, C = D.copy(), np.full_like(Z, np.nan)
        matmul_bias(PA, PB, b, Z, Z, 0, rows, 0, len(Z), k, n, True, tile.STORE, dtype(0))
        matmul_bias(PA, PB, b, C, D, 0, rows, 0, len(C), k, n, True, getattr(tile, finish), dtype(slope))
        Z, C, sign = (reference_panels.from_panels(P, n) for P in (Z, C, D))
        if finish == "ACTIVATE":
            sign = Z
        np.testing.assert_array_equal(C, np.where(sign > 0, Z, Z * dtype(slope)))
        np.testing.assert_array_equal(D, kept)


def test_nan_passes_the_activation(dtype, rng):
    _, _, b, PA, PB, C = operands(rng, 2, 3, 4, dtype)
    PA[0, 1, 2] = np.nan
    matmul_bias(PA, PB, b, C, C, 0, 2, 0, len(C), 3, 4, True, tile.ACTIVATE, dtype(0))
    assert np.isfinite(reference_panels.from_panels(C, 4)[0]).all()
    assert np.isnan(reference_panels.from_panels(C, 4)[1]).all()


def test_only_its_rows_are_written(dtype, rng):
    rows, k, n = 40, 20, 21
    _, _, b, PA, PB, C = operands(rng, rows, k, n, dtype)
    matmul_bias(PA, PB, b, C, C, 11, 30, 0, len(C), k, n, True, tile.STORE, dtype(0))
    assert np.isfinite(reference_panels.from_panels(C, n)[11:30]).all()
    assert np.isnan(C[:, :11]).all()
    assert np.isnan(C[:, 30:]).all()
    empty = np.full_like(C, np.nan)
    matmul_bias(PA, PB, b, empty, empty, 7, 7, 0, len(C), k, n, True, tile.STORE, dtype(0))
    assert np.isnan(empty).all()


def test_bits_of_a_row_do_not_depend_on_its_neighbours(dtype, rng):
    """How rows are shared among threads changes tiles and blocks, and may change no bit."""
    rows, k, n = 130, 300, 20
    _, _, b, PA, PB, whole = operands(rng, rows, k, n, dtype)
    parts = np.full_like(whole, np.nan)
    matmul_bias(PA, PB, b, whole, whole, 0, rows, 0, len(whole), k, n, True, tile.STORE, dtype(0))
    for first, last in zip([0, 1, 5, 40, 127], [1, 5, 40, 127, 130], strict=True):
        matmul_bias(PA, PB, b, parts, parts, first, last, 0, len(parts), k, n, True, tile.STORE, dtype(0))
    assert_same_bits(reference_panels.from_panels(parts, n), reference_panels.from_panels(whole, n))


def test_bits_of_a_panel_do_not_depend_on_its_neighbours(dtype, rng):
    """Nor how panels are shared among them; of a large B, which is read in other blocks, too. Other panels are not written."""
    width = panel_width(dtype)
    for rows, k, n in [(13, 300, 3 * width + 1), (7, 2100, 6 * width)]:
        _, _, b, PA, PB, whole = operands(rng, rows, k, n, dtype)
        parts = np.full_like(whole, np.nan)
        matmul_bias(PA, PB, b, whole, whole, 0, rows, 0, len(whole), k, n, True, tile.STORE, dtype(0))
        matmul_bias(PA, PB, b, parts, parts, 0, 5, 1, 3, k, n, True, tile.STORE, dtype(0))
        assert np.isnan(parts[[0, *range(3, len(parts))]]).all()
        assert np.isnan(parts[:, 5:]).all()
        for first, last in [(0, 1), (1, 3), (3, len(parts))]:
            matmul_bias(PA, PB, b, parts, parts, 0, rows, first, last, k, n, True, tile.STORE, dtype(0))
        assert_same_bits(parts, whole)


@given(shaped("float64", A="mk", B="kn"))
def test_product_of_any_shape(arrays):
    A, B = arrays["A"], arrays["B"]
    (m, k), n, width = A.shape, B.shape[1], panel_width("float64")
    PA, PB = (
        reference_panels.to_panels(M, width, np.float64, rows=r) for M, r in ((A, m), (B, -(-k // width) * width))
    )
    C = np.full((-(-n // width), m, width), np.nan)
    matmul_bias(PA, PB, np.zeros(C.shape[0] * width), C, C, 0, m, 0, len(C), k, n, False, tile.STORE, 0.0)
    assert np.all(
        np.abs(reference_panels.from_panels(C, n) - reference.matmul(A, B)) <= reference.matmul_error(A, B, float)
    )


# --- dW, block by block ---


def blocks(k, n, width):
    return [(i, j) for i in range(-(-k // width)) for j in range(-(-n // width))]


def gradient_operands(rng, m, k, n, dtype):
    width = panel_width(dtype)
    A, dZ = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(m, n)).astype(dtype)
    PA = reference_panels.to_panels(A, width, dtype, rows=m + 2, fill=np.nan)
    PdZ = reference_panels.to_panels(dZ, width, dtype, rows=m + 2)
    PA[:, m:] = PdZ[:, m:] = np.nan
    return A, dZ, PA, PdZ


def gradient_sizes(width):
    """(m, k, n)"""
    return [
        (1, 1, 1),
        (7, 17, 1),
        (1, width, width),
        (191, width - 1, width + 1),
        (192, HEIGHT, 7),
        (193, HEIGHT + 1, width // 2),
        (400, width + 1, width // 2 + 1),
        (40, 2 * width + 1, 2),
        (width, width, 1),
        (101, 5, width + 2),
    ]


def test_gradient_equals_oracle(dtype, rng):
    gradient_block, width = from_python(gemm.gradient_block), panel_width(dtype)
    for m, k, n in gradient_sizes(width):
        A, dZ, PA, PdZ = gradient_operands(rng, m, k, n, dtype)
        W = np.full((-(-n // width), -(-k // width) * width, width), 7, dtype)
        got = np.full((k, n), np.nan, dtype)
        for i, j in blocks(k, n, width):
            S = np.full((width, width), np.nan, dtype)
            gradient_block(PA, PdZ, S, W, m, k, n, i, j, False, dtype(1), dtype(1), 1, 2, 3)
            part = got[i * width : (i + 1) * width, j * width : (j + 1) * width]
            part[:] = S[: part.shape[0], : part.shape[1]]
        assert np.all(np.abs(got - reference.matmul(A.T, dZ)) <= reference.matmul_error(A.T, dZ, dtype)), (m, k, n)
        assert np.all(W == 7)


def test_descent_equals_oracle_and_leaves_other_blocks(dtype, rng):
    gradient_block, width = from_python(gemm.gradient_block), panel_width(dtype)
    for m, k, n in gradient_sizes(width):
        A, dZ, PA, PdZ = gradient_operands(rng, m, k, n, dtype)
        M = rng.normal(size=(k, n)).astype(dtype)
        W = reference_panels.to_panels(M, width, dtype, rows=-(-k // width) * width)
        S = np.full((width, width), np.nan, dtype)
        for i, j in blocks(k, n, width):
            before = W.copy()
            gradient_block(PA, PdZ, S, W, m, k, n, i, j, True, dtype(0.75), dtype(0.125), 0, 0, 0)
            before[j, i * width : (i + 1) * width] = W[j, i * width : (i + 1) * width]
            np.testing.assert_array_equal(W, before)
        bound = 0.125 * reference.matmul_error(A.T, dZ, dtype) + 4 * np.finfo(dtype).eps * np.abs(M)
        expected = 0.75 * M.astype(np.float64) - 0.125 * reference.matmul(A.T, dZ)
        assert np.all(np.abs(reference_panels.from_panels(W, n)[:k] - expected) <= bound), (m, k, n)
        assert np.all(reference_panels.padding(W, n) == 0)
        assert np.all(W[:, k:] == 0)


def test_vectors_in_panel():
    vectors = from_python(gemm.vectors_in_panel)
    assert [vectors(n, 0, 32) for n in (1, 16, 17, 32, 99)] == [1, 1, 2, 2, 2]
    assert [vectors(n, 1, 32) for n in (33, 48, 49, 64)] == [1, 1, 2, 2]
