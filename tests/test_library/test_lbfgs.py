"""fastdnn/lbfgs.py: it ends at the minimum, says how, and refuses what it cannot do."""

from __future__ import annotations

import time

import numpy as np
import pytest

from fastdnn.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from fastdnn.errors import DivergenceError, ParameterError
from fastdnn.examples import Examples
from fastdnn.lbfgs import train_lbfgs
from fastdnn.loggers import CSVLogger
from fastdnn.network import Network
from fastdnn.objective import Objective

pytest.importorskip("scipy")


def noisy(m, seed):
    """A wave in two columns with much noise: a network that trains on few rows soon learns the noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 2))
    return Examples(X, np.sin(2 * X[:, 0]) + X[:, 1] + rng.normal(size=m))


TRAIN, VALID = noisy(60, 0), noisy(200, 1)


def new_network(**options):
    return Network([2, 12, 1], "tanh", loss="squared_error", dtype="float64", **options)


class Keep(Callback):
    """Remembers the parameters of every iteration; does `at` in iteration `when`."""

    def __init__(self, when=0, at=None):
        self.parameters, self.when, self.at, self.ended = [], when, at, False

    def on_epoch_end(self, run):
        self.parameters.append(run.network.parameters.copy())
        if run.epoch == self.when:
            self.at(run)

    def on_train_end(self, run):
        self.ended = True


def with_parameters(parameters):
    network = new_network()
    network.parameters[:] = parameters
    return network


def test_linear_regression_ends_at_the_solution_of_the_normal_equations(rng):
    X, noise = rng.normal(size=(200, 4)), rng.normal(size=200)
    Y, m, l2 = X @ np.arange(4.0) + 2 + 0.1 * noise, 200, 3.0
    network = Network([4, 1], loss="squared_error", dtype="float64")
    history = train_lbfgs(network, Examples(X, Y), l2=l2, tolerance=1e-10)
    A = np.column_stack([X, np.ones(m)])
    solution = np.linalg.solve(A.T @ A + l2 * np.diag([1, 1, 1, 1, 0]), A.T @ Y)
    # SciPy ends where the cost falls by less than 2e-9 of itself, which leaves parameters the root of that from the minimum.
    np.testing.assert_allclose(np.append(network.weights[0], network.biases[0]), solution, atol=5e-5)
    assert history.stopped_by == "converged"
    assert history["loss"][-1] == pytest.approx(0.5 * np.mean((A @ solution - Y) ** 2), rel=1e-5)


def test_a_hidden_layer_learns_and_rows_count(rng):
    X = rng.normal(size=(300, 2))
    Y = (X[:, 0] * X[:, 1] > 0).astype(float)
    network = Network([2, 16, 1], "tanh", dtype="float64", seed=2)
    before = network.cost(Examples(X, Y))
    history = train_lbfgs(network, Examples(X, Y), iterations=60)
    assert len(history.epochs) <= 60
    assert network.cost(Examples(X, Y)) == pytest.approx(history["loss"][-1], rel=1e-9)
    assert history["loss"][-1] < 0.2 * before


def test_each_iteration_lowers_the_cost_and_history_has_its_losses():
    keep, network = Keep(), new_network()
    history = train_lbfgs(network, TRAIN, VALID, l2=0.5, iterations=40, patience=None, metric="rmse", callbacks=[keep])
    networks = [with_parameters(parameters) for parameters in keep.parameters]
    J = [other.cost(TRAIN, 0.5) for other in [new_network(), *networks]]
    assert len(J) == 41
    assert np.all(np.diff(J) < 0)
    np.testing.assert_allclose(history["loss"], [other.cost(TRAIN) for other in networks], rtol=1e-12)
    np.testing.assert_allclose(history["valid_loss"], [other.cost(VALID) for other in networks], rtol=1e-12)
    np.testing.assert_allclose(np.square(history["valid_rmse"]) / 2, history["valid_loss"], rtol=1e-12)
    assert (history.optimizer, history.batch_size, history.stopped_by) == ("lbfgs", 60, "epochs")


@pytest.mark.parametrize("metric", [None, "rmse", "loss"])
def test_the_best_iteration_is_kept_and_patience_ends_the_run(metric):
    keep, network = Keep(), new_network()
    history = train_lbfgs(network, TRAIN, VALID, metric=metric, patience=5, iterations=100, callbacks=[keep])
    watched = history["valid_loss" if metric is None else "loss" if metric == "loss" else "valid_rmse"]
    assert history.best_epoch == 1 + int(np.argmin(watched))
    np.testing.assert_array_equal(network.parameters, keep.parameters[history.best_epoch - 1])
    if metric != "loss":
        assert (history.stopped_by, len(history.epochs)) == ("patience", history.best_epoch + 5)
        assert history["loss"][-1] < history["loss"][history.best_epoch - 1]
    assert keep.ended


def test_without_a_validation_part_the_last_iteration_is_kept():
    network = new_network()
    history = train_lbfgs(network, TRAIN, iterations=15, patience=1)
    assert history.best_epoch == len(history.epochs) == 15
    assert history["valid_loss"] == [None] * 15
    assert network.cost(TRAIN) == pytest.approx(history["loss"][-1], rel=1e-12)


def test_gains_below_min_delta_do_not_count():
    history = train_lbfgs(new_network(), TRAIN, VALID, patience=3, min_delta=1e9)
    assert (history.stopped_by, len(history.epochs)) == ("patience", 4)


@pytest.mark.parametrize(("limit", "most"), [(1e-9, 1), (0.2, 4)])
def test_a_time_limit_ends_the_run_after_an_iteration_at_least(limit, most):
    class Slow(Keep):
        def on_epoch_end(self, run):
            super().on_epoch_end(run)
            time.sleep(0.06)

    keep, network = Slow(), new_network()
    history = train_lbfgs(network, TRAIN, time_limit=limit, callbacks=[keep])
    assert history.stopped_by == "time limit"
    assert 1 <= len(history.epochs) <= most
    assert history.seconds >= limit
    np.testing.assert_array_equal(network.parameters, keep.parameters[-1])


def test_callbacks_stop_the_run_and_log_it(tmp_path):
    keep = Keep(3, lambda run: run.stop("enough"))
    history = train_lbfgs(new_network(), TRAIN, VALID, callbacks=[keep, CSVLogger(tmp_path / "log.csv")])
    assert (history.stopped_by, len(history.epochs)) == ("enough", 3)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,valid_loss,valid_score,learning_rate,seconds,samples_per_s"
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_a_callback_may_end_the_run_before_it_begins():
    class Never(Keep):
        def on_train_begin(self, run):
            run.stop("never")

    keep, network = Never(), new_network()
    history = train_lbfgs(network, TRAIN, callbacks=[keep])
    assert (history.stopped_by, history.epochs, history.best_epoch, keep.ended) == ("never", [], 0, True)
    np.testing.assert_array_equal(network.parameters, new_network().parameters)


def test_early_stopping_restores_its_own_best():
    network, keep = new_network(), Keep()
    history = train_lbfgs(
        network, TRAIN, VALID, metric="loss", patience=None, iterations=60, callbacks=[EarlyStopping(patience=4), keep]
    )
    assert history.stopped_by == "no better valid_loss for 4 epochs"
    assert history.best_epoch == 1 + int(np.argmin(history["valid_loss"]))
    np.testing.assert_array_equal(network.parameters, keep.parameters[history.best_epoch - 1])


def test_there_is_no_learning_rate_to_set():
    callback = ReduceLROnPlateau(patience=1, min_delta=100.0)
    with pytest.raises(ParameterError, match=r"set the learning rate to 0.1, but L-BFGS has none"):
        train_lbfgs(new_network(), TRAIN, VALID, callbacks=[callback])


def interrupt(run):
    raise KeyboardInterrupt


def test_an_interrupt_keeps_the_best_iteration():
    keep, network = Keep(25, interrupt), new_network()
    history = train_lbfgs(network, TRAIN, VALID, patience=None, callbacks=[keep])
    assert (history.stopped_by, len(history.epochs), keep.ended) == ("interrupt", 25, True)
    assert history.best_epoch == 1 + int(np.argmin(history["valid_loss"])) < 25
    np.testing.assert_array_equal(network.parameters, keep.parameters[history.best_epoch - 1])


def test_a_weight_of_k_is_as_k_copies():
    rng = np.random.default_rng(5)
    k = rng.integers(0, 4, len(TRAIN))
    weighted, copied = new_network(), new_network()
    one = train_lbfgs(weighted, Examples(TRAIN.X, TRAIN.Y, weights=k), l2=1.0, iterations=10)
    two = train_lbfgs(copied, Examples(TRAIN.X.repeat(k, axis=0), TRAIN.Y.repeat(k)), l2=1.0, iterations=10)
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-8)
    np.testing.assert_allclose(weighted.parameters, copied.parameters, rtol=1e-5, atol=1e-7)


def test_threads_change_no_bit():
    networks = [new_network() for _ in range(3)]
    for network, threads in zip(networks, (1, 2, None), strict=True):
        train_lbfgs(network, TRAIN, VALID, threads=threads, iterations=30, patience=None)
    assert len({network.parameters.tobytes() for network in networks}) == 1


def test_progress_is_told_of_iterations():
    told = []
    history = train_lbfgs(new_network(), TRAIN, VALID, iterations=5, progress=told.append)
    first, last = told[0], told[-1]
    assert (first.epoch, first.epochs, first.rows_done, first.rows, first.best_epoch) == (1, 5, 60, 60, 1)
    assert (first.loss, first.valid_loss) == (history["loss"][0], history["valid_loss"][0])
    assert last.seconds_left is not None


def test_a_step_too_long_for_the_numbers_is_made_shorter():
    """Rates of e^Z: the first steps overflow. SciPy, when told of an infinite cost, takes the place before it for the minimum."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 6)) * 20
    examples = Examples(X, rng.poisson(np.exp(np.clip(X[:, 0], -3, 5))).astype(float))
    network = Network([6, 16, 1], loss="poisson", dtype="float64")
    history = train_lbfgs(network, examples, iterations=100)
    assert len(history.epochs) == 100
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < -200 < 600 < history["loss"][0]


