"""fastdnn/estimators: scikit-learn's checks and tools."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from mlp_pairs import pair, table, targets
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastdnn

BOTH = pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.filterwarnings("default")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([fastdnn.MLPClassifier(), fastdnn.MLPRegressor()])
def test_scikit_learns_checks(estimator, check):
    """All of them; none is marked as expected to fail."""
    check(estimator)


@BOTH
def test_parameters_and_defaults_are_scikit_learns_first(name):
    ours, other = pair(name)
    mine = ours.get_params()
    assert list(other._get_param_names())
    assert mine.items() >= other.get_params().items()
    assert [type(ours).__name__, issubclass(type(ours), getattr(theirs, name))] == [name, False]


def test_pipeline_grid_search_and_cross_validation():
    X, y, _ = targets("binary")
    model = make_pipeline(StandardScaler(), fastdnn.MLPClassifier(random_state=0, max_iter=15))
    search = GridSearchCV(model, {"mlpclassifier__hidden_layer_sizes": [(5,), (20,)]}, cv=3).fit(X, y)
    reference = make_pipeline(StandardScaler(), theirs.MLPClassifier(random_state=0, max_iter=15))
    expected = GridSearchCV(reference, {"mlpclassifier__hidden_layer_sizes": [(5,), (20,)]}, cv=3).fit(X, y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"])
    np.testing.assert_allclose(cross_val_score(model, X, y, cv=3), cross_val_score(reference, X, y, cv=3))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_jobs_find_what_one_finds(backend):
    from joblib import parallel_backend

    X, y, _ = targets("multiclass")
    model = fastdnn.MLPClassifier(random_state=0, max_iter=5)
    with parallel_backend(backend, n_jobs=2):
        scores = cross_val_score(model, X, y, cv=2, n_jobs=2)
    np.testing.assert_array_equal(scores, cross_val_score(model, X, y, cv=2))


def test_calibration_and_permutation_importance():
    X, y, _ = targets("binary")
    model = fastdnn.MLPClassifier(random_state=0, max_iter=40)
    P = CalibratedClassifierCV(model, cv=3).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    found = permutation_importance(model.fit(X, y), X, y, n_repeats=3, random_state=0)
    assert found.importances_mean[1] > found.importances_mean[5]


@BOTH
def test_pickle_and_clone(name):
    X, value, classes = table()
    model = getattr(fastdnn, name)(random_state=0, max_iter=5, dropout=0.1, n_threads=1)
    model.fit(X, classes if name == "MLPClassifier" else value)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coefs_")


def test_sparse_inputs_are_the_same_numbers():
    from scipy.sparse import csc_array, csr_array, csr_matrix

    X, y, _ = targets("multiclass")
    X[np.abs(X) < 0.7] = 0
    model = fastdnn.MLPClassifier(random_state=0, max_iter=5)
    expected = model.fit(X, y).predict_proba(X)
    for container in (csr_matrix, csr_array, csc_array):
        np.testing.assert_allclose(clone(model).fit(container(X), y).predict_proba(container(X)), expected, rtol=1e-12)
