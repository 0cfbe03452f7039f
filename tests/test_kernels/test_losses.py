"""kernels/losses.py against the oracle: every pair that a Network allows, the unfused forms, and extreme logits."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import assert_same_bits, from_python
from hypothesis import given
from strategies import shaped

from fastdnn import vocabulary
from fastdnn.activation_codes import activation_code
from fastdnn.kernels import losses
from fastdnn.kernels.custom import compile_elementwise
from fastdnn.kernels.vector import panel_width
from fastdnn.loss_codes import LOSS_CODES

output_backward = from_python(losses.output_backward)
PAIRS = [(loss, output) for loss, outputs in vocabulary.OUTPUTS.items() for output in outputs]


def targets_for(loss, rng, rows, n):
    """labels (rows,), Y (rows, n) as the kernel takes them, and the oracle's Y (n, rows)."""
    if loss == "categorical_cross_entropy":
        labels = rng.integers(0, n, rows)
        return labels, np.zeros((rows, 0)), reference.one_hot(labels, n)
    return np.zeros(0, np.int64), (Y := some_targets(loss, rng, (rows, n))), Y.T


def some_targets(loss, rng, shape):
    if loss == "binary_cross_entropy":
        return rng.uniform(0, 1, shape)
    return rng.poisson(2.0, shape).astype(float) if loss == "poisson" else rng.normal(size=shape)


def parameters_of(loss, n):
    """What the kernel takes, and the same for the oracle."""
    if loss == "huber":
        return np.array([0.7]), {"delta": 0.7}
    if loss == "quantile":
        taus = np.linspace(0.05, 0.9, n)
        return taus, {"quantiles": taus}
    return np.zeros(0), {}


def run(loss, output, M, labels, Y, dtype, rows=None, slope=0.2, weights=(), parameters=None):
    """Losses, and dZ as panels, of logits M (m, n)."""
    parameters = parameters_of(loss, M.shape[1])[0] if parameters is None else np.asarray(parameters)
    width, (m, n) = panel_width(dtype), M.shape
    Z = reference_panels.to_panels(M, width, dtype, fill=3.0)
    A, dZ, per_example = np.full_like(Z, np.nan), np.full_like(Z, np.nan), np.full(m, np.nan)
    r0, r1 = rows or (0, m)
    with np.errstate(all="ignore"):
        output_backward(
            LOSS_CODES.get(loss, loss), activation_code(output, dtype), Z, A, labels, Y.astype(dtype), np.array(weights, dtype),
            parameters.astype(dtype), dZ, per_example, n, r0, r1, dtype(slope),
            np.arange(3), 1, Z.ctypes.data, Z.strides[1],
        )  # fmt: skip
    return per_example, dZ


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_loss_and_dZ_equal_oracle(loss, output, dtype, rng):
    """dZ of the oracle is the chain dA * g'(Z): the fused forms are proved by it."""
    width = panel_width(dtype)
    for rows, n in [(1, 1), (1, 7), (7, 2), (3, 17), (4, width - 1), (4, width), (4, width + 1), (130, 10)]:
        if loss == "categorical_cross_entropy" and n == 1:
            continue
        M = rng.uniform(-4, 4, (rows, n)).astype(dtype)
        labels, Y, oracle_Y = targets_for(loss, rng, rows, n)
        per_example, dZ = run(loss, output, M, labels, Y, dtype)
        Z = M.T.astype(np.float64)
        AL = reference.FORWARD[output](Z, 0.2)
        oracle_Y = oracle_Y.astype(dtype).astype(np.float64)
        options = parameters_of(loss, n)[1]
        expected = reference.LOSS[loss](AL, oracle_Y, **options)
        dA = reference.LOSS_BACKWARD[loss](AL, oracle_Y, **options)
        tolerance = 40 * np.finfo(dtype).eps
        np.testing.assert_allclose(per_example, expected, rtol=tolerance, atol=tolerance * n)
        chained = reference.BACKWARD[output](dA, Z, 0.2).T
        np.testing.assert_allclose(reference_panels.from_panels(dZ, n), chained, rtol=tolerance, atol=tolerance * 8)
        assert np.all(reference_panels.padding(dZ, n) == 0)


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_only_its_rows_are_written(loss, output, dtype, rng):
    M = rng.uniform(-1, 1, (9, 5)).astype(dtype)
    labels, Y, _ = targets_for(loss, rng, 9, 5)
    whole, dZ_whole = run(loss, output, M, labels, Y, dtype)
    part, dZ_part = run(loss, output, M, labels, Y, dtype, rows=(2, 6))
    np.testing.assert_array_equal(part[2:6], whole[2:6])
    np.testing.assert_array_equal(dZ_part[:, 2:6], dZ_whole[:, 2:6])
    outside = [0, 1, 6, 7, 8]
    assert np.isnan(part[outside]).all()
    assert np.isnan(dZ_part[:, outside]).all()


