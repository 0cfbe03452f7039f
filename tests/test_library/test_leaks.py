"""fastdnn/leaks.py: columns that give the target away are found, by any simple rule; honest columns raise no alarm."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn.leaks import column_scores, find_leaks

M = 3000


@pytest.fixture
def noise(rng):
    """(M, 4) columns that know nothing."""
    return rng.normal(size=(M, 4))


def names(n):
    return [f"c{j}" for j in range(n)]


def alarms(X, Y, n_classes, columns=None):
    return [leak.found.column for leak in find_leaks(X, Y, columns or names(X.shape[1]), n_classes)]


MONOTONE = {
    "itself": lambda y: y,
    "scaled and turned": lambda y: 7 - 3 * y,
    "exponential": np.exp,
    "cubed": lambda y: y**3,
    "squared": lambda y: y**2 * np.sign(y),
}


@pytest.mark.parametrize("made", MONOTONE)
def test_a_quantity_made_from_the_target(noise, rng, made):
    Y = rng.normal(size=M)
    X = np.column_stack([noise[:, :2], MONOTONE[made](Y), noise[:, 2:]])
    assert alarms(X, Y, 0) == ["c2"]
    assert alarms(X, Y[:, None], 0) == ["c2"]
    [leak] = find_leaks(X, Y, names(5), 0)
    assert leak.found.measure == "R2"
    assert leak.next_best.score < 0.1
    assert leak.sentence.startswith("Column 'c2' alone predicts the target: R2 ")


def test_a_curve_that_is_not_monotone_is_found_by_looking_up(noise, rng):
    """The target is the cosine of the column."""
    x = rng.uniform(0, 6, M)
    assert alarms(np.column_stack([noise, x]), np.cos(x), 0) == ["c4"]


@pytest.mark.parametrize("rule", ["threshold", "band", "itself"])
def test_two_classes(noise, rng, rule):
    x = rng.normal(size=M)
    y = {"threshold": x > 1.2, "band": np.abs(x) > 1, "itself": x > 0}[rule].astype(np.int64)
    column = y.astype(np.float64) if rule == "itself" else x
    [leak] = find_leaks(np.column_stack([noise, column]), y, names(5), 2)
    assert (leak.found.column, leak.found.measure) == ("c4", "AUC")


def test_many_classes_by_a_category_over_several_columns(noise, rng):
    """One-hot columns of one name count as one; the codes are those of the classes, in another order."""
    y = rng.integers(0, 4, M)
    X = np.column_stack([noise, np.eye(4)[np.array([2, 0, 3, 1])[y]]])
    columns = [*names(4), *["code"] * 4]
    [leak] = find_leaks(X, y, columns, 4)
    assert (leak.found.column, leak.found.measure, leak.found.score) == ("code", "accuracy", 1.0)
    assert [score.column for score in column_scores(X, y, columns, 4)] == [*names(4), "code"]


def test_a_number_with_a_sign_for_missing(noise, rng):
    """A few cells are the median, with a 1 beside them."""
    Y = rng.normal(size=M)
    missing = rng.random(M) < 0.001
    X = np.column_stack([noise, np.where(missing, np.median(Y), Y), missing])
    assert alarms(X, Y, 0, [*names(4), "made", "made"]) == ["made"]


def test_nothing_alarms_about_honest_columns(noise, rng):
    Y = noise @ np.array([1.0, 0.5, -2.0, 0.3])
    assert alarms(noise, Y, 0) == []
    assert alarms(noise, (Y > 0).astype(int), 2) == []
    assert alarms(noise, rng.integers(0, 3, M), 3) == []


def test_a_rare_class_makes_no_column_look_good(noise):
    """Answering the common class is right in 2995 of 3000 rows."""
    y = np.zeros(M, np.int64)
    y[:3], y[3:5] = 1, 2
    assert alarms(noise, y, 3) == []


def test_an_easy_task_is_no_leak(rng):
    """Where the other columns are nearly as good, nothing stands out; and a single column is all there is."""
    Y = rng.normal(size=M)
    close = Y + 0.15 * rng.normal(size=M)
    assert alarms(np.column_stack([Y, close]), Y, 0) == []
    assert alarms(Y[:, None], Y, 0) == []
    assert alarms(np.column_stack([Y] * 4 + [rng.normal(size=M)]), Y, 0) == []


def test_two_columns_may_leak(noise, rng):
    Y = rng.normal(size=M)
    assert alarms(np.column_stack([Y, noise, 2 * Y]), Y, 0) == ["c0", "c5"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_constant_columns_and_few_rows(n_classes, rng):
    for m in (1, 2, 3, 5):
        X = np.column_stack([np.ones(m), rng.normal(size=m)])
        scores = column_scores(X, np.arange(m) % max(n_classes, 1), ["same", "other"], n_classes)
        assert scores[0].score == 0.0
        assert 0 <= scores[1].score <= 1
