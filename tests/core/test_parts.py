"""Files made in parts: their keys, their jobs, and the join that gives what one job would."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import xarray as xr

from spectral_atlas import garbage, keys, run_table, store
from spectral_atlas.config import ConfigError
from spectral_atlas.parts import Join, join
from spectral_atlas.plan import Plan, PlannedNode
from spectral_atlas.registry import JOIN, Node, Paper, resolve, whole
from spectral_atlas.stage import Job
from spectral_atlas.workflow import compute, read_plan

MakePlan = Callable[..., Plan]
JOB = Job(seed=7)


def by_ref(plan: Plan) -> dict[str, PlannedNode]:
    return {planned.node.ref: planned for planned in plan.nodes}


def make(plan: Plan, planned: PlannedNode) -> None:
    """What Snakemake's rules and scripts do for one file, inputs first."""
    paper = planned.paper
    for ref, path in planned.inputs.items():
        if not Path(path).exists():
            make(plan, plan.node(paper, ref))
    stage, name = planned.node.stage, planned.node.name
    found = plan.keyed_node(paper, stage, name, planned.key)  # as from the name of the file
    params = pickle.loads(
        # snakemake hands parameters to scripts this way
        pickle.dumps({"planned": found, "section": plan.section(found), "seed": plan.config.seed})
    )
    compute(
        SimpleNamespace(
            params=SimpleNamespace(**params), log=["job.log"], output=[found.path], threads=1
        )
    )


def test_one_part_is_the_node_itself(toy_plan: MakePlan, toy: Paper) -> None:
    plan = toy_plan(parts=1)
    assert [planned.node for planned in plan.nodes] == list(toy.nodes)
    assert all(planned.part is None and not planned.joins for planned in plan.nodes)
    assert plan.section(plan.node("toy", "runs/sweep")) is plan.config.toy.sweep


def test_a_node_that_may_be_cut_keeps_its_key(
    toy_plan: MakePlan, toy: Paper, register: Callable[..., None]
) -> None:
    plan = toy_plan(parts=1)
    before = {ref: planned.key for ref, planned in by_ref(plan).items()}
    nodes = tuple(dataclasses.replace(node, along=None) for node in toy.nodes)
    assert nodes != toy.nodes
    register(dataclasses.replace(toy, nodes=nodes))
    assert {ref: planned.key for ref, planned in by_ref(Plan(plan.config)).items()} == before


def test_parts_are_nodes_of_their_own_and_the_node_joins_them(toy_plan: MakePlan) -> None:
    plan = toy_plan(parts=3)
    refs = [planned.node.ref for planned in plan.nodes]
    parts = [f"runs/sweep_part{i}of3" for i in (1, 2, 3)]
    assert refs == ["data/base", *parts, "runs/sweep", "spectra/sweep"]
    known = by_ref(plan)
    joined = known["runs/sweep"]
    assert joined.joins
    assert joined.node.function == JOIN
    assert joined.inputs == {ref: known[ref].path for ref in parts}
    assert joined.node.threads == 1
    assert joined.path == f"results/runs/toy/sweep.{joined.key}.nc"
    assert plan.section(joined) == Join("run")
    for index, ref in enumerate(parts):
        planned = known[ref]
        assert (planned.part, planned.declared) == (index, "runs/sweep")
        assert planned.node.function != JOIN
        assert planned.node.threads == 3
        assert list(planned.inputs) == ["data/base"]
        assert plan.section(planned) == plan.config.toy.sweep.part(index)
        assert planned.config["sweep"] == plan.section(planned).model_dump(mode="json")
    assert known["spectra/sweep"].inputs == {"runs/sweep": joined.path}
    assert plan.figures[0].inputs == {"runs/sweep": joined.path}
    assert len({planned.key for planned in plan.nodes}) == len(refs)


def test_numbers_have_as_many_digits_as_the_last(toy_plan: MakePlan) -> None:
    plan = toy_plan(rates=[float(i) for i in range(1, 11)], parts=10)
    names = list(plan.node("toy", "runs/sweep").inputs)
    assert names[0] == "runs/sweep_part01of10"
    assert names[-1] == "runs/sweep_part10of10"
    assert names == sorted(names)


