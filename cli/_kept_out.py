"""What other libraries would load in a process of the command line, and it has no use for: most of a second in all."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class KeptOut(MetaPathFinder):
    """A finder, put before the others, to which two libraries are not installed.

    pandas: pyarrow loads it to see whether it was given a table of it.
    SciPy's linear algebra: where Numba compiles, it loads that for np.dot in functions of a user's own, while it loads its array
    functions. At any other time it is found, as L-BFGS needs it.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """None: other finders look for it. Raises ModuleNotFoundError for what is kept out."""
        if fullname == "pandas" or (fullname == "scipy.linalg" and _is_loading("numba.np.arraymath")):
            raise ModuleNotFoundError(f"the command line of fastdnn does without {fullname}", name=fullname)


def _is_loading(module: str) -> bool:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
