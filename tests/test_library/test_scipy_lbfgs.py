"""fastdnn/scipy_lbfgs.py: SciPy's minimizer where there is one, and a sentence where there is none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from fastdnn.errors import MissingExtraError
from fastdnn.examples import Examples
from fastdnn.lbfgs import train_lbfgs
from fastdnn.network import Network
from fastdnn.scipy_lbfgs import minimize
from fastdnn.settings import FitOptions


def test_a_parabola_has_its_minimum_in_the_network_afterwards():
    pytest.importorskip("scipy")
    network, seen = Network([2, 1], loss="squared_error", dtype="float64"), []
    target = np.array([3.0, -2.0, 0.5])
    result = minimize(
        network, lambda theta: (float(np.sum((theta - target) ** 2)), 2 * (theta - target)), 50, 100, 1e-9, seen.append
    )
    assert result.success
    np.testing.assert_allclose(network.parameters, target, atol=1e-8)
    np.testing.assert_array_equal(seen[-1], result.x)


@pytest.mark.parametrize("threadpoolctl", [True, False])
def test_blas_has_one_thread_meanwhile_where_threadpoolctl_can_say_so(monkeypatch, threadpoolctl):
    pytest.importorskip("scipy")
    info = pytest.importorskip("threadpoolctl").threadpool_info
    if not threadpoolctl:
        monkeypatch.setitem(sys.modules, "threadpoolctl", None)

    def threads():
        return [library["num_threads"] for library in info() if library["user_api"] == "blas"]

    before, seen = threads(), []

    def evaluation(theta):
        seen.append(threads())
        return float(theta @ theta), 2 * theta

    minimize(Network([2, 1], dtype="float64"), evaluation, 3, 10, 1e-9)
    assert all(found == ([1] * len(before) if threadpoolctl else before) for found in seen)
    assert seen
    assert threads() == before


def test_without_scipy_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    for attempt in (
        lambda: FitOptions(optimizer="lbfgs").check(),
        lambda: train_lbfgs(Network([2, 1]), Examples(np.ones((3, 2)), np.ones(3))),
    ):
        with pytest.raises(MissingExtraError, match="L-BFGS is SciPy's, which is not installed") as caught:
            attempt()
        assert caught.value.hint == "pip install 'fastdnn[sklearn]'"
