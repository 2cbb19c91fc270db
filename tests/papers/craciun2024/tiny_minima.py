"""For tests: tiny files and drawings of the figures of minimizers and of the map's determinant."""

from __future__ import annotations

import re
from functools import cache
from types import SimpleNamespace

import numpy as np
import xarray as xr
from jinja2 import Environment, StrictUndefined

from spectral_atlas.config import Style
from spectral_atlas.papers.craciun2024 import theory
from spectral_atlas.papers.craciun2024.figures.gd_jacobian import gd_jacobian
from spectral_atlas.papers.craciun2024.figures.minima_hyperbola import minima_hyperbola
from spectral_atlas.papers.craciun2024.figures.singular_map import singular_map
from spectral_atlas.papers.craciun2024.figures.stable_set import stable_set
from spectral_atlas.papers.craciun2024.hyperbola import hyperbola
from spectral_atlas.papers.craciun2024.jacobian import jacobian
from spectral_atlas.papers.craciun2024.problems import problems
from spectral_atlas.papers.craciun2024.sections import Net, Nets
from spectral_atlas.papers.craciun2024.spectra_sections import (
    Hyperbola,
    Jacobian,
    JacobianNet,
    StableSet,
)
from spectral_atlas.papers.craciun2024.stable_set import stable_set as stable_set_stage
from spectral_atlas.plan import ROOT
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style
from spectral_atlas.stage import Job

FIGURES = {f.__name__: f for f in (minima_hyperbola, stable_set, gd_jacobian, singular_map)}
JOB, LOOK = Job(seed=3), Style(dpi=72)
NETS = Nets(
    nets=[
        Net(name="2-3-2", widths=[2, 3, 2], singular_values=[1.5, 1], samples=4),
        Net(name="1-2-2-1", widths=[1, 2, 2, 1], singular_values=[1], samples=4),
    ]
)
NAN = re.compile(r"\bnan\b")
OUTCOMES = "minimum saddle bounded diverged"


def jacobian_section(**changes) -> Jacobian:
    settings = {
        "learning_rates": [0.5, 0.25], "side": 9, "points": 3000, "epsilons": [0.1, 1e-5, 0.01],
        "nets": [JacobianNet(net="2-3-2", learning_rate=0.1)], "draws": 200,
        "singular_rates": [0.25, 0.5],
    }  # fmt: skip
    return Jacobian(**(settings | changes))


def ended(rates, starts=40) -> xr.Dataset:
    """Made-up ends: stable minimizers below eta_C but for some runs, none beyond."""
    rng = np.random.default_rng(1)
    theta = np.full((len(rates), starts, 2), np.nan)
    outcome = np.full((len(rates), starts), 3, dtype=np.int8)
    for i, eta in enumerate(rates):
        if eta < 0.5:
            reach = np.log(theory.stable_interval(eta)[1])
            u = rng.uniform(-reach, reach, starts)
            theta[i], outcome[i] = np.stack([np.exp(u), np.exp(-u)], 1), 0
        theta[i, 0], outcome[i, 0] = (50, 50), 2  # not at a minimum: must not count
    dims = ("learning_rate", "start")
    flags = {"flag_values": [0, 1, 2, 3], "flag_meanings": OUTCOMES}
    return xr.Dataset(
        {"theta": ((*dims, "weight"), theta), "outcome": (dims, outcome, flags)},
        coords={"learning_rate": np.array(rates)},
        attrs={"steps": 100, "window": 10, "box": 3.0},
    )


@cache
def files() -> dict[str, xr.Dataset]:
    data = {"data/nets": problems(NETS, {}, JOB)}
    rates = {"learning_rates": [0.3, 0.1, 0.5, 0.7]}
    stable = StableSet(
        net="2-3-2", learning_rates=[0.2, 0.5], restarts=1, stretches=[100, 1], narrow=[0.5, 0.01]
    )
    return {
        "spectra/hyperbola": hyperbola(Hyperbola(extent=6, points=11, **rates), {}, JOB),
        "spectra/stable_set": stable_set_stage(stable, data, JOB),
        "spectra/jacobian": jacobian(jacobian_section(), data, JOB),
        "runs/two_parameter": ended([0.4, 0.05, 0.6]),
    }


def draw(name: str, inputs: dict[str, xr.Dataset]) -> Drawing:
    with use_style(LOOK):
        return FIGURES[name](inputs, LOOK)


@cache
def drawn(name: str) -> Drawing:
    return draw(name, files())


def caption(name: str, drawing: Drawing) -> str:
    text = (ROOT / f"workflow/report/craciun2024/{name}.rst").read_text(encoding="utf-8")
    snakemake = SimpleNamespace(params=SimpleNamespace(facts=drawing.facts))
    return Environment(undefined=StrictUndefined).from_string(text).render(snakemake=snakemake)


def odd(case: str) -> dict[str, xr.Dataset]:
    """Those files that an unusual configuration changes."""
    data = {"data/nets": problems(NETS, {}, JOB)}
    if case == "one rate beyond":
        one = {"learning_rates": [0.6]}
        tiny = {"side": 2, "points": 1, "draws": 1, "epsilons": [3], "singular_rates": [5]}
        at = {"learning_rate": [1], "stretch": [0], "e": [0]}
        return {
            "spectra/hyperbola": hyperbola(Hyperbola(extent=1.5, points=3, **one), {}, JOB),
            "spectra/jacobian": jacobian(jacobian_section(**one, **tiny), data, JOB),
            "spectra/stable_set": files()["spectra/stable_set"].isel(at),
            "runs/two_parameter": ended([0.6], 1),
        }
    if case == "small rates":
        small = {"learning_rates": [0.001]}
        section = jacobian_section(**small, box=0.5, singular_rates=[1, 0.7, 0.3, 0.1])
        return {
            "spectra/hyperbola": hyperbola(Hyperbola(extent=100, points=5, **small), {}, JOB),
            "spectra/jacobian": jacobian(section, data, JOB),
            "runs/two_parameter": ended([0.001]),
        }
    if case == "many rates":
        many = {"learning_rates": np.linspace(0.02, 1, 40).tolist()}
        few = {"learning_rates": np.linspace(0.02, 1, 20).tolist()}
        nets = [JacobianNet(net=name, learning_rate=0.3) for name in ("1-2-2-1", "2-3-2")]
        section = jacobian_section(**few, nets=nets)
        return {
            "spectra/hyperbola": hyperbola(Hyperbola(extent=6, points=20, **few), {}, JOB),
            "spectra/jacobian": jacobian(section, data, JOB),
            "runs/two_parameter": ended(many["learning_rates"]),
        }
    if case == "all diverged":
        runs = ended([0.1, 0.2])
        runs["outcome"] = (runs["outcome"] * 0 + 3).assign_attrs(runs["outcome"].attrs)
        return {"runs/two_parameter": runs.assign(theta=runs["theta"] * np.nan)}
    return {"spectra/jacobian": jacobian(jacobian_section(box=1e30), data, JOB)}


USED = {
    "minima_hyperbola": {"spectra/hyperbola"},
    "stable_set": {"spectra/stable_set", "runs/two_parameter"},
    "gd_jacobian": {"spectra/jacobian"},
    "singular_map": {"spectra/jacobian"},
}
