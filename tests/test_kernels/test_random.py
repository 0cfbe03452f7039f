"""kernels/random.py: the bits are those of the published generator, and a shuffle is a fair permutation."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from callers import from_python
from hypothesis import given
from hypothesis import strategies as st

from fastdnn.kernels import random

random_uint64 = from_python(random.random_uint64)
INT64 = st.integers(-(2**63), 2**63 - 1)


def draw(seed, stream, counter):
    return int(random_uint64(seed, stream, counter))


def permutation(m, seed, epoch):
    rows, order = np.arange(m), np.full(m, -1)
    random.shuffle(rows, order, seed, epoch)
    return order


@given(INT64, INT64, INT64)
def test_bits_equal_oracle(seed, stream, counter):
    assert draw(seed, stream, counter) == reference.random_uint64(seed, stream, counter)


def test_the_oracle_is_the_published_generator():
    """The first numbers of SplitMix64 with seed 1234567, as its authors' C code prints them."""
    state, drawn = 1234567, []
    for _ in range(3):
        drawn.append(reference.splitmix64(state))
        state += 0x9E3779B97F4A7C15
    assert drawn == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@pytest.mark.parametrize("m", [1, 2, 7, 1000])
def test_shuffle_equals_oracle(m):
    rows = np.arange(m)[::-1] * 3 + 1
    kept, order = rows.copy(), np.full(m, -1)
    random.shuffle(rows, order, 5, 2)
    np.testing.assert_array_equal(order, reference.permutation(list(kept), 5, 2))
    np.testing.assert_array_equal(rows, kept)


@given(st.integers(0, 200), INT64, st.integers(0, 10**6))
def test_shuffle_is_a_permutation_of_its_rows(m, seed, epoch):
    order = permutation(m, seed, epoch)
    np.testing.assert_array_equal(np.sort(order), np.arange(m))
    np.testing.assert_array_equal(permutation(m, seed, epoch), order)


def test_seed_and_epoch_each_change_the_order():
    orders = {tuple(permutation(50, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_rows_may_be_read_only():
    rows, order = np.arange(9), np.empty(9, np.int64)
    rows.flags.writeable = False
    random.shuffle(rows, order, 1, 1)
    assert sorted(order) == list(range(9))


def test_every_place_is_as_likely_as_any_other():
    """4000 shuffles of 5: each of 25 counts is binomial(4000, 1/5), standard deviation 25; five of them are 126."""
    counts = np.zeros((5, 5))
    for epoch in range(4000):
        counts[np.arange(5), permutation(5, 3, epoch)] += 1
    assert abs(counts - 800).max() < 126
