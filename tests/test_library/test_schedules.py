"""fastdnn/schedules.py, schedule_curves.py and plateau.py: known values, shapes, warm-up, the state, and what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdnn import vocabulary
from fastdnn.errors import ParameterError
from fastdnn.schedules import (
    Cosine,
    CosLog4,
    Exponential,
    InverseScaling,
    OneCycle,
    Plateau,
    Schedule,
    Step,
    WarmUp,
    as_schedule,
    make_schedule,
    parse_schedule,
)

fractions = st.floats(0.0, 1.0)
epochs = st.floats(0.0, 500.0)
names = st.sampled_from(vocabulary.SCHEDULES)


def one(schedule, t=0.0, epoch=0.0):
    """The factor of one moment, by the scalar formula's path: arrays of one element."""
    return float(schedule.factors(np.array([t]), np.array([epoch]))[0])


# --- known values ---


@pytest.mark.parametrize(
    ("schedule", "t", "epoch", "factor"),
    [
        (make_schedule("constant"), 0.7, 30, 1.0),
        (Step(factor=0.1, every=10), 0.0, 9.999, 1.0),
        (Step(factor=0.1, every=10), 0.0, 10, 0.1),
        (Step(factor=0.1, every=10), 0.0, 25, 0.01),
        (Step(factor=0.5, every=0.1), 0.0, 0.3, 0.125),
        (Exponential(rate=0.95), 0.0, 0, 1.0),
        (Exponential(rate=0.95), 0.0, 3, 0.95 * 0.95 * 0.95),
        (InverseScaling(power=1, rate=1), 0.0, 4, 1 / 5),
        (InverseScaling(power=0.5, rate=2), 0.0, 4, 1 / 3),
        (InverseScaling(power=1, rate=1, every=1000), 0.0, 1999, 1 / 2),
        (Cosine(), 0.0, 0, 1.0),
        (Cosine(), 0.5, 0, 0.5),
        (Cosine(), 1.0, 0, 0.0),
        (Cosine(end=0.2), 1.0, 0, 0.2),
        (Cosine(end=0.2), 1 / 3, 0, 0.2 + 0.8 * 0.75),
        (OneCycle(), 0.0, 0, 0.04),
        (OneCycle(), 0.3, 0, 1.0),
        (OneCycle(), 0.15, 0, 0.52),
        (OneCycle(), 0.65, 0, 0.5),
        (OneCycle(end=0.1), 1.0, 0, 0.1),
        (CosLog4(), (2**0.5 - 1) / 15, 0, 1.0),
        (CosLog4(), (2**1.25 - 1) / 15, 0, 0.5),
        (Plateau(), 0.9, 100, 1.0),
    ],
)
def test_known_values(schedule, t, epoch, factor):
    assert one(schedule, t, epoch) == pytest.approx(factor, abs=1e-12)


def test_inverse_scaling_is_the_courses_decay_and_scikit_learns():
    """Course 2 week 2: update_lr and schedule_lr_decay; scikit-learn: learning_rate_init / (time_step + 1)^power_t."""
    epoch = np.arange(0.0, 3000.0, 250.0)
    course = InverseScaling(power=1.0, rate=0.3, every=1000).factors(epoch * 0, epoch)
    np.testing.assert_allclose(course, 1 / (1 + 0.3 * np.floor(epoch / 1000)), rtol=1e-15)
    m, finished = 150, np.repeat(np.arange(5.0), 3)
    scikit = InverseScaling(power=0.5, rate=m, every=1).factors(finished, finished + np.tile([0, 0.3, 0.9], 5))
    np.testing.assert_allclose(scikit, 1 / (m * finished + 1) ** 0.5, rtol=1e-15)


def test_coslog4_has_four_hills_and_ends_in_a_valley():
    valleys = np.array([0, 1 / 15, 3 / 15, 7 / 15, 1])
    np.testing.assert_allclose(CosLog4().factors(valleys, valleys), 0, atol=1e-12)
    t = np.linspace(0, 1, 100_001)
    factors = CosLog4().factors(t, t)
    inside = factors[1:-1]
    hills = np.flatnonzero((inside > factors[:-2]) & (inside > factors[2:])) + 1
    np.testing.assert_allclose(t[hills], (2.0 ** np.array([0.5, 1.5, 2.5, 3.5]) - 1) / 15, atol=2e-5)
    np.testing.assert_allclose(factors[hills], 1, atol=1e-6)


