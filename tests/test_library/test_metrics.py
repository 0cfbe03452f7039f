"""fastdnn.metrics against scikit-learn, and on the borders where it has an opinion of its own."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn import metrics
from fastdnn.targets import Target

sklearn_metrics = pytest.importorskip(
    "sklearn.metrics", reason="scikit-learn, the oracle of these tests, is not installed"
)


def binary_case(m: int, seed: int, levels: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities; with `levels`, probabilities are rounded to so many steps, which makes ties."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (m, 1))
    y[0], y[1] = 0, 1
    p = np.clip(0.35 * y + rng.random((m, 1)) * 0.6, 0.01, 0.99)
    return y, np.round(p * levels) / levels if levels else p


def multiclass_case(m: int, n_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, m - n_classes)])
    logits = rng.normal(size=(m, n_classes)) + 1.5 * np.eye(n_classes)[y]
    P = np.exp(logits)
    return y, P / P.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("m", [2, 3, 17, 200])
@pytest.mark.parametrize("levels", [0, 4])
def test_binary_scores_equal_scikit_learn(m: int, levels: int) -> None:
    y, AL = binary_case(m, seed=m, levels=levels)
    predicted = (AL > 0.5).astype(int)
    assert metrics.accuracy(y, AL) == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert metrics.log_loss(y, AL) == pytest.approx(sklearn_metrics.log_loss(y.ravel(), AL.ravel()))
    assert metrics.roc_auc(y, AL) == pytest.approx(sklearn_metrics.roc_auc_score(y.ravel(), AL.ravel()))
    assert metrics.f1(y, AL) == pytest.approx(sklearn_metrics.f1_score(y.ravel(), predicted.ravel(), zero_division=0))
    np.testing.assert_array_equal(
        metrics.confusion_matrix(y, AL), sklearn_metrics.confusion_matrix(y.ravel(), predicted.ravel(), labels=[0, 1])
    )


@pytest.mark.parametrize("n_classes", [3, 5, 10])
def test_multiclass_scores_equal_scikit_learn(n_classes: int) -> None:
    y, AL = multiclass_case(150, n_classes, seed=n_classes)
    predicted = AL.argmax(axis=1)
    assert metrics.accuracy(y, AL) == pytest.approx(sklearn_metrics.accuracy_score(y, predicted))
    assert metrics.log_loss(y, AL) == pytest.approx(sklearn_metrics.log_loss(y, AL))
    assert metrics.roc_auc(y, AL) == pytest.approx(sklearn_metrics.roc_auc_score(y, AL, multi_class="ovr"))
    assert metrics.f1(y, AL) == pytest.approx(sklearn_metrics.f1_score(y, predicted, average="macro"))
    np.testing.assert_array_equal(metrics.confusion_matrix(y, AL), sklearn_metrics.confusion_matrix(y, predicted))


def test_macro_f1_leaves_out_a_class_that_nobody_names() -> None:
    y = np.array([0, 0, 1, 1])
    AL = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
    expected = sklearn_metrics.f1_score(y, AL.argmax(axis=1), average="macro")
    assert metrics.f1(y, AL) == pytest.approx(expected)


@pytest.mark.parametrize("m", [2, 50])
def test_regression_scores_equal_scikit_learn(m: int) -> None:
    rng = np.random.default_rng(m)
    y = rng.normal(size=(m, 1)) * 1e5
    AL = y + rng.normal(size=(m, 1)) * 1e4
    assert metrics.rmse(y, AL) == pytest.approx(np.sqrt(sklearn_metrics.mean_squared_error(y, AL)))
    assert metrics.mae(y, AL) == pytest.approx(sklearn_metrics.mean_absolute_error(y, AL))
    assert metrics.r2(y, AL) == pytest.approx(sklearn_metrics.r2_score(y, AL))


def test_r2_of_several_outputs_equals_scikit_learns_variance_weighted() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(40, 3)) * [1.0, 10.0, 0.1] + [5.0, -20.0, 0.0]
    AL = y + rng.normal(size=(40, 3)) * [0.5, 3.0, 0.2]
    expected = sklearn_metrics.r2_score(y, AL, multioutput="variance_weighted")
    assert metrics.r2(y, AL) == pytest.approx(expected, rel=1e-12)


def test_a_sure_and_wrong_float32_probability_gives_a_finite_log_loss() -> None:
    y = np.array([0, 1])
    AL = np.array([[1.0], [0.0]], dtype=np.float32)
    assert metrics.log_loss(y, AL) == pytest.approx(-np.log(np.finfo(np.float32).eps), rel=1e-6)


def test_a_perfect_prediction_scores_one() -> None:
    y = np.array([0, 2, 1])
    AL = np.eye(3)[y]
    scores = metrics.classification_scores(y, AL)
    assert scores["accuracy"] == scores["roc_auc"] == scores["f1"] == 1.0
    assert scores["log_loss"] == pytest.approx(0.0, abs=1e-12)


def test_scores_that_do_not_exist_are_none() -> None:
    assert metrics.classification_scores(np.array([1, 1]), np.array([[0.4], [0.6]]))["roc_auc"] is None
    assert metrics.regression_scores(np.array([3.0, 3.0]), np.array([[3.0], [4.0]]))["r2"] is None


def test_roc_auc_of_several_classes_leaves_out_the_absent_one() -> None:
    y = np.array([0, 0, 1, 1])
    AL = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.55, 0.35, 0.1]])
    assert metrics.roc_auc(y, AL) == pytest.approx((0.75 + 0.75) / 2)


def test_one_half_is_the_first_class_as_in_the_course_and_in_the_labels_that_predict_gives() -> None:
    AL = np.array([[0.51], [0.5]], dtype=np.float32)
    assert metrics.class_indices(AL).tolist() == [1, 0]
    assert Target("y", "binary", "", ["no", "yes"]).decode(AL).tolist() == ["yes", "no"]


def test_pinball_and_poisson_deviance_equal_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=50)
    AL = rng.normal(size=(50, 2))
    each = [sklearn_metrics.mean_pinball_loss(y, AL[:, k], alpha=tau) for k, tau in enumerate((0.2, 0.9))]
    assert metrics.pinball_loss(y, AL, [0.2, 0.9]) == pytest.approx(np.mean(each))
    counts, rate = rng.poisson(2.0, 50), rng.uniform(0.5, 4, (50, 1))
    assert 0 in counts
    assert metrics.poisson_deviance(counts, rate) == pytest.approx(
        sklearn_metrics.mean_poisson_deviance(counts, rate.ravel())
    )
    assert metrics.poisson_deviance(counts, counts[:, None].astype(float)) == 0


def test_scores_of_quantities_by_loss() -> None:
    y, AL = np.array([1.0, 2.0, 4.0]), np.array([[1.5], [2.0], [3.0]])
    plain = metrics.regression_scores(y, AL)
    assert metrics.quantity_scores(y, AL, "huber") == plain
    assert metrics.quantity_scores(y, AL, "poisson") == {"poisson_deviance": metrics.poisson_deviance(y, AL), **plain}
    three = np.hstack([AL - 1, AL, AL + 1])
    with_median = metrics.quantity_scores(y, three, "quantile", [0.1, 0.5, 0.9])
    assert with_median == {"pinball": metrics.pinball_loss(y, three, [0.1, 0.5, 0.9]), **plain}
    assert set(metrics.quantity_scores(y, three[:, ::2], "quantile", [0.1, 0.9])) == {"pinball"}
    assert metrics.quantity_scores(y, 0 * AL, "poisson")["poisson_deviance"] is None
