"""The installation as fastdnn finds it: CPU, versions, compiled kernels, and what stands in the way of speed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core.registry import cpu_target

import fastdnn
from fastdnn import vocabulary
from fastdnn.compilation import kernels_are_kept
from fastdnn.kernel_cache import cache_state
from fastdnn.kernels import _jit
from fastdnn.kernels.cache import cache_problem
from fastdnn.kernels.vector import tile_height, vector_bytes
from fastdnn.workers import available_cores

_config: Any = numba.config

# What `pip install 'fastdnn[EXTRA]'` adds for users, as in pyproject.toml: the packages and what they are for.
EXTRAS = {
    "hdf5": (("h5py",), "reading HDF5 files"),
    "sklearn": (("scikit-learn",), "MLPClassifier, MLPRegressor, L-BFGS"),
    "tensorboard": (("tensorboardX",), "curves for TensorBoard"),
}
# Instruction sets that make a difference to kernels, in LLVM's names.
_SETS = ("sse2", "sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bf16", "neon", "sve")
_X86 = ("x86_64", "amd64", "i386", "i686")


@dataclass(frozen=True)
class Warned:
    """A problem in one sentence, and what to do about it."""

    problem: str
    remedy: str


def cpu_name() -> str:
    """As the operating system names it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    except OSError:
        pass
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            pass
    return platform.processor() or platform.machine()


def describe() -> dict[str, Any]:
    """Everything that `fastdnn doctor` shows, in plain JSON types."""
    codegen = cpu_target.target_context.codegen()
    bits = 8 * vector_bytes()
    kept = {name: kernels_are_kept(np.dtype(name)) for name in vocabulary.DTYPES}
    facts: dict[str, Any] = {
        "versions": {
            "fastdnn": fastdnn.__version__, "python": platform.python_version(), "numpy": np.__version__,
            "numba": numba.__version__, "llvmlite": llvmlite.__version__,
        },
        "system": platform.platform(),
        "cpu": {
            "name": cpu_name(),
            "llvm_name": llvm.get_host_cpu_name(),
            "instruction_sets": _present(llvm.get_host_cpu_features().flatten()),
        },
        "kernels": {
            "jit": not _jit.JIT_DISABLED,
            "compiled_for": codegen._get_host_cpu_name(),
            "instruction_sets": _present(codegen._get_host_cpu_features()),
            "vector_bits": bits,
            "tile_rows": tile_height(),
            "kept": kept,
        },
        "cores": {"usable": available_cores(), "machine": os.cpu_count() or 1},
        "cache": {**cache_state().to_json(), "problem": cache_problem() or None},
        "extras": {
            name: {"for": purpose, "packages": {package: _version(package) for package in packages}}
            for name, (packages, purpose) in EXTRAS.items()
        },
    }  # fmt: skip
    facts["warnings"] = [vars(warned) for warned in warnings_of(facts)]
    return facts


def warnings_of(facts: dict[str, Any]) -> list[Warned]:
    """What makes training slow here, or the first second of every run, each with its remedy."""
    found = []
    kernels, cores, cache = facts["kernels"], facts["cores"], facts["cache"]
    if not kernels["jit"]:
        found.append(Warned("NUMBA_DISABLE_JIT is set: kernels run as plain Python, a thousand times slower.",
                            "unset NUMBA_DISABLE_JIT"))  # fmt: skip
    if _config.BOUNDSCHECK:
        found.append(Warned("NUMBA_BOUNDSCHECK is set: kernels check every index.", "unset NUMBA_BOUNDSCHECK"))
    if int(_config.OPT) < 3:
        found.append(Warned(f"NUMBA_OPT is {int(_config.OPT)}: kernels are compiled to be slow.", "unset NUMBA_OPT"))
    if cache["problem"]:
        found.append(Warned(f"Compiled kernels cannot be kept, so every run compiles: {cache['problem']}.",
                            "export FASTDNN_CACHE_DIR=FOLDER, a folder of your own"))  # fmt: skip
    if cores["usable"] == 1:
        where = "the machine has one" if cores["machine"] == 1 else f"of the machine's {cores['machine']}"
        found.append(Warned(f"This process may use one core only ({where}).",
                            "more cores for the container or job, or no taskset"))  # fmt: skip
    if platform.machine().lower() in _X86 and kernels["vector_bits"] < 256:
        narrow = f"Kernels are compiled for {kernels['compiled_for']}, with vectors of {kernels['vector_bits']} bits"
        if "avx" in facts["cpu"]["instruction_sets"]:
            found.append(Warned(f"{narrow}, though this CPU has AVX.", "unset NUMBA_CPU_NAME NUMBA_CPU_FEATURES"))
        else:
            found.append(Warned(f"{narrow}: this CPU shows no AVX.",
                                "a virtual machine that passes the CPU's features on, if this is one"))  # fmt: skip
    return found


def _present(features: str) -> list[str]:
    """The instruction sets of a list of LLVM features, '+avx,-sse4a'."""
    known = set(features.split(","))
    return [name for name in _SETS if f"+{name}" in known]


def _version(package: str) -> str | None:
    """The version of an installed package, by the name it is installed by; None if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        if importlib.util.find_spec(package) is None:
            return None
        return "unknown"