def test_one_cycle_rises_then_falls():
    t = np.linspace(0, 1, 1001)
    steps = np.diff(OneCycle(rise=0.25).factors(t, t))
    assert (steps[:250] > 0).all()
    assert (steps[250:] < 0).all()


@pytest.mark.parametrize("name", ["step", "exponential", "inverse_scaling", "cosine"])
def test_decays_never_rise(name):
    t = np.linspace(0, 1, 997)
    factors = make_schedule(name).factors(t, t * 80)
    assert factors[0] == 1.0
    assert (np.diff(factors) <= 0).all()
    assert factors[-1] < 0.2


@pytest.mark.parametrize("name", vocabulary.SCHEDULES)
def test_what_anneals_is_near_zero_at_the_end_and_nothing_else_depends_on_the_budget(name):
    schedule = make_schedule(name)
    if schedule.anneals:
        assert one(schedule, 1.0, 3.0) == pytest.approx(0.0, abs=1e-12)
    else:
        assert one(schedule, 0.1, 7.5) == one(schedule, 0.9, 7.5)


# --- properties ---


@given(names, st.lists(st.tuples(fractions, epochs), min_size=1, max_size=8), st.sampled_from([0.0, 2.5]))
def test_factors_lie_between_0_and_1_and_arrays_equal_scalars(name, moments, warm_up):
    schedule = make_schedule(name, warm_up=warm_up)
    t, epoch = np.array(moments).T
    before = t.copy(), epoch.copy()
    factors = schedule.factors(t, epoch)
    assert factors.dtype == np.float64
    assert factors.shape == t.shape
    assert (factors >= 0).all()
    assert (factors <= 1).all()
    for i in range(t.size):  # NumPy's vector loops and its scalar functions may differ in the last bit
        assert float(schedule.factors(float(t[i]), float(epoch[i]))) == pytest.approx(factors[i], rel=1e-13, abs=1e-15)
    np.testing.assert_array_equal((t, epoch), before)


@given(names, st.floats(-5.0, 5.0))
def test_a_clock_that_overshoots_is_taken_as_the_end(name, t):
    schedule = make_schedule(name)
    assert one(schedule, t, 1.0) == one(schedule, min(max(t, 0.0), 1.0), 1.0)


@given(names, fractions, st.floats(0.0, 20.0), st.floats(0.5, 10.0), fractions)
def test_warm_up_multiplies_by_a_line_that_ends_at_1(name, t, epoch, length, start):
    inner = make_schedule(name)
    line = start + (1 - start) * min(epoch / length, 1.0)
    assert one(WarmUp(inner, length, start), t, epoch) == pytest.approx(
        line * one(inner, t, epoch), rel=1e-12, abs=1e-15
    )


def test_warm_up_from_zero():
    schedule = make_schedule("constant", warm_up=2)
    np.testing.assert_array_equal(schedule.factors(np.zeros(5), np.arange(5) / 2), [0, 0.25, 0.5, 0.75, 1])
    assert make_schedule("cosine", warm_up=2).anneals
    assert not make_schedule("step", warm_up=2).anneals
    assert make_schedule("cosine", warm_up=0) == Cosine()


@pytest.mark.parametrize("warm_up", [0, 2])
def test_only_plateau_listens(warm_up):
    assert [name for name in vocabulary.SCHEDULES if make_schedule(name, warm_up=warm_up).listens] == ["plateau"]


# --- plateau ---


def factors_of(schedule, values, **which):
    seen = []
    for value in values:
        seen.append(one(schedule))
        schedule.after_epoch(value, **which)
    return [*seen, one(schedule)]


