"""Peer: scikit-learn's MLPClassifier and MLPRegressor, one call of fit(); a hook that scikit-learn calls once an epoch
takes the time."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from protocol import Job, Trained, start_weights
from sklearn.neural_network import MLPClassifier, MLPRegressor

Array = NDArray[Any]

MODES = ("",)


def versions() -> dict[str, str]:
    """What ran."""
    return {"scikit-learn": sklearn.__version__, "numpy": np.__version__}


def train(job: Job, X: Array, y: Array) -> Trained:
    """Train as run_peer.py asks."""
    # Its squared loss has a factor 1/2 that the protocol's has not: twice the rate is the same step of gradient descent.
    halved = job.loss == "mse"
    rate = job.learning_rate * (2 if halved and job.optimizer == "sgd" else 1)
    network = (_Regressor if halved else _Classifier)(
        hidden_layer_sizes=job.layers[1:-1],
        activation={"sigmoid": "logistic"}.get(job.activation, job.activation),
        solver=job.optimizer,
        alpha=0.0,
        batch_size=min(job.batch, len(X)),
        learning_rate_init=rate,
        momentum=0.0,
        nesterovs_momentum=False,
        max_iter=job.epochs,
        shuffle=job.shuffle,
        random_state=job.order_seed,
        tol=0.0,
        n_iter_no_change=10**9,
    )
    network.start, network.ends = iter(start_weights(job)), []
    target = y.astype(np.int64).ravel() if job.loss == "sigmoid" else y.ravel() if y.size == len(y) else y
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged after so many epochs
        network.fit(X, target)
    seconds = np.diff([began, *network.ends]).tolist()
    losses = [float(loss) * (2 if halved else 1) for loss in network.loss_curve_]
    return Trained(list(zip(network.coefs_, network.intercepts_, strict=True)), seconds, losses, 0.0)


class _Hooks:
    """The given start weights instead of drawn ones, and the time at the end of each epoch."""

    start: Any
    ends: list[float]

    def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Array, Array]:
        W, b = next(self.start)
        return W.astype(dtype), b.astype(dtype)

    def _update_no_improvement_count(self, *arguments: Any, **named: Any) -> None:
        super()._update_no_improvement_count(*arguments, **named)  # type: ignore[misc]
        self.ends.append(time.perf_counter())


class _Classifier(_Hooks, MLPClassifier):
    pass


class _Regressor(_Hooks, MLPRegressor):
    pass
