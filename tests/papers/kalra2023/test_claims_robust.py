"""Claims keep to their regime: other files are not measured, lost and censored runs are counted."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_claims import ideal_inputs

from spectral_atlas.checks import BROKEN
from spectral_atlas.papers.kalra2023.claims import CHECKS, evaluate
from spectral_atlas.papers.kalra2023.claims.study import Study

BY_ID = {check.id: check for check in CHECKS}


class Read(dict):
    """Inputs that know which of them were read."""

    def __init__(self, inputs):
        super().__init__(inputs)
        self.read = set()

    def __getitem__(self, ref):
        self.read.add(ref)
        return super().__getitem__(ref)


IDEAL = ideal_inputs()
READ = {}
for _check in CHECKS:
    _inputs = Read(IDEAL)
    _check(Study(_inputs))
    READ[_check.id] = _inputs.read
FILES = sorted(IDEAL)
RUNS = [ref for ref in FILES if ref.startswith(("runs/", "spectra/")) and ref != "runs/uv"]


def unmeasured(inputs, reason):
    """Ids of the claims on changed files; all have to be unmeasured for the reason given."""
    other = {ref for ref in IDEAL if inputs.get(ref) is not IDEAL[ref]}
    ids = [id for id, read in READ.items() if read & other]
    found = [BY_ID[id](Study(inputs)) for id in ids]
    wrong = [c for c in found if c.measured is not None or reason not in c.detail]
    assert not wrong, [(c.id, c.verdict, c.detail) for c in wrong]
    assert not [c for c in found if c.detail.startswith(BROKEN)]
    return ids


@pytest.mark.parametrize("ref", [r for r in FILES if r not in ("data/fields_large",)])
def test_a_missing_file_is_a_reason(ref):
    without = {key: ds for key, ds in IDEAL.items() if key != ref}
    assert unmeasured(without, f"no {ref} at hand")


def test_nothing_at_hand_is_no_error():
    found = evaluate({})
    assert len(found) == len(CHECKS)
    assert {c.verdict for c in found} == {"not measured"}
    assert all("at hand" in c.detail for c in found)


@pytest.mark.parametrize("ref", [r for r in FILES if r.startswith("data/")])
@pytest.mark.parametrize("what", ["name", "samples"])
def test_other_training_sets_are_not_measured(ref, what):
    ds = IDEAL[ref]
    if what == "name":
        other, reason = ds.assign_attrs(name="images of a folder, D=784, K=10"), "instead of a"
    else:
        other, reason = ds.isel(sample=slice(0, 32)), "instead of"
    assert unmeasured(IDEAL | {ref: other}, reason)


@pytest.mark.parametrize("ref", [r for r in RUNS if r != "spectra/estimators"])
def test_other_settings_are_not_measured(ref):
    name = {"runs/regimes": "steps", "runs/saturation": "time"}.get(ref, "grid_step")
    other = IDEAL[ref].assign_attrs({name: 3 * IDEAL[ref].attrs[name]})
    assert unmeasured(IDEAL | {ref: other}, f"{ref} has {name} =")


@pytest.mark.parametrize("ref", RUNS)
@pytest.mark.parametrize("name", ["width", "depth", "batch", "alpha", "weight_variance"])
def test_other_networks_are_not_measured(ref, name):
    ds = IDEAL[ref]
    other = ds.assign_coords({name: ("run", ds[name].values + 1000)})
    assert unmeasured(IDEAL | {ref: other}, "runs with d = ")


@pytest.mark.parametrize("ref", RUNS)
def test_single_seeds_are_too_few(ref):
    ds = IDEAL[ref]
    other = ds.isel(run=np.flatnonzero(ds["seed"].values == 0))
    assert unmeasured(IDEAL | {ref: other}, "1 of at least")


@pytest.mark.parametrize(
    ("ref", "c"), [("runs/fcn", 9.0), ("runs/regimes", 9.0), ("runs/trajectories", 9.0)]
)
def test_a_missing_multiple_is_a_reason(ref, c):
    ds = IDEAL[ref]
    other = ds.assign_coords(multiple=np.arange(ds.sizes["multiple"]) + c)
    found = [BY_ID[id](Study(IDEAL | {ref: other})) for id, read in READ.items() if ref in read]
    missing = [f for f in found if f.measured is None]
    assert missing
    assert all("nothing recorded at c = " in f.detail for f in missing)


def test_what_was_not_recorded_is_a_reason():
    ds = IDEAL["runs/output"].copy(deep=True)
    ds["loss"][:, 0, :] = np.nan
    found = BY_ID["Z1"](Study(IDEAL | {"runs/output": ds}))
    assert found.measured is None
    assert "0 of at least 3 runs recorded" in found.detail


@pytest.mark.parametrize("id", ["B1", "B3", "L5", "O1", "X4", "P6"])
def test_what_was_not_sought_is_a_reason(id):
    inputs = dict(IDEAL)
    for ref in READ[id]:
        if "k_sharp" in inputs[ref]:
            ds = inputs[ref].copy(deep=True)
            ds["k_sharp"][:] = ds["k_barrier"][:] = -9
            inputs[ref] = ds
    found = BY_ID[id](Study(inputs))
    assert found.measured is None
    assert "not sought" in found.detail
    assert not found.detail.startswith(BROKEN)


def test_coarse_uv_studies_are_not_measured():
    uv = IDEAL["runs/uv"]
    few = BY_ID["U5"](Study(IDEAL | {"runs/uv": uv.isel(run=slice(0, 100))}))
    assert "100 of at least 500 runs" in few.detail
    coarse = BY_ID["S1"](Study(IDEAL | {"runs/uv": uv.isel(sat_multiple=slice(0, None, 4))}))
    assert "k in steps of 0.2" in coarse.detail
    ds = uv.copy(deep=True)
    ds["avg_a_error"] *= 10
    assert "<a> is known to" in BY_ID["U3"](Study(IDEAL | {"runs/uv": ds})).detail
    narrow = uv.sel(width=[8, 16])
    assert {BY_ID[i](Study(IDEAL | {"runs/uv": narrow})).measured for i in ("U9", "U11")} == {None}


def test_diverged_runs_count_against_a_claim():
    ds = IDEAL["runs/fcn"].copy(deep=True)
    ds["sharpness"][{"run": slice(24, 26), "step": slice(4, None)}] = np.nan
    assert ds["width"].values[24] == 256
    found = BY_ID["R1"](Study(IDEAL | {"runs/fcn": ds}))
    assert found.verdict == "fails"
    assert "2 diverged" in found.detail


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_runs_for_a_test_are_not_measured(n):
    ds = IDEAL["runs/data_sets"]
    few = ds.isel(run=np.flatnonzero(ds["seed"].values < n))
    found = BY_ID["V1"](Study(IDEAL | {"runs/data_sets": few}))
    assert (found.measured is None) == (n < 3)
    assert not found.detail.startswith(BROKEN)
