"""Update rules. Each takes flat arrays of one size: a gradient, the parameters it belongs to, and the rule's own moments.

In training they run on one block of a weight matrix at a time, right after its gradient was computed and while it is in
the first-level cache. Gradient descent on weights goes further and runs inside the register tile (gemm.gradient_block).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import device

# KEEP updates nothing and leaves the gradient where Adam keeps v.
GRADIENT_DESCENT, ADAM, KEEP = 0, 1, 2


@device
def gradient_descent_update(theta: Any, dtheta: Any, learning_rate: Any) -> None:
    """theta = theta - learning_rate dtheta. theta updated, dtheta read. Source: course 1 week 2."""
    for i in range(theta.size):
        theta[i] -= learning_rate * dtheta[i]


@device
def adam_update(
    theta: Any, dtheta: Any, v: Any, s: Any, scale: Any, l2: Any, rate: Any, beta1: Any, beta2: Any, epsilon: Any
) -> None:
    """Adam, with epsilon outside the root and on the corrected moment, as the course writes it:

        g = scale dtheta + l2 theta
        v = beta1 v + (1 - beta1) g            v_corrected = v / (1 - beta1^t)
        s = beta2 s + (1 - beta2) g^2          s_corrected = s / (1 - beta2^t)
        theta = theta - alpha v_corrected / (sqrt(s_corrected) + epsilon)

    computed with one division: theta -= rate v / (sqrt(s) + epsilon'), where `adam_rate` gives

        rate     = alpha sqrt(1 - beta2^t) / (1 - beta1^t)
        epsilon' = epsilon sqrt(1 - beta2^t).

    theta, v, s updated; dtheta read; the scalars have the arrays' type; scale is the 1/m that makes dtheta a gradient of the
    cost. Source: Ng, course 2 week 2; Kingma and Ba (2015), sec. 2.
    """
    one = theta.dtype.type(1)
    for i in range(theta.size):
        g = scale * dtheta[i] + l2 * theta[i]
        v[i] = beta1 * v[i] + (one - beta1) * g
        s[i] = beta2 * s[i] + (one - beta2) * (g * g)
        theta[i] -= rate * v[i] / (np.sqrt(s[i]) + epsilon)


@device
def adam_rate(learning_rate: float, beta1: float, beta2: float, epsilon: float, t: int) -> tuple[float, float]:
    """The scalars `rate` and epsilon' of `adam_update` at step t, t = 1, 2, ..."""
    root = np.sqrt(1.0 - beta2**t)
    return learning_rate * root / (1.0 - beta1**t), epsilon * root
