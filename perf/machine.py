"""What the figures were measured on: CPU, cores, versions, BLAS. Prints one JSON line."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
from typing import Any

LIBRARIES = ("fastdnn", "numba", "llvmlite", "numpy", "scikit-learn", "torch", "jax", "jaxlib", "onnxruntime")


def installed(library: str) -> str | None:
    """Its version, or None. fastdnn may run from a checkout without being installed."""
    if library == "fastdnn":
        return str(importlib.import_module("fastdnn").__version__)
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def blas() -> str:
    """The BLAS that NumPy runs on, and the kernels it chose for this CPU where threadpoolctl can tell."""
    import numpy as np

    built: Any = np.show_config(mode="dicts")
    found = built["Build Dependencies"]["blas"]
    name = f"{found.get('name', '?')} {found.get('version', '')}".strip()
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return name
    kernels = {str(p["architecture"]) for p in threadpool_info() if p.get("user_api") == "blas" and "architecture" in p}
    return f"{name} ({', '.join(sorted(kernels))})" if kernels else name


def facts() -> dict[str, Any]:
    """Everything a reader of the table needs to judge it."""
    from fastdnn.installation import cpu_name
    from fastdnn.kernels.vector import tile_height, vector_bytes

    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in LIBRARIES if installed(name)},
        "blas": blas(),
        "vector_bits": 8 * vector_bytes(),
        "tile": f"{tile_height()} rows",
        "numba_cpu": os.environ.get("NUMBA_CPU_NAME", "host"),
    }


if __name__ == "__main__":
    print(json.dumps(facts()))
