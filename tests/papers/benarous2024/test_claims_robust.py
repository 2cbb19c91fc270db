"""Claims keep to their regime: other parameters are not measured, lost runs are not forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml
from ideal_studies import ideal_inputs

from spectral_atlas import registry
from spectral_atlas.checks import BROKEN
from spectral_atlas.config import parse
from spectral_atlas.papers.benarous2024.claims import CHECKS, evaluate, regimes
from spectral_atlas.papers.benarous2024.claims.seeds import LOST, every_seed, worst
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study
from spectral_atlas.plan import ROOT
from spectral_atlas.stage import Job

REGIMES = {value.study: value for value in vars(regimes).values() if isinstance(value, Regime)}
MIXTURES = [name for name in REGIMES if name.startswith("mixture")]
XORS = [name for name in REGIMES if name.startswith("xor")]
PER_SEED = [c.id for c in CHECKS if c.id[0] in "ABCDEFGJK"]
SHARES = [f"H{i}" for i in range(1, 12)] + ["L1", "L2", "L3", "L7"]


class Read(dict):
    """Inputs that know which of them were read."""

    def __init__(self, inputs):
        super().__init__(inputs)
        self.read = set()

    def __getitem__(self, ref):
        self.read.add(ref)
        return super().__getitem__(ref)


IDEAL = ideal_inputs()
BEFORE = {}  # claims on ideal files, and what they read: only those need be measured again
for _check in CHECKS:
    _inputs = Read(IDEAL)
    BEFORE[_check.id] = (_check(Study(_inputs)), _inputs.read)


@pytest.fixture(scope="module")
def ideal():
    return IDEAL


def of_study(inputs, study, change, stages=("data", "runs", "spectra")):
    """The inputs with all files of a study changed, those on training samples included."""
    refs = [f"{stage}/{study}{end}" for stage in stages for end in ("", "_train")]
    return inputs | {ref: change(inputs[ref]) for ref in refs if ref in inputs}


def verdicts(inputs):
    other = {ref for ref in IDEAL if inputs.get(ref) is not IDEAL[ref]}
    study = Study(inputs)
    found = {}
    for check in CHECKS:
        claim, read = BEFORE[check.id]
        found[check.id] = check(study) if read & other else claim
    assert [(c.id, c.detail) for c in found.values() if c.detail.startswith(BROKEN)] == []
    return found


def only_unmeasured(ideal, inputs, reason):
    """No claim fails; those that change are not measured, for the reason given. How many?"""
    changed = [c for id, c in verdicts(inputs).items() if c.verdict != BEFORE[id][0].verdict]
    assert all(c.verdict == "not measured" and reason in c.detail for c in changed), changed
    return len(changed)


@pytest.mark.parametrize("study", REGIMES)
@pytest.mark.parametrize("attribute", ["precision", "ridge", "step"])
def test_another_parameter_is_another_regime(ideal, study, attribute):
    stage = "data" if attribute == "precision" else "runs"

    def change(ds):
        return ds.assign_attrs({attribute: 1.5 * ds.attrs[attribute]})

    inputs = of_study(ideal, study, change, (stage,))
    assert only_unmeasured(ideal, inputs, f"{study} is in another regime") >= 1


@pytest.mark.parametrize("study", REGIMES)
@pytest.mark.parametrize("what", ["dimension", "weights", "means"])
def test_another_mixture_is_another_regime(ideal, study, what):
    def change(ds):
        ds = ds.copy(deep=True)
        if what == "dimension":
            return ds.isel(feature=slice(0, -1))
        if what == "weights":
            ds["weights"][:2] += np.array([0.05, -0.05])
        else:
            ds["means"][1] = 1.5 * ds["means"][0]
        return ds

    inputs = of_study(ideal, study, change, ("data",))
    if study == "mixture_gaussian" and what == "means":
        inputs[f"data/{study}"].attrs["name"] = "other means"
    assert only_unmeasured(ideal, inputs, f"{study} is in another regime") >= 1


@pytest.mark.parametrize("study", MIXTURES)
def test_fewer_classes_are_another_regime(ideal, study):
    inputs = of_study(ideal, study, lambda ds: ds.isel(component=slice(0, 4)), ("data",))
    assert only_unmeasured(ideal, inputs, "k = 4 instead of 10") >= 1


@pytest.mark.parametrize("study", [s for s in XORS if "widths" not in s])
def test_fewer_neurons_are_another_regime(ideal, study):
    inputs = of_study(ideal, study, lambda ds: ds.isel(neuron=slice(0, 3)), ("runs",))
    assert only_unmeasured(ideal, inputs, "K = 3 instead of") >= 1


@pytest.mark.parametrize("study", [s for s in REGIMES if "widths" not in s])
def test_fewer_samples_are_another_regime(ideal, study):
    def change(ds):
        return ds.assign_attrs(sample_count=ds.attrs["sample_count"] / 2)

    inputs = of_study(ideal, study, change, ("spectra",))
    expected = 0 if study == "xor_four_recalled" else 1  # its claim is on weights alone
    assert only_unmeasured(ideal, inputs, "M / d = 5 instead of 10") >= expected


def test_training_samples_do_not_pass_for_held_out_ones(ideal):
    swapped = ideal | {"spectra/mixture_moderate": ideal["spectra/mixture_moderate_train"]}
    assert only_unmeasured(ideal, swapped, "train samples instead of test samples") >= 10


def test_coarse_predictions_are_not_compared(ideal):
    ref = "spectra/mixture_theorem_effective"
    coarse = ideal | {ref: ideal[ref].assign_attrs(draws=2000)}
    assert only_unmeasured(ideal, coarse, "2000 of at least 10000 draws") >= 3
    other = ideal | {ref: ideal[ref].assign_attrs(ratio=5.0)}
    assert only_unmeasured(ideal, other, "M / d of the prediction = 5") >= 3


@pytest.mark.parametrize("study", REGIMES)
def test_two_runs_are_too_few(ideal, study):
    def change(ds):
        return ds.isel({d: slice(0, 2) for d in ("run", "neuron_run") if d in ds.dims})

    inputs = of_study(ideal, study, change)
    ref = f"spectra/{study}_effective"
    if ref in ideal:
        inputs |= {ref: change(ideal[ref])}
    assert only_unmeasured(ideal, inputs, " ") >= 1


@pytest.mark.parametrize("study", REGIMES)
def test_a_missing_checkpoint_is_a_reason(ideal, study):
    def change(ds):
        return ds.isel(time=[0])

    inputs = of_study(ideal, study, change, ("runs", "spectra"))
    assert only_unmeasured(ideal, inputs, "t = ") >= 1


def test_too_few_checkpoints_say_nothing_about_all_times(ideal):
    def change(ds):
        return ds.isel(time=[0, 1, 2, 5])

    inputs = of_study(ideal, "mixture_theorem", change, ("runs", "spectra"))
    assert only_unmeasured(ideal, inputs, "4 of at least 6 checkpoints") == 2


@pytest.mark.parametrize("ref", sorted(IDEAL))
def test_a_missing_file_is_a_reason(ideal, ref):
    without = {key: ds for key, ds in ideal.items() if key != ref}
    only_unmeasured(ideal, without, f"no {ref} at hand")


def without_run(ds, run=1):
    """The file after one run has overflowed."""
    ds = ds.copy(deep=True)
    for name in [*ds.data_vars]:
        for dim in ("run", "neuron_run"):
            if dim in ds[name].dims and np.issubdtype(ds[name].dtype, np.floating):
                ds[name][{dim: run}] = np.nan
    if "diverged_at" in ds:
        ds["diverged_at"][{"run": run}] = 7
    if "n_outliers" in ds:
        ds["n_outliers"][{"run": run}] = -1
    return ds


@pytest.fixture(scope="module")
def with_lost(ideal):
    return verdicts({ref: without_run(ds) for ref, ds in ideal.items()})


@pytest.mark.parametrize("id", PER_SEED)
def test_a_lost_seed_fails_what_is_claimed_of_every_seed(with_lost, id):
    found = with_lost[id]
    assert found.verdict == "fails"
    assert abs(found.measured) == LOST
    assert "lost" in found.detail


@pytest.mark.parametrize("id", SHARES)
def test_a_lost_run_is_named_where_runs_are_counted(with_lost, id):
    assert "lost" in with_lost[id].detail


def test_many_lost_runs_fail_the_shares(ideal):
    inputs = ideal
    for run in range(75, 105):
        inputs = of_study(inputs, "xor_four", lambda ds, r=run: without_run(ds, r))
        inputs = of_study(inputs, "xor_widths", lambda ds, r=run: without_run(ds, r))
    found = verdicts(inputs)
    for id in ("H1", "H2", "H3", "H8", "L1", "L2"):
        assert found[id].verdict == "fails", id


def test_classes_that_were_not_measured_are_a_reason_and_not_lost_runs(ideal):
    def change(ds):
        ds = ds.copy(deep=True)
        for name in ("rho_k", "rho_1", "overlap", "eigenvalues"):
            ds[name][{"class": slice(1, None)}] = np.nan
        return ds

    studies = ("mixture_theorem", "mixture_unequal", "mixture_correlated", "mixture_gaussian")
    inputs = ideal
    for study in studies:
        inputs = of_study(inputs, study, change, ("spectra",))
    assert only_unmeasured(ideal, inputs, "of all classes are not measured") == 7


def test_nothing_at_hand():
    assert {c.verdict for c in evaluate({})} == {"not measured"}


def test_the_worst_seed():
    values = np.array([[0.9, 0.95], [0.8, 0.99], [np.nan, 0.9]])
    assert worst(values, smallest=True)[0] == -LOST
    assert worst(values[:2], smallest=True)[0] == 0.8
    measured, detail = worst(values[:2], smallest=False, remark="why")
    assert measured == 0.99
    assert detail == "2 seeds: 0.95, 0.99; mean 0.97, spread 0.04; why"
    assert worst(values, smallest=False)[0] == LOST
    assert worst(np.ones(20), smallest=False)[1].startswith("20 seeds; mean 1")


def test_a_claim_has_one_bound():
    texts = {"what": "", "tolerance": "", "evidence": ""}
    for bounds in ({}, {"least": 1.0, "most": 2.0}):
        with pytest.raises(ValueError, match="one of least and most"):
            every_seed("Z1", "", "", lambda study: np.ones(3), **bounds, **texts)


def test_a_broken_measurement_takes_no_other_with_it():
    broken = replace(CHECKS[0], measure=lambda study: 1 / 0)(Study({}))
    assert broken.detail == f"{BROKEN}: ZeroDivisionError: division by zero"


def merged(one, other):
    both = dict(one)
    for key, value in other.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if nested else value
    return both


def test_files_of_the_smallest_scale_are_read_without_an_error():
    """Real stages, smaller still; claims have other regimes and say so."""
    files = [ROOT / "config.yaml", ROOT / "workflow/scales/smoke.yaml"]
    raw = merged(*(yaml.safe_load(path.read_text()) for path in files))
    section = raw["benarous2024"]
    for name, data in section["data"].items():
        data |= {"dimension": 20, "test_samples": 200}
        section["train"][name]["checkpoints"] = [0, 10]
    for kind in ("spectra", "effective"):
        for measured in section[kind].values():
            for key in {"times", "density_times", "all_classes_times"} & set(measured):
                measured[key] = [0, 10]
            if "ratio_time" in measured:
                measured["ratio_time"] = 10
    section["train"]["xor_four_recalled"]["runs"] = 300
    config = parse(raw).benarous2024
    paper = registry.papers()["benarous2024"]
    made = {}
    for node in paper.nodes:
        if node.name == "agreement":  # needs torch
            continue
        part = config
        for key in node.config.split("."):
            part = getattr(part, key)
        function = registry.resolve(node.function)
        made[node.ref] = function(part, {ref: made[ref] for ref in node.inputs}, Job(seed=1))
    found = verdicts(made)
    assert {c.verdict for c in found.values()} == {"not measured"}
    regime = [c for c in found.values() if "is in another regime: d = 20" in c.detail]
    assert len(regime) == len(CHECKS) - 2
