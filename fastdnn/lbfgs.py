"""Training by L-BFGS, for small data: cost and gradient over all examples at once, and no learning rate."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fastdnn.callbacks import Callback, notify
from fastdnn.defaults import LBFGS_ITERATIONS
from fastdnn.engine import Pass
from fastdnn.errors import DivergenceError, ParameterError, check_number, check_whole
from fastdnn.examples import Examples, check_examples
from fastdnn.history import History, TrainingProgress
from fastdnn.inference import ROWS_AT_A_TIME
from fastdnn.network import Network
from fastdnn.non_finite import in_batch
from fastdnn.objective import Objective
from fastdnn.optimizer import Optimizer
from fastdnn.pace import Pace, most_threads
from fastdnn.patience import Patience
from fastdnn.run import Run
from fastdnn.run_settings import NO_END
from fastdnn.schedules import as_schedule
from fastdnn.scipy_lbfgs import minimize, scipy_minimizer
from fastdnn.trainer import Trainer
from fastdnn.training import what_chooses
from fastdnn.vocabulary import LBFGS

Floats = NDArray[np.float64]

# The length of the step that each line search tries first, in units of its direction: there is no learning rate.
_FIRST_STEP = 1.0
# Seconds between two reports of progress.
_TELL_EVERY = 0.1


def train_lbfgs(
    network: Network,
    examples: Examples,
    valid: Examples | None = None,
    *,
    iterations: int | None = None,
    time_limit: float | None = None,
    tolerance: float = 1e-5,
    l2: float = 0.0,
    patience: int | None = 10,
    min_delta: float = 0.0,
    metric: str | None = None,
    threads: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[TrainingProgress], None] | None = None,
) -> History:
    """Train a network in place by L-BFGS, from its present parameters: a quasi-Newton method without a learning rate.

    Parameters
    ----------
    examples : with targets, perhaps with weights; every evaluation takes all of them, so it is for thousands, not millions.
    valid, patience, min_delta, metric, callbacks, progress : as `fastdnn.train` takes them; an iteration is an epoch.
    iterations : the most; default 200, with a time limit any number. time_limit : seconds; the iteration under way is given up
        when they have passed, the first excepted.
    tolerance : training ends where no component of the gradient is larger, or where an iteration lessens the cost by less than
        2.2e-9 of itself (SciPy's ftol).
    l2 : lambda of J = mean loss + lambda / (2 m) sum W^2.
    threads : default: what timing the evaluations finds fastest. The result has the same bits for every number.

    Returns
    -------
    History with one row for each iteration: its cost without the L2 term, and its seconds. Its `stopped_by` may also be
    'converged', or 'line search': no step lowers the cost further, mostly for the rounding of float32. Ctrl-C ends the run and
    keeps the best iteration.

    Raises
    ------
    ParameterError : a number outside its range, or a callback that sets a learning rate. DataError : targets that do not fit the
    loss. MissingExtraError : no SciPy. DivergenceError : the cost is not finite at the network's present parameters.

    Notes
    -----
    Source: Liu and Nocedal (1989); Zhu, Byrd, Lu, Nocedal (1997), the implementation. float64 networks converge further.
    """
    check_examples(examples, valid)
    if iterations is not None:
        iterations = check_whole("iterations", iterations)
    if time_limit is not None:
        check_number("time_limit", time_limit, 0.0, above=True)
    tolerance, l2 = check_number("tolerance", tolerance, 0.0), check_number("l2", l2, 0.0)
    scipy_minimizer()
    watched, counting, metrics = what_chooses(network, valid, metric, patience, min_delta, callbacks)
    objective = Objective(network, examples, l2=l2, threads=most_threads(len(examples)) if threads is None else threads)
    pace = Pace(objective.threads, asked=threads is not None)
    most = iterations if iterations is not None else LBFGS_ITERATIONS if time_limit is None else NO_END
    run = _LbfgsRun(
        objective, examples, pace, tolerance, valid, most, time_limit, watched, counting, metrics, callbacks
    )
    return run.go(progress)


class _Ended(Exception):  # noqa: N818 - no error
    """Out of SciPy's loop: `stopped_by` says why."""


class _LbfgsRun(Run):
    """A run whose epochs are iterations: each evaluates cost and gradient over all examples, once or a few times.

    Its trainer makes no step: it holds the parameters of the last iteration, and validates them.
    """

    def __init__(
        self, objective: Objective, examples: Examples, pace: Pace, tolerance: float, valid: Examples | None, iterations: int,
        time_limit: float | None, watched: str | None, patience: Patience, metrics: list[str], callbacks: Sequence[Callback],
    ) -> None:  # fmt: skip
        trainer = Trainer(
            objective.network, examples, batch_size=ROWS_AT_A_TIME * objective.threads, optimizer=Optimizer("sgd", _FIRST_STEP),
            threads=objective.threads,
        )  # fmt: skip
        constant = as_schedule("constant")
        super().__init__(
            trainer, valid, iterations, time_limit, constant, watched, patience, metrics, callbacks, objective.l2
        )
        self.history.optimizer, self.history.batch_size = LBFGS, self.rows
        self.objective, self.pace, self.tolerance = objective, pace, tolerance
        # theta, J and its gradient: where the last iteration ended (or the run began), and at the last evaluation.
        self.accepted: tuple[Floats, float, Floats] | None = None
        self.latest: tuple[Floats, float, Floats] | None = None
        self.evaluations = 0
        self.since = self.told = 0.0

    def _all_epochs(self, progress: Callable[[TrainingProgress], None] | None) -> None:
        notify(self.callbacks, "on_train_begin", self)
        self.began = self.since = time.perf_counter()
        if self.history.stopped_by != "epochs":
            return

        def iteration_ended(theta: Floats) -> None:
            self._iteration_ended(theta, progress)

        with contextlib.suppress(_Ended):
            result = minimize(
                self.trainer.network, self._evaluate, self.epochs, NO_END, self.tolerance, iteration_ended
            )
            self.stop("converged" if result.success else "epochs" if result.nit >= self.epochs else "line search")

    def _keep_best(self) -> None:
        super()._keep_best()
        self.history.threads = self.pace.threads

    def _evaluate(self, theta: Floats) -> tuple[float, Floats]:
        """J and its gradient; where they are not finite, a cost so high that the line search takes a shorter step."""
        if self.epoch and self.time_limit is not None and self._elapsed() >= self.time_limit:
            self.stop("time limit")
            raise _Ended
        self.objective.threads, _ = self.pace.plan(1)
        began = time.perf_counter()
        value, gradient = self.objective.value_and_gradient(theta)
        self.pace.record(self.objective.threads, 1, time.perf_counter() - began)
        self.evaluations += 1
        if math.isfinite(value) and np.isfinite(gradient).all():
            self.latest = theta.copy(), value, gradient
            self.accepted = self.accepted or self.latest
            return value, gradient
        if self.accepted is None:
            raise self._nowhere_to_begin()
        # As far above J as its slope would have brought it below: the step to try next is a quarter to a half of this one.
        start, J, slope = self.accepted
        return J + abs(float(slope @ (theta - start))), np.zeros_like(theta)

    def _iteration_ended(self, theta: Floats, progress: Callable[[TrainingProgress], None] | None) -> None:
        """Validate, keep the best, tell, and look whether this was the last."""
        seconds, samples = time.perf_counter() - self.since, self.rows * self.evaluations
        assert self.latest is not None
        self.accepted, self.evaluations = self.latest, 0
        self.trainer.network.parameters[:] = theta
        self.trainer.load()
        self.epoch += 1
        self.training_seconds += seconds
        self.trained += samples
        self._record(self.latest[1] - self.objective.penalty(), _FIRST_STEP, seconds, samples / seconds)
        notify(self.callbacks, "on_epoch_end", self)
        if self.learning_rate != _FIRST_STEP:
            raise ParameterError(
                f"A callback has set the learning rate to {self.learning_rate:g}, but L-BFGS has none: it finds the length of "
                "each step itself."
            )
        self._look_for_the_end()
        over = self.history.stopped_by != "epochs"
        if progress is not None and (over or self.epoch == 1 or self._elapsed() - self.told >= _TELL_EVERY):
            self.told = self._elapsed()
            progress(self._moment(self.rows, Pass(), 0.0))
        if over:
            raise _Ended
        self.since = time.perf_counter()

    def _nowhere_to_begin(self) -> DivergenceError:
        found = in_batch(self.objective.workspace, self.objective.rows)
        error = DivergenceError(
            "The cost is not finite at the parameters that L-BFGS is to begin with."
            f"{f' {found.sentence}' if found else ''}",
            "standardised inputs, other first weights, or float64",
            1,
            1,
            None,
        )
        error.layer, error.row = (found.layer, found.row) if found else (None, None)
        return error
