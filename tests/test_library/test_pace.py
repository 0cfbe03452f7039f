"""fastdnn/pace.py: the number of threads follows what steps take, on a clock of the tests' own."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn import trainer as trainer_module
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.optimizer import Optimizer
from fastdnn.pace import Pace, most_threads
from fastdnn.trainer import Trainer
from fastdnn.workers import available_cores


def play(pace, now, seconds_a_step, until, calls=None):
    """Run what `pace` plans until the clock shows `until`: the seconds spent on each number of threads."""
    spent = {}
    while now[0] < until:
        threads, steps = pace.plan(1_000_000)
        took = steps * seconds_a_step[threads] + 1e-4 * (threads > 1)
        now[0] += took
        spent[threads] = spent.get(threads, 0.0) + took
        pace.record(threads, steps, took)
        if calls is not None:
            calls.append(took)
    return spent


def paced(most, asked=False):
    now = [0.0]
    return Pace(most, asked=asked, clock=lambda: now[0]), now


def test_most_threads():
    assert most_threads(1) == most_threads(0) == 1
    assert most_threads(10_000) == available_cores()


@pytest.mark.parametrize(
    ("seconds", "asked", "chosen"),
    [
        ({1: 1e-4, 2: 6e-5}, False, 2),
        ({1: 1e-4, 2: 9.5e-5}, False, 1),  # a core for 5 % is better left to others
        ({1: 1e-4, 2: 9.5e-5}, True, 2),  # unless it was asked for
        ({1: 1e-5, 2: 2e-4}, False, 1),
        ({1: 1e-5, 2: 2e-4}, True, 1),  # and it is slower than none
        ({1: 0.2, 2: 0.11}, False, 2),  # steps longer than any trial
    ],
)
def test_the_fastest_does_nearly_all_of_the_work(seconds, asked, chosen):
    pace, now = paced(2, asked)
    spent = play(pace, now, seconds, 20.0)
    assert pace.threads == chosen
    assert spent[chosen] > 0.93 * sum(spent.values())


def test_all_numbers_are_tried_and_later_only_the_neighbours():
    pace, now = paced(8)
    seconds = {1: 8e-4, 2: 4e-4, 4: 2e-4, 8: 1e-4}
    play(pace, now, seconds, 1.0)
    assert pace.threads == 8
    later = play(pace, now, seconds, 20.0)
    assert set(later) == {4, 8}


def test_a_busy_neighbour_is_noticed_and_its_leaving_too():
    pace, now = paced(2, asked=True)
    quiet, busy = {1: 1e-4, 2: 6e-5}, {1: 1e-4, 2: 1e-3}
    play(pace, now, quiet, 3.0)
    assert pace.threads == 2
    spent = play(pace, now, busy, 13.0)
    assert pace.threads == 1
    # One stretch, planned for 0.1 s of quiet and now 1.7 s long, and one that is sure of it; then a trial every four seconds.
    assert spent[2] < 1.7 + 0.2
    play(pace, now, quiet, 19.0)
    assert pace.threads == 2


def test_a_slow_first_step_decides_nothing():
    """It has pages to fetch; a run of some milliseconds never comes back to it."""
    pace, now = paced(2)
    for number in range(12):
        threads, steps = pace.plan(7)
        took = 5e-3 if number == 0 else steps * {1: 1e-5, 2: 3e-5}[threads]
        now[0] += took
        pace.record(threads, steps, took)
    assert pace.threads == 1


def test_python_looks_some_times_a_second():
    pace, now = paced(2)
    calls = []
    play(pace, now, {1: 1e-5, 2: 8e-6}, 10.0, calls)
    assert len(calls) < 200
    assert max(calls) < 0.3


def test_one_thread_is_never_timed():
    pace, _ = paced(1)
    assert pace.plan(10**9) == (1, 10**9)
    pace.record(1, 10**9, 1.0)
    assert pace.plan(3) == (1, 3)


def test_bits_do_not_depend_on_when_the_number_of_threads_changes(monkeypatch):
    """A pace that changes it after nearly every step, in the midst of epochs."""
    rng = np.random.default_rng(0)
    examples = Examples(rng.normal(size=(50, 5)), rng.integers(0, 3, 50))

    class Restless(Pace):
        def plan(self, steps):
            self.turn = getattr(self, "turn", 0) + 1
            return 1 + self.turn % 3, min(steps, 1 + self.turn % 4)

        def record(self, threads, steps, seconds):
            pass

    ends = []
    for pace in (Pace, Restless):
        monkeypatch.setattr(trainer_module, "Pace", pace)
        trainer = Trainer(Network([5, 40, 3], seed=1), examples, batch_size=8, optimizer=Optimizer("adam"), threads=3)
        state, interrupted = trainer.run(7 * 4 + 3, 0.01)
        assert (state.steps, interrupted, len(state.epoch_losses)) == (31, False, 4)
        ends.append((trainer.workspace.buffers.parameters.tobytes(), *state.epoch_losses))
    assert ends[0] == ends[1]
