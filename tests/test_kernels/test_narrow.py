"""kernels/narrow.py: which products go this way, and that the way in changes no bit; the oracle's sizes are in test_gemm.py."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from callers import assert_same_bits, from_python, product_operands

from fastdnn.kernels import gemm, narrow, row_tile, tile
from fastdnn.kernels.vector import panel_width

matmul_bias, narrow_product = from_python(gemm.matmul_bias), from_python(narrow.narrow_product)


def test_one_or_two_columns_of_the_last_panel_are_narrow():
    is_narrow = from_python(narrow.is_narrow)
    assert [is_narrow(n, 0, 16, 16) for n in (1, 2, 3, 16, 17)] == [True, True, False, False, False]
    assert [is_narrow(n, 1, 16, 16) for n in (17, 18, 19)] == [True, True, False]
    assert not is_narrow(1, 0, 15, 16)  # so short that adding up the lanes costs more


@pytest.mark.parametrize("n", [1, 2])
def test_the_product_is_the_one_that_matmul_bias_gives(n, dtype, rng):
    k = 3 * panel_width(dtype) + 5
    _, _, b, PA, PB, C = product_operands(rng, 600, k, n, dtype)
    direct = C.copy()
    matmul_bias(PA, PB, b, C, C, 3, 590, 0, 1, k, n, True, tile.ACTIVATE, dtype(0.25))
    narrow_product(PA, PB, b, direct, direct, 3, 590, 0, k, n, True, tile.ACTIVATE, dtype(0.25))
    np.testing.assert_array_equal(C, direct)
    assert np.isnan(C[:, [2, 590]]).all()


def test_a_row_alone_has_the_bits_it_has_among_others(dtype, rng):
    k, rows = 5 * panel_width(dtype) - 2, 40
    for n in (1, 2, panel_width(dtype) + 1):
        _, _, b, PA, PB, C = product_operands(rng, rows, k, n, dtype)
        matmul_bias(PA, PB, b, C, C, 0, rows, 0, len(C), k, n, True, tile.STORE, dtype(0))
        for r in (0, 17, rows - 1):
            alone = np.full((len(C), 1, C.shape[2]), np.nan, dtype)
            from_python(row_tile.row_matmul_bias)(PA[:, r : r + 1].copy(), PB, b, alone, k, n, tile.STORE, dtype(0))
            assert_same_bits(alone[:, 0], C[:, r])


def test_a_derivative_in_the_place_of_the_product_is_read_before_it_is_overwritten(dtype, rng):
    """dZ = dA * g'(Z), where g'(Z) lies where dZ will be: that one stays with the register tile."""
    k, rows = 2 * panel_width(dtype), 9
    _, _, b, PA, PB, dA = product_operands(rng, rows, k, 1, dtype)
    derivative = reference.to_panels(rng.normal(size=(rows, 1)), panel_width(dtype), dtype)
    dZ = derivative.copy()
    matmul_bias(PA, PB, b, dA, dA, 0, rows, 0, 1, k, 1, False, tile.STORE, dtype(0))
    matmul_bias(PA, PB, b, dZ, dZ, 0, rows, 0, 1, k, 1, False, tile.SCALE, dtype(0))
    np.testing.assert_allclose(dZ, dA * derivative, rtol=1e-4 if dtype == np.float32 else 1e-12)


def test_an_infinite_number_is_not_lost(dtype, rng):
    k = 2 * panel_width(dtype)
    _, _, b, PA, PB, C = product_operands(rng, 3, k, 1, dtype)
    PA[1, 1, 3] = np.inf
    matmul_bias(PA, PB, b, C, C, 0, 3, 0, 1, k, 1, True, tile.STORE, dtype(0))
    assert np.isfinite(C[0, :, 0]).tolist() == [True, False, True]
