"""Diverged and unfinished runs count against claims, and so does what is no number."""

from __future__ import annotations

import numpy as np
import pytest
from asked_craciun import BY_ID, IDEAL, READ, on
from spoiled_craciun import SPOILED

from spectral_atlas.checks import BROKEN
from spectral_atlas.claim_kinds import KINDS, LOST, Sample, Style, claim, joined, measured, one
from spectral_atlas.papers.craciun2024.claims import CHECKS, chains
from spectral_atlas.papers.craciun2024.claims.study import Study


def test_diverged_paths_count_against():
    ref = "runs/edge_fresh"
    runs, spectra = IDEAL[ref].copy(deep=True), IDEAL["spectra/edge_fresh"].copy(deep=True)
    runs["loss"][1, 100:] = np.nan
    spectra["eigenvalues"][1, 100:] = np.nan
    study = Study(IDEAL | {ref: runs, "spectra/edge_fresh": spectra})
    for id in ("A21", "A22", "A23", "A24", "A26", "A27"):
        found = BY_ID[id](study)
        assert found.verdict == "fails", id
        assert "lost or unfinished: run 1" in found.detail
        assert abs(found.measured) == LOST or id == "A22"
    assert BY_ID["A25"](study).verdict == "holds"


def test_an_unfinished_chain_counts_against():
    ds = IDEAL["runs/chain"].copy(deep=True)
    ds["loss"][1] += 1e-9
    study = Study(IDEAL | {"runs/chain": ds})
    assert [BY_ID[id](study).verdict for id in ("A16", "A18", "A19")] == ["fails", "fails", "holds"]


def test_a_flow_that_ends_at_a_flat_minimizer_fails_the_claim_on_it(monkeypatch):
    study = Study(IDEAL)
    assert BY_ID["A19"](study).verdict == "holds"
    monkeypatch.setattr(chains, "flow_limit", lambda start: np.ones(4))
    found = BY_ID["A19"](study)
    assert found.verdict == "fails"
    assert found.measured == pytest.approx(0.22 / 0.25)
    assert "eta = 0.24" in found.detail


def test_a_wide_run_that_diverged_counts_against():
    ds = IDEAL["runs/wide"].copy(deep=True)
    ds["diverged_at"][1] = 700
    study = Study(IDEAL | {"runs/wide": ds})
    assert {BY_ID[f"A{k}"](study).verdict for k in range(29, 34)} == {"fails"}


def test_where_all_diverge_nothing_is_measured_and_no_claim_holds_by_it():
    outcome = IDEAL["runs/nets"]["outcome"]
    ds = IDEAL["runs/nets"].assign(
        outcome=outcome * 0 + 3, gradient_mean=IDEAL["runs/nets"]["gradient_mean"] * np.nan
    )
    study = Study(IDEAL | {"runs/nets": ds})
    verdicts = {check.id: check(study) for check in CHECKS if "runs/nets" in READ[check.id]}
    assert not [c.detail for c in verdicts.values() if c.detail.startswith(BROKEN)]
    for id in ("D7", "D8", "E1", "E2", "E4", "E5", "E6", "E7", "E8"):
        assert verdicts[id].verdict == "fails", id
    for id in ("D15", "E9", "E10", "E11", "E12", "E13"):
        assert verdicts[id].verdict == "not measured", id


NAMING = {"target", "learning_rate", "critical_step", "std", "trajectory", "coincidence_rate"}


@pytest.mark.parametrize("ref", sorted(ref for ref in IDEAL if not ref.startswith("data/")))
def test_nan_everywhere_is_no_error_and_no_success(ref):
    ds = IDEAL[ref].copy(deep=True)
    measured = [n for n, v in ds.data_vars.items() if v.dtype.kind == "f" and n not in NAMING]
    for name in measured:
        ds[name] = ds[name] * np.nan
    found = [BY_ID[id](Study(IDEAL | {ref: ds})) for id in on(ref)]
    assert not [c.detail for c in found if c.detail.startswith(BROKEN)]
    for c in found:
        spoiled = SPOILED[c.id]
        if spoiled and spoiled[0] == ref and spoiled[1] in measured:
            assert c.verdict != "holds", (c.id, c.detail)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_count_lost_cases_against(kind):
    sample = Sample(np.array([np.nan, np.nan, 0.0]), ["x", "y", "z"])
    check = claim(
        "A1", "f", "L = 0.", lambda study: sample, kind=kind, high=0.5, low=0.0, what="v",
        tolerance="t", evidence="e",
    )  # fmt: skip
    found = check(Study({}))
    assert "lost" in found.detail
    assert (found.measured == 0.0) if kind == "share" else (found.verdict == "fails")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "median"])
def test_one_lost_case_never_helps_against_a_lower_bound(kind):
    found = measured(Sample(np.array([np.nan, 0.0]), ["x", "y"]), kind, 1.0, np.inf)
    assert found[0] < 1
    assert "x" in found[1]


def test_a_sum_is_of_numbers_and_a_count_is_of_cases():
    sample = Sample(np.array([3.0, 0.0]), ["x", "y"], sizes=np.array([10, 20]))
    assert measured(sample, "sum", 0, 0) == (3, "3 of 30; x 3; 2 rows: x, y")
    assert measured(sample, "count", 0, 0) == (1, "1 of 2; x")


@pytest.mark.parametrize(
    ("style", "detail"),
    [
        (Style(), "n = 1; worst 2.34568 (x); 1 outside: x"),
        (
            Style(digits=3, single=True, tally=False),
            "n = 1; worst 2.35 (x); median 2.35, from 2.35 to 2.35; x 2.35",
        ),
    ],
)
def test_the_style_words_a_single_case(style, detail):
    assert measured(one(2.345678, "x"), "mean", 3.0, np.inf, style) == (2.345678, detail)


def test_kinds_refuse_what_they_cannot_be():
    with pytest.raises(ValueError, match=r"kind = 'least': must be one of worst, median"):
        claim(
            "A1", "f", "s", lambda s: one(1, "x"), kind="least", what="", tolerance="", evidence=""
        )
    with pytest.raises(ValueError, match=r"labels: must be 2, not 1"):
        Sample(np.zeros(2), ["a"])


def test_an_empty_sample_is_not_measured():
    assert len(joined([]).values) == 0
    check = claim(
        "A1", "f", "s", lambda s: joined([]), high=1, what="v", tolerance="t", evidence="e"
    )
    assert check(Study({})).verdict == "not measured"
