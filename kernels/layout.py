"""What a training job hands to its kernels: the arrays, and where each layer's part of a flat buffer lies.

`layout` is an int64 table with a row for each layer l = 0..L (0: the input) and the columns below; offsets count numbers.
Flat buffers with offsets keep the kernels' types, and so their compiled code, the same for every depth. Panels of examples have
ROWS rows in all layers: a batch, or some more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fastdnn.kernels._jit import device
from fastdnn.kernels.panels import is_narrow
from fastdnn.kernels.views import flat_view, panel_view

UNITS, PANELS, ROWS, ACTIVATION, A_AT, DZ_AT, W_AT, B_AT, WT_AT, FORWARD_GROUPS, BACKWARD_GROUPS = range(11)
LAYOUT_COLUMNS = 11


class Data(NamedTuple):
    """The examples. Of `X` and `pixels`, and of `labels` and `targets`, one is in use and the other has no rows."""

    X: Any  # (m, n) floats of the network's type
    pixels: Any  # (m, n) uint8, read as pixels * scale + shift
    scale: Any  # (n,) or (0,)
    shift: Any  # (n,) or (0,)
    labels: Any  # (m,) int64, classes of categorical cross-entropy
    targets: Any  # (m, n_y) floats
    weights: Any  # (m,) floats, of the examples; or (0,): all count alike


class Buffers(NamedTuple):
    """Everything a job writes, allocated once. All floats are of one type; see fastdnn/workspace.py for sizes."""

    layout: Any  # (L + 1, LAYOUT_COLUMNS) int64
    parameters: Any  # W and b of every layer, as panels
    moments1: Any  # as parameters: v of momentum and Adam, or the gradient where it is kept
    moments2: Any  # as parameters: s of RMSprop and Adam
    gradients: Any  # as parameters, where the norm of the whole gradient is asked for before the update; else empty
    transposed: Any  # panels of W^T of every layer but the first and the narrow ones
    activations: Any  # A[0] .. A[L] of one batch
    deltas: Any  # dZ[1] .. dZ[L] of one batch
    logits: Any  # Z, or dA, of one layer of one batch
    scratch: Any  # (workers, width + 1, width): a block of dW and a row of db for each worker
    rates: Any  # (workers, RATES): the scalars of the current update, see optimizers.prepare_rates
    squares: Any  # (blocks,) float64: the squared norm of the gradient of each block, where `gradients` are kept
    dropout: Any  # (L,) float64: the share of A[0] .. A[L-1] that is dropped in training
    batch_labels: Any  # (batch,) int64
    batch_targets: Any  # (batch, n_y)
    batch_weights: Any  # (batch,), or (0,)
    loss_parameters: Any  # the numbers of the loss, see losses.py
    losses: Any  # (batch,) float64
    blocks: Any  # (blocks, 4) int64: layer, panel of the layer below, panel of this layer, place in `squares`
    shares: Any  # (workers + 1,) int64: worker t updates blocks shares[t] .. shares[t + 1]
    waits: Any  # (workers, 8) int64, a cache line for each worker: see sync.barrier


class Rule(NamedTuple):
    """How parameters are updated; the equations are in optimizers.py, the learning rate is given step by step."""

    optimizer: int
    beta1: float
    beta2: float
    epsilon: float
    uncorrected: bool  # scikit-learn's forms of momentum and Adam
    l2: float  # lambda over the (weighted) number of training examples
    l1: float  # alike
    batch_l2: float  # an L2 strength that is divided by the (weighted) number of examples of each batch
    weight_decay: float  # decoupled: a step multiplies weights by 1 - learning_rate * weight_decay
    clip_norm: float  # the most that the norm of the whole gradient may be; 0: anything
    updates: int = 0  # made before step 0, by an earlier job whose moments these are


@device
def layer_panels(buffer: Any, layout: Any, l: int, at: int, rows: int, width: int) -> Any:
    """The panels of layer l in a flat buffer of activations, deltas or logits (`at` is their offset): (panels, rows, width)."""
    return panel_view(buffer, at, layout[l, PANELS], rows, width)


@device
def weight_panels(parameters: Any, layout: Any, l: int, width: int) -> Any:
    """W of layer l: panels of (units below, units), or of (units, units below) where it is narrow (panels.py)."""
    if is_narrow(layout[l, UNITS]):
        panels, rows = layout[l - 1, PANELS], layout[l, UNITS]
    else:
        panels, rows = layout[l, PANELS], layout[l - 1, PANELS] * width
    return panel_view(parameters, layout[l, W_AT], panels, rows, width)


@device
def bias_panels(parameters: Any, layout: Any, l: int, width: int) -> Any:
    """b of layer l, padded to whole panels."""
    return flat_view(parameters, layout[l, B_AT], layout[l, PANELS] * width)


@device
def transposed_panels(transposed: Any, parameters: Any, layout: Any, l: int, width: int) -> Any:
    """W^T of layer l, panels of (units, units below), a narrow layer's in its parameters; none for l = 1: dA[0] is not wanted."""
    if l > 1 and is_narrow(layout[l, UNITS]):
        return weight_panels(parameters, layout, l, width)
    return panel_view(
        transposed, layout[l, WT_AT], layout[l - 1, PANELS] if l > 1 else 0, layout[l, PANELS] * width, width
    )
