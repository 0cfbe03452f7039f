"""Learning-rate decay.

Source: Ng, Deep Learning Specialization, course 2 week 2, "Optimization Methods", section 7 (editions since 2021).
"""

from __future__ import annotations

from fastdnn.course import _checks


def update_lr(learning_rate0: float, epoch_num: int, decay_rate: float) -> float:
    """alpha = alpha_0 / (1 + decay_rate * epoch_num).

    Examples
    --------
    >>> update_lr(0.5, 2, 1)
    0.16666666666666666
    """
    return schedule_lr_decay(learning_rate0, epoch_num, decay_rate, 1)


def schedule_lr_decay(learning_rate0: float, epoch_num: int, decay_rate: float, time_interval: int = 1000) -> float:
    """alpha = alpha_0 / (1 + decay_rate * floor(epoch_num / time_interval)): a step every time_interval epochs.

    Examples
    --------
    >>> schedule_lr_decay(0.3, 100, 0.25, 100), schedule_lr_decay(0.5, 10, 0.3, 100)
    (0.24, 0.5)
    """
    learning_rate0 = _checks.positive("learning_rate0", learning_rate0)
    epoch_num = _checks.whole("epoch_num", epoch_num, 0)
    decay_rate = _checks.not_negative("decay_rate", decay_rate)
    time_interval = _checks.whole("time_interval", time_interval, 1)
    return learning_rate0 / (1 + decay_rate * (epoch_num // time_interval))
