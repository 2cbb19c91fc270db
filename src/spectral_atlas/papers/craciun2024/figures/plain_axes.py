"""Log axes of few decades, with plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator


def plain_log(axis: Axis, most: float = 100) -> None:
    """Ticks 1, 2, 5, 10, ... as plain numbers, where the ends are less than ``most`` times apart.

    Call after the limits are set.
    """
    low, high = sorted(axis.get_view_interval())
    if high / low >= most:
        return
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def few_ticks(axis: Axis, values: Sequence[float]) -> None:
    """The same on an axis of less than 20; ticks at the values where they are close together.

    Call after the limits are set.
    """
    low, high = sorted(axis.get_view_interval())
    if high / low >= 4:
        plain_log(axis, 20)
        return
    at = np.unique(values)
    at = at[np.unique([0, at.size // 2, at.size - 1])]
    axis.set_ticks(at.tolist(), labels=[f"{x:.4g}" for x in at])
    no_minor(axis)


def no_minor(axis: Axis) -> None:
    """No small ticks."""
    axis.set_minor_locator(NullLocator())
