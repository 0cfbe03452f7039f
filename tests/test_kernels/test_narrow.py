"""kernels/narrow.py: Z and dW of a layer of one or two units against the oracle, whatever lies in the padding of what is read."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import assert_same_bits, from_python

from fastdnn.kernels import narrow, tile
from fastdnn.kernels.vector import panel_width

narrow_product = from_python(narrow.narrow_product)


def operands(rng, rows, k, n, dtype):
    """A, W^T and b, the panels of A, beyond k of NaN, W as a narrow layer has it, b padded, and room for Z."""
    width = panel_width(dtype)
    A, WT = rng.normal(size=(rows, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    b = np.zeros(width, dtype)
    b[:n] = rng.normal(size=n)
    W = reference_panels.to_weights(WT.T, width, dtype)
    return (
        A,
        WT,
        b,
        reference_panels.to_panels(A, width, dtype, fill=np.nan),
        W,
        np.full((1, rows, width), np.nan, dtype),
    )


def sizes(width):
    """(rows, k, n): around a panel, around as many as are held at once, around the rows that are done at once."""
    return [
        (1, 1, 1),
        (3, 2, 2),
        (40, width - 1, 1),
        (7, width, 2),
        (9, 2 * width + 1, 1),
        (513, 4 * width, 2),
        (1030, 7 * width + 3, 1),
    ]


@pytest.mark.parametrize("finish", ["STORE", "ACTIVATE"])
def test_product_equals_oracle(finish, dtype, rng):
    width = panel_width(dtype)
    for rows, k, n in sizes(width):
        A, WT, b, PA, W, Z = operands(rng, rows, k, n, dtype)
        kept = PA.copy(), W.copy(), b.copy()
        narrow_product(PA, W, b, Z, k, n, 0, rows, getattr(tile, finish), dtype(0.25))
        expected = reference.matmul(A, WT) + b[:n].astype(np.float64)
        bound = reference.matmul_error(A, WT, dtype) + np.finfo(dtype).eps * np.abs(expected)
        if finish == "ACTIVATE":
            expected = np.where(expected > 0, expected, 0.25 * expected)
        assert np.all(np.abs(reference_panels.from_panels(Z, n) - expected) <= bound), (rows, k, n)
        assert np.all(reference_panels.padding(Z, n) == 0), (rows, k, n)
        for array, before in zip((PA, W, b), kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("n", [1, 2])
def test_only_its_rows_are_written_with_the_bits_that_each_has_alone(n, dtype, rng):
    k, rows = 5 * panel_width(dtype) - 2, 700
    _, _, b, PA, W, Z = operands(rng, rows, k, n, dtype)
    narrow_product(PA, W, b, Z, k, n, 3, 690, tile.STORE, dtype(0))
    assert np.isnan(Z[:, [2, 690]]).all()
    for r in (3, 17, 515, 689):
        alone = np.full((1, 1, Z.shape[2]), np.nan, dtype)
        narrow_product(PA[:, r : r + 1].copy(), W, b, alone, k, n, 0, 1, tile.STORE, dtype(0))
        assert_same_bits(alone[:, 0], Z[:, r])


def test_an_infinite_number_is_not_lost(dtype, rng):
    k = 2 * panel_width(dtype)
    _, _, b, PA, W, Z = operands(rng, 3, k, 1, dtype)
    PA[1, 1, 3] = np.inf
    narrow_product(PA, W, b, Z, k, 1, 0, 3, tile.STORE, dtype(0))
    assert np.isfinite(Z[0, :, 0]).tolist() == [True, False, True]


def test_gradient_equals_oracle(dtype, rng):
    narrow_gradient, width = from_python(narrow.narrow_gradient), panel_width(dtype)
    for m, k, n in sizes(width):
        A, _, _, PA, _, _ = operands(rng, m, k, n, dtype)
        dZ = rng.normal(size=(m, n)).astype(dtype)
        # Examples beyond m are not read.
        PdZ = reference_panels.to_panels(dZ, width, dtype, rows=m + 2)
        PA = np.concatenate([PA, np.full_like(PA[:, :2], np.nan)], axis=1)
        PdZ[:, m:] = np.nan
        dW = np.full((len(PA), n, width), np.nan, dtype)
        for i in range(len(PA)):
            S = np.full((4, width), 7, dtype)
            narrow_gradient(PA, PdZ, S, i, m, k)
            dW[i] = S[:n]
            assert np.all(S[narrow.NARROW :] == 7)
        expected = reference.matmul(dZ.T, A)
        error = np.abs(reference_panels.from_weights(dW, n, k) - expected)
        assert np.all(error <= reference.matmul_error(dZ.T, A, dtype)), (m, k, n)
        assert np.all(reference_panels.weight_padding(dW, n, k) == 0), (m, k, n)
