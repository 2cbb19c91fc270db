"""Files of the figures of paths at a size that takes a second, and drawings of them."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import xarray as xr
from jinja2 import Environment, StrictUndefined
from matplotlib import pyplot as plt
from tiny_jacot import JOB, Files, data_files

from spectral_atlas.config import Style
from spectral_atlas.papers.jacot2021.along import along
from spectral_atlas.papers.jacot2021.descent import descend
from spectral_atlas.papers.jacot2021.figures.costs import fig1b
from spectral_atlas.papers.jacot2021.figures.escape_law import escape_law
from spectral_atlas.papers.jacot2021.figures.greedy_costs import fig1c
from spectral_atlas.papers.jacot2021.figures.paths import fig1a
from spectral_atlas.papers.jacot2021.first_path import first_path
from spectral_atlas.papers.jacot2021.greedy import greedy
from spectral_atlas.papers.jacot2021.hessians import saddles
from spectral_atlas.papers.jacot2021.plane import plane
from spectral_atlas.papers.jacot2021.sections import (
    Descent,
    FirstPath,
    Greedy,
    IncludedSaddles,
    Matrices,
    Plane,
)
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style

FIGURES = {f.__name__: f for f in (fig1a, fig1b, fig1c, escape_law)}
ROWS, COLUMNS, WIDTH = 6, 5, 6
MATRICES = Matrices(rows=ROWS, columns=COLUMNS, rank=2, observed=26, target_seeds=[0, 1])
WIDE = {"depths": [3], "widths": [8], "targets": [0, 1]}
STUDIES = {
    "saddle_to_saddle": Descent(**WIDE, gammas=[1.5, 4], max_steps=1500),
    "initializations": Descent(
        **WIDE, gammas=[4], initialization_seeds=[0, 1, 2], max_steps=1500
    ),
    "shares": Descent(**WIDE, gammas=[3], observed=[20, 26], max_steps=1200),
    "escape": Descent(
        depths=[2, 3], widths=[4, 8], gammas=[2, 3], targets=[0, 1], max_steps=600, stop_share=0.1
    ),
}  # fmt: skip


@cache
def files() -> Files:
    """All inputs, by the stage functions."""
    data = data_files(MATRICES)
    found: Files = {}
    for name, section in STUDIES.items():
        runs = {f"runs/{name}": descend(section, data, JOB)}
        found |= runs | {f"spectra/{name}": along(section, data | runs, JOB)}
    both = Greedy(depths=[2, 3], targets=[0, 1], epsilons=[0.1, 0.2], tolerance=1e-6)
    found["runs/greedy"] = greedy(both, data, JOB)
    first = FirstPath(depths=[2, 3], targets=[0, 1], epsilon=0.05, learning_rate=0.05)
    found["runs/first_path"] = first_path(first, data, JOB)
    whole = data | found
    shown = Plane(target=1, gammas=[4], epsilon=0.1)
    found["runs/plane"] = plane(shown, whole, JOB)
    found["spectra/saddles"] = saddles(IncludedSaddles(width=WIDTH, epsilon=0.1), whole, JOB)
    return found


def draw(name: str, inputs: Files) -> Drawing:
    with use_style(Style(dpi=72)):
        drawing = FIGURES[name](inputs, Style(dpi=72))
    return drawing


@cache
def drawn(name: str) -> Drawing:
    drawing = draw(name, files())
    plt.close(drawing.figure)
    return drawing


def caption(name: str, drawing: Drawing) -> str:
    text = (ROOT / f"workflow/report/jacot2021/{name}.rst").read_text(encoding="utf-8")
    snakemake = SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    return Environment(undefined=StrictUndefined).from_string(text).render(snakemake=snakemake)


def members(found: Files, name: str, keep: list[int]) -> Files:
    """The files with few members of a runs file and its spectra."""
    refs = [ref for ref in (f"runs/{name}", f"spectra/{name}") if ref in found]
    return found | {ref: found[ref].isel(member=keep) for ref in refs}


def lost(runs: xr.Dataset, spectra: xr.Dataset, member: int) -> tuple[xr.Dataset, xr.Dataset]:
    """One member that diverges after its second record."""
    runs, spectra = runs.copy(deep=True), spectra.copy(deep=True)
    for one in (runs, spectra):
        for variable in one.data_vars.values():
            if "record" in variable.dims and variable.dtype.kind == "f":
                variable[{"member": member, "record": slice(2, None)}] = float("nan")
    runs["step"][{"member": member, "record": slice(3, None)}] = -1
    runs["n_records"][member], runs["diverged_at"][member] = 3, int(runs["step"][member, 2])
    runs["stopped"][member] = False
    return runs, spectra
