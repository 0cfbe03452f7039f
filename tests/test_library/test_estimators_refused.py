"""fastdnn/estimators: bad input is refused in scikit-learn's words, and leaves the model as it was."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from mlp_pairs import targets
from sklearn.datasets import make_multilabel_classification

import fastdnn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"alpha": -1},
            r"The 'alpha' parameter of MLPClassifier must be a float in the range \[0.0, inf\). Got -1 instead.",
        ),
        ({"solver": "sdg"}, r"The 'solver' parameter of MLPClassifier must be a str among .* Got 'sdg' instead."),
        ({"dropout": 1.0}, r"The 'dropout' parameter of MLPClassifier must be a float in the range \[0.0, 1.0\)"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]."),
        ({"solver": "lbfgs", "dropout": 0.5}, "dropout=0.5 does not go with solver='lbfgs'"),
        ({"learning_rate": "adaptive", "schedule": "cosine"}, "both rule the learning rate"),
        ({"activation": ["relu", "relu"]}, "1 hidden layer needs as many activations, got 2"),
        ({"eval_set": (1, 2, 3, 4)}, r"eval_set must be \(X, y\) or \(X, y, sample_weight\), got 4 parts"),
        (
            {"eval_metric": "acuracy"},
            "Unknown eval_metric 'acuracy'. Did you mean 'accuracy'\\? Allowed: loss, accuracy, .*f1_macro",
        ),
        (
            {"eval_metric": "mae"},
            "eval_metric='mae' does not fit the loss 'binary_cross_entropy'. Allowed: loss, accuracy",
        ),
        ({"dropout": (0.1, 0.2, 0.3)}, "dropout takes one number, or 2"),
        ({"dropout": (0.1, "a")}, "dropout must be a number 0 or more and below 1, got 'a'"),
        ({"hidden_layer_sizes": (3.5,)}, r"hidden_layer_sizes must be whole numbers, got \[3.5\]."),
        ({"hidden_layer_sizes": (3, "a")}, r"hidden_layer_sizes must be whole numbers, got \[3, 'a'\]."),
        ({"class_weight": {False: -1}}, "class_weight of class False must be a number 0 or more, got -1"),
        ({"class_weight": {False: "a"}}, "class_weight of class False must be a number 0 or more, got 'a'"),
        ({"class_weight": [{False: np.nan}]}, "class_weight of class False must be a number 0 or more, got nan"),
        ({"n_threads": 10**6}, "number of threads must lie between 1 and 256; got 1000000"),
    ],
)
def test_a_parameter_that_cannot_be(parameters, message):
    X, y, _ = targets("binary")
    if "eval_metric" in parameters:
        parameters = parameters | {"eval_set": (X, y)}
    with pytest.raises(ValueError, match=message):
        fastdnn.MLPClassifier(**parameters).fit(X, y)


@pytest.mark.parametrize("quantile", [[], [0.5, 1.5], ["a"], (None,)])
def test_quantiles_that_cannot_be(quantile):
    X, y, _ = targets("regression")
    with pytest.raises(ValueError, match=r"quantile must be a number (between 0 and 1|above 0 and below 1)"):
        fastdnn.MLPRegressor("quantile", quantile=quantile).fit(X, y)


def bad_calls():
    X, y, _ = targets("multiclass")
    with_nan = X.copy()
    with_nan[3, 2] = np.nan
    return {
        "nan": ((with_nan, y), "Input X contains NaN"),
        "lengths": ((X, y[:-1]), "inconsistent numbers of samples"),
        "width": ((X[:, :3], y), "3 features, but MLPClassifier is expecting 6"),
        "classes": ((X, np.where(y == "mid", "new", y)), "classes not in `self.classes_`"),
        "zero weights": ((X, y, np.zeros(len(X))), "at least one non-zero"),
        "negative weights": ((X, y, -np.ones(len(X))), "Negative values in data"),
        "diverged": ((X * 5e307, y), "Solver produced non-finite parameter weights"),
    }


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of scikit-learn's own check of huge numbers
@pytest.mark.parametrize("case", bad_calls())
def test_a_call_that_raises_leaves_the_model_as_it_was(case):
    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(random_state=0, max_iter=5).fit(X, y)
    before = pickle.dumps(model)
    arguments, message = bad_calls()[case]
    with pytest.raises(ValueError, match=message):
        model.partial_fit(*arguments)
    assert pickle.dumps(model) == before
    if case not in ("classes", "width"):  # which fit takes, as it starts anew
        with pytest.raises(ValueError, match=message):
            model.fit(*arguments)
        assert pickle.dumps(model) == before


def test_multilabel_of_one_row_and_constant_targets():
    X, Y = make_multilabel_classification(n_samples=30, random_state=0)
    model = fastdnn.MLPClassifier(random_state=0, max_iter=3).fit(X, Y)
    assert model.predict(X[:1]).shape == (1, Y.shape[1])
    constant = fastdnn.MLPClassifier(random_state=0, max_iter=3).fit(X, np.zeros(30))
    assert set(constant.predict(X)) == {0.0}
