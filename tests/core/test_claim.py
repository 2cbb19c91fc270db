"""The verdict of a claim, and how claims are written down."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from spectral_atlas.claims import Claim, as_rows, html_table


def claim(measured: float | None, **changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "id": "X1", "figure": "fig1", "statement": "s <= 2", "expected": "at most 2",
        "low": -math.inf, "high": 2.0, "tolerance": "none", "evidence": "derived",
    }  # fmt: skip
    return Claim(measured=measured, **(fields | changes))


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(2.0, "holds"), (2.0001, "fails"), (math.nan, "fails"), (None, "not measured")],
)
def test_verdicts(measured: float | None, verdict: str) -> None:
    assert claim(measured).verdict == verdict


def test_rows_are_valid_json_without_infinities() -> None:
    rows = as_rows("paper", [claim(1.0), claim(math.nan), claim(None)])
    parsed = json.loads(json.dumps(rows, allow_nan=False))
    assert [row["verdict"] for row in parsed] == ["holds", "fails", "not measured"]
    assert parsed[0]["low"] is None
    assert parsed[0]["paper"] == "paper"


def test_the_table_escapes_what_it_shows() -> None:
    page = html_table(as_rows("paper", [claim(1.0, statement="a < b & c")]))
    assert "a &lt; b &amp; c" in page
