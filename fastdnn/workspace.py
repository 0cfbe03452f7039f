"""Workspace: every buffer of a job, allocated once; and where each layer's part of it lies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.activation_codes import activation_code
from fastdnn.compilation import load_kernels
from fastdnn.errors import DataError
from fastdnn.examples import Examples
from fastdnn.kernels import layout
from fastdnn.kernels.optimizers import RATES
from fastdnn.kernels.panels import NARROW
from fastdnn.kernels.sync import MOST_SPINS, SPINS
from fastdnn.kernels.vector import panel_width
from fastdnn.loss_codes import check_targets
from fastdnn.network import Network
from fastdnn.panels import aligned_zeros, fill_panels, fill_weights, panel_count, panel_rows, read_weights, weight_shape
from fastdnn.work_shares import share_out, share_rows

Array = NDArray[Any]


class Workspace:
    """The engine's buffers for one network: `batch` examples at a time, `workers` threads.

    Parameters
    ----------
    network : read at `load`, overwritten at `store`.
    training : False leaves out what only training writes (moments, transposed weights).
    weighted : the examples have weights. clipping : the gradient's norm will be limited. dropout : the shares of A[0] .. A[L-1].

    Attributes
    ----------
    buffers : fastdnn.kernels.layout.Buffers, what the kernels take.
    """

    def __init__(
        self, network: Network, batch: int, workers: int, *, training: bool = True, weighted: bool = False,
        clipping: bool = False, dropout: tuple[float, ...] = (),
    ) -> None:  # fmt: skip
        self.network, self.batch, self.workers = network, batch, workers
        dtype, dims = network.dtype, network.layer_dims
        width = panel_width(dtype)
        panels, rows = [panel_count(n, dtype) for n in dims], panel_rows(batch, dtype)
        table = np.zeros((len(dims), layout.LAYOUT_COLUMNS), np.int64)
        ends = dict.fromkeys((layout.A_AT, layout.DZ_AT, layout.W_AT, layout.WT_AT), 0)

        def take(l: int, column: int, size: int) -> None:
            table[l, column] = ends[column]
            ends[column] += size

        for l, n in enumerate(dims):
            table[l, [layout.UNITS, layout.PANELS, layout.ROWS]] = n, panels[l], rows
            take(l, layout.A_AT, panels[l] * rows * width)
            if l > 0:
                table[l, layout.ACTIVATION] = activation_code(network.activations[l - 1], dtype)
                take(l, layout.DZ_AT, panels[l] * rows * width)
                take(l, layout.W_AT, math.prod(weight_shape(dims[l - 1], n, dtype)))
                table[l, layout.B_AT] = ends[layout.W_AT]
                ends[layout.W_AT] += panels[l] * width
                if l > 1 and n > NARROW:
                    take(l, layout.WT_AT, panels[l] * panels[l - 1] * width * width)
        n_parameters = ends[layout.W_AT]
        # Without training there is no update, and everybody takes whole rows.
        self._share_out = share_out if training else share_rows
        shares = self._share_out(dims, batch, dtype, workers)
        table[:, layout.FORWARD_GROUPS :] = shares.groups
        self.buffers = layout.Buffers(
            layout=table,
            parameters=aligned_zeros((n_parameters,), dtype),
            moments1=aligned_zeros((n_parameters if training else 0,), dtype),
            moments2=aligned_zeros((n_parameters if training else 0,), dtype),
            gradients=aligned_zeros((n_parameters if clipping else 0,), dtype),
            transposed=aligned_zeros((ends[layout.WT_AT] if training else 0,), dtype),
            activations=aligned_zeros((ends[layout.A_AT],), dtype),
            deltas=aligned_zeros((ends[layout.DZ_AT],), dtype),
            logits=aligned_zeros((max(panels[1:]) * rows * width,), dtype),
            scratch=aligned_zeros((workers, width + 1, width), dtype),
            rates=aligned_zeros((workers, RATES), dtype),
            squares=np.zeros(len(shares.blocks) if clipping else 0),
            dropout=np.array(dropout or [0.0] * (len(dims) - 1)),
            batch_labels=np.zeros(batch, np.int64),
            batch_targets=np.zeros((batch, dims[-1]), dtype),
            batch_weights=np.zeros(batch if weighted else 0, dtype),
            loss_parameters=network.loss_parameters(),
            losses=np.zeros(batch),
            blocks=shares.blocks,
            shares=shares.begins,
            waits=np.zeros((workers, 8), np.int64),
        )
        self.buffers.waits[:, SPINS] = MOST_SPINS
        self._shared_out = {workers: self.buffers}
        load_kernels(dtype)
        self.load()

    def with_workers(self, workers: int) -> layout.Buffers:
        """The same buffers, the work shared out among another number of workers, at most `self.workers`."""
        found = self._shared_out.get(workers)
        if found is None:
            shares = self._share_out(self.network.layer_dims, self.batch, self.network.dtype, workers)
            table = self.buffers.layout.copy()
            table[:, layout.FORWARD_GROUPS :] = shares.groups
            found = self.buffers._replace(layout=table, blocks=shares.blocks, shares=shares.begins)
            self._shared_out[workers] = found
        return found

    def load(self) -> None:
        """Copy the network's parameters into the buffers."""
        for l, (W, b) in enumerate(zip(self.network.weights, self.network.biases, strict=True), 1):
            self.fill_layer(self.buffers.parameters, l, W, b)
            if l > 1 and W.shape[0] > NARROW and self.buffers.transposed.size:
                fill_panels(self._transposed(l), W)

    def store(self) -> None:
        """Copy the buffers' parameters into the network."""
        for l, (W, b) in enumerate(zip(self.network.weights, self.network.biases, strict=True), 1):
            self.read_layer(self.buffers.parameters, l, W, b)

    def read_layer(self, flat: Array, l: int, W: Array, b: Array) -> None:
        """Copy layer l of a flat buffer laid out as `parameters` into W (n_l, n_{l-1}) and b (n_l, 1)."""
        read_weights(self._weights(flat, l), W)
        b[:, 0] = self._biases(flat, l)

    def fill_layer(self, flat: Array, l: int, W: Array, b: Array) -> None:
        """The inverse of `read_layer`, the padding left as it is."""
        fill_weights(self._weights(flat, l), W)
        self._biases(flat, l)[:] = b[:, 0]

    def activations(self, l: int) -> Array:
        """The panels of A[l], in the buffers themselves."""
        table, width = self.buffers.layout, self.buffers.scratch.shape[2]
        panels, rows, at = table[l, [layout.PANELS, layout.ROWS, layout.A_AT]]
        A: Array = self.buffers.activations[at : at + panels * rows * width].reshape(panels, rows, width)
        return A

    def data(self, examples: Examples, *, with_targets: bool) -> layout.Data:
        """The examples as the kernels take them; raises DataError where they do not fit the network."""
        network, dtype = self.network, self.network.dtype
        network.check_width(examples.X)
        n = examples.X.shape[1]
        is_pixels = examples.X.dtype == np.uint8
        labels, targets = np.zeros(0, np.int64), np.zeros((0, 0), dtype)
        # A workspace without room for weights sees examples as equal.
        weights = (
            examples.weights if examples.weights is not None and self.buffers.batch_weights.size else np.zeros(0, dtype)
        )
        if with_targets:
            if network.loss == "categorical_cross_entropy":
                labels = _labels(examples, network.layer_dims[-1])
            else:
                targets = _targets(examples, network)
        scale = 1 / 255 if examples.scale is None else examples.scale
        shift = 0.0 if examples.shift is None else examples.shift
        return layout.Data(
            X=_read_only(np.zeros((0, n), dtype) if is_pixels else _as_type(examples.X, dtype, "X")),
            pixels=_read_only(examples.X if is_pixels else np.zeros((0, n), np.uint8)),
            scale=_read_only(np.broadcast_to(np.asarray(scale, dtype), (n if is_pixels else 0,)).copy()),
            shift=_read_only(np.broadcast_to(np.asarray(shift, dtype), (n if is_pixels else 0,)).copy()),
            labels=_read_only(labels),
            targets=_read_only(targets),
            weights=_read_only(_as_type(weights, dtype, "weights")),
        )

    def _weights(self, flat: Array, l: int) -> Array:
        shape = weight_shape(self.network.layer_dims[l - 1], self.network.layer_dims[l], self.network.dtype)
        panels: Array = flat[self.buffers.layout[l, layout.W_AT] :][: math.prod(shape)].reshape(shape)
        return panels

    def _biases(self, flat: Array, l: int) -> Array:
        at = self.buffers.layout[l, layout.B_AT]
        return flat[at : at + self.network.layer_dims[l]]

    def _transposed(self, l: int) -> Array:
        table, width = self.buffers.layout, self.buffers.scratch.shape[2]
        shape = (table[l - 1, layout.PANELS], table[l, layout.PANELS] * width, width)
        panels: Array = self.buffers.transposed[table[l, layout.WT_AT] :][: np.prod(shape)].reshape(shape)
        return panels


