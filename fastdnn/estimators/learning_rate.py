"""scikit-learn's rules for the learning rate of gradient descent, and when to stop: what is looked at after every epoch."""

from __future__ import annotations

from typing import Any

_SMALLEST_RATE = 1e-6


class SolverState:
    """What a solver carries from one call to the next: partial_fit goes on where the call before ended.

    Attributes
    ----------
    solver : the update rule whose state it is. learning_rate : of the next epoch.
    updates : steps done. moments : the optimizer's averages of gradients, in the order of Network.parameters.
    """

    def __init__(self, solver: str, learning_rate: float, rule: str, power_t: float) -> None:
        self.solver = solver
        self.learning_rate_init = float(learning_rate)
        self.learning_rate = float(learning_rate)
        self.rule, self.power_t = rule, power_t
        self.updates = 0
        self.moments: list[Any] = []

    def epoch_ends(self, examples_seen: int) -> None:
        """'invscaling': the rate after so many examples, learning_rate_init / (examples + 1)^power_t."""
        if self.rule == "invscaling":
            self.learning_rate = self.learning_rate_init / (examples_seen + 1) ** self.power_t

    def stops(self, message: str, verbose: Any) -> bool:
        """Without improvement: True, or, if 'adaptive' and the rate is not yet tiny, a fifth of the rate and False."""
        if self.rule != "adaptive":
            ends, then = True, " Stopping."
        elif self.learning_rate <= _SMALLEST_RATE:
            ends, then = True, " Learning rate too small. Stopping."
        else:
            self.learning_rate /= 5.0
            ends, then = False, f" Setting learning rate to {self.learning_rate:f}"
        if verbose:
            print(message + then)
        return ends


def reset_progress(estimator: Any) -> None:
    """The attributes in which a stochastic solver reports, as they are before the first epoch."""
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    watched = estimator.early_stopping
    estimator.validation_scores_ = [] if watched else None
    estimator.best_validation_score_ = -float("inf") if watched else None
    estimator.best_loss_ = None if watched else float("inf")


def count_improvement(estimator: Any, loss: float, score: float | None) -> bool:
    """Count an epoch that did not improve by `tol`; returns whether its validation score is the best so far.

    score : of the validation part where early_stopping looks at one, else None: the training loss counts.
    """
    if score is None:
        poor = loss > estimator.best_loss_ - estimator.tol
        if loss < estimator.best_loss_:
            estimator.best_loss_ = loss
        best = False
    else:
        poor = score < estimator.best_validation_score_ + estimator.tol
        best = score > estimator.best_validation_score_
        if best:
            estimator.best_validation_score_ = score
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if poor else 0
    return best
