"""L-BFGS for small data: SciPy's implementation on the engine's cost and gradient over all examples at once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastdnn.errors import MissingExtraError, check_number, check_whole
from fastdnn.examples import Examples
from fastdnn.history import History
from fastdnn.network import Network
from fastdnn.objective import Objective


def minimize(objective: Objective, iterations: int, evaluations: int, tolerance: float, callback: Any = None) -> Any:
    """scipy.optimize.minimize(method='L-BFGS-B') from the network's parameters, which then are the result's.

    iterations, evaluations : the most of each. tolerance : it ends where no component of the gradient is larger.
    callback : called after each iteration with SciPy's intermediate result.
    Returns SciPy's OptimizeResult. Raises MissingExtraError without SciPy.
    """
    try:
        from scipy.optimize import minimize as scipy_minimize
    except ImportError:
        raise MissingExtraError(
            "L-BFGS is SciPy's, which is not installed.", "pip install 'fastdnn[sklearn]'"
        ) from None
    network = objective.network
    result = scipy_minimize(
        objective.value_and_gradient,
        network.parameters.astype(np.float64),
        method="L-BFGS-B",
        jac=True,
        options={"maxfun": evaluations, "maxiter": iterations, "gtol": tolerance},
        callback=callback,
    )
    network.parameters[:] = result.x
    return result


def train_lbfgs(
    network: Network,
    examples: Examples,
    *,
    iterations: int = 200,
    tolerance: float = 1e-5,
    l2: float = 0.0,
    threads: int = 1,
) -> History:
    """Train a network in place by L-BFGS, from its present parameters: a quasi-Newton method without a learning rate.

    Parameters
    ----------
    examples : with targets, perhaps with weights; every evaluation takes all of them, so it is for thousands, not millions.
    iterations : the most. tolerance : training ends where no component of the gradient is larger, or where an iteration
        lessens the cost by less than 2.2e-9 of itself (SciPy's ftol).
    l2 : lambda of J = mean loss + lambda / (2 m) sum W^2. threads : 1 or more; the result has the same bits for every number.

    Returns
    -------
    History with one row for each iteration: its cost without the L2 term, and its seconds.

    Raises
    ------
    ParameterError : a number outside its range. DataError : targets that do not fit the loss. MissingExtraError : no SciPy.

    Notes
    -----
    Source: Liu and Nocedal (1989); Zhu, Byrd, Lu, Nocedal (1997), the implementation. float64 networks converge further.
    """
    iterations = check_whole("iterations", iterations)
    tolerance, l2 = check_number("tolerance", tolerance, 0.0), check_number("l2", l2, 0.0)
    objective = Objective(network, examples, l2=l2, threads=threads)
    history = History(len(examples), "lbfgs", 1.0, l2, 0, objective.threads)
    began = time.perf_counter()
    ends = [began]

    def record(intermediate_result: Any) -> None:
        ends.append(time.perf_counter())
        seconds = ends[-1] - ends[-2]
        history.epochs.append(
            {
                "epoch": len(history.epochs) + 1,
                "loss": float(intermediate_result.fun) - objective.penalty(),
                "valid_loss": None,
                "valid_score": None,
                "learning_rate": 1.0,
                "seconds": seconds,
                "samples_per_s": len(examples) / seconds,
            }
        )

    result = minimize(objective, iterations, 20 * iterations, tolerance, record)
    history.best_epoch = len(history.epochs)
    history.stopped_by = "converged" if result.success else "epochs"
    history.seconds = time.perf_counter() - began
    history.samples_per_s = len(examples) * int(result.nfev) / history.seconds
    return history
