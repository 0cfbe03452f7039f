"""What the layers of a network computed: A[0] .. A[L-1] of the batch that a workspace holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdnn.panels import read_panels
from fastdnn.workspace import Workspace

Array = NDArray[Any]


def layer_output(workspace: Workspace, l: int, m: int) -> Array:
    """A[l] (m, n_l) of the first m examples of the batch of the last pass, 0 <= l < L; copied out of the panels.

    The output layer's buffer holds A[L] only after a pass that asked for it.
    """
    A = np.empty((m, workspace.network.layer_dims[l]), workspace.network.dtype)
    read_panels(workspace.activations(l), A)
    return A
