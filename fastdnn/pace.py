"""How many threads run the next steps: found by timing the training itself, never by guess, and looked at again while it runs.

Tiny networks run best on one thread, wide ones on all; where the border lies depends on the machine and on its other users,
who come and go: a program that keeps one core busy makes every thread wait at the barrier for the one that lost its core.
Since parameters have the same bits for every number of threads, the number can change from one mini-batch to the next.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from fastdnn.workers import available_cores

# A trial: long beside the 0.2 ms that starting threads takes, short beside a training.
_TRIAL = 0.015
# Seconds of one call, after which the number of threads may change.
_STRETCH = 0.1
# Seconds until a number that lost is tried again, or _TRIALS_APART times what the trial took; twice as many each time it loses.
_AGAIN, _AGAIN_AT_MOST, _TRIALS_APART = 0.5, 4.0, 60
# The better of the last two times counts: a moment's disturbance changes nothing.
_SAMPLES = 2
# More threads must be this much faster: a core that gains less is better left to others. Those that were asked for need not.
_WORTH, _WORTH_IF_ASKED = 0.9, 1.0


def most_threads(batch_size: int) -> int:
    """The most threads worth trying: the cores, and no more than examples in a batch."""
    return max(1, min(available_cores(), batch_size))


class Pace:
    """Chooses among 1, 2, 4, ... and `most` threads; or, where `most` were asked for, between these and one.

    Attributes
    ----------
    threads : the number that is fastest as far as is known.
    """

    def __init__(self, most: int, *, asked: bool, clock: Callable[[], float] = time.perf_counter) -> None:
        steps_up = [1] if asked else [1 << i for i in range(most.bit_length()) if 1 << i < most]
        self._candidates = sorted({*steps_up, most})
        self._worth = _WORTH_IF_ASKED if asked else _WORTH
        self._clock = clock
        # Seconds of a step, the last time, which says how many to run; and those times that say who is faster.
        self._guess: dict[int, float] = {}
        self._per_step: dict[int, deque[float]] = {}
        self._again_at = dict.fromkeys(self._candidates, -math.inf)
        self._patience = dict.fromkeys(self._candidates, _AGAIN)
        self.threads = most if asked else 1

    def plan(self, steps: int) -> tuple[int, int]:
        """The number of threads of the next steps, and how many of the `steps` that are left to run so."""
        if len(self._candidates) == 1:
            return self.threads, steps
        now = self._clock()
        for threads in self._candidates:
            if threads not in self._guess:
                return threads, 1
        if self.threads not in self._per_step:
            return self.threads, self._within(_TRIAL, self.threads, steps)
        for threads in self._candidates:
            if self._is_to_be_tried(threads, now):
                return threads, self._within(_TRIAL, threads, steps)
        return self.threads, self._within(_STRETCH, self.threads, steps)

    def record(self, threads: int, steps: int, seconds: float) -> None:
        """What a call that `plan` advised took."""
        if steps == 0 or len(self._candidates) == 1:
            return
        guess = self._guess.get(threads)
        self._guess[threads] = seconds / steps
        if guess is None:
            too_short = seconds < _TRIAL  # the first step meets cold caches
        else:
            too_short = seconds < _TRIAL / 2 < steps * guess  # than was planned for
        if too_short:
            return
        self._per_step.setdefault(threads, deque(maxlen=_SAMPLES)).append(seconds / steps)
        if self.threads not in self._per_step:
            return
        best = self._fastest()
        now = self._clock()
        if best != self.threads:
            self._patience[best] = _AGAIN
            self._again_at[self.threads] = now + _AGAIN
            self.threads = best
        elif threads != best:
            self._again_at[threads] = now + max(self._patience[threads], _TRIALS_APART * seconds)
            self._patience[threads] = min(_AGAIN_AT_MOST, 2 * self._patience[threads])

    def _is_to_be_tried(self, threads: int, now: float) -> bool:
        """Each number once, and then those next to the fastest again and again."""
        at = self._candidates.index
        far = abs(at(threads) - at(self.threads)) > 1
        return (
            threads != self.threads
            and now >= self._again_at[threads]
            and not (far and self._again_at[threads] > -math.inf)
        )

    def _fastest(self) -> int:
        timed = [threads for threads in self._candidates if threads in self._per_step]
        best = timed[0]
        for threads in timed[1:]:
            if min(self._per_step[threads]) < self._worth * min(self._per_step[best]):
                best = threads
        return best

    def _within(self, seconds: float, threads: int, steps: int) -> int:
        return max(1, min(steps, int(seconds / max(self._guess[threads], 1e-9))))
