"""How many threads an estimator may use, and when trying them out would cost more than it can bring."""

from __future__ import annotations

import os
from typing import Any

from fastdnn.network import Network
from fastdnn.workers import available_cores

# Floating-point operations of a whole fit below which one thread runs it, half a second's worth: trials of other numbers of
# threads (fastdnn/pace.py) would take too much of it.
_WORTH_TRIALS = 1e10
# Operations of one call of partial_fit, or one evaluation of L-BFGS, from which all threads run it: some hundredths of a
# second's worth, too short to try out what is best.
_WORTH_THREADS = 1e9


def most_threads(estimator: Any) -> int:
    """`n_threads`, or the cores that this process may use; in joblib's worker processes those it allots to each."""
    if estimator.n_threads is not None:
        return int(estimator.n_threads)
    allotted = os.environ.get("NUMBA_NUM_THREADS", "")
    cores = available_cores()
    return max(1, min(cores, int(allotted))) if allotted.isdigit() else cores


def training_threads(estimator: Any, network: Network, m: int) -> int | None:
    """The number of threads of a fit of m examples, or None: the trainer tries what is fastest."""
    most = most_threads(estimator)
    if estimator.n_threads is None and most > 1 and _work(network, m) * estimator.max_iter < _WORTH_TRIALS:
        return 1
    return most if estimator.n_threads is not None or most == 1 else None


def pass_threads(estimator: Any, network: Network, m: int) -> int:
    """The number of threads of one pass over m examples."""
    most = most_threads(estimator)
    return most if estimator.n_threads is not None or _work(network, m) >= _WORTH_THREADS else 1


def _work(network: Network, m: int) -> float:
    """Floating-point operations of a forward and a backward pass over m examples."""
    return 6.0 * network.n_parameters * m