def test_a_cost_that_is_not_finite_at_the_start_is_said_in_words():
    X = np.ones((5, 2), np.float32)
    X[3] = 1e30
    network = Network([2, 4, 1], loss="squared_error")
    before = network.parameters.copy()
    with pytest.raises(
        DivergenceError, match=r"not finite at the parameters that L-BFGS is to begin with.* row 3 of X"
    ) as caught:
        train_lbfgs(network, Examples(X, np.ones(5)))
    assert (caught.value.epoch, caught.value.row) == (1, 3)
    np.testing.assert_array_equal(network.parameters, before)


def test_where_no_step_lowers_the_cost_the_run_ends_and_says_so(monkeypatch):
    right = Objective.value_and_gradient

    def uphill(self, theta):
        value, gradient = right(self, theta)
        return value, -gradient

    monkeypatch.setattr(Objective, "value_and_gradient", uphill)
    network = new_network()
    history = train_lbfgs(network, TRAIN)
    assert (history.stopped_by, history.epochs) == ("line search", [])
    np.testing.assert_array_equal(network.parameters, new_network().parameters)


def test_where_the_gradient_is_zero_there_is_nothing_to_do():
    network = Network([1, 1], loss="squared_error", dtype="float64")
    network.parameters[:] = 0
    Y = np.array([1.0, 1.0, -1.0, -1.0])
    history = train_lbfgs(network, Examples(np.array([[1.0], [-1.0], [1.0], [-1.0]]), Y))
    assert (history.stopped_by, history.epochs, history.best_epoch) == ("converged", [], 0)


@pytest.mark.parametrize(
    "wrong",
    [{"iterations": 0}, {"tolerance": -1.0}, {"l2": np.nan}, {"time_limit": 0.0}, {"patience": 0}, {"min_delta": -1.0}],
)
def test_numbers_outside_their_range(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        train_lbfgs(Network([2, 1]), Examples(np.ones((3, 2)), np.ones(3)), **wrong)