def extreme_logits(dtype):
    largest = [-1e30, -1e4, -90.0, 0.0, 90.0, 1e4, 1e30]
    return np.array([[a, b] for a in largest for b in largest], dtype)


@pytest.mark.parametrize("label", [0, 1])
def test_softmax_loss_is_finite_and_right_for_every_finite_logit(label, dtype):
    M = extreme_logits(dtype)
    labels = np.full(len(M), label)
    per_example, dZ = run("categorical_cross_entropy", "softmax", M, labels, np.zeros((len(M), 0)), dtype)
    Z, Y = M.T.astype(np.float64), reference.one_hot(labels, 2)
    assert np.isfinite(per_example).all()
    np.testing.assert_allclose(
        per_example, reference.softmax_cross_entropy_from_logits(Z, Y), rtol=10 * np.finfo(dtype).eps, atol=1e-7
    )
    np.testing.assert_allclose(reference_panels.from_panels(dZ, 2), (reference.softmax(Z) - Y).T, atol=1e-6)


@pytest.mark.parametrize("y", [0.0, 0.25, 1.0])
def test_sigmoid_loss_is_finite_and_right_for_every_finite_logit(y, dtype):
    M = extreme_logits(dtype)
    Y = np.full(M.shape, y)
    per_example, dZ = run("binary_cross_entropy", "sigmoid", M, np.zeros(0, np.int64), Y, dtype)
    Z = M.T.astype(np.float64)
    assert np.isfinite(per_example).all()
    expected = reference.sigmoid_cross_entropy_from_logits(Z, Y.T)
    np.testing.assert_allclose(per_example, expected, rtol=10 * np.finfo(dtype).eps, atol=1e-7)
    np.testing.assert_allclose(reference_panels.from_panels(dZ, 2), (reference.sigmoid(Z) - Y.T).T, atol=1e-6)


