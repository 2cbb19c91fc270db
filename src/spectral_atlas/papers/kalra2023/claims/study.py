"""Rows of the cached files, and whether they are what a claim is about.

A claim names its networks, training set, loss, output and batch. It is measured on rows with
exactly these parameters, and only where training set, number of steps and grid are those claimed:
on other data or at another scale it is not measured.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import xarray as xr

from spectral_atlas.checks import Cached, Unmeasured

Array = np.ndarray
FEWEST = 3  # runs of a network that a statement about it needs
DATA = {  # name and number of samples of each training set
    "images": ("power-law mixture, D=64, K=10, decay=1", 512),
    "isotropic": ("power-law mixture, D=64, K=10, decay=0", 512),
    "steep": ("power-law mixture, D=64, K=10, decay=1.5", 512),
    "teacher": ("tanh teacher, D=64, H=32, K=10", 512),
    "teacher_scalar": ("tanh teacher, D=64, H=32, K=1", 512),
    "random_labels": ("random labels, D=32, K=10", 512),
    "fields": ("random fields, 8x8x3, K=10, decay=1.5", 64),
}
EARLY = {"steps": 10, "grid_step": 0.1}
ATTRIBUTES: dict[str, dict[str, float]] = {  # of files that are not of early training
    "runs/regimes": {"steps": 2400},
    "runs/saturation": {"time": 50},
    "spectra/estimators": {},
    "runs/uv": {"steps": 10, "grid_step": 0.02, "saturation_time": 200},
}


@dataclass(frozen=True)
class Nets:
    """Networks that differ in their seed only, and the file that has them.

    Attributes are the coordinates of the file's rows; `batch` 0 is the whole training set.
    """

    file: str
    depth: int
    width: int
    data: str = "images"
    network: str = "fcn"
    activation: str = "relu"
    parameterization: str = "standard"
    weight_variance: float = 2.0
    output: str = "standard"
    loss_name: str = "mse"
    alpha: float = 1.0
    output_exponent: float = 0.0
    batch: int = 0

    @property
    def text(self) -> str:
        """Depth and width, and whatever is not the default."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "file"}
        usual = {f.name: f.default for f in fields(self)}
        parts = [f"d = {own.pop('depth')}, w = {own.pop('width')}"]
        for name, value in own.items():
            if value != usual[name]:
                shown = f"{value:g}" if isinstance(value, float | int) else value
                label = "loss" if name == "loss_name" else name.replace("_", " ")
                parts.append(f"{label} {shown}")
        return ", ".join(parts)


class Study(Cached):
    """All inputs of the claims, refused where their settings are not those claimed."""

    def dataset(self, ref: str) -> xr.Dataset:
        """The dataset ``stage/name``; Unmeasured where it is absent or has other settings."""
        found = super().dataset(ref)
        for name, claimed in ATTRIBUTES.get(ref, EARLY).items():
            value = float(found.attrs[name])
            if not np.isclose(value, claimed):
                raise Unmeasured(f"{ref} has {name} = {value:g} instead of {claimed:g}")
        return found

    def rows(self, nets: Nets, fewest: int = FEWEST) -> xr.Dataset:
        """The runs of some networks; Unmeasured where they are too few or learn something else."""
        self._demand_data(nets.data)
        found = self.dataset(nets.file)
        chosen = np.ones(found.sizes["run"], dtype=bool)
        for field in fields(nets):
            if field.name != "file":
                chosen &= found[field.name].values == getattr(nets, field.name)
        if chosen.sum() < fewest:
            raise Unmeasured(
                f"{chosen.sum()} of at least {fewest} runs with {nets.text} in {nets.file}"
            )
        return found.isel(run=np.flatnonzero(chosen))

    def _demand_data(self, name: str) -> None:
        ref = f"data/{name}"
        data, (claimed, samples) = super().dataset(ref), DATA[name]
        found = str(data.attrs["name"])
        if found != claimed:
            raise Unmeasured(f"{ref} is a {found} instead of a {claimed}")
        if data.sizes["sample"] != samples:
            raise Unmeasured(f"{ref} has {data.sizes['sample']} instead of {samples} samples")


def at(rows: xr.Dataset, multiple: float) -> xr.Dataset:
    """The runs at one c; Unmeasured where it is not recorded."""
    found = np.flatnonzero(np.isclose(rows["multiple"].values, multiple))
    if not found.size:
        raise Unmeasured(f"nothing recorded at c = {multiple:g}")
    return rows.isel(multiple=int(found[0]))
