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


@pytest.mark.parametrize("power", [-900, 900])
def test_scores_of_quantities_whose_squares_leave_float64_are_those_of_the_scaled_ones(power: int) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=(30, 1))
    AL, weights, unit = y + 0.3 * rng.normal(size=(30, 1)), rng.uniform(size=30), 2.0**power
    for given in (None, weights):
        assert metrics.rmse(y * unit, AL * unit, given) == metrics.rmse(y, AL, given) * unit
        assert metrics.r2(y * unit, AL * unit, given) == metrics.r2(y, AL, given)


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


def test_balanced_accuracy_equals_scikit_learn() -> None:
    y, AL = multiclass_case(90, 4, seed=1)
    assert metrics.balanced_accuracy(y, AL) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(y, AL.argmax(axis=1))
    )
    y, AL = binary_case(90, seed=2)
    rare = (y == 0) | (np.arange(90)[:, None] % 9 == 0)
    y, AL = y[rare, None], AL[rare, None]
    assert metrics.balanced_accuracy(y, AL) == pytest.approx(sklearn_metrics.balanced_accuracy_score(y, AL > 0.5))


def test_balanced_accuracy_is_of_the_classes_that_are_there() -> None:
    AL = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    assert metrics.balanced_accuracy(np.array([0, 0, 1]), AL) == 0.25


@pytest.mark.parametrize("weighted", [False, True])
def test_d2_of_quantiles_equals_scikit_learn(weighted: bool) -> None:
    rng = np.random.default_rng(6)
    y = rng.normal(size=51)
    weights = rng.uniform(0.1, 3.0, 51) if weighted else None
    for tau in (0.1, 0.5, 0.77):
        AL = y[:, None] + rng.normal(size=(51, 1))
        expected = sklearn_metrics.d2_pinball_score(y, AL[:, 0], alpha=tau, sample_weight=weights)
        assert metrics.d2_pinball(y, AL, [tau], weights) == pytest.approx(expected, rel=1e-12)


def test_d2_of_several_quantiles_is_of_their_mean_losses() -> None:
    y, quantiles = np.arange(10.0), [0.9, 0.2]
    best = np.tile(np.quantile(y, quantiles, method="inverted_cdf"), (10, 1))
    assert metrics.d2_pinball(y, best, quantiles) == 0.0
    assert metrics.d2_pinball(y, np.repeat(y[:, None], 2, axis=1), quantiles) == 1.0
    AL = best + np.array([1.0, -2.0])
    assert metrics.d2_pinball(y, AL, quantiles) == pytest.approx(
        1 - metrics.pinball_loss(y, AL, quantiles) / metrics.pinball_loss(y, best, quantiles)
    )
    assert np.isnan(metrics.d2_pinball(np.full(4, 0.1), np.zeros((4, 2)), quantiles))


def test_pinball_of_a_target_for_each_quantile() -> None:
    """0.2 * 1 and 0.1 * 2 by hand, over two columns of one row."""
    assert metrics.pinball_loss(np.array([[1.0, 5.0]]), np.array([[0.0, 7.0]]), [0.2, 0.9]) == pytest.approx(0.2)


# ---- weights

CLASS_METRICS = [metrics.accuracy, metrics.balanced_accuracy, metrics.log_loss, metrics.roc_auc, metrics.f1]
QUANTITY_METRICS = [
    metrics.rmse,
    metrics.mae,
    metrics.r2,
    metrics.poisson_deviance,
    lambda y, AL, weights=None: metrics.pinball_loss(y, AL, [0.8], weights),
    lambda y, AL, weights=None: metrics.d2_pinball(y, AL, [0.8], weights),
]


