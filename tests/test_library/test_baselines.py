"""The constant answer is the best one that does not look at the row."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn import baselines, metrics
from fastdnn.examples import Examples


def test_constant_outputs_are_the_class_shares() -> None:
    AL = baselines.constant_outputs(np.array([0, 2, 2, 2]), 3, 5)
    assert AL.shape == (5, 3)
    np.testing.assert_allclose(AL, np.tile([0.25, 0.0, 0.75], (5, 1)))


def test_constant_output_of_one_unit_is_the_mean() -> None:
    np.testing.assert_allclose(
        baselines.constant_outputs(np.array([[0.0], [1.0], [1.0], [1.0]]), 1, 2), [[0.75], [0.75]]
    )


def test_no_other_constant_has_a_smaller_log_loss() -> None:
    y = np.array([[0.0], [1.0], [1.0]])
    best = metrics.log_loss(y, baselines.constant_outputs(y, 1, 3))
    assert all(metrics.log_loss(y, np.full((3, 1), p)) > best for p in (0.5, 0.6, 0.7, 0.9))


@pytest.mark.parametrize(
    ("Y", "classes", "label"),
    [
        (np.array([0, 1, 1]), ["a", "b", "c"], "always 'b'"),
        (np.array([[0.0], [0.0], [1.0]]), ["no", "yes"], "always 'no'"),
        (np.array([[0.3]]), None, "always the mean"),
    ],
)
def test_constant_label(Y: np.ndarray, classes: list[str] | None, label: str) -> None:
    assert baselines.constant_label(Y, classes) == label


def test_targets_are_those_of_the_rows_that_count() -> None:
    X, Y = np.zeros((4, 2), np.float32), np.array([5, 6, 7, 8])
    assert baselines.targets_of(Examples(X, Y, rows=np.array([3, 1]))).tolist() == [8, 6]
    with pytest.raises(TypeError):
        baselines.targets_of(Examples(X))


def test_linear_names() -> None:
    assert baselines.linear_name("regression", "huber") == "linear regression"
    assert baselines.linear_name("regression", "poisson") == "Poisson regression"
    assert baselines.linear_name("binary", "binary_cross_entropy") == "logistic regression"


def test_constant_quantiles() -> None:
    Y = np.arange(11.0)[:, None]
    np.testing.assert_allclose(baselines.constant_outputs(Y, 1, 2, [0.1, 0.5]), [[1.0, 5.0]] * 2)
    assert baselines.constant_label(Y, None, [0.5]) == "always the median"
    assert baselines.constant_label(Y, None, [0.1, 0.9]) == "always its quantiles"
