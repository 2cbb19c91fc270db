"""For tests of figures: draw, lay out, and fill the caption in, as the pipeline does."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping

import pandas as pd
import xarray as xr
from jinja2 import Environment, StrictUndefined
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.style import use_style
from spectral_atlas.stage import Job

JOB = Job(seed=5)
CAPTIONS = ROOT / "workflow" / "report" / "craciun2024"


def drawn(
    function: Callable, inputs: Mapping[str, xr.Dataset], *, lay_out: bool = False, **style: object
) -> tuple[pd.DataFrame, dict, str]:
    """Table, facts and the caption with the facts filled in."""
    look = Style(**{"dpi": 72, **style})
    with use_style(look):
        drawing = function(inputs, look)
        if lay_out:  # slower than all else
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a layout that does not fit is only warned of
                drawing.figure.draw_without_rendering()
        plt.close(drawing.figure)
    facts = dict(drawing.facts)
    text = (CAPTIONS / f"{function.__name__}.rst").read_text(encoding="utf-8")
    filled = (
        Environment(undefined=StrictUndefined)
        .from_string(text)
        .render(snakemake={"params": {"facts": facts}})
    )
    assert "built-in" not in filled  # a fact must not have the name of a method of dict
    assert not re.search(r"\bnan\b|\binf\b", filled)
    return drawing.table, facts, filled
