"""kernels/activations.py against the oracle: values, derivatives, rows and padding that must or must not be written."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import from_python
from hypothesis import given
from strategies import shaped

from fastdnn.kernels import activations, custom, smooth
from fastdnn.kernels.vector import panel_width

CODES = {
    "identity": activations.IDENTITY,
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "sigmoid": activations.SIGMOID,
    "tanh": activations.TANH,
    "softmax": activations.SOFTMAX,
}
ELEMENTWISE = [*(name for name in CODES if name != "softmax"), "exponential", *smooth.SMOOTH]
activate = from_python(activations.activate)
activate_and_derive = from_python(activations.activate_and_derive)
activate_backward = from_python(activations.activate_backward)


def odd_sizes(width):
    """(rows, n): one, small primes, and around the width of a panel."""
    return [(1, 1), (1, 7), (7, 1), (3, 17), (5, width - 1), (5, width), (5, width + 1), (2, 3 * width - 1)]


def assert_near(got, expected, ulps, scale=0.0):
    """Equal to some units in the last place, of `expected` or of `scale` where that is larger."""
    eps = np.finfo(got.dtype).eps
    assert np.all(np.abs(got - expected) <= ulps * eps * np.maximum(np.abs(expected), scale) + np.finfo(got.dtype).tiny)


@pytest.mark.parametrize("name", CODES)
def test_activation_equals_oracle(name, dtype, rng):
    width = panel_width(dtype)
    for rows, n in odd_sizes(width):
        M = rng.uniform(-8, 8, (rows, n)).astype(dtype)
        Z = reference_panels.to_panels(M, width, dtype)
        before, A = Z.copy(), np.full_like(Z, np.nan)
        activate(CODES[name], Z, A, n, 0, rows, dtype(0.2))
        assert_near(reference_panels.from_panels(A, n), reference.FORWARD[name](M.T.astype(np.float64), 0.2).T, 30)
        np.testing.assert_array_equal(Z, before)


@pytest.mark.parametrize("name", CODES)
def test_activation_in_place_and_only_its_rows(name, dtype, rng):
    width = panel_width(dtype)
    rows, n, r0, r1 = 9, width + 3, 2, 6
    Z = reference_panels.to_panels(rng.uniform(-4, 4, (rows, n)).astype(dtype), width, dtype)
    A = np.full_like(Z, 7)
    activate(CODES[name], Z, A, n, r0, r1, dtype(0.01))
    assert np.all(A[:, :r0] == 7)
    assert np.all(A[:, r1:] == 7)
    for_all = Z.copy()
    activate(CODES[name], for_all, for_all, n, r0, r1, dtype(0.01))
    np.testing.assert_array_equal(for_all[:, r0:r1], A[:, r0:r1])
    np.testing.assert_array_equal(for_all[:, :r0], Z[:, :r0])


def code_of(name, dtype):
    if name in smooth.SMOOTH:
        return smooth.smooth_address(name, np.dtype(dtype).name)
    return activations.EXPONENTIAL if name == "exponential" else CODES[name]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_value_and_derivative_together(name, dtype, rng):
    """The value is that of `activate`, the derivative that of its central differences in float64; rows and padding."""
    width = panel_width(dtype)
    for rows, n in [*odd_sizes(width), (40, 3)]:
        M = rng.uniform(-4, 4, (rows, n)).astype(dtype)
        M += dtype(0.01) * np.sign(M)  # away from kinks
        Z = reference_panels.to_panels(M, width, dtype)
        before, A, D, value = Z.copy(), np.full_like(Z, np.nan), np.full_like(Z, np.nan), np.full_like(Z, np.nan)
        activate_and_derive(code_of(name, dtype), Z, A, D, n, 0, rows, dtype(0.2))
        activate(code_of(name, dtype), Z, value, n, 0, rows, dtype(0.2))
        np.testing.assert_array_equal(A, value)
        np.testing.assert_array_equal(Z, before)
        assert np.isfinite(A).all()
        assert np.isfinite(D).all()
        numeric = central_differences(name, M)
        assert_near(reference_panels.from_panels(D, n), numeric, 4e6 if dtype is np.float64 else 6, scale=1.0)  # 1e-9


def central_differences(name, M):
    h, width, n = 1e-5, panel_width(np.float64), M.shape[1]
    ends = []
    for step in (h, -h):
        P = reference_panels.to_panels(M.astype(np.float64) + step, width, np.float64)
        activate(code_of(name, np.float64), P, P, n, 0, len(M), 0.2)
        ends.append(reference_panels.from_panels(P, n))
    return (ends[0] - ends[1]) / (2 * h)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_value_and_derivative_of_its_rows_only(name, dtype, rng):
    width = panel_width(dtype)
    rows, n, r0, r1 = 21, width + 3, 2, 20
    Z = reference_panels.to_panels(rng.uniform(-4, 4, (rows, n)).astype(dtype), width, dtype)
    A, D = np.full_like(Z, 7), np.full_like(Z, 7)
    activate_and_derive(code_of(name, dtype), Z, A, D, n, r0, r1, dtype(0.01))
    value = np.full_like(Z, 7)
    activate(code_of(name, dtype), Z, value, n, r0, r1, dtype(0.01))
    np.testing.assert_array_equal(value, A)
    for P in (A, D):
        assert np.all(P[:, :r0] == 7)
        assert np.all(P[:, r1:] == 7)
        assert not np.all(P[:, r0:r1] == 7)


@pytest.mark.parametrize(("name", "expected"), [("relu", 0.0), ("leaky_relu", 0.25), ("identity", 1.0)])
def test_slope_at_zero_is_that_below_it(name, expected, dtype):
    Z = reference_panels.to_panels(np.zeros((1, 1)), panel_width(dtype), dtype)
    A, D = np.full_like(Z, np.nan), np.full_like(Z, np.nan)
    activate_and_derive(CODES[name], Z, A, D, 1, 0, 1, dtype(0.25))
    assert (A[0, 0, 0], D[0, 0, 0]) == (0, expected)


def test_an_address_is_a_code(dtype, rng):
    code = custom.compile_elementwise(lambda z: z * z, lambda z: z + z, dtype)
    width = panel_width(dtype)
    M = rng.uniform(-2, 2, (19, width + 1)).astype(dtype)
    Z = reference_panels.to_panels(M, width, dtype)
    A, D, value = np.full_like(Z, np.nan), np.full_like(Z, np.nan), np.full_like(Z, np.nan)
    activate_and_derive(code, Z, A, D, M.shape[1], 0, len(M), dtype(0))
    activate(code, Z, value, M.shape[1], 0, len(M), dtype(0))
    np.testing.assert_array_equal(reference_panels.from_panels(A, M.shape[1]), M * M)
    np.testing.assert_array_equal(reference_panels.from_panels(D, M.shape[1]), 2 * M)
    np.testing.assert_array_equal(value, A)


@pytest.mark.parametrize("name", CODES)
def test_derivative_equals_oracle(name, dtype, rng):
    width = panel_width(dtype)
    for rows, n in odd_sizes(width):
        M = rng.uniform(-5, 5, (rows, n)).astype(dtype).astype(np.float64)
        dM = rng.uniform(-2, 2, (rows, n)).astype(dtype)
        A = reference_panels.to_panels(reference.FORWARD[name](M.T, 0.2).T, width, dtype)
        dA = reference_panels.to_panels(dM, width, dtype)
        kept, dZ = (A.copy(), dA.copy()), np.full_like(A, np.nan)
        activate_backward(CODES[name], dA, A, dZ, n, 0, rows, dtype(0.2))
        expected = reference.BACKWARD[name](dM.T.astype(np.float64), M.T, 0.2).T
        assert_near(reference_panels.from_panels(dZ, n), expected, 8, scale=np.abs(dM).max())
        assert np.all(reference_panels.padding(dZ, n) == 0)
        np.testing.assert_array_equal(A, kept[0])
        np.testing.assert_array_equal(dA, kept[1])


@pytest.mark.parametrize("name", CODES)
def test_derivative_in_place_and_only_its_rows(name, dtype, rng):
    width = panel_width(dtype)
    rows, n, r0, r1 = 8, width - 2, 3, 7
    A = reference_panels.to_panels(rng.uniform(0.1, 0.9, (rows, n)).astype(dtype), width, dtype)
    dA = reference_panels.to_panels(rng.uniform(-1, 1, (rows, n)).astype(dtype), width, dtype)
    dZ = np.full_like(A, 7)
    activate_backward(CODES[name], dA, A, dZ, n, r0, r1, dtype(0.01))
    assert np.all(dZ[:, :r0] == 7)
    assert np.all(dZ[:, r1:] == 7)
    activate_backward(CODES[name], dA, A, dA, n, r0, r1, dtype(0.01))
    np.testing.assert_array_equal(dA[:, r0:r1], dZ[:, r0:r1])


def apply(name, values, dtype):
    """g of one example with a unit for each value."""
    Z = reference_panels.to_panels(np.array([values], dtype), panel_width(dtype), dtype)
    A = np.full_like(Z, np.nan)
    with np.errstate(all="ignore"):
        activate(CODES[name], Z, A, len(values), 0, 1, dtype(0.01))
    return reference_panels.from_panels(A, len(values))[0]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("relu", [-1e4, -1e-30, 0.0, 1e-30, 1e4], [0, 0, 0, 1e-30, 1e4]),
        ("leaky_relu", [-1e4, 0.0, 1e4], [-100, 0, 1e4]),
        ("sigmoid", [-1e30, -1e4, 0.0, 1e4, 1e30], [0, 0, 0.5, 1, 1]),
        ("tanh", [-1e30, -1e4, 0.0, 1e4, 1e30], [-1, -1, 0, 1, 1]),
        ("softmax", [-1e30, -1e4, 1e30, -3.0], [0, 0, 1, 0]),
        ("softmax", [1e30, 1e30], [0.5, 0.5]),
        ("softmax", [-1e4], [1]),
    ],
)
def test_extreme_values(name, values, expected, dtype):
    np.testing.assert_allclose(apply(name, values, dtype), expected, rtol=1e-6)


@pytest.mark.parametrize("name", CODES)
def test_nan_gives_nan(name, dtype):
    A = apply(name, [1.0, np.nan, -1.0], dtype)
    assert np.isnan(A[1])
    assert np.isnan(A).all() if name == "softmax" else np.isfinite(A[[0, 2]]).all()


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_softmax_of_infinity_shows(value, dtype):
    assert np.isnan(apply("softmax", [0.0, value, 0.0], dtype)).any()


@pytest.mark.parametrize(("name", "expected"), [("relu", 0.0), ("leaky_relu", 0.25)])
def test_derivative_at_zero_is_that_below_it(name, expected, dtype):
    A = reference_panels.to_panels(np.zeros((1, 1)), panel_width(dtype), dtype)
    dA, dZ = A + dtype(1), np.full_like(A, np.nan)
    activate_backward(CODES[name], dA, A, dZ, 1, 0, 1, dtype(0.25))
    assert dZ[0, 0, 0] == expected


@given(shaped("float64", Z="mn"))
def test_softmax_rows_sum_to_one_and_padding_is_zero(Z):
    n = Z["Z"].shape[1]
    P = reference_panels.to_panels(Z["Z"], panel_width("float64"), np.float64, fill=5.0)
    activate(activations.SOFTMAX, P, P, n, 0, P.shape[1], 0.0)
    A = reference_panels.from_panels(P, n)
    np.testing.assert_allclose(A.sum(axis=1), 1.0, rtol=1e-14)
    assert np.all(A > 0)
    assert np.all(reference_panels.padding(P, n) == 0)


@given(shaped("float64", Z="mn"))
def test_softmax_ignores_a_constant_and_follows_the_order_of_classes(Z):
    M, width = Z["Z"], panel_width("float64")
    n = M.shape[1]

    def softmax(M):
        P = reference_panels.to_panels(M, width, np.float64)
        activate(activations.SOFTMAX, P, P, n, 0, len(M), 0.0)
        return reference_panels.from_panels(P, n)

    A = softmax(M)
    np.testing.assert_allclose(softmax(M + 100.0), A, rtol=1e-12)
    np.testing.assert_allclose(softmax(M[:, ::-1]), A[:, ::-1], rtol=1e-14)


def test_which_activations_the_tile_computes(dtype):
    linear = from_python(activations.is_piecewise_linear)
    slope = from_python(activations.slope_below_zero)
    assert {name for name, code in CODES.items() if linear(code)} == {"identity", "relu", "leaky_relu"}
    slopes = [slope(CODES[name], dtype(0.125)) for name in ("identity", "relu", "leaky_relu")]
    assert slopes == [1.0, 0.0, 0.125]
