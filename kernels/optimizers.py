"""Update rules: one step of flat parameters theta by a gradient.

Each takes arrays of one size, updates `theta` and the rule's moments `v` and `s`, and reads the rest. The gradient is

    g = scale dtheta + l2 theta

where dtheta is a sum over the batch and scale the 1/m that makes it one of the cost; it is never written anywhere. `keep` is
1 - learning_rate * weight_decay, which a decoupled weight decay (Loshchilov and Hutter, 2019) multiplies theta by; 1 without.

In training they run on one block of a weight matrix at a time, right after its gradient was computed and while it is in
the first-level cache. Gradient descent on weights goes further and runs inside the register tile (gemm.gradient_block).
Scalars have the arrays' type; `prepare_rates` computes them once a step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import device

# KEEP updates nothing and leaves the gradient where momentum keeps v.
GRADIENT_DESCENT, ADAM, KEEP, MOMENTUM, NESTEROV, RMSPROP = range(6)

# Places in the array of a step's scalars.
RATE, EPSILON, BETA1, BETA2, GAIN, SCALE, L2, L1, KEPT = range(9)
# Numbers in that array: to the end of a cache line, so that no two workers write to one.
RATES = 16


@device
def prepare_rates(rule: Any, learning_rate: float, step: int, weight: float, rates: Any) -> None:
    """The scalars of update number `step` (from 1), for a batch whose examples weigh `weight` together.

    rule : layout.Rule, read. rates : (RATES,) of the parameters' type, overwritten: RATE the factor of the rule's last line, GAIN
    the factor of g in momentum's v, EPSILON, BETA1, BETA2, SCALE, L2, L1 and KEPT as the rules below name them.
    """
    rate, epsilon, gain = learning_rate, rule.epsilon, 1.0 - rule.beta1
    if rule.optimizer == ADAM:
        rate, epsilon = adam_rate(learning_rate, rule.beta1, rule.beta2, rule.epsilon, step)
        if rule.uncorrected:
            epsilon = rule.epsilon
    elif rule.uncorrected and (rule.optimizer == MOMENTUM or rule.optimizer == NESTEROV):
        rate, gain = 1.0, learning_rate
    rates[RATE], rates[EPSILON], rates[BETA1], rates[BETA2], rates[GAIN] = rate, epsilon, rule.beta1, rule.beta2, gain
    rates[SCALE], rates[L2], rates[L1] = 1.0 / weight, rule.l2 + rule.batch_l2 / weight, rule.l1
    rates[KEPT] = 1.0 - learning_rate * rule.weight_decay


@device
def gradient_descent_update(theta: Any, dtheta: Any, learning_rate: Any) -> None:
    """theta = theta - learning_rate dtheta. theta updated, dtheta read. Source: course 1 week 2."""
    for i in range(theta.size):
        theta[i] -= learning_rate * dtheta[i]


@device
def decayed_descent_update(theta: Any, dtheta: Any, scale: Any, l2: Any, keep: Any, rate: Any) -> None:
    """theta = keep theta - rate g: gradient descent where the penalties are not folded into the register tile."""
    for i in range(theta.size):
        theta[i] = keep * theta[i] - rate * (scale * dtheta[i] + l2 * theta[i])


@device
def momentum_update(
    theta: Any, dtheta: Any, v: Any, scale: Any, l2: Any, keep: Any, beta: Any, gain: Any, rate: Any
) -> None:
    """Gradient descent with momentum:

        v = beta v + gain g
        theta = keep theta - rate v

    The course has gain 1 - beta and rate alpha (course 2 week 2); scikit-learn's velocity is -v with gain alpha and rate 1.
    """
    for i in range(theta.size):
        g = scale * dtheta[i] + l2 * theta[i]
        v[i] = beta * v[i] + gain * g
        theta[i] = keep * theta[i] - rate * v[i]


@device
def nesterov_update(
    theta: Any, dtheta: Any, v: Any, scale: Any, l2: Any, keep: Any, beta: Any, gain: Any, rate: Any
) -> None:
    """Momentum that looks ahead (Nesterov, 1983; in this form Sutskever et al., 2013):

    v = beta v + gain g
    theta = keep theta - rate (beta v + gain g)
    """
    for i in range(theta.size):
        g = gain * (scale * dtheta[i] + l2 * theta[i])
        v[i] = beta * v[i] + g
        theta[i] = keep * theta[i] - rate * (beta * v[i] + g)


@device
def rmsprop_update(
    theta: Any, dtheta: Any, s: Any, scale: Any, l2: Any, keep: Any, beta2: Any, epsilon: Any, rate: Any
) -> None:
    """RMSprop, epsilon outside the root as the course writes it (course 2 week 2):

    s = beta2 s + (1 - beta2) g^2
    theta = keep theta - alpha g / (sqrt(s) + epsilon)
    """
    one = theta.dtype.type(1)
    for i in range(theta.size):
        g = scale * dtheta[i] + l2 * theta[i]
        s[i] = beta2 * s[i] + (one - beta2) * (g * g)
        theta[i] = keep * theta[i] - rate * g / (np.sqrt(s[i]) + epsilon)


@device
def adam_update(
    theta: Any, dtheta: Any, v: Any, s: Any, scale: Any, l2: Any, keep: Any, beta1: Any, beta2: Any, epsilon: Any, rate: Any
) -> None:  # fmt: skip
    """Adam, with epsilon outside the root and on the corrected moment, as the course writes it; AdamW where keep < 1:

        v = beta1 v + (1 - beta1) g            v_corrected = v / (1 - beta1^t)
        s = beta2 s + (1 - beta2) g^2          s_corrected = s / (1 - beta2^t)
        theta = keep theta - alpha v_corrected / (sqrt(s_corrected) + epsilon)

    computed with one division: theta = keep theta - rate v / (sqrt(s) + epsilon'), where `adam_rate` gives rate and epsilon'.
    scikit-learn adds epsilon to the uncorrected root: epsilon' = epsilon.
    Source: Ng, course 2 week 2; Kingma and Ba (2015), sec. 2.
    """
    one = theta.dtype.type(1)
    for i in range(theta.size):
        g = scale * dtheta[i] + l2 * theta[i]
        v[i] = beta1 * v[i] + (one - beta1) * g
        s[i] = beta2 * s[i] + (one - beta2) * (g * g)
        theta[i] = keep * theta[i] - rate * v[i] / (np.sqrt(s[i]) + epsilon)


@device
def adam_rate(learning_rate: float, beta1: float, beta2: float, epsilon: float, t: int) -> tuple[float, float]:
    """The scalars of `adam_update` at step t, t = 1, 2, ...

    rate     = alpha sqrt(1 - beta2^t) / (1 - beta1^t)
    epsilon' = epsilon sqrt(1 - beta2^t)
    """
    root = np.sqrt(1.0 - beta2**t)
    return learning_rate * root / (1.0 - beta1**t), epsilon * root
