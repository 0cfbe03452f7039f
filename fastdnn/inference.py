"""Forward passes over many examples, for use outside training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.engine import run_pass
from fastdnn.examples import Examples
from fastdnn.kernels.epoch import LOSSES, OUTPUTS
from fastdnn.kernels.layout import Data
from fastdnn.network import Network
from fastdnn.workers import check_threads
from fastdnn.workspace import Workspace

Array = NDArray[Any]

# Examples a worker takes through the network at a time: few enough for the caches, enough to fill the register tile.
ROWS_AT_A_TIME = 120
# Starting a thread takes about 0.1 ms, in which the smallest networks predict a thousand rows.
_ROWS_WORTH_A_THREAD = 1000


def evaluate(
    network: Network, examples: Examples, threads: int, *, with_losses: bool
) -> tuple[Array, NDArray[np.float64]]:
    """A[L] (m, n_y), and the loss of each example (m,) if `with_losses`, else an empty array."""
    threads = min(check_threads(threads), len(examples))
    workspace = Workspace(network, min(ROWS_AT_A_TIME * threads, len(examples)), threads, training=False)
    data = workspace.data(examples, with_targets=with_losses)
    return evaluate_in(workspace, data, examples.indices, threads, with_losses=with_losses)


def evaluate_in(
    workspace: Workspace, data: Data, rows: NDArray[np.int64], threads: int, *, with_losses: bool
) -> tuple[Array, NDArray[np.float64]]:
    """As `evaluate`, for `rows` of data, with the parameters and in the buffers of a workspace."""
    network = workspace.network
    threads = min(threads, max(1, rows.size // _ROWS_WORTH_A_THREAD))
    AL = np.empty((rows.size, network.layer_dims[-1]), network.dtype)
    losses = np.empty(rows.size if with_losses else 0)
    purpose = OUTPUTS + LOSSES if with_losses else OUTPUTS
    run_pass(workspace, data, rows, threads, purpose=purpose, outputs=AL, losses=losses)
    return AL, losses
