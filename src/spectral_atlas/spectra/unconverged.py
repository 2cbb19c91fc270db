"""What solvers do with values that did not reach their tolerance: raise, or flag; never silence."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

Array = np.ndarray
Policy = Literal["raise", "flag"]


class UnconvergedError(RuntimeError):
    """Some members' bounds are over tolerance.

    Attributes
    ----------
    members : indices of those members
    bounds : (len(members), r), the absolute bounds of their r values
    result : all that was found, converged or not, with honest bounds
    """

    def __init__(
        self,
        members: Int[Array, " A"],
        bounds: Float[Array, "A r"],
        tolerance: float,
        result: Any = None,
    ) -> None:
        self.members, self.bounds, self.result = members, bounds, result
        worst = np.fmax.reduce(bounds, axis=1)
        shown = ", ".join(f"{m} (+- {b:.1e})" for m, b in zip(members[:8], worst, strict=False))
        rest = f" and {len(members) - 8} more" if len(members) > 8 else ""
        super().__init__(
            f"eigenvalues are over the relative tolerance {tolerance:g} for members {shown}{rest};"
            " allow more steps, or take on_unconverged='flag'"
        )


def default_tolerance(eps: float) -> float:
    """1e-10 in float64, 1e-5 in float32: some hundred eps above what rounding leaves."""
    return 1e-10 if eps < 1e-12 else 1e-5


def check_policy(name: str, policy: str) -> None:
    """ValueError unless `policy` is "raise" or "flag"."""
    if policy not in ("raise", "flag"):
        raise ValueError(f"{name}: expected 'raise' or 'flag', got {policy!r}")
