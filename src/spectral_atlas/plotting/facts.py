"""Numbers as captions quote them."""

from __future__ import annotations

import math

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


def counted(count: int, noun: str) -> str:
    """``"1 run"``, ``"2 runs"``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(items: list[str]) -> str:
    """``"a, b and c"``; ``"none"`` for no item."""
    if len(items) < 2:
        return items[0] if items else "none"
    return f"{', '.join(items[:-1])} and {items[-1]}"
