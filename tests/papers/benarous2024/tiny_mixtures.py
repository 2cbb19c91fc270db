"""Files of the mixture figures at a size that takes seconds, and drawings of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt

from spectral_atlas.config import Style
from spectral_atlas.papers.benarous2024.effective_spectra import class_prediction
from spectral_atlas.papers.benarous2024.sections import (
    ClassMixture,
    ClassSpectra,
    Effective,
    LayerSpectra,
    Mixture,
    SoftmaxTraining,
    TwoLayerTraining,
)
from spectral_atlas.papers.benarous2024.softmax import softmax
from spectral_atlas.papers.benarous2024.softmax_spectra import class_blocks
from spectral_atlas.papers.benarous2024.study import classes, xor
from spectral_atlas.papers.benarous2024.two_layer import two_layer
from spectral_atlas.papers.benarous2024.two_layer_spectra import layer_blocks
from spectral_atlas.plotting.style import use_style
from spectral_atlas.stage import Job

MODULES = {
    "fig3_1": "class_alignment",
    "fig3_2": "class_heatmaps",
    "fig3_3": "class_products",
    "fig3_4": "class_eigenvalues",
    "variants": "variants",
    "train_vs_test": "train_vs_test",
}
K, D, M, RUNS = 3, 40, 200, 3
TIMES = [0.0, 3.0, 12.0]
JOB = Job(seed=3)
MIXTURES = {
    "recalled": {"precision": 10, "weights": None},
    "theorem": {"precision": 1000, "weights": None},
    "moderate": {"precision": 100, "weights": None},
    "unequal": {"precision": 100, "weights": [5.0, 3.0, 2.0]},
    "correlated": {"precision": 100, "means": "correlated", "correlation": 0.5},
    "gaussian": {"precision": 100, "means": "gaussian"},
}
EVERY_CLASS = {"recalled": 1, "theorem": 1, "moderate": 0}  # runs; of the others all


def tiny_inputs() -> dict[str, xr.Dataset]:
    """All files, by "stage/name"."""
    files: dict[str, xr.Dataset] = {}
    for name, settings in MIXTURES.items():
        study = f"mixture_{name}"
        data = ClassMixture(classes=K, dimension=D, test_samples=M, **settings)
        files[f"data/{study}"] = classes(data, {}, JOB)
        training = SoftmaxTraining(seeds=RUNS, ridge=0.02, checkpoints=TIMES)
        files[f"runs/{study}"] = softmax(training, one(files, study, "data"), JOB)
        spectra = ClassSpectra(
            all_classes_seeds=EVERY_CLASS.get(name, RUNS), beyond=2, shown_coordinates=12
        )
        files[f"spectra/{study}"] = class_blocks(spectra, one(files, study), JOB)
        if name in ("recalled", "theorem"):
            effective = Effective(draws=500, times=TIMES[::2])
            found = class_prediction(effective, one(files, study), JOB)
            files[f"spectra/{study}_effective"] = found
        if name in ("recalled", "moderate"):
            train = ClassSpectra(samples="train", times=TIMES[1:], beyond=2)
            files[f"spectra/{study}_train"] = class_blocks(train, one(files, study), JOB)
    study = "xor_theorem"
    files[f"data/{study}"] = xor(Mixture(dimension=D, precision=50, test_samples=M), {}, JOB)
    training = TwoLayerTraining(neurons=6, runs=RUNS, ridge=0.05, checkpoints=TIMES)
    files[f"runs/{study}"] = two_layer(training, one(files, study, "data"), JOB)
    for suffix, samples, times in (("", "test", None), ("_train", "train", TIMES[1:])):
        layers = LayerSpectra(samples=samples, times=times, neuron_runs=2, shown_coordinates=8)
        files[f"spectra/{study}{suffix}"] = layer_blocks(layers, one(files, study), JOB)
    return files


def one(files: dict[str, xr.Dataset], study: str, *stages: str) -> dict[str, xr.Dataset]:
    """The files of one study that a stage reads."""
    return {f"{s}/{study}": files[f"{s}/{study}"] for s in stages or ("data", "runs")}


def with_lost_run(files: dict[str, xr.Dataset], run: int = 1) -> dict[str, xr.Dataset]:
    """One run of every study overflows after its start: NaN from the second checkpoint on."""
    found = {}
    for ref, dataset in files.items():
        copy = dataset.copy(deep=True)
        for values in copy.variables.values():
            axis = next((n for n in ("run", "neuron_run") if n in values.dims), None)
            if axis is None or not np.issubdtype(values.dtype, np.floating):
                continue
            late = copy["time"].values >= TIMES[1] if "time" in values.dims else slice(None)
            where = {axis: run} | ({"time": late} if "time" in values.dims else {})
            values[where] = np.nan
        if "diverged_at" in copy:
            copy["diverged_at"][run] = 77
        if "n_outliers" in copy:
            copy["n_outliers"][{"run": run}] = -1
            copy["edge"][{"run": run}] = copy["outliers"][{"run": run}] = np.nan
        found[ref] = copy
    return found


def without_run(files: dict[str, xr.Dataset], *kept: int) -> dict[str, xr.Dataset]:
    """Only some of the runs."""
    found = {}
    for ref, dataset in files.items():
        few = dataset.isel(run=list(kept)) if "run" in dataset.dims else dataset
        if "neuron_run" in few.dims:
            few = few.isel(neuron_run=[i for i in kept if i < few.sizes["neuron_run"]])
        found[ref] = few
    return found


@cache
def inputs(case="whole"):
    """Files of a case; not to be changed."""
    cases = {
        "whole": lambda: tiny_inputs(),
        "lost": lambda: with_lost_run(inputs()),
        "single": lambda: without_run(inputs(), 0),
        "first lost": lambda: with_lost_run(inputs(), 0),
        "survivors": lambda: without_run(inputs(), 0, 2),
    }
    return cases[case]()


def draw(name, files):
    """A figure, laid out but not kept open."""
    with use_style(Style()):
        module = import_module(f"spectral_atlas.papers.benarous2024.figures.{MODULES[name]}")
        drawing = getattr(module, name)(files, Style())
        drawing.figure.draw_without_rendering()
    plt.close(drawing.figure)
    return drawing


@cache
def drawn(name, case="whole"):
    """The figure of a case."""
    return draw(name, inputs(case))


def panels(drawing):
    """Axes with a panel letter, in order."""
    return [ax for ax in drawing.figure.axes if ax.get_title(loc="left")]


def between(values, digits=3):
    """The range of values, as captions quote it."""
    low, high = (f"{v:.{digits}g}" for v in (np.nanmin(values), np.nanmax(values)))
    low, high = (f"{float(v):g}" for v in (low, high))
    if low == high:
        return low
    return f"{low}–{high}" if np.nanmin(values) >= 0 else f"{low} to {high}"
