"""Small runs of the stage functions, one of each study that the XOR figures read, and drawings."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.papers.benarous2024 import (
    effective_spectra,
    softmax,
    softmax_spectra,
    study,
    two_layer,
    two_layer_spectra,
)
from spectral_atlas.papers.benarous2024.sections import (
    ClassMixture,
    ClassSpectra,
    Effective,
    LayerSpectra,
    Mixture,
    SoftmaxTraining,
    TwoLayerTraining,
    WidthsTraining,
)
from spectral_atlas.plotting.publish import Drawing
from spectral_atlas.plotting.style import use_style
from spectral_atlas.registry import resolve
from spectral_atlas.stage import Job

HERE = "spectral_atlas.papers.benarous2024.figures"
FIGURES = {
    "fig4_1": "layer_alignment",
    "fig4_2": "readout_spectrum",
    "fig4_3": "readout_by_count",
    "outcome_law": "outcome_law",
    "heatmaps_xor": "layer_heatmaps",
    "heatmaps_xor_recalled": "layer_heatmaps",
    "bulk_and_outliers": "bulk_and_outliers",
    "bulk_and_outliers_xor": "bulk_and_outliers",
}
CASES = ("ordinary", "first lost", "last lost")
D, K, JOB = 24, 8, Job(seed=3)
RIDGE = {
    "xor_recalled": 0.01,
    "xor_theorem": 0.05,
    "xor_four": 0.05,
    "xor_four_theorem": 0.05,
    "xor_four_recalled": 0.01,
}
WIDTHS = {"xor_widths": [6, 9], "xor_widths_moderate": [9]}
Files = dict[str, xr.Dataset]


@cache
def files(case: str = "ordinary") -> Files:
    """Everything the figures read; a lost run is lost in each study, from the second time on."""
    if case != "ordinary":
        return {ref: lose(ref, one, case) for ref, one in files().items()}
    found: Files = {}
    for name in ("mixture_recalled", "mixture_moderate"):
        data = ClassMixture(classes=3, dimension=D, precision=30, test_samples=6 * D)
        train = SoftmaxTraining(seeds=2, ridge=0.01, checkpoints=[0, 5])
        own = {f"data/{name}": study.classes(data, {}, JOB)}
        own[f"runs/{name}"] = softmax.softmax(train, own, JOB)
        spectra = ClassSpectra(density_times=[0, 5])
        found |= own | {f"spectra/{name}": softmax_spectra.class_blocks(spectra, own, JOB)}
        effective = Effective(draws=500, times=[0, 5])
        predicted = effective_spectra.class_prediction(effective, own, JOB)
        found[f"spectra/{name}_effective"] = predicted
    for name, ridge in RIDGE.items():
        own = {
            f"data/{name}": study.xor(
                Mixture(dimension=D, precision=100, test_samples=240), {}, JOB
            )
        }
        few = "four" in name
        train_two = TwoLayerTraining(
            ridge=ridge, neurons=4 if few else K, runs=3 if "_four" not in name else 12,
            checkpoints=[0, 5, 30],
        )  # fmt: skip
        if name == "xor_four_recalled":
            train_two = train_two.model_copy(update={"runs": 300, "per_count": 1})
        own[f"runs/{name}"] = two_layer.two_layer(train_two, own, JOB)
        layers = LayerSpectra() if few else LayerSpectra(neuron_runs=2, density_times=[0, 30])
        found |= own | {f"spectra/{name}": two_layer_spectra.layer_blocks(layers, own, JOB)}
        if not few:
            predicted = effective_spectra.neuron_prediction(
                Effective(draws=500, times=[0, 30]), own, JOB
            )
            found[f"spectra/{name}_effective"] = predicted
    for name, neurons in WIDTHS.items():
        precision = 1000 if name == "xor_widths" else 100
        mixture = Mixture(dimension=D, precision=precision, test_samples=240)
        own = {f"data/{name}": study.xor(mixture, {}, JOB)}
        more = WidthsTraining(neurons=neurons, runs=10, ridge=0.05, checkpoints=[0, 30])
        found |= own | {f"runs/{name}": two_layer.widths(more, own, JOB)}
    return found


def lose(ref: str, one: xr.Dataset, case: str) -> xr.Dataset:
    """The file as it is where a run overflows after its start."""
    runs = one.sizes.get("run", 0)
    if ref.startswith("data/") or not runs:
        return one
    lost, one = 0 if case == "first lost" else runs - 1, one.copy(deep=True)
    for variable in one.data_vars.values():
        if variable.name == "n_outliers":
            variable[{"run": lost}] = -1
        elif variable.dtype.kind == "f":
            along = "run" if "run" in variable.dims else "neuron_run"
            later = {t: slice(1, None) for t in ("time", "density_time") if t in variable.dims}
            if along in variable.dims and lost < variable.sizes[along]:
                variable[{along: lost} | later] = np.nan
            elif along not in variable.dims and lost == 0 and later:  # of run 0 only
                variable[later] = np.nan
    if "diverged_at" in one:
        one["diverged_at"][{"run": lost}] = 7
    return one


@cache
def drawn(name: str, case: str = "ordinary") -> Drawing:
    return draw(name, files(case))


def draw(name: str, inputs: Files) -> Drawing:
    with use_style(Style(dpi=72)):
        drawing = resolve(f"{HERE}.{FIGURES[name]}:{name}")(inputs, Style(dpi=72))
    plt.close(drawing.figure)
    return drawing
