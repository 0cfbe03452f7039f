import re

import numba
import numpy as np
import pytest

from fastdnn.kernels import mathfun
from fastdnn.kernels._jit import JIT_DISABLED, device
from fastdnn.kernels.each import each
from fastdnn.kernels.vector import lanes

needs_jit = pytest.mark.skipif(JIT_DISABLED, reason="there is no compiled code to look at")
SIZES = (0, 1, 7, 16, 61, 64)


@device
def scaled_sum(x, y, scale):
    return scale * x + y


@device
def both(x, y):
    return x + y, x * y


@numba.njit
def run_scaled_sum(x, y, scale, out, size):
    each(scaled_sum, size, (x, y, scale), (out,))


@numba.njit
def run_both(x, y, size):
    each(both, size, (x, y), (x, y))


@numba.njit(error_model="numpy", fastmath={"nsz", "arcp", "contract", "afn"})
def run_exp(x, out):
    each(mathfun.exp, x.size, (x,), (out,))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", SIZES)
def test_numbers_below_size_are_written_and_no_other(dtype, size):
    x, y = np.arange(64, dtype=dtype), np.arange(64, dtype=dtype)[::-1].copy()
    out = np.full(64, -1, dtype)
    run_scaled_sum(x, y, np.dtype(dtype).type(3), out, size)
    np.testing.assert_array_equal(out[:size], 3 * x[:size] + y[:size])
    assert (out[size:] == -1).all()


@pytest.mark.parametrize("size", SIZES)
def test_outputs_may_be_the_inputs(size):
    x, y = np.arange(64.0), np.arange(64.0) + 2
    expected_x, expected_y = x.copy(), y.copy()
    expected_x[:size], expected_y[:size] = x[:size] + y[:size], x[:size] * y[:size]
    run_both(x, y, size)
    np.testing.assert_array_equal(x, expected_x)
    np.testing.assert_array_equal(y, expected_y)


@needs_jit
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_registers_take_turns(dtype):
    """In the loop that LLVM makes of it two vectors are loaded, and two stored, before it goes back."""
    x = np.zeros(64, dtype)
    run_exp(x, x.copy())
    code = run_exp.inspect_llvm(run_exp.signatures[-1])
    vector = rf"<{lanes(dtype)} x {'float' if dtype == 'float32' else 'double'}>"
    bodies = [block for block in re.split(r"\n(?=[\w.]+:)", code) if re.search(rf"store {vector}", block)]
    assert [len(re.findall(rf"store {vector}", block)) for block in bodies] == [2] * len(bodies)
    assert bodies


@needs_jit
def test_a_function_that_returns_what_the_output_cannot_hold_is_refused():
    @device
    def complex_of(x):
        return complex(x, x)

    @numba.njit
    def run(x):
        each(complex_of, x.size, (x,), (x,))

    with pytest.raises(numba.TypingError, match="returns complex128, which is no float64"):
        run(np.zeros(4))
