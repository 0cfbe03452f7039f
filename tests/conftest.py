"""What the tests share: the two float types, and the sizes at which kernels change their ways."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A shell starts what it puts into the background deaf to Ctrl-C, and so are its children; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples are few and their time is the compiler's: no deadline, and the same examples every time.
settings.register_profile(
    "fastdnn", deadline=None, derandomize=True, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fastdnn")


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """A float type that every kernel serves, as NumPy's scalar type: dtype(0.5) makes a number."""
    return np.dtype(request.param).type


@pytest.fixture
def rng():
    """A generator that draws the same numbers in every test."""
    return np.random.default_rng(20)
