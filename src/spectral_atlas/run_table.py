"""Run statistics: what every cached file holds, weighs and cost."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectral_atlas import store

if TYPE_CHECKING:
    from spectral_atlas.planned import PlannedNode

FIRST = ("paper", "stage", "name", "key", "runs")
LAST = ("uncertified", "megabytes", "seconds")


def rows(nodes: Iterable[PlannedNode]) -> list[dict[str, Any]]:
    """One row for each node: counts of outcomes, of uncertified eigenvalues, size and seconds.

    Parts of a file have rows of their own beside that of the whole. All rows have the same columns:
    there is one for every outcome that any file names, empty for files that do not.
    """
    found = [_row(planned) for planned in nodes]
    named = dict.fromkeys(column for row in found for column in row)
    outcomes = [column for column in named if column not in (*FIRST, *LAST)]
    empty = dict.fromkeys((*FIRST, *outcomes, *LAST), "")
    return [empty | row for row in found]


def _row(planned: PlannedNode) -> dict[str, Any]:
    path = Path(planned.path)
    row: dict[str, Any] = {
        "paper": planned.paper,
        "stage": planned.node.stage,
        "name": planned.node.name,
        "key": planned.key,
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "seconds": _seconds(path),
    }
    with store.load(path) as dataset:
        row["runs"] = dataset.sizes.get("run", "")
        if "outcome" in dataset:
            names = dataset["outcome"].attrs["flag_meanings"].split()
            values = dataset["outcome"].values
            row["runs"] = row["runs"] or values.size
            row |= {name: int((values == code).sum()) for code, name in enumerate(names)}
        if "certified" in dataset and "lambda_max" in dataset:  # a flag beside each eigenvalue
            finite = dataset["lambda_max"].notnull()
            row["uncertified"] = int(((dataset["certified"] == 0) & finite).sum())
    return row


def _seconds(path: Path) -> float | str:
    """Wall time of the job that wrote the file, where this machine ran it."""
    benchmark = Path("results/benchmarks", *path.parts[1:]).with_suffix(".tsv")
    if not benchmark.exists():
        return ""
    with benchmark.open(encoding="utf-8") as file:
        return round(float(next(csv.DictReader(file, delimiter="\t"))["s"]), 2)
