"""Numbers as captions quote them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MISSING = "n/a"


def quoted(value: float | int | None, digits: int = 3) -> float | int | str:
    """A number rounded to ``digits`` significant digits, ready to be printed by a template.

    Whole numbers come back as int; what was not measured (None, NaN, infinite) as ``"n/a"``.

    Examples
    --------
    >>> quoted(18.6561), quoted(16674.2), quoted(float("nan"))
    (18.7, 16700, 'n/a')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if isinstance(value, int):
        return value
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e6 else rounded


def span(values: Any, digits: int = 3) -> str:
    """Least and largest finite value of an array as text, one number where both read the same.

    Examples
    --------
    >>> import numpy as np
    >>> span(np.array([0.8367, 0.8511, np.nan])), span(np.array([np.nan]))
    ('0.837–0.851', 'n/a')
    """
    flat = np.asarray(values, dtype=float).ravel()
    flat = flat[np.isfinite(flat)]
    if flat.size == 0:
        return MISSING
    low, high = (str(quoted(float(v), digits)) for v in (flat.min(), flat.max()))
    between = "–" if flat.min() >= 0 else " to "
    return low if low == high else f"{low}{between}{high}"


def counted(count: int, noun: str) -> str:
    """``"1 run"``, ``"2 runs"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(items: list[str]) -> str:
    """``"a, b and c"``; ``"none"`` for no item."""
    if len(items) < 2:
        return items[0] if items else "none"
    return f"{', '.join(items[:-1])} and {items[-1]}"
