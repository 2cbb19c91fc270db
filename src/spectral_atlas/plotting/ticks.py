"""Labels of log axes as plain text, which is drawn several times faster than mathematics."""

from __future__ import annotations

import re
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, LogFormatterMathtext

POWER = re.compile(r"\$\\mathdefault\{(.*)10\^\{(.*)\}\}\$")
RAISED = str.maketrans("0123456789.-\N{MINUS SIGN}", "⁰¹²³⁴⁵⁶⁷⁸⁹˙⁻⁻")


class PlainPowers(Formatter):
    """Labels of another log formatter, 10⁻³ in place of its formula."""

    def __init__(self, formula: LogFormatterMathtext) -> None:
        """Wrap a formatter that belongs to an axis already."""
        self._formula = formula

    def set_locs(self, locs: Any) -> None:
        """Let the wrapped formatter choose the ticks that are labelled."""
        self._formula.set_locs(locs)

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of one tick."""
        return plain(self._formula(x, pos))


def plain(label: str) -> str:
    r"""A power of ten in mathtext as plain text; other labels as they are.

    Examples
    --------
    >>> plain(r"$\mathdefault{2\times10^{-3}}$")
    '2×10⁻³'
    """
    found = POWER.fullmatch(label)
    if not found:
        return label
    factor = found[1].replace(r"\times", "×")
    return f"{factor}10{found[2].translate(RAISED)}"


def plain_powers(figure: Figure) -> None:
    """Let every log axis of a figure label its ticks with plain text."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            major, minor = axis.get_major_formatter(), axis.get_minor_formatter()
            if isinstance(major, LogFormatterMathtext):
                axis.set_major_formatter(PlainPowers(major))
            if isinstance(minor, LogFormatterMathtext):
                axis.set_minor_formatter(PlainPowers(minor))
