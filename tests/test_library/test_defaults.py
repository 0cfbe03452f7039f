"""Defaults grow with the data and stay inside their bounds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fastdnn import defaults, vocabulary

SIZES = [2, 10, 100, 344, 1_000, 5_000, 32_561, 60_000, 1_000_000, 100_000_000]


@pytest.mark.parametrize("n_features", [1, 10, 784, 12_288])
def test_there_are_two_hidden_layers_and_more_rows_never_give_fewer_units(n_features: int) -> None:
    layers = [defaults.default_layers(n_features, rows) for rows in SIZES]
    assert all(len(widths) == 2 for widths in layers)
    assert layers == sorted(layers)


def test_l2_grows_slower_than_the_rows_and_is_less_for_quantities() -> None:
    strengths = [defaults.default_l2(rows, regression=False) for rows in SIZES]
    assert strengths == sorted(strengths)
    assert all(a / m > b / n for (a, m), (b, n) in pairwise(zip(strengths, SIZES, strict=True)))
    assert defaults.default_l2(10_000, regression=True) < defaults.default_l2(10_000, regression=False)


def test_batches_grow_and_epochs_fall_with_the_rows() -> None:
    batches = [defaults.default_batch_size(rows) for rows in SIZES]
    epochs = [defaults.default_epochs(rows) for rows in SIZES]
    assert batches == sorted(batches)
    assert epochs == sorted(epochs, reverse=True)
    assert min(epochs) >= 1


@pytest.mark.parametrize("rows", SIZES)
def test_the_parts_leave_most_rows_to_training(rows: int) -> None:
    kept = defaults.holdout_fraction(rows)
    stop = defaults.stop_fraction(round(rows * (1 - kept)))
    assert 0 < kept <= 0.2
    assert kept * rows <= defaults.HOLDOUT_ROWS * 1.0000001
    assert 0 <= stop <= 0.2
    assert stop * rows <= defaults.STOP_ROWS * 1.25


def test_every_optimizer_has_a_learning_rate() -> None:
    assert set(defaults.LEARNING_RATES) == set(vocabulary.OPTIMIZERS)
    assert defaults.OPTIMIZER in vocabulary.OPTIMIZERS
    assert defaults.ACTIVATION in vocabulary.HIDDEN_ACTIVATIONS
