"""Names under which a user registered pairs of scalar functions, and the number that kernels know each pair by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fastdnn.errors import ModelFileError, ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Scalar = Callable[..., Any]


class Registry:
    """The user's own functions of one kind, in this process.

    Parameters
    ----------
    kind : 'activation' or 'loss'. own : fastdnn's names of this kind, which cannot be taken.
    arity : how many numbers each of a pair's functions takes.
    """

    def __init__(self, kind: str, own: Sequence[str], arity: int) -> None:
        self.kind, self.own, self.arity = kind, own, arity
        self._article = "an" if kind[0] in "aeiou" else "a"
        self._pairs: dict[str, tuple[Scalar, Scalar]] = {}
        self._codes: dict[tuple[str, str], int] = {}

    def register(
        self, name: str, f: Scalar, f_prime: Scalar, points: Sequence[NDArray[np.float64]] | None = None
    ) -> None:
        """Keep a pair under a name, in place of an earlier one; points : where f_prime is compared with differences of f.

        Raises ParameterError where the name cannot be taken, or as `derivative_check.check_derivative`.
        """
        from fastdnn.derivative_check import POINTS, check_derivative

        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ParameterError(
                f"The name of {self._article} {self.kind} must be small letters, digits and underscores, a letter first; "
                f"got {name!r}.",
                self._call(f"my_{self.kind}"),
            )
        if name in self.own:
            raise ParameterError(
                f"'{name}' is {self._article} {self.kind} of fastdnn's own, so it cannot be registered.",
                self._call(f"my_{name}"),
            )
        check_derivative(f"{self.kind} '{name}'", f, f_prime, *((POINTS,) if points is None else points))
        self._pairs[name] = f, f_prime
        for key in [key for key in self._codes if key[0] == name]:
            del self._codes[key]

    def names(self) -> tuple[str, ...]:
        """What is registered now."""
        return tuple(self._pairs)

    def code(self, name: str, dtype: Any) -> int:
        """The code of a registered name for arrays of `dtype`, compiled at the first call."""
        import numpy as np

        from fastdnn.kernels.custom import compile_elementwise

        key = name, np.dtype(dtype).name
        if key not in self._codes:
            self._codes[key] = compile_elementwise(*self._pairs[name], dtype, arity=self.arity)
        return self._codes[key]

    def require_known(self, name: str) -> None:
        """Raise ModelFileError where a model's function is neither fastdnn's own nor registered here."""
        if name not in self.own and name not in self._pairs:
            raise ModelFileError(
                f"This model uses the {self.kind} '{name}', which is not fastdnn's own and not registered in this program.",
                f"{self._call(name)} before the model is loaded",
            )

    def _call(self, name: str) -> str:
        return f"fastdnn.register_{self.kind}('{name}', f, f_prime)"
