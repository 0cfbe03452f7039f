"""Activations that few networks use: loops over elementwise.py that are compiled, or loaded from the cache, when one is asked for.

Their address is their code (custom.py). Compiled with everything else they would make each first fit wait two seconds longer.
"""

from __future__ import annotations

import functools
from typing import Any

from fastdnn.kernels import elementwise
from fastdnn.kernels.custom import loop_address
from fastdnn.kernels.each import each


def _elu(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.elu, size, (z,), (a, d))
    return size


def _selu(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.selu, size, (z,), (a, d))
    return size


def _gelu(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.gelu, size, (z,), (a, d))
    return size


def _silu(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.silu, size, (z,), (a, d))
    return size


def _mish(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.mish, size, (z,), (a, d))
    return size


def _softplus(z: Any, a: Any, d: Any, size: int) -> int:
    each(elementwise.softplus, size, (z,), (a, d))
    return size


_LOOPS = {"elu": _elu, "selu": _selu, "gelu": _gelu, "silu": _silu, "mish": _mish, "softplus": _softplus}
SMOOTH = tuple(_LOOPS)


@functools.cache
def smooth_address(name: str, dtype: str) -> int:
    """The code of one of SMOOTH for arrays of dtype 'float32' or 'float64', good for this process; compiled at the first call."""
    return loop_address(_LOOPS[name], dtype, 1, kept=True)