@pytest.mark.parametrize(
    "ref", ["runs/sweep_part4of3", "runs/sweep_part0of3", "runs/sweep_part1of2"]
)
def test_a_part_that_is_not_planned_is_named(toy_plan: MakePlan, ref: str) -> None:
    plan = toy_plan(parts=3)
    with pytest.raises(KeyError, match=r"toy: this configuration makes runs/sweep in 3 part"):
        plan.node("toy", ref)
    with pytest.raises(KeyError, match=r"declares no runs/other; it has data/base, runs/sweep"):
        plan.node("toy", "runs/other_part1of3")
    with pytest.raises(KeyError, match=r"makes data/base in 1 part"):
        plan.node("toy", "data/base_part1of3")


def test_a_part_is_found_by_its_name_before_its_whole_is_planned(toy_plan: MakePlan) -> None:
    key = by_ref(toy_plan(parts=2))["runs/sweep_part2of2"].key
    assert toy_plan(parts=2).keyed_node("toy", "runs", "sweep_part2of2", key).part == 1
    with pytest.raises(ValueError, match="not key 0123"):
        toy_plan(parts=2).keyed_node("toy", "runs", "sweep_part2of2", "0123")


def test_a_changed_share_leaves_the_other_parts_alone(toy_plan: MakePlan) -> None:
    old, new = (by_ref(toy_plan(rates=[1.0, 2.0, third, 4.0], parts=2)) for third in (3.0, 3.5))
    changed = {ref for ref in old if old[ref].key != new[ref].key}
    assert changed == {"runs/sweep_part1of2", "runs/sweep", "spectra/sweep"}


def test_a_part_depends_on_the_seed_and_on_what_all_share(toy_plan: MakePlan) -> None:
    old = by_ref(toy_plan(parts=2))
    for new in (by_ref(toy_plan(parts=2, seed=8)), by_ref(toy_plan(parts=2, offset=0.5))):
        for ref in ("runs/sweep_part1of2", "runs/sweep_part2of2", "runs/sweep"):
            assert old[ref].key != new[ref].key, ref


def test_the_joined_file_depends_on_the_code_of_its_parts(
    toy_plan: MakePlan, toy: Paper, register: Callable[..., None]
) -> None:
    plan = toy_plan(parts=2)
    old = by_ref(plan)
    edited = [
        dataclasses.replace(node, function=f"{node.function}_edited") if node.along else node
        for node in toy.nodes
    ]
    register(dataclasses.replace(toy, nodes=tuple(edited)))
    new = by_ref(Plan(plan.config))
    assert {ref for ref in old if old[ref].key == new[ref].key} == {"data/base"}


def test_other_nodes_do_not_depend_on_the_number_of_parts(toy_plan: MakePlan) -> None:
    assert by_ref(toy_plan(parts=1))["data/base"].key == by_ref(toy_plan(parts=2))["data/base"].key