def test_plateau_cuts_after_epochs_without_improvement_and_waits_anew():
    schedule = make_schedule("plateau", factor=0.5, patience=2).begin()
    assert factors_of(schedule, [1.0, 0.9, 0.9, 0.95, 0.9, 0.91, 0.5]) == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_plateau_for_scores_takes_higher_as_better_and_keeps_its_least():
    schedule = Plateau(factor=0.1, patience=1, least=0.05).begin()
    assert factors_of(schedule, [0.5, 0.6, 0.6, 0.6, 0.7], higher_is_better=True) == [1, 1, 1, 0.1, 0.05, 0.05]


def test_each_run_begins_plateau_anew_also_inside_a_warm_up():
    for schedule in (Plateau(factor=0.5, patience=1), WarmUp(Plateau(factor=0.5, patience=1), 1e-9, 1.0)):
        first = schedule.begin()
        assert factors_of(first, [1.0, 1.0]) == [1, 1, 0.5]
        assert one(schedule) == 1
        assert one(first.begin()) == 1
        assert one(first) == 0.5


def test_stateless_schedules_are_frozen_and_do_not_listen():
    schedule = Cosine()
    assert schedule.begin() is schedule
    schedule.after_epoch(1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.end = 0.5


# --- making ---


@pytest.mark.parametrize("name", vocabulary.SCHEDULES)
def test_every_name_makes_a_schedule_that_equals_itself(name):
    assert make_schedule(name) == make_schedule(name) == parse_schedule(name)
    assert isinstance(as_schedule(name), Schedule)


def test_schedules_of_ones_own():
    class Half(Schedule):
        def factors(self, t, epoch):
            return np.full(np.shape(t), 0.5)

    own = Half()
    assert as_schedule(own) is own
    assert one(WarmUp(own, 2.0), 0.0, 1.0) == 0.25


def test_text_with_options():
    assert parse_schedule("step:every=20,factor=0.1") == Step(0.1, 20)
    assert parse_schedule(" one_cycle: rise = 0.5 ", warm_up=3) == WarmUp(OneCycle(rise=0.5), 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosin", r"Unknown schedule 'cosin'. Did you mean 'cosine'\? Allowed: constant, step"),
        ("cosine:ned=1", r"Unknown option of schedule 'cosine': 'ned'. Did you mean 'end'"),
        ("constant:end=1", "Schedule 'constant' has no options, got 'end'"),
        ("coslog4:end=1", "no options"),
        ("step:every", "'every' must be OPTION=NUMBER"),
        ("step:", "OPTION=NUMBER"),
        ("step:every=often", "OPTION=NUMBER"),
        ("step:every=0", "every of schedule 'step' must be a number above 0, got 0.0"),
        ("step:factor=1.5", "factor of schedule 'step' must be a number above 0 and at most 1, got 1.5"),
        ("exponential:rate=0", "rate of schedule 'exponential'"),
        ("exponential:rate=nan", "got nan"),
        ("inverse_scaling:power=-1", "power of schedule 'inverse_scaling' must be a number 0 or more"),
        ("inverse_scaling:rate=inf", "got inf"),
        ("cosine:end=2", "0 or more and at most 1, got 2"),
        ("one_cycle:rise=1", "rise of schedule 'one_cycle' must be a number above 0 and below 1, got 1"),
        ("one_cycle:start=-0.1", "start of schedule 'one_cycle'"),
        ("plateau:factor=1", "factor of schedule 'plateau'"),
        ("plateau:patience=0", "patience must be a whole number, 1 or more, got 0"),
        ("plateau:patience=1.5", "whole number"),
        ("plateau:least=2", "least of schedule 'plateau'"),
        ("plateau:min_delta=-1", "min_delta must be a number 0 or more"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(ParameterError, match=words):
        parse_schedule(text)


@pytest.mark.parametrize("length", [-1, math.nan, math.inf, True, "2"])
def test_warm_ups_that_are_refused(length):
    with pytest.raises(ParameterError, match="warm_up must be a number 0 or more"):
        make_schedule("cosine", warm_up=length)


def test_only_schedules_can_be_wrapped_and_used():
    with pytest.raises(ParameterError, match="wraps a schedule"):
        WarmUp("cosine", 2)
    with pytest.raises(ParameterError, match="epochs of schedule 'warm_up'"):
        WarmUp(Cosine(), 0)
    with pytest.raises(ParameterError, match="schedule must be a name or a Schedule, got 3"):
        as_schedule(3)
