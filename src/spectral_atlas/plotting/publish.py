"""From a drawing to its published files, each carrying the key it was drawn for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG

from spectral_atlas.plotting.ticks import plain_powers
from spectral_atlas.store import replacing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as MplFigure

    from spectral_atlas.plan import PlannedFigure


@dataclass(frozen=True)
class Drawing:
    """What a figure function returns.

    Attributes
    ----------
    figure : matplotlib Figure
    table : DataFrame
        The plotted numbers, one row for each drawn point.
    facts : mapping of str to number or text
        Measured numbers that the caption quotes, as plain Python; what is not finite becomes "n/a".
    """

    figure: MplFigure
    table: pd.DataFrame
    facts: Mapping[str, float | int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the facts fit for JSON."""
        object.__setattr__(self, "facts", {name: _plain(v) for name, v in self.facts.items()})


def _plain(value: Any) -> float | int | str:
    plain = value.item() if hasattr(value, "item") else value
    return "n/a" if isinstance(plain, float) and not math.isfinite(plain) else plain


_CANVASES: dict[str, Any] = {
    "pdf": FigureCanvasPdf,
    "svg": FigureCanvasSVG,
    "png": FigureCanvasAgg,
}


def publish(drawing: Drawing, planned: PlannedFigure) -> None:
    """Write PDF, SVG, PNG and CSV. No time, host or version enters: equal input, equal bytes."""
    from matplotlib import pyplot as plt

    key = planned.key
    metadata = {
        "pdf": {"Keywords": key, "CreationDate": None, "Creator": None, "Producer": None},
        "svg": {"Identifier": key, "Date": None, "Creator": None},
        "png": {"Description": key, "Software": None},
    }
    # Arranged once, and printed by the canvases themselves: each savefig would arrange the figure
    # again, a little differently, and then draw it twice, which is most of the time of a redraw.
    figure, dpi = drawing.figure, drawing.figure.dpi
    plain_powers(figure)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")
    for form, entries in metadata.items():
        figure.dpi = dpi  # the vector canvases set their own
        with replacing(Path(planned.files[form])) as temporary:
            canvas = _CANVASES[form](figure)
            getattr(canvas, f"print_{form}")(temporary, metadata=entries)
    plt.close(figure)
    with (
        replacing(Path(planned.files["csv"])) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        file.write(f"# {planned.figure.id}, key {key}\n")
        drawing.table.to_csv(file, index=False, float_format="%.8g", lineterminator="\n")