def quantity_case(m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(m)
    rate = rng.uniform(0.5, 4.0, (m, 1))
    return rng.poisson(rate).astype(float), rate


def cases() -> list[tuple[str, object, np.ndarray, np.ndarray]]:
    found = [("quantities", function, *quantity_case(40)) for function in QUANTITY_METRICS]
    for name, case in (
        ("binary", binary_case(40, 3)),
        ("binary with ties", binary_case(40, 3, 4)),
        ("classes", multiclass_case(40, 4, 3)),
    ):
        found += [(name, function, *case) for function in CLASS_METRICS]
    return found


@pytest.mark.parametrize(("name", "function", "y", "AL"), cases())
def test_a_weight_of_k_is_as_k_copies_and_none_as_absent(name: str, function, y: np.ndarray, AL: np.ndarray) -> None:
    copies = np.random.default_rng(0).integers(0, 4, len(y))
    rows = np.repeat(np.arange(len(y)), copies)
    assert 0 in copies
    # Only the order of the sums differs.
    assert function(y, AL, copies) == pytest.approx(function(y[rows], AL[rows]), rel=1e-13)
    assert function(y, AL, copies * 0.37) == pytest.approx(function(y[rows], AL[rows]), rel=1e-13)
    assert function(y, AL, np.ones(len(y), np.float32)) == pytest.approx(function(y, AL), rel=1e-13)
    assert abs(function(y, AL, copies) - function(y, AL)) > 1e-6
    assert np.isnan(function(y, AL, np.zeros(len(y))))


def test_weighted_scores_equal_scikit_learn() -> None:
    weights = np.random.default_rng(1).uniform(0.0, 5.0, 60)
    y, AL = binary_case(60, seed=5, levels=6)
    AL = np.clip(AL, 0.05, 0.95)
    truth, predicted = y.ravel(), (AL > 0.5).ravel().astype(int)
    theirs = sklearn_metrics
    expected = {
        metrics.accuracy: theirs.accuracy_score(truth, predicted, sample_weight=weights),
        metrics.balanced_accuracy: theirs.balanced_accuracy_score(truth, predicted, sample_weight=weights),
        metrics.log_loss: theirs.log_loss(truth, AL.ravel(), sample_weight=weights),
        metrics.roc_auc: theirs.roc_auc_score(truth, AL.ravel(), sample_weight=weights),
        metrics.f1: theirs.f1_score(truth, predicted, sample_weight=weights),
    }
    for function, value in expected.items():
        assert function(y, AL, weights) == pytest.approx(value, rel=1e-12)
    matrix = theirs.confusion_matrix(truth, predicted, sample_weight=weights)
    np.testing.assert_allclose(metrics.confusion_matrix(y, AL, weights), matrix)
    y, AL = multiclass_case(60, 4, seed=2)
    expected = {
        metrics.log_loss: theirs.log_loss(y, AL, sample_weight=weights),
        metrics.roc_auc: theirs.roc_auc_score(y, AL, sample_weight=weights, multi_class="ovr"),
        metrics.f1: theirs.f1_score(y, AL.argmax(axis=1), sample_weight=weights, average="macro"),
    }
    for function, value in expected.items():
        assert function(y, AL, weights) == pytest.approx(value, rel=1e-12)


def test_weighted_scores_of_quantities_equal_scikit_learn() -> None:
    y, AL = quantity_case(60)
    weights = np.random.default_rng(1).uniform(0.0, 5.0, 60)
    theirs = sklearn_metrics
    scores = metrics.quantity_scores(y, AL, "poisson", None, weights)
    assert scores == pytest.approx(
        {
            "poisson_deviance": theirs.mean_poisson_deviance(y, AL, sample_weight=weights),
            "rmse": np.sqrt(theirs.mean_squared_error(y, AL, sample_weight=weights)),
            "mae": theirs.mean_absolute_error(y, AL, sample_weight=weights),
            "r2": theirs.r2_score(y, AL, sample_weight=weights),
        },
        rel=1e-12,
    )
    pinball = theirs.mean_pinball_loss(y, AL, alpha=0.9, sample_weight=weights)
    assert metrics.quantity_scores(y, AL, "quantile", [0.9], weights) == {"pinball": pytest.approx(pinball, rel=1e-12)}
    several = np.random.default_rng(3).normal(size=(2, 60, 3))
    assert metrics.r2(*several, weights) == pytest.approx(
        theirs.r2_score(*several, sample_weight=weights, multioutput="variance_weighted"), rel=1e-12
    )


def test_an_infinite_error_of_a_row_that_weighs_nothing_does_not_count() -> None:
    y, rate = np.array([1.0, 2.0]), np.array([[0.0], [2.0]])
    assert metrics.poisson_deviance(y, rate) == np.inf
    assert metrics.poisson_deviance(y, rate, np.array([0.0, 1.0])) == 0.0


def test_scores_of_rows_that_weigh_nothing_do_not_exist() -> None:
    nothing = np.zeros(2)
    scores = metrics.classification_scores(np.array([0, 1]), np.array([[0.4], [0.6]]), nothing)
    assert set(scores.values()) == {None}
    assert set(metrics.regression_scores(np.arange(2.0), np.ones((2, 1)), nothing).values()) == {None}
    # 0.1 three times has a mean that is not 0.1.
    assert metrics.regression_scores(np.full(3, 0.1), np.ones((3, 1)), np.array([1.0, 1.0, 1.0]))["r2"] is None


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
