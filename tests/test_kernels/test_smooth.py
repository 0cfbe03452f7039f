"""kernels/smooth.py: each loop applies its function of elementwise.py, and is found again by its address."""

from __future__ import annotations

import numpy as np
import pytest
from callers import JIT, compiled, from_python

from fastdnn.kernels import custom, elementwise, smooth

call_elementwise = from_python(custom.call_elementwise)


@pytest.mark.parametrize("name", smooth.SMOOTH)
def test_the_loop_is_that_of_its_function(name, dtype, rng):
    f = getattr(elementwise, name)

    @compiled
    def one_by_one(z, a, d):
        for i in range(z.size):
            a[i], d[i] = f(z[i])

    z = rng.uniform(-5, 5, 1001 if JIT else 40).astype(dtype)
    a, d = np.full_like(z, np.nan), np.full_like(z, np.nan)
    call_elementwise(smooth.smooth_address(name, np.dtype(dtype).name), z, a, d)
    expected = np.full_like(z, np.nan), np.full_like(z, np.nan)
    one_by_one(z, *expected)
    # Not to the bit: the tests' loop does not fuse products and sums.
    np.testing.assert_allclose(a, expected[0], rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(d, expected[1], rtol=8 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).eps)


def test_addresses_differ_and_stay():
    names = [(name, dtype) for name in smooth.SMOOTH for dtype in ("float32", "float64")]
    addresses = [smooth.smooth_address(*name) for name in names]
    assert len(set(addresses)) == len(names)
    assert min(addresses) >= custom.FIRST_ADDRESS
    assert addresses == [smooth.smooth_address(*name) for name in names]
