"""Random numbers without a state: each is a function of a seed and of where it is used.

So a draw cannot depend on threads, on the order of work, or on whether training was resumed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastdnn.kernels._jit import JIT_DISABLED, device, kernel
from fastdnn.kernels.views import prefetch_number

# Draws of a permutation that are made before the first of them is carried out.
_DRAWS = 32


def _wrapping(function: Any) -> Any:
    """`device`; without the JIT NumPy's scalars must not warn of the overflow that is meant."""
    return np.errstate(over="ignore")(function) if JIT_DISABLED else device(function)


@_wrapping
def random_uint64(seed: int, stream: int, counter: int) -> Any:
    """64 random bits for (seed, stream, counter): the finaliser of SplitMix64, applied to each in turn.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014); its constants.
    """
    x = np.uint64(0)
    for word in (seed, stream, counter):
        x = (x ^ np.int64(word).view(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return x


@_wrapping
def random_uint32(key: Any, counter: Any) -> Any:
    """32 random bits for (key, counter), both uint32: a mixer of two rounds that LLVM vectorises.

    Source: Wellons, "Prospecting for hash functions" (2018), the constants of lowbias32.
    """
    x = np.uint32(np.uint32(counter * np.uint32(0x9E3779B9)) ^ key)
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


@kernel
def shuffle(rows: Any, order: Any, seed: int, epoch: int) -> None:
    """order = a random permutation of `rows`, drawn from (seed, epoch): Fisher and Yates from the front.

    rows : (m,) int64, read. order : (m,) int64, overwritten; not the same array.
    """
    m = rows.size
    for begin in range(0, m, _DRAWS):
        end = min(m, begin + _DRAWS)
        # Where each is to go waits in its own place, which none before it reads, while that place is on its way from memory.
        for i in range(begin, end):
            j = np.int64((random_uint64(seed, epoch, i) >> np.uint64(32)) * np.uint64(i + 1) >> np.uint64(32))
            order[i] = j
            prefetch_number(order, int(j))
        for i in range(begin, end):
            j = order[i]
            order[i] = order[j]
            order[j] = rows[i]
