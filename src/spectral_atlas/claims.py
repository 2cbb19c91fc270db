"""Claims: a statement, the number measured for it, what was expected, and the verdict."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["holds", "fails", "not measured"]


@dataclass(frozen=True)
class Claim:
    """One checked statement of a paper.

    Attributes
    ----------
    id, figure : str
        The figure is the one in which a reader can see it; "" where there is none.
    statement : str
        What is claimed, in one sentence, with the regime in which it is claimed.
    measured : float or None
        The number found in the caches; None where the scale has no data for it.
    expected : str
        What it should be, in words and numbers.
    low, high : float
        The interval, ends included, in which the claim holds.
    tolerance : str
        Where the width of the interval comes from.
    evidence : str
        Where the expectation comes from: theorem, figure, derived, ...
    detail : str
        Sample size and whatever a sceptic asks for next.
    """

    id: str
    figure: str
    statement: str
    measured: float | None
    expected: str
    low: float
    high: float
    tolerance: str
    evidence: str
    detail: str = ""

    @property
    def verdict(self) -> Verdict:
        """``holds`` inside [low, high]; NaN fails; None is ``not measured``."""
        if self.measured is None:
            return "not measured"
        return "holds" if self.low <= self.measured <= self.high else "fails"


def as_rows(paper: str, claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Claims as JSON-able rows; infinite interval ends and unmeasured numbers become null."""
    rows = []
    for claim in claims:
        row = {"paper": paper, **asdict(claim), "verdict": claim.verdict}
        for name in ("measured", "low", "high"):
            value = row[name]
            row[name] = float(value) if value is not None and math.isfinite(value) else None
        rows.append(row)
    return rows


def html_table(rows: list[dict[str, Any]]) -> str:
    """The claims as one self-contained HTML page."""
    columns = (
        "paper", "id", "figure", "verdict", "statement", "measured", "expected", "tolerance",
        "evidence", "detail",
    )  # fmt: skip
    body = [
        "<tr class='{}'>{}</tr>".format(
            row["verdict"].split()[0], "".join(f"<td>{_cell(row[c])}</td>" for c in columns)
        )
        for row in rows
    ]
    return page("Claims", columns, body)


def page(title: str, columns: Iterable[str], rows: Iterable[str]) -> str:
    """A plain HTML page around the rows of one table."""
    head = "".join(f"<th>{html.escape(c)}</th>" for c in columns)
    style = (
        "body{font:14px sans-serif;margin:1em}table{border-collapse:collapse}"
        "td,th{border:1px solid #bbb;padding:.3em .5em;text-align:left;vertical-align:top}"
        "th{background:#eee;position:sticky;top:0}"
        ".holds td:nth-child(4){background:#d7ecdf}.fails td:nth-child(4){background:#f6d5c6}"
    )
    return (
        f"<!doctype html><meta charset='utf-8'><title>{title}</title><style>{style}</style>"
        f"<h1>{title}</h1><table><thead><tr>{head}</tr></thead><tbody>"
        + "\n".join(rows)
        + "</tbody></table>\n"
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value))