def test_perfect_and_worst_prediction(dtype):
    """The right class ahead by 200: no loss, no gradient. Behind by 200: the loss is 200, the gradient whole."""
    M = np.array([[200.0, 0.0]], dtype)
    none = np.zeros((1, 0))
    perfect, dZ_perfect = run("categorical_cross_entropy", "softmax", M, np.array([0]), none, dtype)
    worst, dZ_worst = run("categorical_cross_entropy", "softmax", M, np.array([1]), none, dtype)
    assert perfect[0] == 0
    assert abs(reference_panels.from_panels(dZ_perfect, 2)).max() < 1e-30
    assert worst[0] == 200
    np.testing.assert_array_equal(reference_panels.from_panels(dZ_worst, 2), [[1, -1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_divergence_shows(loss, output, bad, dtype, rng):
    """An infinite or undefined logit makes its example's loss infinite or undefined, except where g is bounded."""
    M = rng.uniform(-1, 1, (2, 3)).astype(dtype)
    M[1, 2] = bad
    labels, Y, _ = targets_for(loss, rng, 2, 3)
    per_example, _ = run(loss, output, M, labels if len(labels) == 0 else np.array([0, 0]), Y, dtype)
    bounded = np.isinf(bad) and output in ("sigmoid", "tanh") and not loss.endswith("entropy")
    assert np.isfinite(per_example[0])
    assert np.isfinite(per_example[1]) == bounded


@given(shaped("float64", Z="mn"))
def test_dZ_of_softmax_sums_to_zero_and_permutes_with_the_classes(Z):
    M = np.concatenate([Z["Z"], Z["Z"][:, :1] + 1], axis=1)
    m, n = M.shape
    labels = np.arange(m) % n
    none = np.zeros((m, 0))
    per_example, dZ = run("categorical_cross_entropy", "softmax", M, labels, none, np.float64)
    dZ = reference_panels.from_panels(dZ, n)
    np.testing.assert_allclose(dZ.sum(axis=1), 0, atol=1e-14)
    turned, dZ_turned = run("categorical_cross_entropy", "softmax", M[:, ::-1].copy(), n - 1 - labels, none, np.float64)
    np.testing.assert_allclose(turned, per_example, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(reference_panels.from_panels(dZ_turned, n)[:, ::-1], dZ, atol=1e-14)


# --- weights, label smoothing, losses of the user's own ---


@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_a_weight_of_k_is_k_copies(loss, output, dtype, rng):
    """In the sums over examples that cost and gradient are made of; a weight of 0 takes the example out."""
    n, copies = 5, np.array([1, 0, 3, 2, 1, 0, 4])
    M = rng.uniform(-1, 1, (copies.size, n)).astype(dtype)
    labels, Y, _ = targets_for(loss, rng, copies.size, n)
    weighted, dZ = run(loss, output, M, labels, Y, dtype, weights=copies)
    rows = np.repeat(np.arange(copies.size), copies)
    copied, dZ_copied = run(loss, output, M[rows], labels[rows] if labels.size else labels, Y[rows], dtype)
    tolerance = 20 * np.finfo(dtype).eps
    np.testing.assert_allclose(weighted.sum(), copied.sum(), rtol=tolerance)
    dZ, dZ_copied = reference_panels.from_panels(dZ, n), reference_panels.from_panels(dZ_copied, n)
    np.testing.assert_allclose(dZ.sum(axis=0), dZ_copied.sum(axis=0), rtol=tolerance, atol=4 * tolerance)
    assert not weighted[copies == 0].any()
    assert not dZ[copies == 0].any()


def test_a_weight_of_zero_hides_what_is_not_finite(dtype):
    M, Y = np.array([[np.inf], [0.5]], dtype), np.zeros((2, 1))
    per_example, dZ = run("squared_error", "identity", M, np.zeros(0, np.int64), Y, dtype, weights=[0, 2])
    np.testing.assert_array_equal(per_example, [0, 0.25])
    np.testing.assert_array_equal(reference_panels.from_panels(dZ, 1), [[0], [1]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize(("loss", "output"), [p for p in PAIRS if p[0].endswith("entropy")])
def test_label_smoothing_is_that_of_the_targets(loss, output, smoothing, dtype, rng):
    width = panel_width(dtype)
    for rows, n in [(1, 2), (9, 3), (4, width + 3)]:
        M = rng.uniform(-4, 4, (rows, n)).astype(dtype)
        labels, Y, oracle_Y = targets_for(loss, rng, rows, n)
        per_example, dZ = run(loss, output, M, labels, Y, dtype, parameters=[smoothing])
        Z = M.T.astype(np.float64)
        AL = reference.FORWARD[output](Z)
        oracle_Y = reference.smoothed(oracle_Y, smoothing, n if loss == "categorical_cross_entropy" else 2)
        tolerance = 40 * np.finfo(dtype).eps
        np.testing.assert_allclose(per_example, reference.LOSS[loss](AL, oracle_Y), rtol=tolerance, atol=tolerance * n)
        np.testing.assert_allclose(reference_panels.from_panels(dZ, n), (AL - oracle_Y).T, atol=tolerance)
        assert np.all(reference_panels.padding(dZ, n) == 0)


def test_label_smoothing_of_logits_far_apart(dtype):
    """The mean of the logits below the largest is taken without adding numbers of its size."""
    M = np.array([[1e30, 0.0, -1e30]], dtype)
    per_example, _ = run(
        "categorical_cross_entropy", "softmax", M, np.array([0]), np.zeros((1, 0)), dtype, parameters=[0.3]
    )
    np.testing.assert_allclose(per_example, 0.3 * 1e30, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("output", vocabulary.ELEMENTWISE_OUTPUTS)
def test_a_loss_of_the_user_s_own(output, dtype, rng):
    def f(a, y):
        return (a - y) * (a - y) * (a - y) * (a - y)

    def f_prime(a, y):
        return type(a)(4) * (a - y) * (a - y) * (a - y)

    address = compile_elementwise(f, f_prime, dtype, arity=2)
    width = panel_width(dtype)
    for rows, n in [(1, 1), (7, 3), (3, width), (5, width + 1)]:
        M, Y = rng.uniform(-1, 1, (2, rows, n)).astype(dtype)
        per_example, dZ = run(address, output, M, np.zeros(0, np.int64), Y, dtype)
        Z, Y = M.T.astype(np.float64), Y.T.astype(np.float64)
        AL = reference.FORWARD[output](Z, 0.2)
        tolerance = 60 * np.finfo(dtype).eps
        np.testing.assert_allclose(per_example, ((AL - Y) ** 4).sum(axis=0), rtol=tolerance, atol=tolerance)
        expected = reference.BACKWARD[output](4 * (AL - Y) ** 3, Z, 0.2).T
        np.testing.assert_allclose(reference_panels.from_panels(dZ, n), expected, rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize("split", [1, 7, 16, 33])
@pytest.mark.parametrize(("loss", "output"), PAIRS)
def test_bits_do_not_depend_on_which_rows_are_done_together(loss, output, split, dtype, rng):
    for n in (3, panel_width(dtype) + 5):
        M = rng.uniform(-4, 4, (50, n)).astype(dtype)
        labels, Y, _ = targets_for(loss, rng, 50, n)
        whole, dZ_whole = run(loss, output, M, labels, Y, dtype)
        for rows in ((0, split), (split, 50)):
            part, dZ_part = run(loss, output, M, labels, Y, dtype, rows=rows)
            assert_same_bits(part[slice(*rows)], whole[slice(*rows)])
            assert_same_bits(dZ_part[:, slice(*rows)], dZ_whole[:, slice(*rows)])


# --- the unfused forms, which the course writes and only fastdnn.course calls ---


def run_unfused(function, AM, Y, dtype):
    width, (m, n) = panel_width(dtype), AM.shape
    A = reference_panels.to_panels(AM, width, dtype, fill=0.5)
    kept, dA, per_example = A.copy(), np.full_like(A, np.nan), np.full(m, np.nan)
    with np.errstate(all="ignore"):
        from_python(function)(A, Y.astype(dtype), dA, per_example, n, 0, m)
    np.testing.assert_array_equal(A, kept)
    assert np.all(reference_panels.padding(dA, n) == 0)
    return per_example, reference_panels.from_panels(dA, n)


def test_unfused_loss_and_dA_equal_oracle(dtype, rng):
    width = panel_width(dtype)
    for m, n in [(1, 1), (7, 2), (3, width - 1), (3, width), (2, width + 1)]:
        A, Y = rng.uniform(0.05, 0.95, (2, m, n)).astype(dtype)
        per_example, dA = run_unfused(losses.binary_cross_entropy, A, Y, dtype)
        A, Y = A.T.astype(np.float64), Y.T.astype(np.float64)
        tolerance = 20 * np.finfo(dtype).eps
        np.testing.assert_allclose(per_example, reference.LOSS["binary_cross_entropy"](A, Y), rtol=tolerance)
        expected = reference.LOSS_BACKWARD["binary_cross_entropy"](A, Y).T
        np.testing.assert_allclose(dA, expected, rtol=tolerance, atol=20 * tolerance)


def test_unfused_loss_of_certainty(dtype):
    """Right and certain: 0 and no NaN from 0 log 0. Wrong and certain: infinite."""
    certain = np.array([[0.0, 1.0]])
    right, dA = run_unfused(losses.binary_cross_entropy, certain, certain, dtype)
    wrong, _ = run_unfused(losses.binary_cross_entropy, certain, 1 - certain, dtype)
    assert right[0] == 0
    assert np.isfinite(dA).all()
    assert np.isinf(wrong[0])


def test_logits_at_both_ends_of_float32_have_a_finite_loss():
    top = np.finfo(np.float32).max
    Z = np.zeros((1, 1, panel_width(np.float32)), np.float32)
    Z[0, 0, :2] = top, -top
    dZ, loss = np.full_like(Z, np.nan), np.full(1, np.nan)
    Y = np.zeros((0, 0), np.float32)
    with np.errstate(over="ignore"):  # exp(-inf) is 0, as it should be; NumPy warns on the way without the JIT
        output_backward(
            losses.CATEGORICAL_CROSS_ENTROPY, activation_code("softmax", np.float32), Z, Z.copy(), np.array([1]), Y,
            np.zeros(0, np.float32), np.zeros(0, np.float32), dZ, loss, 2, 0, 1, np.float32(0),
            np.arange(1), 0, 0, 0,
        )  # fmt: skip
    np.testing.assert_allclose(loss, 2.0 * float(top), rtol=1e-6)
    np.testing.assert_array_equal(dZ[0, 0, :2], [1.0, -1.0])
