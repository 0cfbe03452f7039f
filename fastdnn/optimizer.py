"""Optimizer: which update rule, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from fastdnn import vocabulary
from fastdnn.defaults import LEARNING_RATES
from fastdnn.errors import ParameterError, check_name, check_number, unknown_name
from fastdnn.kernels import optimizers
from fastdnn.kernels.layout import Rule

_CODES = {
    "sgd": optimizers.GRADIENT_DESCENT,
    "momentum": optimizers.MOMENTUM,
    "nesterov": optimizers.NESTEROV,
    "rmsprop": optimizers.RMSPROP,
    "adam": optimizers.ADAM,
    "adamw": optimizers.ADAM,
}
_CONVENTIONS = ("course", "scikit-learn")


@dataclass(frozen=True)
class Optimizer:
    """An update rule; fastdnn/kernels/optimizers.py states the recurrences.

    Parameters
    ----------
    name : one of vocabulary.OPTIMIZERS.
    learning_rate : positive; default defaults.LEARNING_RATES.
    beta1 : of momentum, Nesterov and Adam, in [0, 1). beta2 : of RMSprop and Adam, in [0, 1).
    epsilon : of RMSprop and Adam, positive; outside the root, in Adam on the corrected moment.
    weight_decay : decoupled: each step multiplies weights by 1 - learning_rate * weight_decay; default 0, with 'adamw' 0.01.
    clip_norm : the most that the norm of the gradient over all parameters may be; 0 for no limit.
    convention : 'course'; or 'scikit-learn', whose velocity has the learning rate inside (v = beta v + learning_rate g,
        theta = theta - v) and whose Adam adds epsilon to the uncorrected root.

    Raises
    ------
    ParameterError : a number outside its range, an unknown name.

    Notes
    -----
    Beside torch.optim: Adam and RMSprop are the same (its `alpha` is beta2, there 0.99 by default), and so is AdamW if its biases
    are a group without weight_decay: here weights alone decay. Its momentum has no factor 1 - beta1: the same are the convention
    'scikit-learn', or a learning rate divided by 1 - beta1. Its weight_decay in all but AdamW is l2 / m here, on weights alone.
    """

    name: str = "adam"
    learning_rate: float | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float | None = None
    clip_norm: float = 0.0
    convention: str = "course"

    def __post_init__(self) -> None:
        if self.name == vocabulary.LBFGS:
            raise ParameterError(
                unknown_name("optimizer", self.name, vocabulary.OPTIMIZERS), "fastdnn.train_lbfgs(network, examples)"
            )
        check_name("optimizer", self.name, vocabulary.OPTIMIZERS)
        check_name("convention", self.convention, _CONVENTIONS)
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", LEARNING_RATES[self.name])
        if self.weight_decay is None:
            object.__setattr__(self, "weight_decay", 0.01 if self.name == "adamw" else 0.0)
        check_number("learning_rate", self.learning_rate, 0.0, above=True)
        check_number("beta1", self.beta1, 0.0, 1.0, below=True)
        check_number("beta2", self.beta2, 0.0, 1.0, below=True)
        check_number("epsilon", self.epsilon, 0.0, above=True)
        check_number("weight_decay", self.weight_decay, 0.0)
        check_number("clip_norm", self.clip_norm, 0.0)

    @property
    def rate(self) -> float:
        """The learning rate, which is never None once the object is made."""
        assert self.learning_rate is not None
        return float(self.learning_rate)

    def rule(self, l2: float, l1: float, batch_l2: float) -> Rule:
        """As the kernels take it; the penalties are explained in layout.Rule."""
        return Rule(
            _CODES[self.name], float(self.beta1), float(self.beta2), float(self.epsilon), self.convention == "scikit-learn",
            float(l2), float(l1), float(batch_l2), float(self.weight_decay or 0.0), float(self.clip_norm),
        )  # fmt: skip


def as_optimizer(optimizer: str | Optimizer, learning_rate: float | None) -> Optimizer:
    """An Optimizer from one, or from a name and a learning rate.

    Raises ParameterError as Optimizer, and where an Optimizer, which has its own, is given a learning rate beside.
    """
    if isinstance(optimizer, str):
        return Optimizer(optimizer, learning_rate)
    if not isinstance(optimizer, Optimizer):
        raise ParameterError(
            f"optimizer must be a name or an Optimizer, got {optimizer!r}. Allowed: {', '.join(vocabulary.OPTIMIZERS)}."
        )
    if learning_rate is not None:
        raise ParameterError(
            f"learning_rate={learning_rate!r} beside an Optimizer, whose own is {optimizer.rate:g}.",
            f"Optimizer('{optimizer.name}', {learning_rate!r})",
        )
    return optimizer
