"""Numbers of blocks on training and on held-out samples side by side, one row for each block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from spectral_atlas.papers.benarous2024.figures.shared import StudyFiles
from spectral_atlas.papers.benarous2024.outcomes import live


@dataclass(frozen=True)
class Group:
    """What is compared: alignment and top eigenvalue of one kind of block in one study."""

    study: str
    block: str  # "class", "readout" or "neuron"
    label: str

    @property
    def key(self) -> str:
        """Prefix of its facts."""
        return f"{self.study.removeprefix('mixture_').removeprefix('xor_')}_{self.block}"


GROUPS = (
    Group("mixture_recalled", "class", r"$x^1$, recalled"),
    Group("mixture_moderate", "class", "$x^1$"),
    Group("xor_theorem", "readout", "XOR, $v$"),
    Group("xor_theorem", "neuron", "XOR, live $W_i$"),
)


def side_by_side(group: Group, files: StudyFiles, train: xr.Dataset) -> pd.DataFrame:
    """One row for each matrix, run, common time and, for neurons, neuron."""
    columns = {
        f"{name}_{where}": values
        for where, spectra in (("test", files.spectra), ("train", train))
        for name, values in zip(("rho", "top"), _measured(group, spectra), strict=True)
    }
    common = xr.align(*columns.values(), join="inner")
    found = xr.Dataset(dict(zip(columns, common, strict=True))).drop_vars("step", errors="ignore")
    frame = found.to_dataframe().reset_index().rename(columns={"neuron_run": "run"})
    frame["live"] = True
    if group.block == "neuron":
        last = live(files.runs["v"].values[:, -1], float(files.runs.attrs["ridge"]))
        frame["live"] = last[frame["run"], frame["neuron"]]
    frame = frame.assign(study=group.study, block=group.block)
    frame["difference"] = frame["rho_train"] - frame["rho_test"]
    frame = frame[np.isfinite(frame["difference"])]
    return frame.assign(ratio=frame["top_train"] / frame["top_test"])


def _measured(group: Group, spectra: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Alignment and top eigenvalue of one kind of block."""
    if group.block == "class":
        one = spectra[["rho_k", "eigenvalues"]].isel({"class": 0})
        return one["rho_k"], one["eigenvalues"].isel(rank=0)
    if group.block == "readout":
        rho = spectra["readout_rho"]
        four = rho.isel(order=min(4, rho.sizes["order"]) - 1)
        numbered = np.arange(rho.sizes["run"])
        top = spectra["readout_eigenvalues"].isel(order=0)
        return four.assign_coords(run=numbered), top.assign_coords(run=numbered)
    return spectra["neuron_rho_2"], spectra["neuron_eigenvalues"].isel(rank=0)


def rows_of(table: pd.DataFrame, group: Group) -> pd.DataFrame:
    """The part of a table that belongs to a group."""
    return table[(table["study"] == group.study) & (table["block"] == group.block)]
