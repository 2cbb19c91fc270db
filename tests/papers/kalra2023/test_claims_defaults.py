"""The default configuration has the runs that the claims ask for."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from synthetic_claims import ideal_inputs

from spectral_atlas.cli import read_config
from spectral_atlas.config import parse
from spectral_atlas.papers.kalra2023.claims import CHECKS, uv_first_step
from spectral_atlas.papers.kalra2023.claims.saturation import UV_WIDTHS
from spectral_atlas.papers.kalra2023.claims.study import ATTRIBUTES, EARLY, Nets, Study

LONG = {"runs/regimes": "regimes", "runs/saturation": "saturation"}
FIELDS = {"loss_name": "loss"}


class Asked(Study):
    """Notes which networks were asked for, and how many runs of them at least."""

    def __init__(self, inputs):
        super().__init__(inputs)
        self.nets = {}

    def rows(self, nets, fewest=3):
        self.nets[nets] = max(fewest, self.nets.get(nets, 0))
        return super().rows(nets, fewest)


@pytest.fixture(scope="module")
def config():
    return parse(read_config()).kalra2023


@pytest.fixture(scope="module")
def asked():
    study = Asked(ideal_inputs())
    for check in CHECKS:
        assert check(study).measured is not None, check.id
    return study.nets


def section(config, ref):
    """The section of a file's networks."""
    if ref == "spectra/estimators":
        return config.estimators
    if ref in LONG:
        return getattr(config, LONG[ref])
    return getattr(config.early, ref.removeprefix("runs/"))


def seeds(config, nets):
    """The default seeds of some networks."""
    found = set()
    for models in section(config, nets.file).models:
        own = {f.name: getattr(models, FIELDS.get(f.name, f.name), None) for f in fields(nets)}
        own |= {"file": nets.file, "batch": models.batch or 0}
        if nets.width in models.widths and Nets(**{**own, "width": nets.width}) == nets:
            found |= set(range(models.first_seed, models.first_seed + models.seeds))
    return found


def test_every_net_of_a_claim_has_its_runs(config, asked):
    few = {nets: seeds(config, nets) for nets, n in asked.items() if len(seeds(config, nets)) < n}
    assert len(asked) > 50
    assert not few


def reduced(config, asked, ref, ds):
    """Only the runs and steps of the default configuration."""
    own = {nets: seeds(config, nets) for nets in asked if nets.file == ref}
    if not own:
        return ds
    there, kept = np.zeros(ds.sizes["run"], bool), np.zeros(ds.sizes["run"], bool)
    last = getattr(section(config, ref), "recorded_seeds", None)
    for nets, found in own.items():
        names = [f.name for f in fields(nets) if f.name != "file"]
        same = np.all([ds[name].values == getattr(nets, name) for name in names], axis=0)
        there |= same & np.isin(ds["seed"].values, list(found))
        kept |= same & np.isin(ds["seed"].values, [s for s in found if last is None or s < last])
    ds = ds.copy(deep=True)
    if "step" in ds.dims:
        ds["loss"][~kept] = ds["sharpness"][~kept] = np.nan
        recorded = section(config, ref).recorded
        none = ~np.isclose(ds["multiple"].values[:, None], recorded).any(axis=1)
        ds["loss"][:, none] = ds["sharpness"][:, none] = np.nan
        if not section(config, ref).sharp:
            ds["k_sharp"][:] = -9
        if not section(config, ref).barrier:
            ds["k_barrier"][:] = -9
    return ds.isel(run=np.flatnonzero(there))


def test_default_runs_decide_every_claim(config, asked):
    inputs = {ref: reduced(config, asked, ref, ds) for ref, ds in ideal_inputs().items()}
    assert inputs["runs/fcn"].sizes["run"] < ideal_inputs()["runs/fcn"].sizes["run"]
    study = Study(inputs)
    assert [(c.id, c.verdict, c.detail) for c in (check(study) for check in CHECKS)
            if c.verdict != "holds"] == []  # fmt: skip


def test_default_settings_are_those_claimed(config, asked):
    for ref in {nets.file for nets in asked}:
        for name, value in ATTRIBUTES.get(ref, EARLY).items():
            assert getattr(section(config, ref), name) == value, (ref, name)


def test_the_default_uv_study_has_the_widths_of_claims(config):
    uv = config.uv
    assert {8, 16, 64, 512, 8192} <= set(uv.constants.widths)
    assert uv.constants.runs >= 500
    assert set(UV_WIDTHS) <= set(uv.saturation.widths)
    assert set(uv_first_step.WIDTHS) <= set(uv.averages.widths)
    assert set(uv_first_step.MULTIPLES) <= set(uv.averages.multiples)
    assert {1.0, 2.5, 3.5, 4.2} <= set(uv.trajectories.multiples)
    assert uv.trajectories.runs >= 3
