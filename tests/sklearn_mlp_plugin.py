"""A pytest plugin: scikit-learn's tests of its MLP, run on fastdnn's estimators (`pytest -p sklearn_mlp_plugin`).

test_mlp.py imports the two names from sklearn.neural_network when it is collected; they are replaced before that.
"""

from __future__ import annotations

import sklearn.neural_network
import sklearn.neural_network._multilayer_perceptron as theirs

import fastdnn

for _name in ("MLPClassifier", "MLPRegressor"):
    for _module in (sklearn.neural_network, theirs):
        setattr(_module, _name, getattr(fastdnn, _name))
