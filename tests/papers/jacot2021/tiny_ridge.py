"""For tests of figures of the regularized loss: small files of every stage, and drawings."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib import pyplot as plt
from tiny_jacot import JOB, Files, data_files

from spectral_atlas.config import Style
from spectral_atlas.papers.jacot2021.along import along
from spectral_atlas.papers.jacot2021.descent import descend
from spectral_atlas.papers.jacot2021.figures.generalize import generalize
from spectral_atlas.papers.jacot2021.figures.landscape import landscape
from spectral_atlas.papers.jacot2021.figures.ridge_gd import ridge_gd
from spectral_atlas.papers.jacot2021.figures.schatten import schatten
from spectral_atlas.papers.jacot2021.hessians import landscape as hessians
from spectral_atlas.papers.jacot2021.identity import identity
from spectral_atlas.papers.jacot2021.minima import minima
from spectral_atlas.papers.jacot2021.ridge_sections import Basin, Identity, Minima, Thresholds
from spectral_atlas.papers.jacot2021.sections import Descent, Included, Matrices
from spectral_atlas.papers.jacot2021.theory import lambda_critical, lambda_global
from spectral_atlas.papers.jacot2021.thresholds import basin, thresholds
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style

DRAW = {
    "schatten": schatten,
    "landscape": landscape,
    "generalize": generalize,
    "ridge_gd": ridge_gd,
}
FULL = Matrices(
    rows=4, columns=4, rank=2, spectrum=[5.0, 2.0], observed=16, target_seeds=[0, 1]
)  # fmt: skip
CAPTIONS = Path(__file__).parents[3] / "workflow" / "report" / "jacot2021"
WINDOW = lambda_global(2.0, 1 / 16, 3), lambda_critical(2.0, 1 / 16, 3)
RIDGE = 0.004
FEW = {"target": [0], "ridge": [0], "rank": [0, 1], "depth": [0]}


@cache
def ridge_files() -> Files:
    """Inputs of the four figures; not to be changed."""
    found = data_files() | data_files(FULL, name="full")
    common = {"targets": [0, 1], "ranks": [0, 1, 2, 3], "starts": 1}
    ridges = [RIDGE, 0.06]
    noisy = Minima(depths=[2, 3], ridges=ridges, noise=0.5, **common)
    clean = Minima(depths=[3], ridges=ridges, **common)
    full = Minima(data="full", depths=[3], ridges=[0.02, sum(WINDOW) / 2], **common)
    found["runs/minima_noisy"] = minima(noisy, found, JOB)
    every = noisy.model_copy(update={"ranks": [0, 1, 2, 3, 4], "ridges": [RIDGE]})
    found["runs/landscape"] = minima(every, found, JOB)
    found["runs/minima_clean"] = minima(clean, found, JOB)
    found["runs/minima_full"] = minima(full, found, JOB)
    found["spectra/landscape"] = hessians(Included(width=5), found, JOB)
    gd = Descent(
        depths=[2, 3], widths=[8], gammas=[1, 2], targets=[0, 1], noise=0.5, ridge=RIDGE,
        learning_rate=0.1, max_steps=800, stop_share=0,
    )  # fmt: skip
    found["runs/ridge_gd"] = descend(gd, found, JOB)
    inputs = {ref: found[ref] for ref in ("data/completion", "runs/ridge_gd")}
    found["spectra/ridge_gd"] = along(gd, inputs, JOB)
    one = Identity(depths=[2, 3], width=6, ridge=0.01, targets=[0], learning_rate=0.05, steps=400)
    found["runs/identity"] = identity(one, found, JOB)
    scalar = Thresholds(depths=[2, 4], ridges=[0.01, 0.005], points=20)
    found["runs/thresholds"] = thresholds(scalar, {}, JOB)
    edge = Basin(depths=[3], ridges=[0.01], factors=[0.9, 1.1], targets=[0], max_steps=20000)
    found["runs/basin"] = basin(edge, found, JOB)
    return found


def drawn(name: str, files: Files, *, rendered: bool = False) -> Drawing:
    """The figure, with the caption that its facts must fill."""
    with use_style(Style()):
        drawing = DRAW[name](files, Style())
        if rendered:
            drawing.figure.set_layout_engine("none")  # most of the time of a rendering
            drawing.figure.draw_without_rendering()
        plt.close(drawing.figure)
    text = (CAPTIONS / f"{name}.rst").read_text(encoding="utf-8")
    params = {"params": {"facts": drawing.facts}}
    assert Environment(undefined=StrictUndefined).from_string(text).render(snakemake=params)
    return drawing


def panel(drawing: Drawing, name: str) -> pd.DataFrame:
    return drawing.table[drawing.table["panel"] == name]
