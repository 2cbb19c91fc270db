"""What the configuration allows with a warning: lines of `cautions`, printed before a run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import Field

from spectral_atlas import workflow
from spectral_atlas.config import Section, cautions
from spectral_atlas.plan import Plan
from spectral_atlas.registry import Paper

THIS = sys.modules[__name__].__name__


class Uncut(Section):
    """Only finds fault with large rates."""

    rates: list[float] = Field([1.0])

    def _cautions(self) -> list[str]:
        return [f"rates[{i}] = {r:g}: is large" for i, r in enumerate(self.rates) if r > 5]


class Sweep(Section):
    """Has nothing to warn of; as in the toy paper."""

    rates: list[float] = Field([1.0])
    parts: int = 1
    inner: Uncut = Uncut()

    def part(self, index: int) -> Sweep:
        return self


class Careful(Section):
    """The config of a paper, with a caution about two of its sections."""

    data: Uncut = Uncut()
    sweep: Sweep = Sweep()

    def _cautions(self) -> list[str]:
        same = self.data.rates == self.sweep.inner.rates
        return ["sweep.inner.rates: as in data.rates, hardly meant"] if same else []


def test_a_section_without_faults_has_none() -> None:
    assert cautions(Sweep()) == []
    assert cautions(Careful(data=Uncut(rates=[2.0])), "toy") == []


def test_a_line_has_the_whole_path_of_its_key_with_or_without_a_start() -> None:
    section = Careful(data=Uncut(rates=[1.0, 6.0, 7.5]), sweep=Sweep(inner=Uncut(rates=[9.0])))
    assert cautions(section, "toy") == [
        "config warning: toy.data.rates[1] = 6: is large",
        "config warning: toy.data.rates[2] = 7.5: is large",
        "config warning: toy.sweep.inner.rates[0] = 9: is large",
    ]
    assert cautions(section.data) == [
        "config warning: rates[1] = 6: is large",
        "config warning: rates[2] = 7.5: is large",
    ]


def test_an_own_caution_comes_before_those_of_sections_inside() -> None:
    section = Careful(data=Uncut(rates=[6.0]), sweep=Sweep(inner=Uncut(rates=[6.0])))
    assert [line.split(":")[1] for line in cautions(section)] == [
        " sweep.inner.rates", " data.rates[0] = 6", " sweep.inner.rates[0] = 6",
    ]  # fmt: skip


@pytest.fixture
def careful(register, toy: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy paper with cautious sections is the registry; a plan is written to a folder."""
    register(replace(toy, config=f"{THIS}:Careful", cost=None))
    monkeypatch.chdir(tmp_path)


def test_a_plan_prints_its_cautions_and_goes_on(
    careful: None, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = {"toy": {"data": {"rates": [6.0]}}}
    plan = workflow.read_plan(raw)
    printed = capsys.readouterr()
    assert printed.err == "config warning: toy.data.rates[0] = 6: is large\n"
    assert printed.out == ""
    assert isinstance(plan, Plan)
    assert Path(workflow.PLANNED_NOW).exists()


def test_nothing_is_printed_where_there_is_nothing_to_warn_of(
    careful: None, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow.read_plan({"toy": {"data": {"rates": [2.0]}}})
    assert capsys.readouterr() == ("", "")


def test_an_error_is_printed_alone(careful: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        workflow.read_plan({"toy": {"data": {"rates": [6.0]}, "sweep": {"parts": "two"}}})
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("config error: toy.sweep.parts = 'two': must be")
    assert "warning" not in error
