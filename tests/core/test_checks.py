"""Checks: their order, the files they are measured on, and one that fails beside the others."""

from __future__ import annotations

import random
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import xarray as xr

from spectral_atlas.checks import BROKEN, Cached, Check, Unmeasured, check, evaluator, in_order

REF = "runs/sweep"


def size(study: Any) -> tuple[float, str]:
    return study.dataset(REF)["x"].size, "counted"


def make(id: str, measure: Any = size) -> Check:
    text = {"expected": "at most 3", "tolerance": "none", "evidence": "derived"}
    return check(id, "fig1", "x is short.", low=0, high=3, **text)(measure)


def module(*checks: Check) -> ModuleType:
    return cast("ModuleType", SimpleNamespace(CHECKS=checks))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("letters", "ids"),
    [
        ({}, ["A1", "A2", "A10", "B1", "Z3"]),
        ({"letters": "TFM"}, ["T2a", "T2b", "T3", "T12a", "F7a", "F7b", "M1"]),
    ],
)
def test_checks_of_all_modules_are_ordered_by_letter_number_and_part(
    letters: dict[str, str], ids: list[str], seed: int
) -> None:
    mixed = random.Random(seed).sample(ids, len(ids))
    modules = [module(*map(make, mixed[:2])), module(), *[module(make(id)) for id in mixed[2:]]]
    found = in_order(*modules, **letters)
    assert [one.id for one in found] == ids


@pytest.mark.parametrize("id", ["", "A", "1", "a1", "AB1", "A1B", "A1.5", "C1"])
def test_an_id_of_another_form_is_an_error(id: str) -> None:
    with pytest.raises(ValueError, match=f"^id = '{id}': must be one of BA, a number"):
        in_order(module(make("A1"), make(id)), letters="BA")


def test_cached_files_are_found_by_stage_and_name() -> None:
    dataset = xr.Dataset({"x": ("run", np.arange(3.0))})
    assert Cached({REF: dataset}).dataset(REF) is dataset
    with pytest.raises(Unmeasured, match=r"^no spectra/sweep at hand$"):
        Cached({REF: dataset}).dataset("spectra/sweep")


def test_every_check_is_evaluated_once_on_one_study_whatever_the_others_do() -> None:
    made = []

    class Study(Cached):
        def __init__(self, inputs: Any) -> None:
            super().__init__(inputs)
            made.append(self)

    checks = (
        make("A1"),
        make("A2", lambda study: study.dataset("runs/other")),
        make("A3", lambda study: (float("nan"), "0 / 0")),
        make("A4", lambda study: study.nothing),
        make("A5", lambda study: (float(len(made)), "studies")),
    )
    found = evaluator(Study, checks)({REF: xr.Dataset({"x": ("run", np.arange(4.0))})})
    assert [one.id for one in found] == [one.id for one in checks]
    assert [one.measured for one in found] == [4, None, None, None, 1]
    assert [one.verdict for one in found] == ["fails", *["not measured"] * 3, "holds"]
    assert [one.detail for one in found[:3]] == [
        "counted", "no runs/other at hand", f"{BROKEN}: nan is no number; 0 / 0",
    ]  # fmt: skip
    assert found[3].detail.startswith(f"{BROKEN}: AttributeError: ")
