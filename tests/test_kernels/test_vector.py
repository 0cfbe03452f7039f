"""kernels/vector.py: the width follows the CPU compiled for, and each instruction does what it says in every lane."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from callers import JIT, from_python
from numba import types
from numba.extending import intrinsic

from fastdnn.kernels import vector

X86 = platform.machine().lower() in {"x86_64", "amd64"}


def test_sizes_fit_each_other():
    assert vector.vector_bytes() in (16, 32, 64)
    for name, size in (("float32", 4), ("float64", 8)):
        assert vector.lanes(name) * size == vector.vector_bytes()
        assert vector.panel_width(name) == 2 * vector.lanes(name)
    accumulators = 2 * vector.tile_height()
    assert accumulators + 3 <= (32 if vector.vector_bytes() == 64 or not X86 else 16)


@pytest.mark.skipif(not X86, reason="names of x86 processors")
@pytest.mark.parametrize(
    ("cpu", "features", "expected"),
    [("x86-64", "", "16 6"), ("haswell", None, "32 6"), ("skylake-avx512", None, None), ("nehalem", "", "16 6")],
)
def test_width_follows_the_cpu_compiled_for(cpu, features, expected):
    code = "from fastdnn.kernels import vector; print(vector.vector_bytes(), vector.tile_height())"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_CPU")} | {"NUMBA_CPU_NAME": cpu}
    if features is not None:
        environment["NUMBA_CPU_FEATURES"] = features
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    # LLVM prefers 256 bits on some AVX-512 processors: either is a right answer there.
    assert done.stdout.strip() == expected if expected else done.stdout.strip() in ("64 14", "32 6")


@intrinsic
def _instructions(typingctx, x, y, z, out):
    """out[0] = x y + z, out[1] = x where y > 0 else z, out[2] = x[0] in every lane; one vector each."""

    def codegen(context, builder, signature, args):
        w = vector.VectorWriter(context, builder, x.dtype)
        px, py, pz, po = (
            context.make_array(t)(context, builder, a).data for t, a in zip(signature.args, args, strict=True)
        )
        vx, vy, vz = w.load(px), w.load(py), w.load(pz)
        w.store(w.multiply_add(vx, vy, vz), w.at(po, 0))
        w.store(w.where_positive(vy, vx, vz), w.at(po, w.lanes))
        w.store(w.splat(w.load_scalar(px)), w.at(po, 2 * w.lanes))
        return context.get_dummy_value()

    return types.void(x, y, z, out), codegen


@pytest.mark.skipif(not JIT, reason="writes machine code")
def test_instructions(dtype, rng):
    lanes = vector.lanes(dtype)
    x, y, z = rng.normal(size=(3, lanes)).astype(dtype)
    special = [0.0, -0.0, np.nan][:lanes]
    y[: len(special)] = special
    out = np.full(4 * lanes, 7, dtype)
    from_python(_instructions)(x, y, z, out)
    exact = x.astype(float) * y + z
    np.testing.assert_allclose(out[:lanes], exact, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(out[lanes : 2 * lanes], np.where(y > 0, x, z))
    np.testing.assert_array_equal(out[2 * lanes : 3 * lanes], np.full(lanes, x[0]))
    assert np.all(out[3 * lanes :] == 7)
