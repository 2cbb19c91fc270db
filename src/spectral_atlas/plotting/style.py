"""One look for all figures, and files that are the same bytes from run to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

if TYPE_CHECKING:
    from spectral_atlas.config import Style

MM_PER_INCH = 25.4
# Okabe & Ito's palette in the order of seaborn's "colorblind"; black is kept for theory lines.
COLORBLIND = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#949494", "#56b4e9",
)  # fmt: skip
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")


@contextmanager
def use_style(style: Style) -> Iterator[None]:
    """Matplotlib settings for the duration of a drawing; the Agg canvas, no LaTeX."""
    settings: Any = {
        "figure.constrained_layout.use": True,
        "figure.dpi": style.dpi,
        "savefig.dpi": style.dpi,
        "font.size": style.font_size,
        "axes.titlesize": style.font_size,
        "legend.fontsize": style.font_size - 1,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "0.9",
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.2,
        "lines.markersize": 3.5,
        "mathtext.fontset": "stix",
        "pdf.fonttype": 42,
        "svg.hashsalt": "spectral-atlas",
    }
    mpl.use("agg")
    with mpl.rc_context(settings):
        yield


def size(style: Style, aspect: float) -> tuple[float, float]:
    """Figure size in inches for the configured width; ``aspect`` is height over width."""
    width = style.width_mm / MM_PER_INCH
    return width, width * aspect


def colors(style: Style, count: int) -> list:
    """``count`` distinguishable colours for curves without an order."""
    if style.palette == "colorblind" and count <= len(COLORBLIND):
        return list(COLORBLIND[:count])
    name = "viridis" if style.palette == "colorblind" else style.palette
    return ordered_colors(count, name)


def ink(color: Any) -> tuple[float, float, float]:
    """The colour for text: the same hue, darkened where it is too light to be read on white."""
    red, green, blue = mpl.colors.to_rgb(color)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    shade = min(1.0, 0.45 / max(light, 1e-9))
    return red * shade, green * shade, blue * shade


def ordered_colors(count: int, name: str = "viridis") -> list:
    """``count`` colours from dark to light for curves that have an order (depth, step size)."""
    # The light end of the maps is too faint for lines on white.
    return [mpl.colormaps[name](0.88 * i / max(count - 1, 1)) for i in range(count)]
