"""For two tests: runs at width 8 and 16 for the figures of regimes, lazy networks, distances."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import xarray as xr
from jinja2 import Environment, StrictUndefined

from spectral_atlas.config import Style
from spectral_atlas.papers.jacot2021.along import along
from spectral_atlas.papers.jacot2021.descent import descend
from spectral_atlas.papers.jacot2021.figures.distances import distances
from spectral_atlas.papers.jacot2021.figures.lazy import lazy
from spectral_atlas.papers.jacot2021.figures.regimes import (
    regimes_a,
    regimes_b,
    regimes_c,
    regimes_d,
)
from spectral_atlas.papers.jacot2021.figures.regimes_end import regimes_e
from spectral_atlas.papers.jacot2021.hessians import kernels
from spectral_atlas.papers.jacot2021.problems import matrices
from spectral_atlas.papers.jacot2021.sections import Descent, Matrices, Networks
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style
from spectral_atlas.stage import Job

FIGURES = {
    f.__name__: f for f in (regimes_a, regimes_b, regimes_c, regimes_d, regimes_e, lazy, distances)
}
N, SIDE, RANK = 28, 6, 2
TARGETS = [0, 1]
STUDIES = {
    "regimes": {
        "depths": [2, 4],
        "widths": [8],
        "gammas": [0.5, 0.75, 1, 1.5, 2],
        "max_steps": 150,
        "stop_share": 0.02,
    },
    "lazy": {
        "depths": [2, 3, 4],
        "widths": [8, 16],
        "gammas": ["ntk"],
        "max_steps": 300,
        "stop_share": 1e-4,
    },
    "distances": {
        "depths": [2, 3],
        "widths": [8, 16],
        "gammas": ["ntk", 0.85, 1, 2],
        "max_steps": 80,
        "scale": 0.25,
        "stop_share": 1e-4,
    },
}


@cache
def files() -> dict[str, xr.Dataset]:
    """All inputs, from stage functions at width 8 and 16."""
    job = Job(seed=5)
    data = matrices(
        Matrices(rows=SIDE, columns=SIDE, rank=RANK, observed=N, target_seeds=TARGETS), {}, job
    )
    found = {"data/completion": data}
    for name, settings in STUDIES.items():
        section = Descent(targets=TARGETS, learning_rate=0.1, **settings)
        runs = descend(section, {"data/completion": data}, job)
        both = {"data/completion": data, f"runs/{name}": runs}
        found |= {f"runs/{name}": runs, f"spectra/{name}": along(section, both, job)}
    networks = Networks(
        depths=[2, 3, 4], widths=[8, 16], gammas=["ntk"], initialization_seeds=[0, 1]
    )
    return found | {"spectra/kernels": kernels(networks, {"data/completion": data}, job)}


@cache
def drawn(name: str) -> Drawing:
    """A figure of the files as they are."""
    return draw(name, files())


def draw(name: str, inputs: dict[str, xr.Dataset]) -> Drawing:
    with use_style(Style(dpi=72)):
        return FIGURES[name](inputs, Style(dpi=72))


def caption(name: str, drawing: Drawing) -> str:
    text = (ROOT / f"workflow/report/jacot2021/{name}.rst").read_text(encoding="utf-8")
    snakemake = SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    return Environment(undefined=StrictUndefined).from_string(text).render(snakemake=snakemake)
