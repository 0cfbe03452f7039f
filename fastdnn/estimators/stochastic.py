"""The mini-batch solvers: scikit-learn's epochs, stop rules and messages, around the engine's training steps."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from fastdnn.estimators.learning_rate import SolverState, count_improvement
from fastdnn.estimators.parameters import has_ruled_rate, optimizer_of
from fastdnn.estimators.run import EstimatorRun
from fastdnn.estimators.threads import pass_threads, training_threads
from fastdnn.estimators.validation import Validation
from fastdnn.examples import Examples
from fastdnn.flat_parameters import fill_flat, read_flat, sum_of_squared_weights
from fastdnn.network import Network
from fastdnn.schedules import as_schedule
from fastdnn.trainer import Trainer

Array = NDArray[Any]

# Floating-point operations of an epoch, some hundredths of a second's worth, above which Ctrl-C need not wait for its end.
_WORTH_WATCHING = 5e8
# History.stopped_by of a fit whose loss was not finite.
_DIVERGENCE = "divergence"


class StochasticFit:
    """One call of fit or partial_fit with a stochastic solver.

    Parameters
    ----------
    estimator : its attributes of progress are updated epoch by epoch.
    network : trained in place.
    examples : with the engine's targets, and weights or None. valid : those of eval_set, or None.
    random_state : draws the validation part, the order of every epoch and the seed of dropout, in scikit-learn's order.
    """

    def __init__(
        self, estimator: Any, network: Network, examples: Examples, valid: Examples | None, random_state: Any, *,
        incremental: bool,
    ) -> None:  # fmt: skip
        self.estimator, self.network, self.random_state = estimator, network, random_state
        self.incremental = incremental
        optimizer = optimizer_of(estimator)
        before = getattr(estimator, "_optimizer", None)
        if not incremental or before is None or before.solver != optimizer.name:
            rule = estimator.learning_rate if has_ruled_rate(estimator) else "constant"
            estimator._optimizer = SolverState(optimizer.name, estimator.learning_rate_init, rule, estimator.power_t)
        else:
            estimator._optimizer = copy(before)  # the state before stays as it is if this call fails
        if estimator.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if estimator.early_stopping and valid is None:
            examples, valid = _split(estimator, examples, random_state)
        self.validation = None if valid is None else Validation(estimator, network, valid)
        m = len(examples)
        self.order = examples.indices
        dropout = _dropout(estimator.dropout)
        self.trainer = Trainer(
            network, examples, batch_size=_batch_size(estimator.batch_size, m), optimizer=optimizer,
            batch_l2=float(estimator.alpha), l1=float(estimator.l1), dropout=dropout, shuffle=False,
            seed=int(random_state.randint(2**31 - 1)) if np.any(dropout) else 0,
            threads=(pass_threads if incremental else training_threads)(estimator, network, m),
        )  # fmt: skip
        self._resume()
        self.run = EstimatorRun(estimator, self.trainer, self.validation)
        self.schedule = None if estimator.schedule is None else as_schedule(estimator.schedule)
        # On its way down to a valley the rate may well bring nothing for some epochs.
        self.ends_in_valley = self.schedule is not None and self.schedule.anneals and not estimator.early_stopping
        self.penalty = estimator.alpha / 2 * self.trainer.steps_per_epoch / examples.total_weight
        self.factor, self.constant = estimator._loss_terms(examples)
        self.best: Array | None = None
        # Only with a watching thread does Ctrl-C end an epoch before its last batch.
        long = 6 * network.n_parameters * m > _WORTH_WATCHING
        self.watch: Callable[[Any], None] | None = (lambda state: None) if long else None

    def go(self) -> None:
        """All epochs; afterwards the network has the parameters of the last, or with early_stopping of the best."""
        estimator = self.estimator
        estimator.n_iter_ = 0
        try:
            self.run.tell("on_train_begin")
            for _ in range(estimator.max_iter):
                if self._one_epoch() or self.incremental or self.run.stopped or self._time_is_up():
                    break
                if estimator.n_iter_ == estimator.max_iter and not self.ends_in_valley:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the optimization"
                        " hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=2,
                    )
        except KeyboardInterrupt:
            self.run.stop("interrupt")
            warnings.warn("Training interrupted by user.", stacklevel=2)
        except BaseException:
            with contextlib.suppress(Exception):  # the first failure is the one to be seen
                self.run.end()
            raise
        self._remember()
        if self.best is not None:
            np.copyto(self.network.parameters, self.best)
            self.trainer.load()
        self.run.end()
        estimator.history_ = self.run.history
        self._warn_of_divergence()

    def _one_epoch(self) -> bool:
        """Train, look at loss or score. Returns whether that was the last epoch."""
        estimator, trainer = self.estimator, self.trainer
        order = self._next_order() if estimator.shuffle else None
        steps, rates = trainer.steps_per_epoch, self._rates()
        squares = sum_of_squared_weights(trainer.workspace) if self.penalty else 0.0
        began = time.perf_counter()
        state, interrupted = trainer.run(steps, rates, order=order, watch=self.watch)
        if interrupted:
            raise KeyboardInterrupt
        seconds = time.perf_counter() - began
        estimator.n_iter_ += 1
        estimator.t_ += len(trainer.examples)
        if state.diverged_at:
            loss = float("nan")
        else:
            loss = self.factor * float(state.epoch_losses[-1]) + self.constant + self._mean_penalty(squares, steps)
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        score = self._validate()
        if count_improvement(estimator, loss, score if estimator.early_stopping else None):
            self.best = self.run.network.parameters.copy()
            self.run.history.best_epoch = estimator.n_iter_
        self.run.record(loss, score, float(np.max(rates)), seconds)
        estimator._optimizer.epoch_ends(estimator.t_)
        if self.schedule is not None:
            self.schedule.after_epoch(loss if score is None else score, higher_is_better=score is not None)
        if state.diverged_at:
            self.run.stop(_DIVERGENCE)
        return bool(state.diverged_at) or self._stops()

    def _next_order(self) -> Array:
        """As sklearn.utils.shuffle: the order of the epoch before, permuted."""
        permutation = np.arange(self.order.size)
        self.random_state.shuffle(permutation)
        self.order = self.order[permutation]
        return self.order

    def _validate(self) -> float | None:
        if self.validation is None:
            return None
        score = self.validation.score(self.trainer)
        self.estimator.validation_scores_.append(score)
        if self.estimator.verbose:
            print(f"Validation score: {score:f}")
        return score

    def _warn_of_divergence(self) -> None:
        """A loss that is not finite ends training also where the weights are finite, as those of the step before."""
        if self.run.history.stopped_by == _DIVERGENCE and np.isfinite(self.network.parameters).all():
            warnings.warn(
                f"Stochastic Optimizer: the loss is not finite in iteration {self.estimator.n_iter_}, and training has ended"
                " there. The data may contain large values and need to be preprocessed, or learning_rate_init"
                f" (now {self.estimator.learning_rate_init:g}) may be too large.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _stops(self) -> bool:
        """Whether too many epochs brought nothing, and the learning rate has no say in it."""
        estimator = self.estimator
        if self.ends_in_valley or estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        watched = "Validation score" if estimator.early_stopping else "Training loss"
        message = f"{watched} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive epochs."
        if estimator._optimizer.stops(message, estimator.verbose):
            self.run.stop("patience")
            return True
        estimator._no_improvement_count = 0
        return False

    def _rates(self) -> float | Array:
        """The learning rate of each step of the next epoch."""
        rate = float(self.estimator._optimizer.learning_rate)
        if self.schedule is None:
            return rate
        steps, limit = self.trainer.steps_per_epoch, self.estimator.time_limit
        epoch = self.estimator.n_iter_ + np.arange(steps) / steps
        t = epoch / self.estimator.max_iter
        if limit is not None:
            elapsed = self.run.elapsed()
            per_epoch = elapsed / max(1, self.estimator.n_iter_)
            t = np.minimum(1.0, (elapsed + per_epoch * np.arange(steps) / steps) / limit)
        rates: Array = rate * self.schedule.factors(t, epoch)
        return rates

    def _mean_penalty(self, before: float, steps: int) -> float:
        """alpha / 2 sum W^2 over the batch's size, averaged over the epoch's batches as if sum W^2 had gone straight
        from its value before the epoch to that after it; exact where the epoch is one batch."""
        if not self.penalty:
            return 0.0
        after = sum_of_squared_weights(self.trainer.workspace) if steps > 1 else before
        return float(self.penalty * (before + (after - before) * (steps - 1) / (2 * steps)))

    def _time_is_up(self) -> bool:
        limit = self.estimator.time_limit
        if limit is None or self.run.elapsed() < limit:
            return False
        self.run.stop("time limit")
        return True

    def _resume(self) -> None:
        """Moments and the count of updates as the call before left them."""
        state, buffers = self.estimator._optimizer, self.trainer.workspace.buffers
        for values, flat in zip(state.moments, (buffers.moments1, buffers.moments2), strict=False):
            fill_flat(self.trainer.workspace, flat, values)
        self.trainer.resume(state.updates)

    def _remember(self) -> None:
        state, buffers = self.estimator._optimizer, self.trainer.workspace.buffers
        state.updates += self.trainer.step
        if self.trainer.optimizer.name != "sgd":
            state.moments = [read_flat(self.trainer.workspace, flat) for flat in (buffers.moments1, buffers.moments2)]


def _split(estimator: Any, examples: Examples, random_state: Any) -> tuple[Examples, Examples]:
    """The training and the validation part that scikit-learn draws, as rows of the same arrays."""
    rows, held_out = train_test_split(
        examples.indices, random_state=random_state, test_size=estimator.validation_fraction,
        stratify=examples.Y if estimator._stratified() else None,
    )  # fmt: skip
    if held_out.size < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    X, Y, weights = examples.X, examples.Y, examples.weights
    return Examples(X, Y, rows, weights=weights), Examples(X, Y, held_out, weights=weights)


def _batch_size(given: Any, m: int) -> int:
    if isinstance(given, str):
        return min(200, m)
    if given > m:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
        )
    return int(min(given, m))


def _dropout(given: Any) -> float | tuple[float, ...]:
    return tuple(given) if isinstance(given, tuple | list) else float(given)
