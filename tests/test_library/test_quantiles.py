"""fastdnn/quantiles.py: sorting never hurts, and the quantiles of a sample are the best constants."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fastdnn.metrics import pinball_loss
from fastdnn.quantiles import rearranged, sample_quantiles


@pytest.mark.parametrize("levels", list(itertools.permutations([0.1, 0.5, 0.9])))
def test_the_columns_keep_the_levels_they_were_asked_for(levels):
    AL = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    before = AL.copy()
    answers = rearranged(AL, list(levels))
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(AL, before)
    np.testing.assert_array_equal(answers[:, np.argsort(levels)], np.sort(AL, axis=1))


def test_quantiles_in_order_stay_as_they_are():
    AL = np.cumsum(np.random.default_rng(0).random((9, 4)), axis=1)
    np.testing.assert_array_equal(rearranged(AL, [0.1, 0.2, 0.3, 0.9]), AL)
    np.testing.assert_array_equal(rearranged(AL[:, ::-1], [0.9, 0.3, 0.2, 0.1]), AL[:, ::-1])
    np.testing.assert_array_equal(rearranged(AL[:, :1], [0.4]), AL[:, :1])


def test_the_pinball_loss_of_every_row_is_never_larger_after_it():
    rng = np.random.default_rng(1)
    levels = [0.75, 0.05, 0.5, 0.95]
    AL, y = rng.normal(size=(500, 4)), rng.normal(size=500)
    answers = rearranged(AL, levels)
    before, after = (
        np.array([pinball_loss(y[[i]], values[[i]], levels) for i in range(500)]) for values in (AL, answers)
    )
    assert (after <= before + 1e-15).all()
    assert after.mean() < 0.9 * before.mean()


def test_no_constant_has_a_smaller_pinball_loss_than_the_quantile():
    rng = np.random.default_rng(2)
    y, weights = rng.normal(size=24), rng.uniform(0, 2, 24)
    for tau, given in itertools.product((0.05, 0.25, 0.5, 0.9), (None, weights)):
        best = sample_quantiles(y, [tau], given)
        assert best[0] in y
        losses = [pinball_loss(y, np.full((24, 1), value), [tau], given) for value in (*y, *best)]
        assert losses[-1] == pytest.approx(min(losses), rel=1e-14)  # where two are best, both are


def test_a_weight_of_k_is_as_k_copies():
    y, copies = np.array([3.0, 1.0, 2.0, 7.0, 5.0]), np.array([2, 0, 3, 1, 4])
    levels = np.linspace(0.05, 0.95, 19)
    np.testing.assert_array_equal(sample_quantiles(y, levels, copies), sample_quantiles(np.repeat(y, copies), levels))
