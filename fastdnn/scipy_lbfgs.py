"""SciPy's L-BFGS-B on a network's parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import MissingExtraError
from fastdnn.network import Network

Floats = NDArray[np.float64]


def scipy_minimizer() -> Any:
    """scipy.optimize.minimize, or MissingExtraError where there is no SciPy."""
    try:
        from scipy.optimize import minimize as found
    except ImportError:
        raise MissingExtraError(
            "L-BFGS is SciPy's, which is not installed.", "pip install 'fastdnn[sklearn]'"
        ) from None
    return found


def minimize(
    network: Network,
    evaluation: Callable[[Floats], tuple[float, Floats]],
    iterations: int,
    evaluations: int,
    tolerance: float,
    callback: Callable[[Floats], None] | None = None,
) -> Any:
    """scipy.optimize.minimize(method='L-BFGS-B') from the network's parameters, which then are the result's.

    evaluation : J and dJ/dtheta at theta, as Objective.value_and_gradient.
    iterations, evaluations : the most of each. tolerance : it ends where no component of the gradient is larger.
    callback : called after each iteration with the parameters that it ended at, which were evaluated last.
    Returns SciPy's OptimizeResult. Raises MissingExtraError without SciPy.
    """
    scipy_minimize = scipy_minimizer()
    with _one_blas_thread():
        result = scipy_minimize(
            evaluation,
            network.parameters.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": evaluations, "maxiter": iterations, "gtol": tolerance},
            callback=callback,
        )
    network.parameters[:] = result.x
    return result


def _one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """L-BFGS-B multiplies matrices of 20 x 20: threads gain nothing, and beside another busy process make each step wait
    milliseconds for them. threadpoolctl comes with scikit-learn; without it SciPy's threads are as they are."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    limits: contextlib.AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits
