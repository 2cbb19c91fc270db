"""A paper's page in docs/, read for tests that hold it against the code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NUMBER = r"(-?\d*\.?\d+(?:e[+-]?\d+)?)( ?%)?"
ROUNDING = 0.006  # of three digits
WIDEST = 112  # characters of a line outside tables


class Page:
    """The numbered sections of docs/<key>.md and their tables."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.text = (DOCS / f"{key}.md").read_text(encoding="utf-8")
        found = re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## |\Z)", self.text, flags=re.M | re.S)
        self.sections = dict(found)

    def rows(self, section: str) -> list[list[str]]:
        """The cells of every table row of a section."""
        lines = [line for line in self.sections[section].splitlines() if line.startswith("| ")]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]

    def table(self, section: str, *head: str) -> list[list[str]]:
        """The rows of the only table whose head starts with these words."""
        found = self.rows(section)
        (at,) = (i for i, row in enumerate(found) if tuple(row[: len(head)]) == head)
        heads = [i - 1 for i, row in enumerate(found) if re.fullmatch(r"-+", row[0])]
        return found[at + 2 : min((i for i in heads if i > at), default=len(found))]

    def prose(self, section: str) -> str:
        """A section in one line."""
        return " ".join(self.sections[section].split())

    @property
    def head(self) -> str:
        """What stands before the sections, in one line."""
        return " ".join(self.text.split("## 1.")[0].split())

    @property
    def figure_rows(self) -> dict[str, list[str]]:
        """Rows of the table of figures, by id."""
        return {row[0].strip("`"): row for row in self.table("3", "figure", "evidence")}

    @property
    def claim_rows(self) -> dict[str, list[str]]:
        """Rows of the tables of claims, by id."""
        kept = [row for row in self.rows("5") if len(row) == 5 and row[0] not in ("id", "---")]
        assert len({row[0] for row in kept}) == len(kept)
        return {row[0]: row for row in kept}

    @property
    def glossary_names(self) -> set[str]:
        """What the paper's part of the glossary says is in the code."""
        glossary = (DOCS / "glossary.md").read_text(encoding="utf-8")
        part = rf"\(\[{self.key}\.md\].*?(?=\n\n[A-Z]|\Z)"
        (own,) = re.findall(part, glossary, flags=re.S)
        cells = [line.split(" | ")[-1] for line in own.splitlines() if line.startswith("| ")]
        return set(re.findall(r"`(?:\w+\.|\.)?(\w+)`", " ".join(cells)))


def printed(cell: str) -> list[float]:
    """The numbers of a cell, percentages as shares."""
    return [float(n) / (100 if percent else 1) for n, percent in re.findall(NUMBER, cell)]


class PageTests:
    """What every page must be: subclass it in a test module with the three attributes."""

    page: ClassVar[Page]
    paper: ClassVar[Any]
    checks: ClassVar[Sequence[Any]]
    last_section: ClassVar[int] = 8
    in_words: ClassVar[tuple[float, ...]] = ()  # bounds that a row may give in words
    spoken_in: ClassVar[Sequence[str]] = "456"  # sections in which a letter and number is a claim
    no_claims: ClassVar[Sequence[str]] = ()  # a letter and number there that is none

    def test_sections_are_numbered_once_and_in_order(self):
        numbers = re.findall(r"^## (\d)\.", self.page.text, flags=re.M)
        assert numbers == [str(i + 1) for i in range(self.last_section)], numbers

    def test_there_are_four_words_of_evidence(self):
        head = self.page.text.split("## 1.")[0]
        words = re.findall(r"^\| (verified|recalled|derived|measured) \| ", head, flags=re.M)
        assert words == ["verified", "recalled", "derived", "measured"], words

    def test_the_evidence_table_has_the_figures_of_the_registry(self):
        listed, known = list(self.page.figure_rows), [f.id for f in self.paper.figures]
        assert listed == known, (listed, known)

    def test_the_evidence_table_repeats_the_registry(self):
        for figure in self.paper.figures:
            _, evidence, _, _, claims = self.page.figure_rows[figure.id]
            assert evidence == figure.evidence, (figure.id, evidence)
            other = set(claims.split(", ")) ^ set(figure.claims or ["none"])
            assert not other, (figure.id, other)

    def test_every_claim_has_a_row_and_no_row_is_stale(self):
        other = set(self.page.claim_rows) ^ {check.id for check in self.checks}
        assert not other, other

    def test_the_bounds_of_a_claim_are_in_its_row(self):
        for check in self.checks:
            numbers = printed(self.page.claim_rows[check.id][3])
            for bound in (check.low, check.high):
                if np.isfinite(bound) and not np.isclose(bound, self.in_words).any():
                    assert np.isclose(bound, numbers).any(), (check.id, bound, numbers)

    def test_measured_numbers_are_marked_where_they_fail(self):
        for check in self.checks:
            cell = self.page.claim_rows[check.id][2]
            if cell == "not measured":
                continue
            value = float(re.match(r"(?:\*\*)?(-?[\d.e+-]+)", cell)[1])
            slack = ROUNDING * abs(value) + 1e-8
            if cell.startswith("**"):
                assert cell.endswith(", fails**"), (check.id, cell)
                outside = value < check.low + slack or value > check.high - slack
                assert outside, (check.id, value)
            else:
                assert check.low - slack <= value <= check.high + slack, (check.id, value)

    def test_failures_are_listed_and_explained(self):
        failed = {n for n, row in self.page.claim_rows.items() if row[2].endswith("fails**")}
        pattern = r"Claims that fail at default scale: ([^.]*)\."
        (listed,) = re.findall(pattern, self.page.prose("5"))
        table = self.page.table("5", "claims", "why they fail, as far as we see")
        explained = [name for row in table for name in row[0].split(", ")]
        assert len(set(explained)) == len(explained), explained
        assert set(listed.split(", ")) == set(explained or ["none"]), (listed, explained)
        assert set(listed.split(", ")) == (failed or {"none"}), (listed, failed)

    def test_claims_spoken_of_exist(self):
        ids = {check.id for check in self.checks}
        letters = "".join(sorted({name[0] for name in ids}))
        text = "".join(self.page.sections[number] for number in self.spoken_in)
        spoken = set(re.findall(rf"\b[{letters}]\d{{1,2}}[a-z]?\b", text))
        assert spoken - set(self.no_claims) <= ids, spoken - set(self.no_claims) - ids

    def test_no_number_is_missing(self):
        assert [mark for mark in ("<!--", "TODO", "@") if mark in self.page.text] == []

    def test_relative_links_resolve(self):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", self.page.text):
            assert "://" in target or (DOCS / target).exists(), target

    def test_lines_outside_tables_are_short(self):
        lines = [line for line in self.page.text.splitlines() if not line.startswith("| ")]
        assert [line for line in lines if len(line) > WIDEST] == []

    def test_the_glossary_names_what_the_code_names(self):
        names = self.page.glossary_names
        source = "\n".join(p.read_text() for p in (ROOT / "src" / "spectral_atlas").rglob("*.py"))
        assert len(names) > 20, names
        missing = {name for name in names if not re.search(rf"\b{name}\b", source)}
        assert missing == set(), missing
