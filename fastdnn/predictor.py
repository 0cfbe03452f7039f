"""Predictor: a network's answers again and again, from parameters and buffers that are kept between calls."""

from __future__ import annotations

import math
import threading
from collections import deque
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.errors import ParameterError
from fastdnn.examples import Examples
from fastdnn.inference import ROWS_AT_A_TIME, evaluate_in
from fastdnn.kernels import layout
from fastdnn.kernels.predict import MATRICES, predict_rows
from fastdnn.network import Network
from fastdnn.panels import aligned_zeros
from fastdnn.workers import check_threads, run_workers
from fastdnn.workspace import Workspace

Array = NDArray[Any]

# Floating-point operations of a part of a batch that a thread takes at a time: some 0.1 ms, what starting a thread costs.
_PART_FLOPS = 10_000_000


class Predictor:
    """A[L] of each example by a copy of a network's parameters: what `network.predict` gives, with the same bits.

    A call with one row takes a microsecond or two and what the network's arithmetic needs, if X is a C-contiguous array of the
    network's dtype; other input is converted first. Several threads may call at once: each call has buffers of its own.

    Parameters
    ----------
    network : its parameters are copied now, and at `refresh`; training it meanwhile changes no answer.
    threads : most threads of one call, at least 1; small batches use fewer. The result has the same bits for every number.
    rows : examples that a thread takes through the network at a time, which sizes the buffers.

    Attributes
    ----------
    network : the Network that `refresh` reads.

    Raises
    ------
    ParameterError : `threads` or `rows` out of range.

    Examples
    --------
    >>> from fastdnn import Network, Predictor
    >>> predictor = Predictor(Network([2, 3, 1], seed=1))
    >>> predictor([[0.5, -1.0]]).shape
    (1, 1)
    """

    def __init__(self, network: Network, threads: int = 1, rows: int = ROWS_AT_A_TIME) -> None:
        if rows < 1:
            raise ParameterError(f"A predictor takes at least 1 row at a time; got {rows}.")
        self.network = network
        self.threads = check_threads(threads)
        self.rows = int(rows)
        self._dtype = np.dtype(network.dtype.type)  # NumPy's own object, so that `is` can compare with it
        self._n_x, self._n_y = network.layer_dims[0], network.layer_dims[-1]
        products = [n * n_prev for n_prev, n in pairwise(network.layer_dims)]
        self._least_part = math.ceil(_PART_FLOPS / (2 * sum(products)))
        self._slope = np.array([network.leaky_slope], self._dtype)
        self._workspace_lock = threading.Lock()
        self._buffers: deque[Array] = deque()
        self.refresh()
        # Compiles the kernel, or takes it from the cache, before the first answer is wanted.
        nothing = np.empty((0, self._n_x), self._dtype), np.empty((0, self._n_y), self._dtype)
        self._predict(*nothing, self._parameters)

    def __call__(self, X: Any, out: Array | None = None) -> Array:
        """A[L] of each example.

        Parameters
        ----------
        X : (m, n_x) matrix, a vector (n_x,) as one row, or Examples.
        out : None, or a C-contiguous (m, n_y) array of the network's dtype that shares no memory with X; overwritten, in part
            also where an error is raised.

        Returns
        -------
        (m, n_y) of the network's dtype, which is `out` if given; row i belongs to example i of Examples' `rows`.

        Raises
        ------
        DataError : as `network.predict`: a wrong width, no row, NaN or infinity, not numbers.
        ParameterError : `out` is not such an array.
        """
        # What this lets pass the kernel can read as it is, or find fault with; all else is sorted out in `_carefully`.
        if type(X) is np.ndarray and X.dtype is self._dtype and X.flags.carray:
            if X.ndim == 1:
                X = X.reshape(1, -1)
            if X.ndim == 2:
                if out is None:
                    AL = np.empty((len(X), self._n_y), self._dtype)
                else:
                    AL = self._checked_out(out, len(X), X)
                if self.threads == 1:
                    done = self._predict(X, AL, self._parameters)
                else:
                    done = self._predict_parts(X, AL, self._parameters)
                if done:
                    return AL
        return self._carefully(X, out)

    def refresh(self) -> None:
        """Copy the network's parameters again, as after training. A call under way ends with those it began with."""
        self._workspace = Workspace(self.network, self.rows * self.threads, self.threads, training=False)
        self._parameters, self._layout = self._workspace.buffers.parameters, self._workspace.buffers.layout

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with the parameters it predicts with, not those its network may have by now."""
        weights = [np.empty_like(W) for W in self.network.weights]
        biases = [np.empty_like(b) for b in self.network.biases]
        for l, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
            self._workspace.read_layer(self._workspace.buffers.parameters, l, W, b)
        network = self.network
        facts = list(network.activations), network.loss, network.loss_options, self._dtype.name, network.leaky_slope
        return _restored, (weights, biases, *facts, self.threads, self.rows)

    def _new_buffers(self) -> Array:
        panels, width = int(self._layout[:, layout.PANELS].max()), self._workspace.buffers.scratch.shape[2]
        return aligned_zeros((MATRICES * panels, self.rows, width), self._dtype)

    def _predict(self, X: Array, AL: Array, parameters: Array) -> bool:
        """kernels.predict.predict_rows in buffers that no other call has."""
        try:
            buffers = self._buffers.pop()
        except IndexError:
            buffers = self._new_buffers()
        done: bool = predict_rows(X, AL, parameters, self._layout, buffers, self._slope)
        self._buffers.append(buffers)
        return done

    def _predict_parts(self, X: Array, AL: Array, parameters: Array) -> bool:
        """As `_predict`, on as many threads as pay: each takes the next part that is left, so a busy core takes fewer."""
        m = len(X)
        if X.shape[1] != self._n_x or m < 2 * self._least_part:
            return self._predict(X, AL, parameters)
        part_rows = max(self._least_part, min(self.rows, math.ceil(m / self.threads)))
        starts = iter(range(0, m, part_rows))
        refused: list[int] = []

        def work(_: int) -> None:
            for start in starts:  # which all threads share
                part = slice(start, start + part_rows)
                if refused:
                    return
                if not self._predict(X[part], AL[part], parameters):
                    refused.append(start)

        run_workers(work, min(self.threads, math.ceil(m / part_rows)))
        return not refused

    def _carefully(self, X: Any, out: Array | None) -> Array:
        """Any input: converted, or refused with the reason."""
        if not isinstance(X, Examples):
            X = np.asarray(X)
            X = X.reshape(1, -1) if X.ndim == 1 else X
            if X.ndim == 2 and len(X) <= self.rows and X.dtype.kind in "fib":
                few = np.empty((len(X), self._n_y), self._dtype) if out is None else self._checked_out(out, len(X), X)
                if self._predict(self._copied(X), few, self._parameters):
                    return few
            X = Examples(X)
        workspace = self._workspace
        data = workspace.data(X, with_targets=False)
        if out is not None:
            self._checked_out(out, len(X), X.X)
        with self._workspace_lock:
            AL = evaluate_in(workspace, data, X.indices, self.threads, with_losses=False)[0]
        if out is None:
            return AL
        out[:] = AL
        return out

    def _copied(self, X: Array) -> Array:
        """X as the kernel reads it, by way of float64 where Examples goes that way; too large a number becomes infinity."""
        with np.errstate(over="ignore"):
            return np.array(X if X.dtype in (np.float32, np.float64) else X.astype(np.float64), self._dtype, order="C")

    def _checked_out(self, out: Array, m: int, X: Array) -> Array:
        """`out`, or ParameterError."""
        fits = isinstance(out, np.ndarray) and out.shape == (m, self._n_y) and out.dtype == self._dtype
        if not fits or not out.flags.carray:
            given = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            order = ", not writeable or not C-contiguous" if fits else ""
            raise ParameterError(
                f"out must be a writeable C-contiguous {self._dtype} array of shape ({m}, {self._n_y}), got {given}{order}."
            )
        if np.may_share_memory(out, X):
            raise ParameterError("out shares memory with X, which would be overwritten while it is read.", "out=None")
        return out


def _restored(
    weights: list[Array], biases: list[Array], activations: list[str], loss: str, loss_options: dict[str, Any], dtype: str,
    leaky_slope: float, threads: int, rows: int,
) -> Predictor:  # fmt: skip
    network = Network.from_parameters(
        weights, biases, activations, loss, dtype=dtype, leaky_slope=leaky_slope, loss_options=loss_options
    )
    return Predictor(network, threads, rows)
