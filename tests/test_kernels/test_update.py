"""kernels/update.py: one layer's update against the oracle's gradient and rule, block by block and padding included."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_panels
from callers import from_python

from fastdnn.engine import NO_UPDATE
from fastdnn.kernels import optimizers, update
from fastdnn.kernels.panels import NARROW
from fastdnn.kernels.vector import panel_width

RATE, DECAY, STEP = 0.125, 0.25, 3
RULES = {"sgd": optimizers.GRADIENT_DESCENT, "adam": optimizers.ADAM, "keep": optimizers.KEEP}


def expected_update(rule, theta, g, v, s):
    """theta, v, s after one step of the oracle."""
    if rule == "sgd":
        return theta - RATE * g, v, s
    if rule == "keep":
        return theta, g, s
    theta, v, s = reference.adam([theta], [g], [v], [s], STEP, RATE)
    return theta[0], v[0], s[0]


def layer(rng, dtype, m, k, n):
    """Matrices A, dZ, W, b, and all arrays of the kernel; padding of A, dZ, W, b as training keeps it: zero."""
    width = panel_width(dtype)
    A, dZ, W = (rng.normal(size=s).astype(dtype) for s in ((m, k), (m, n), (k, n)))
    b = rng.normal(size=(1, n)).astype(dtype)
    v, s = rng.normal(size=(k, n)) * 0.01, rng.uniform(0.01, 0.02, (k, n))
    vb, sb = rng.normal(size=(1, n)) * 0.01, rng.uniform(0.01, 0.02, (1, n))
    flat = [reference_panels.to_panels(x, width, dtype)[:, 0].ravel() for x in (b, vb, sb)]
    full = [reference_panels.to_weights(x.T, width, dtype) for x in (W, v, s)]
    WT = np.full((-(-k // width), -(-n // width) * width, width), np.nan, dtype)
    panels = reference_panels.to_panels(A, width, dtype), reference_panels.to_panels(dZ, width, dtype)
    arrays = [*panels, full[0], flat[0], full[1], flat[1], full[2], flat[2], WT]
    return (A, dZ, W, b, v, s, vb, sb), arrays


def blocks_of(k, n, width):
    return np.array([(1, i, j) for i in range(-(-k // width)) for j in range(-(-n // width))])


def run(arrays, dtype, m, k, n, rule, blocks, t0, t1, gradient=None):
    """`gradient` : W's and b's, kept before."""
    width = panel_width(dtype)
    S = np.full((width + 1, width), np.nan, dtype)
    numbers = NO_UPDATE._replace(optimizer=RULES[rule], beta1=0.9, beta2=0.999, epsilon=1e-8, l2=DECAY)
    rates = np.zeros(optimizers.RATES, dtype)
    from_python(optimizers.prepare_rates)(numbers, RATE, STEP, float(m), rates)
    kept = gradient or arrays[2:4]
    arguments = *arrays[:2], *kept, *arrays[2:], S, blocks, t0, t1, m, k, n, RULES[rule], gradient is not None, rates
    from_python(update.update_layer)(*arguments)


@pytest.mark.parametrize("rule", RULES)
def test_update_equals_oracle(rule, dtype, rng):
    width = panel_width(dtype)
    for m, k, n in [
        (1, 1, 1),
        (7, 17, 3),
        (40, 2 * width + 5, 1),
        (3, width, 2),
        (33, width + 1, width - 1),
        (5, width, width // 2 + width),
        (200, 3, width),
    ]:
        (A, dZ, W, b, *moments), arrays = layer(rng, dtype, m, k, n)
        v, s, vb, sb = (x.astype(dtype).astype(float) for x in moments)
        kept = [a.copy() for a in arrays[:2]]
        blocks = blocks_of(k, n, width)
        run(arrays, dtype, m, k, n, rule, blocks, 0, len(blocks))
        dW = reference.matmul(A.T, dZ) / m + DECAY * W.astype(float)
        db = dZ.sum(axis=0, dtype=float, keepdims=True) / m
        weights = expected_update(rule, W.astype(float), dW, v, s)
        biases = expected_update(rule, b.astype(float), db, vb, sb)
        tolerance = 1e-12 if dtype is np.float64 else 2e-4
        for at, want in zip((2, 4, 6), weights, strict=True):
            got = reference_panels.from_weights(arrays[at], n, k).T
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
            assert np.all(reference_panels.weight_padding(arrays[at], n, k) == 0)
        for at, want in zip((3, 5, 7), biases, strict=True):
            np.testing.assert_allclose(arrays[at][:n], want[0], rtol=tolerance, atol=tolerance)
            assert np.all(arrays[at][n:] == 0)
        if rule == "keep" or n <= NARROW:  # nothing has moved, or is kept as W^T anyway
            assert np.all(np.isnan(arrays[8]))
        else:
            transposed = reference_panels.from_panels(arrays[8], k)[:n]
            np.testing.assert_array_equal(transposed, reference_panels.from_weights(arrays[2], n, k))
        for array, before in zip(arrays[:2], kept, strict=True):
            np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("rule", RULES)
def test_blocks_shared_between_calls_give_the_same_bits(rule, dtype, rng):
    """As workers share them: any split of the blocks, and an order of one's own."""
    width = panel_width(dtype)
    m, k, n = 9, 2 * width + 1, width + 5
    _, arrays = layer(rng, dtype, m, k, n)
    shared = [a.copy() for a in arrays]
    blocks = blocks_of(k, n, width)
    run(arrays, dtype, m, k, n, rule, blocks, 0, len(blocks))
    other = blocks[::-1].copy()
    for t0, t1 in [(1, 4), (4, len(blocks)), (0, 1), (2, 2)]:
        run(shared, dtype, m, k, n, rule, other, t0, t1)
    for one, two in zip(arrays, shared, strict=True):
        np.testing.assert_array_equal(one, two)


def test_first_layer_has_no_transpose(dtype, rng):
    _, arrays = layer(rng, dtype, 4, 3, 2)
    arrays[8] = np.zeros((0, arrays[8].shape[1], arrays[8].shape[2]), dtype)
    before = arrays[2].copy()
    run(arrays, dtype, 4, 3, 2, "sgd", blocks_of(3, 2, panel_width(dtype)), 0, 1)
    assert np.any(arrays[2] != before)


@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_kept_gradient_moves_parameters_as_a_fresh_one(rule, dtype, rng):
    """What KEEP left in the place of v, penalties in it, and then the rule without them."""
    width = panel_width(dtype)
    m, k, n = 9, width + 3, width + 5
    _, arrays = layer(rng, dtype, m, k, n)
    blocks = blocks_of(k, n, width)
    kept, once = [a.copy() for a in arrays], [a.copy() for a in arrays]
    run(kept, dtype, m, k, n, "keep", blocks, 0, len(blocks))
    run(once, dtype, m, k, n, rule, blocks, 0, len(blocks))
    gradient = [kept[4] - DECAY * kept[2], kept[5]]  # `run` penalises again
    twice = [np.full_like(a, np.nan) if i < 2 else a.copy() for i, a in enumerate(arrays)]
    run(twice, dtype, 1, k, n, rule, blocks, 0, len(blocks), gradient)
    for one, two in zip(once[2:], twice[2:], strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-5)
