"""solver='lbfgs': SciPy's L-BFGS-B on the engine's cost and gradient over all examples at once."""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from fastdnn.estimators.threads import pass_threads
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.objective import Objective
from fastdnn.scipy_lbfgs import minimize


def fit_lbfgs(estimator: Any, network: Network, examples: Examples) -> None:
    """Train the network in place; sets n_iter_ and loss_, and warns where the solver did not converge."""
    threads = pass_threads(estimator, network, len(examples))
    objective = Objective(network, examples, l2=float(estimator.alpha), threads=threads)
    result = minimize(network, objective.value_and_gradient, estimator.max_iter, estimator.max_fun, estimator.tol)
    estimator.n_iter_ = min(int(result.nit), estimator.max_iter)
    penalty = objective.penalty()
    factor, constant = estimator._loss_terms(examples)
    estimator.loss_ = factor * (float(result.fun) - penalty) + constant + penalty
    if result.status != 0:
        more = (
            f"\nIncrease the number of iterations to improve the convergence (max_iter={estimator.max_iter})."
            if estimator.n_iter_ == estimator.max_iter
            else ""
        )
        warnings.warn(
            f"lbfgs failed to converge after {estimator.n_iter_} iteration(s) (status={result.status}):\n{result.message}\n"
            f"{more}\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
            stacklevel=2,
        )
