"""kernels/peak.py: the repeated tile computes what it says, so its rate is that of real work."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.kernels.peak import repeat_tile
from fastdnn.kernels.vector import panel_width, tile_height
from fastdnn.panels import aligned_zeros, fill_panels, panel_count


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_the_product_is_added_each_time(dtype, rng, times, k):
    rows, width = tile_height(), panel_width(dtype)
    A, B = rng.standard_normal((rows, k)).astype(dtype), rng.standard_normal((k, width)).astype(dtype)
    PA, PB = aligned_zeros((panel_count(k, dtype), rows, width), dtype), aligned_zeros((1, k, width), dtype)
    fill_panels(PA, A)
    fill_panels(PB, B)
    C = aligned_zeros((1, rows, width), dtype)
    C[:] = 0.5
    repeat_tile(PA, PB, aligned_zeros((width,), dtype), C, dtype(1), rows, k, times)
    np.testing.assert_allclose(C[0], 0.5 + times * (A @ B), rtol=1e-5, atol=1e-5)