def test_more_parts_than_work_is_one_line(
    toy_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    plan = toy_plan(rates=[1.0, 1.0], parts=2)
    text = "config error: toy.sweep.parts = 2: parts 1 and 2 would do the same work; take fewer"
    with pytest.raises(ConfigError) as raised:
        _ = plan.nodes
    assert str(raised.value) == text
    with pytest.raises(ConfigError, match=r"^config error: toy\.sweep\.parts = 3: .*rates"):
        _ = toy_plan(rates=[1.0, 2.0], parts=3).nodes
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        read_plan({"toy": {"sweep": {"rates": [1.0, 1.0], "parts": 2}}})
    assert capsys.readouterr().err == f"{text}\n"


def test_a_section_without_parts_is_a_mistake_of_the_registry() -> None:
    node = Node("runs", "sweep", "m:f", "sweep", along="run")
    with pytest.raises(TypeError, match=r"runs/sweep .* along run, so its section sweep must have"):
        node.split(SimpleNamespace(parts=2))
    uncut = SimpleNamespace(parts=2, part=lambda index: SimpleNamespace(parts=2))
    with pytest.raises(TypeError, match=r"sweep\.part\(0\) must be a SimpleNamespace with parts"):
        node.split(uncut)
    assert dataclasses.replace(node, along=None).split(uncut) == []


def test_the_name_of_a_part_leads_back_to_the_whole() -> None:
    assert whole("runs/sweep_part03of12") == "runs/sweep"
    assert whole("runs/part1of2_sweep") == "runs/part1of2_sweep"
    assert whole("runs/a_part1of2_part2of2") == "runs/a_part1of2"


def test_joined_parts_are_the_file_that_one_job_makes(
    toy_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rates = [0.5, 1.0, 2.0, 4.0, 8.0]
    files = []
    for plan in (toy_plan(rates=rates, parts=1), toy_plan(rates=rates, parts=3)):
        files.append(plan.node("toy", "runs/sweep"))
        make(plan, plan.node("toy", "spectra/sweep"))
    one, joined = (store.load(Path(planned.path)).load() for planned in files)
    assert joined.attrs["key"] == files[1].key
    assert json.loads(one.attrs["versions"]) == {"toys": "1.0"}
    assert json.loads(joined.attrs["versions"]) == {"numpy": version("numpy"), "toys": "1.0"}
    for dataset in (one, joined):
        for name in ("key", "config", "versions"):
            del dataset.attrs[name]
    assert list(joined["rate"].values) == [0.5, 4.0, 1.0, 8.0, 2.0]
    xr.testing.assert_identical(joined.sortby("rate"), one)
    assert list(joined.variables) == list(one.variables)
    for name in one.variables:
        assert joined[name].dtype == one[name].dtype, name


def test_run_table_and_garbage_know_the_parts(
    toy_plan: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = toy_plan(parts=2)
    for planned in plan.nodes:
        make(plan, planned)
    rows = {(row["stage"], row["name"]): row for row in run_table.rows(plan.nodes)}
    runs = {name: row["runs"] for (stage, name), row in rows.items() if stage == "runs"}
    assert runs == {"sweep_part1of2": 3, "sweep_part2of2": 2, "sweep": 5}
    assert rows["runs", "sweep"]["high"] == 3
    (columns,) = {tuple(row) for row in rows.values()}  # also of files that name no outcome
    assert "high" in columns[5:-3]
    assert rows["data", "base"]["high"] == ""
    assert garbage.unreferenced([plan]) == []
    left = {path.name.split(".")[0] for path in garbage.unreferenced([toy_plan(parts=1)])}
    assert left == {"sweep_part1of2", "sweep_part2of2", "sweep"}


def test_joining_imports_neither_torch_nor_numba_nor_the_project() -> None:
    closure = keys.closure("spectral_atlas.parts")
    assert not closure & {"torch", "numba"}
    assert {m for m in closure if m.startswith("spectral_atlas.")} == {"spectral_atlas.parts"}
    assert resolve(JOIN) is join


def part(*rates: float, **changes: Any) -> xr.Dataset:
    dataset = xr.Dataset(
        {"loss": ("run", list(rates), {"units": "nats"}), "theory": ("depth", [1.0, float("nan")])},
        attrs={"offset": 1.0, "levels": [1, 2], "key": str(rates)},
    )
    dataset["loss"].encoding = {"chunksizes": (1,)}
    return dataset.assign(**changes)


def joined(*parts: xr.Dataset) -> xr.Dataset:
    names = {f"runs/x_part{i}of{len(parts)}": dataset for i, dataset in enumerate(parts, 1)}
    return join(Join("run"), dict(reversed(names.items())), JOB)


def test_the_order_is_that_of_the_parts_not_of_the_mapping() -> None:
    found = joined(part(3.0, 1.0), part(2.0), part(0.0))
    assert list(found["loss"].values) == [3.0, 1.0, 2.0, 0.0]
    assert found.attrs == {"offset": 1.0, "levels": [1, 2]}
    assert found["loss"].encoding == {}
    assert found["loss"].attrs == {"units": "nats"}
    xr.testing.assert_identical(found["theory"], part()["theory"])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (part(2.0).assign_attrs(offset=2.0), r"attribute offset: 1\.0 and 2\.0"),
        (part(2.0).assign_attrs(extra=2), "attribute extra: none and 2"),
        (part(2.0).assign_attrs(levels=[1, 3]), "attribute levels"),
        (part(2.0, loss=("run", [2.0])), "variable loss, attribute units: nats and none"),
        (part(2.0, theory=("depth", [1.0, 2.0])), "theory, which has no dimension run"),
        (part(2.0, theory=("depth", [1.0])), "sizes of theory"),
        (part(2.0, theory=("run", [1.0])), "dimensions of theory"),
        (part(2.0, more=1.0), "variables: more"),
        (part(2.0).set_coords("theory"), "coordinates: theory"),
        (part(2).assign_attrs(), "dtype of loss: float64 and int64"),
        (part(2.0).drop_vars("loss"), r"has no dimension run; it has depth"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(other: xr.Dataset, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        joined(part(1.0), other)
    assert "runs/x_part2of2" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_label_in_two_parts_is_refused() -> None:
    one, two = (part(1.0, 2.0).assign_coords(run=[0, label]) for label in (1, 2))
    with pytest.raises(ValueError, match="label 0 of dimension run is in more than one part"):
        joined(one, two)
