"""How many threads an estimator may use, and when trying them out would cost more than it can bring."""

from __future__ import annotations

import os
from typing import Any

from fastdnn.network import Network
from fastdnn.workers import available_cores

# Floating-point operations of a whole fit below which one thread runs it, about half a second's worth: finding the best number takes 0.1 s.
_WORTH_A_PROBE = 1e10
# A call of partial_fit is too short to try: more threads where its every epoch has work for some milliseconds.
_WORTH_THREADS = 1e9


def most_threads(estimator: Any) -> int:
    """`n_threads`, or the cores that this process may use; in joblib's worker processes those it allots to each."""
    if estimator.n_threads is not None:
        return int(estimator.n_threads)
    allotted = os.environ.get("NUMBA_NUM_THREADS", "")
    cores = available_cores()
    return max(1, min(cores, int(allotted))) if allotted.isdigit() else cores


def training_threads(estimator: Any, network: Network, m: int, epochs: int) -> int | None:
    """The number of threads of a fit, or None: the trainer tries what is fastest."""
    if estimator.n_threads is not None:
        return int(estimator.n_threads)
    most = most_threads(estimator)
    work = 6.0 * network.n_parameters * m * epochs
    if most == 1 or work < (_WORTH_THREADS if epochs == 1 else _WORTH_A_PROBE):
        return 1
    return most if epochs == 1 else None
