"""Claims keep to their regime: other files are not measured, lost and unfinished runs count."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from test_claims_ideal_paths import along_pairs, ideal_paths
from test_claims_ideal_ridge import ideal_ridge

from spectral_atlas.checks import BROKEN
from spectral_atlas.claim_kinds import Sample, claim, measured
from spectral_atlas.cli import read_config
from spectral_atlas.config import parse
from spectral_atlas.papers.jacot2021.claims import CHECKS, evaluate
from spectral_atlas.papers.jacot2021.claims.ridge_descent import distinct
from spectral_atlas.papers.jacot2021.claims.study import Study
from spectral_atlas.papers.jacot2021.members import members

BY_ID = {check.id: check for check in CHECKS}


class Asked(Study):
    """Notes which files were read and which members were asked for."""

    def __init__(self, inputs):
        super().__init__(inputs)
        self.read, self.wheres = set(), set()

    def dataset(self, ref):
        self.read.add(ref)
        return super().dataset(ref)

    def runs(self, where, fewest=3):
        self.wheres.add(where)
        return super().runs(where, fewest)


IDEAL = ideal_paths() | ideal_ridge()
READ, WHERES = {}, set()
for _check in CHECKS:
    _study = Asked(IDEAL)
    _check(_study)
    READ[_check.id] = _study.read
    WHERES |= _study.wheres
DESCENTS = sorted(ref for ref in IDEAL if "gamma" in IDEAL[ref].coords and "plane" not in ref)
MINIMA = sorted(ref for ref in IDEAL if "rank" in IDEAL[ref].coords)


def unmeasured(inputs, ref, reason):
    """The claims on a changed file have to be unmeasured, and not for an error."""
    claims = [BY_ID[id](Study(inputs)) for id, read in READ.items() if ref in read]
    assert claims
    wrong = [c for c in claims if c.measured is not None or reason not in c.detail]
    assert not wrong, [(c.id, c.verdict, c.detail) for c in wrong]
    assert not [c for c in claims if c.detail.startswith(BROKEN)]


@pytest.mark.parametrize("ref", sorted(IDEAL))
def test_a_missing_file_is_a_reason(ref):
    unmeasured({key: ds for key, ds in IDEAL.items() if key != ref}, ref, f"no {ref} at hand")


def test_nothing_at_hand_is_no_error():
    claims = evaluate({})
    assert len(claims) == len(CHECKS)
    assert {c.verdict for c in claims} == {"not measured"}
    assert all("at hand" in c.detail for c in claims)


@pytest.mark.parametrize("ref", DESCENTS)
@pytest.mark.parametrize("name", ["width", "depth"])
def test_other_networks_are_not_measured(ref, name):
    ds = IDEAL[ref]
    other = ds.assign_coords({name: (ds[name].dims, ds[name].values + 1000)})
    unmeasured(IDEAL | {ref: other}, ref, "of at least 3")


@pytest.mark.parametrize("ref", [r for r in DESCENTS if r != "spectra/kernels"])
@pytest.mark.parametrize("name", ["noise", "ridge", "scale"])
def test_other_problems_are_not_measured(ref, name):
    other = IDEAL[ref].assign_attrs({name: IDEAL[ref].attrs[name] + 0.5})
    unmeasured(IDEAL | {ref: other}, ref, f"has {name} = ")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("rank", 2, "rank 2 instead of 3"), ("law", "chosen spectrum", "instead of Gaussian")],
)
def test_other_matrices_are_not_measured(name, value, reason):
    other = IDEAL["data/completion"].assign_attrs({name: value})
    unmeasured(IDEAL | {"data/completion": other}, "data/completion", reason)


@pytest.mark.parametrize("ref", [r for r in MINIMA if r.startswith("runs/")])
def test_other_noise_is_not_measured_at_minima(ref):
    other = IDEAL[ref].assign_attrs(noise=0.7)
    unmeasured(IDEAL | {ref: other}, ref, "noise 0.7 instead of")


@pytest.mark.parametrize(
    "ref", ["runs/greedy", "runs/identity", "runs/basin", "runs/landscape", "runs/minima_clean"]
)
def test_two_targets_are_too_few(ref):
    ds = IDEAL[ref]
    (dim,) = ds["target"].dims
    other = ds.isel({dim: np.flatnonzero(ds["target"].values < 2)})
    unmeasured(IDEAL | {ref: other}, ref, "of at least")


def test_spectra_of_other_members_are_not_measured():
    ds = IDEAL["spectra/regimes"]
    other = ds.assign_coords(target=("member", ds["target"].values[::-1]))
    found = BY_ID["D5"](Study(IDEAL | {"spectra/regimes": other}))
    assert found.measured is None
    assert "other members" in found.detail


@pytest.mark.parametrize(("id", "ref"), [("A3", "saddle_to_saddle"), ("D5", "regimes")])
def test_diverged_members_count_against_a_claim(id, ref):
    ds = IDEAL[f"runs/{ref}"].copy()
    ds["diverged_at"] = ("member", np.where(ds["target"].values == 4, 70, -1))
    found = BY_ID[id](Study(IDEAL | {f"runs/{ref}": ds}))
    assert found.verdict == "fails"
    assert "lost or unfinished: target 4" in found.detail


@pytest.mark.parametrize(
    ("id", "ref"),
    [("A1", "saddle_to_saddle"), ("A13", "shares"), ("C1", "lazy"), ("D5", "regimes"),
     ("E1", "distances")],
)  # fmt: skip
def test_unfinished_members_count_against_a_claim(id, ref):
    ds = IDEAL[f"runs/{ref}"].copy()
    ds["stopped"] = ("member", ds["target"].values != 2)
    found = BY_ID[id](Study(IDEAL | {f"runs/{ref}": ds}))
    assert found.verdict == "fails"
    assert "target 2" in found.detail


@pytest.mark.parametrize(
    ("id", "ref"), [("A1", "saddle_to_saddle"), ("C1", "lazy"), ("D16", "regimes")]
)
@pytest.mark.parametrize("share", [1e-5, None])
def test_another_share_of_the_cost_to_end_at_is_not_measured(id, ref, share):
    ds = IDEAL[f"runs/{ref}"].copy()
    del ds.attrs["stop_share"]
    ds.attrs |= {} if share is None else {"stop_share": share}
    found = BY_ID[id](Study(IDEAL | {f"runs/{ref}": ds}))
    assert found.measured is None
    assert f"runs/{ref} has stop_share = {share or np.nan:g} instead of 1e-06" in found.detail


@pytest.mark.parametrize(
    ("ref", "width", "ids"),
    [("runs/identity", 20, ("F1", "F2", "F3")), ("spectra/landscape", 9, ("G1", "G4", "G8"))],
)
def test_another_width_at_minima_is_not_measured(ref, width, ids):
    study = Study(IDEAL | {ref: IDEAL[ref].assign_attrs(width=width)})
    for id in ids:
        assert BY_ID[id](study).measured is None
        assert f"{width} instead of" in BY_ID[id](study).detail


@pytest.mark.parametrize(
    ("name", "ids", "fewest"),
    [("initializations", ("A10", "A11"), 8), ("escape", ("B3", "B5", "B6", "B7"), 3)],
)
def test_fewer_starts_than_named_are_not_measured(name, ids, fewest):
    few = {}
    for ref in (f"runs/{name}", f"spectra/{name}"):
        ds = IDEAL[ref]
        one_less = (ds["target"].values != 1) | (ds["initialization"].values < fewest - 1)
        few[ref] = ds.isel(member=np.flatnonzero(one_less))
    for id in ids:
        found = BY_ID[id](Study(IDEAL | few))
        assert found.measured is None
        assert f"{fewest - 1} of at least {fewest} starts" in found.detail
        assert f"{fewest} starts each" in BY_ID[id](Study(IDEAL)).detail


def test_a_lost_path_is_no_missing_plateau():
    ref = "runs/saddle_to_saddle"
    ds = IDEAL[ref].copy()
    lost = (ds["target"].values < 6) & (ds["gamma"].values == 1.5)
    ds["diverged_at"] = ("member", np.where(lost, 70, -1))
    found = BY_ID["A9"](Study(IDEAL | {ref: ds}))
    assert (found.verdict, found.measured) == ("fails", 0.4)
    assert "6 lost or unfinished" in found.detail


@pytest.mark.parametrize("id", ["A1", "A2", "A15"])
def test_ranks_in_order_without_a_rest_are_no_plateaus(id):
    file = "shares" if id == "A15" else "saddle_to_saddle"
    ds = IDEAL[f"runs/{file}"].copy(deep=True)
    ds["gradient_norm"] = ds["gradient_norm"].where(ds["target"] != 3, 0.1)
    found = BY_ID[id](Study(IDEAL | {f"runs/{file}": ds}))
    assert (found.verdict, found.measured) == ("fails", 0.9)
    assert "not: target 3" in found.detail


@pytest.mark.parametrize(("id", "stage"), [("A16", 0), ("A17", 0), ("A18", 1), ("A19", 1)])
def test_a_saddle_that_the_path_never_had_the_rank_of_is_lost(id, stage):
    ds = IDEAL["runs/plane"].copy(deep=True)
    ds["passed_at"][{"stage": stage}] = -1
    ds["distances"][{"stage": stage}] = np.nan
    found = BY_ID[id](Study(IDEAL | {"runs/plane": ds}))
    assert found.verdict == "fails"
    assert f"1 lost or unfinished: saddle {stage + 1}" in found.detail


def test_a_singular_value_of_the_gradient_that_is_zero_is_no_way_down():
    ds = IDEAL["spectra/saddles"].copy(deep=True)
    mine = {"member": np.flatnonzero((ds["depth"].values == 2) & (ds["target"].values == 3))}
    ds["slope_rank"][mine] = [9, 8, 7, 7]
    ds["negative"][mine] = [12 * 9, 11 * 8, 10 * 7, 0]
    assert BY_ID["A28"](Study(IDEAL | {"spectra/saddles": ds})).verdict == "holds"


def test_nothing_recovered_at_all_is_no_growth():
    ds = IDEAL["spectra/shares"].copy(deep=True)
    ds["test_cost"][:] = 1.0
    assert BY_ID["A14"](Study(IDEAL | {"spectra/shares": ds})).verdict == "fails"


def test_a_small_tilt_is_left_out():
    maps = IDEAL["runs/saddle_to_saddle"].copy(deep=True)
    mine = np.flatnonzero((maps["target"].values == 3) & (maps["gamma"].values == 2))
    maps["map"][{"member": mine}] = 0 * maps["map"][{"member": mine}] + along_pairs(3, [1.0], 1e-3)
    found = BY_ID["B14"](Study(IDEAL | {"runs/saddle_to_saddle": maps}))
    assert found.verdict == "holds"
    assert "1 with a tangent below 0.01 at gamma = 2 left out" in found.detail


def test_an_end_with_a_gradient_is_not_settled():
    ds = IDEAL["runs/ridge_gd"].copy(deep=True)
    ds["gradient_norm"][{"record": 2}] = 1e-3
    found = BY_ID["G15"](Study(IDEAL | {"runs/ridge_gd": ds}))
    assert "30 of 30 paths not settled" in found.detail


def test_an_end_at_a_critical_point_that_is_no_minimum_is_not_known():
    ds = IDEAL["runs/landscape"].copy(deep=True)
    ds["stable"][{"depth": 1, "rank": 5}] = False
    study = Study(IDEAL | {"runs/landscape": ds})
    assert BY_ID["G18"](study).verdict == "fails"
    assert BY_ID["G19"](study).verdict == "holds"


def test_a_path_that_never_leaves_counts_against_the_escape_law():
    ref = "spectra/escape"
    ds = IDEAL[ref].copy(deep=True)
    stays = (ds["depth"].values == 4) & (ds["target"].values == 1)
    ds["singular_values"][{"member": np.flatnonzero(stays)}] = 1e-6
    found = BY_ID["B3"](Study(IDEAL | {ref: ds}))
    assert found.verdict == "fails"
    assert "18 lost or unfinished" in found.detail


def test_descents_that_still_fall_are_no_ends():
    ref = "runs/ridge_gd"
    ds = IDEAL[ref].copy(deep=True)
    ds["train_cost"][{"record": 1}] += 1e-4
    study = Study(IDEAL | {ref: ds})
    assert BY_ID["G16"](study).measured == 0
    assert "30 of 30 paths not settled" in BY_ID["G16"](study).detail
    assert BY_ID["G19"](study).verdict == "holds"  # a loss on the way is no lower than its end


def test_a_saddle_that_is_not_at_rest_is_left_out_of_the_weaker_claim_only():
    ref = "runs/greedy"
    ds = IDEAL[ref].copy(deep=True)
    mine = np.flatnonzero((ds["depth"].values == 4) & (ds["target"].values == 3))
    ds["gradient_norm"][{"member": mine, "stage": 1}] = 0.3
    ds["cost"][{"member": mine[:1], "stage": 1}] *= 1.1
    study = Study(IDEAL | {ref: ds})
    assert [BY_ID[i](study).verdict for i in ("A24", "A26")] == ["fails", "fails"]
    assert [BY_ID[i](study).verdict for i in ("A25", "A27")] == ["holds", "holds"]
    assert "1 of 20 not at rest, left out" in BY_ID["A25"](study).detail


def test_a_rank_at_the_edge_of_the_search_does_not_witness_existence():
    ref = "runs/minima_noisy"
    ds = IDEAL[ref].copy(deep=True)
    ds["rank_found"][{"rank": 7}] = 7
    ds["value"][{"rank": 7}] = 0.0
    found = BY_ID["H7"](Study(IDEAL | {ref: ds}))
    assert found.measured == 0
    assert "left out: 100" in found.detail


def test_nan_is_counted_as_lost():
    values = np.array([0.1, np.nan, 0.2])
    labels = ["a", "b", "c"]
    assert measured(Sample(values, labels), "worst", -np.inf, 1.0)[0] == 1e9
    assert measured(Sample(values, labels), "worst", 0.0, np.inf)[0] == -1e9
    assert measured(Sample(values, labels), "median", -np.inf, 1.0)[0] == 0.2
    number, detail = measured(Sample(np.array([1, np.nan, 0]), labels), "share", 1, 1)
    assert number == pytest.approx(1 / 3)
    assert detail == "1 of 3; not: c; 1 lost or unfinished: b"
    assert measured(Sample(np.array([0.0, 1.0]), labels[:2]), "count", 1, np.inf) == (
        1,
        "1 of 2; b",
    )


def test_the_worst_of_two_bounds_is_the_value_nearest_to_failing():
    sample = Sample(np.array([0.96, 1.0, 1.049]), ["a", "b", "c"])
    assert measured(sample, "worst", 0.95, 1.05)[0] == 1.049


def test_kinds_are_checked():
    with pytest.raises(ValueError, match="kind = 'best'"):
        claim("A1", "", "", lambda _: None, kind="best", what="", tolerance="", evidence="")


def test_distinct_values():
    assert distinct(np.array([1.0, 1.00005, 2.0, np.nan])) == 2
    assert distinct(np.array([np.nan, np.nan])) == 0


def test_the_default_configuration_has_all_members():
    runs = parse(read_config()).jacot2021.runs
    there = {
        (name, m.depth, m.width, round(m.gamma, 9), m.observed)
        for name in {where.file for where in WHERES}
        for m in members(getattr(runs, name), 80)
    }
    asked = {(w.file, w.depth, w.width, round(w.gamma, 9), w.observed) for w in WHERES}
    assert len(asked) > 60
    assert asked <= there
    for where in WHERES:
        section = getattr(runs, where.file)
        assert (section.noise, section.ridge, section.scale) == (
            where.noise, where.ridge, where.scale
        )  # fmt: skip


def test_the_default_configuration_has_all_ridges():
    runs = parse(read_config()).jacot2021.runs
    asked = {
        "minima_noisy": (1e-3, 3e-3), "minima_clean": (0.008, 0.02), "minima_full": (0.0188, 0.017),
        "landscape": (1e-3, 3e-3), "thresholds": (0.005, 0.01), "basin": (0.001, 0.005),
    }  # fmt: skip
    for (name, ridges), ridge in ((pair, r) for pair in asked.items() for r in pair[1]):
        assert ridge in getattr(runs, name).ridges, (name, ridges)
    assert list(product(runs.basin.depths, runs.basin.factors)) == [
        (3, 0.97), (3, 1.03), (4, 0.97), (4, 1.03)
    ]  # fmt: skip