def _labels(examples: Examples, n_y: int) -> NDArray[np.int64]:
    Y = _given(examples)
    if Y.ndim != 1 or Y.dtype.kind not in "iu":
        raise DataError(
            f"Categorical cross-entropy takes Y as a vector of class numbers 0 to {n_y - 1}, got {Y.dtype} of shape {Y.shape}."
        )
    used = Y[examples.indices]
    if used.min() < 0 or used.max() >= n_y:
        raise DataError(f"Class numbers must lie in 0 to {n_y - 1}, got {used.min()} to {used.max()}.")
    return np.ascontiguousarray(Y, np.int64)


def _targets(examples: Examples, network: Network) -> Array:
    Y = _given(examples)
    n_y = network.layer_dims[-1]
    Y = Y.reshape(-1, 1) if Y.ndim == 1 else Y
    if network.loss == "quantile" and Y.ndim == 2 and Y.shape[1] == 1:
        Y = np.repeat(Y, n_y, axis=1)
    if Y.ndim != 2 or Y.shape[1] != n_y:
        raise DataError(f"The network has {n_y} outputs, but Y has the shape {Y.shape}.")
    check_targets(network.loss, Y[examples.indices])
    return _as_type(Y, network.dtype, "Y")


def _as_type(values: Array, dtype: np.dtype[Any], name: str) -> Array:
    """`values` in the network's type; DataError where a number is beyond it."""
    with np.errstate(over="ignore"):
        converted: Array = np.ascontiguousarray(values, dtype)
    if converted.dtype != values.dtype and not (np.isfinite(converted.min()) and np.isfinite(converted.max())):
        raise DataError(
            f"{name} holds {values.flat[np.argmax(np.abs(values))]:g}, which is beyond {dtype}.",
            "dtype='float64', or standardised numbers",
        )
    return converted


def _read_only(array: Array) -> Array:
    """A view that kernels cannot write to; being read-only is part of their compiled type, so it is the same for all data."""
    view = array.view()
    view.flags.writeable = False
    return view


def _given(examples: Examples) -> Array:
    if examples.Y is None:
        raise DataError("These examples have no targets Y.")
    return examples.Y
