"""What a run is estimated to cost."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spectral_atlas import cli, cost, matrix_rate
from spectral_atlas.cost import Estimate, duration, makespan, size
from spectral_atlas.plan import Plan
from spectral_atlas.registry import Paper

RATES = [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture
def run(
    toy_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:  # fmt: skip
    """Call with arguments of the command: its output for the toy in three parts."""
    monkeypatch.chdir(tmp_path)
    raw = {"toy": {"sweep": {"rates": RATES, "parts": 3}}}
    monkeypatch.setattr(cli, "read_config", lambda overlays: raw)

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main(["cost", *arguments])
        assert ended.value.code == 0
        return capsys.readouterr().out

    return call


def test_every_part_and_the_totals(run: Callable[..., str]) -> None:
    # shares: rates 1 + 4, 2 + 5, 3; a rate is 3.6e12 operations at half of 10 GFLOP/s: 720 s
    found = json.loads(run("--json", "--gflops", "10", "--cores", "2"))
    rows = {row["node"]: row for row in found["nodes"]}
    assert [row["seconds"] for row in rows.values()] == pytest.approx([3600, 5040, 2160])
    assert list(rows) == [f"runs/sweep_part{i}of3" for i in (1, 2, 3)]
    first = rows["runs/sweep_part1of3"]
    assert first["paper"] == "toy"
    assert first["flops"] == pytest.approx(1.8e13)
    assert first["memory"] == 2e6
    assert first["state"] == "to do"
    assert (found["gflops"], found["measured"]) == (10.0, False)
    assert found["not_estimated"] == {"toy": 3}  # data, the join, spectra
    total = found["to_do"]
    assert total["jobs"] == 3
    assert total["core_hours"] == pytest.approx(3.0)
    assert total["longest"]["node"] == "runs/sweep_part2of3"
    assert total["seconds"] == pytest.approx(5760)
    assert total["memory"] == 4e6  # the two largest, at once
    assert found["cached"]["jobs"] == 0


def test_what_is_cached_costs_nothing_more(run: Callable[..., str]) -> None:
    rows = json.loads(run("--json", "--gflops", "10"))["nodes"]
    Path(rows[1]["path"]).parent.mkdir(parents=True)
    Path(rows[1]["path"]).touch()
    found = json.loads(run("--json", "--gflops", "10"))
    assert [row["state"] for row in found["nodes"]] == ["to do", "cached", "to do"]
    assert found["to_do"]["core_hours"] == pytest.approx(1.6)
    assert found["cached"]["core_hours"] == pytest.approx(1.4)
    for row in rows:
        Path(row["path"]).touch()
    assert "to do: 0 jobs" in run("--gflops", "10").splitlines()


def test_a_reader_gets_a_table_and_lines(run: Callable[..., str]) -> None:
    lines = run("--gflops", "10", "--cores", "2").splitlines()
    assert lines[0].split() == ["paper", "node", "operations", "memory", "time", "state"]
    assert lines[1].split() == [
        "toy",
        "runs/sweep_part1of3",
        "1.8e+13",
        "2.0",
        "MB",
        "1.0",
        "h",
        "to",
        "do",
    ]
    assert lines[3].split() == [
        "toy",
        "runs/sweep_part3of3",
        "1.1e+13",
        "1.0",
        "MB",
        "36",
        "min",
        "to",
        "do",
    ]
    assert lines[4].startswith("an estimate: float32 matrix products at 10 GFLOP/s (as given)")
    assert lines[5:] == [
        "cached: 0 jobs",
        "to do: 3 jobs, 3 core-hours; longest job 1.4 h (toy runs/sweep_part2of3);"
        " with 2 cores 1.6 h if no job waits for another, up to 4.0 MB",
        "not estimated: 3 nodes (toy 3)",
    ]


def test_the_rate_is_measured_unless_it_is_given(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "measured_gflops", lambda: 20.0)
    found = json.loads(run("--json"))
    assert (found["gflops"], found["measured"]) == (20.0, True)
    assert found["nodes"][0]["seconds"] == pytest.approx(1800)
    assert "at 20 GFLOP/s (measured now, one thread)" in run()


def test_a_paper_without_estimates_is_a_count_and_measures_nothing(
    run: Callable[..., str], register: Callable[..., None], toy: Paper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    register(dataclasses.replace(toy, cost=None))
    monkeypatch.delattr(cost, "measured_gflops")
    assert run() == "not estimated: 6 nodes (toy 6)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cores", "0"], "'0' must be a whole number above 0"),
        (["--cores", "2.5"], "'2.5' must be a whole number above 0"),
        (["--gflops", "-1"], "'-1' must be a number above 0"),
        (["--gflops", "nan"], "'nan' must be a number above 0"),
        (["--gflops", "inf"], "'inf' must be a number above 0"),
    ],
)
def test_wrong_options_are_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["cost", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip().endswith(message)


@pytest.mark.parametrize("name", ["flops", "memory", "efficiency"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_an_estimate_refuses_nonsense(name: str, value: float) -> None:
    good: dict[str, Any] = {"flops": 1.0, "memory": 1.0, "efficiency": 1.0}
    with pytest.raises(ValueError, match=f"{name} = "):
        Estimate(**(good | {name: value}))


def test_an_efficiency_of_zero_would_take_for_ever() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Estimate(1.0, 1.0, 0.0)


def test_the_longest_first_rule_on_a_known_case() -> None:
    assert makespan([5, 5, 4, 4, 3, 3, 3], 3) == 11  # the classic worst case; 9 is possible
    assert makespan([], 4) == 0
    assert makespan([2, 3], 1) == 5
    assert makespan([2, 3], 10**12) == 3
    with pytest.raises(ValueError, match="cores = 0"):
        makespan([1], 0)


@pytest.mark.parametrize("cores", [2, 3])
def test_the_longest_first_rule_is_within_grahams_bound(cores: int) -> None:
    jobs = [7, 3, 9, 2, 4, 6, 1]
    best = min(
        max(sum(j for j, c in zip(jobs, place, strict=True) if c == core) for core in range(cores))
        for place in itertools.product(range(cores), repeat=len(jobs))
    )
    assert best <= makespan(jobs, cores) <= best * (4 / 3 - 1 / (3 * cores))


def test_units_for_readers() -> None:
    seconds = (0.26, 45.2, 59.6, 720.0, 3569.0, 3571.0, 11520.0)
    shown = ["0.3 s", "45 s", "1 min", "12 min", "59 min", "1.0 h", "3.2 h"]
    assert [duration(s) for s in seconds] == shown
    assert [size(b) for b in (0, 999, 3.1e8, 1.24e9, 9.96e9)] == [
        "0 B", "999 B", "310 MB", "1.2 GB", "10 GB",
    ]  # fmt: skip


def test_the_rate_is_measured_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "4")
    really, environments = subprocess.run, []

    def spy(*arguments: Any, env: dict[str, str], **options: Any) -> Any:
        environments.append(env)
        return really(*arguments, env=env, **options)

    monkeypatch.setattr(subprocess, "run", spy)
    here = matrix_rate.measured_gflops(0.1)
    assert 0.1 < here < 1000
    (env,) = environments
    assert env["OMP_NUM_THREADS"] == env["OPENBLAS_NUM_THREADS"] == "1"


def test_the_best_of_several_products_of_each_size_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by hand: the first product takes 2 s, then 1 s each."""
    clock = itertools.chain([0, 10, 12, 12, 20, 21, 30], itertools.count(40))
    by_hand = SimpleNamespace(perf_counter=lambda: float(next(clock)))
    monkeypatch.setattr(matrix_rate, "time", by_hand)
    monkeypatch.setattr(matrix_rate, "SIZES", (100,))
    assert matrix_rate.best_rate(25.0) == pytest.approx(2e6 / 1 / 1e9)
