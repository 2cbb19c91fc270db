"""docs/kalra2023.md names every figure, study and claim, with the words and numbers of the code."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml

from spectral_atlas.papers.kalra2023 import barrier, early, uv_theory
from spectral_atlas.papers.kalra2023.claims import CHECKS
from spectral_atlas.papers.kalra2023.experiments import PAPER
from spectral_atlas.papers.kalra2023.sections import DATA, Early
from spectral_atlas.papers.kalra2023.uses import STUDIES, name_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "kalra2023.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
CONFIGURED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")).get("kalra2023")
SECTIONS = dict(re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S))
CLAIMS = {check.id for check in CHECKS}
NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)( ?%)?"
ROUNDING = 0.006  # of three digits


def rows(section):
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def table(section, *head):
    """The rows of the only table whose head starts with these words."""
    found = rows(section)
    (at,) = (i for i, row in enumerate(found) if tuple(row[: len(head)]) == head)
    heads = [i - 1 for i, row in enumerate(found) if re.fullmatch(r"-+", row[0])]
    return found[at + 2 : min((i for i in heads if i > at), default=len(found))]


def figure_rows():
    return {row[0].strip("`"): row for row in table("3", "figure", "evidence")}


def claim_rows():
    kept = [row for row in rows("5") if len(row) == 5 and row[0] not in ("id", "---")]
    assert len({row[0] for row in kept}) == len(kept)
    return {row[0]: row for row in kept}


def printed(cell):
    return [float(n) / (100 if percent else 1) for n, percent in re.findall(NUMBER, cell)]


def test_sections_are_numbered_once_and_in_order():
    assert re.findall(r"^## (\d)\.", PAGE, flags=re.M) == list("12345678")


def test_there_are_four_words_of_evidence():
    words = re.findall(r"^\| (\w+) \| (?!meaning)", PAGE.split("## 1.")[0], flags=re.M)
    assert words == ["verified", "recalled", "derived", "measured"]


def test_the_evidence_table_has_the_figures_of_the_registry():
    assert list(figure_rows()) == [figure.id for figure in PAPER.figures]


@pytest.mark.parametrize("figure", PAPER.figures, ids=lambda figure: figure.id)
def test_the_evidence_table_repeats_the_registry(figure):
    _, evidence, _, _, claims = figure_rows()[figure.id]
    assert evidence == figure.evidence
    assert set(claims.split(", ")) == set(figure.claims or ["none"])


def test_every_claim_has_a_row_and_no_row_is_stale():
    assert set(claim_rows()) == CLAIMS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_the_bounds_of_a_claim_are_in_its_row(check):
    numbers = printed(claim_rows()[check.id][3])
    bounds = [b for b in (check.low, check.high) if np.isfinite(b) and abs(b) < 1e8]
    bounds = [b for b in bounds if not np.isclose(b, (0, 1)).any()]  # often in words
    assert all(np.isclose(b, numbers).any() for b in bounds)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_measured_numbers_are_marked_where_they_fail(check):
    cell = claim_rows()[check.id][2]
    if cell == "not measured":
        return
    value = float(re.match(r"(?:\*\*)?(-?[\d.e+-]+)", cell)[1])
    slack = ROUNDING * abs(value) + 1e-8
    if cell.startswith("**"):
        assert cell.endswith(", fails**")
        assert value < check.low + slack or value > check.high - slack
    else:
        assert check.low - slack <= value <= check.high + slack


def test_failures_are_listed_and_explained():
    failed = {name for name, row in claim_rows().items() if row[2].endswith("fails**")}
    (listed,) = re.findall(r"Claims that fail at default scale: ([^.]*)\.", SECTIONS["5"])
    explained = [
        name
        for row in table("5", "claims", "why they fail, as far as we see")
        for name in row[0].split(", ")
    ]
    assert set(listed.split(", ")) == set(explained) == (failed or {"none"})


def test_claims_spoken_of_exist():
    letters = "".join(sorted({name[0] for name in CLAIMS}))
    assert set(re.findall(rf"\b[{letters}]\d{{1,2}}\b", PAGE)) <= CLAIMS


def test_the_tables_of_studies_and_of_data_have_all_of_them():
    studies = [row[0].strip("`") for row in table("1", "study")]
    assert studies == [*map(name_of, STUDIES), "uv"]
    assert [row[0].strip("`") for row in table("1", "data set")] == list(DATA)


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section kalra2023")
@pytest.mark.parametrize("path", STUDIES)
def test_the_table_of_studies_has_the_networks_of_the_configuration(path):
    (cell,) = (row[1] for row in table("1", "study") if row[0] == f"`{name_of(path)}`")
    listed = {
        (int(depth), tuple(map(int, widths.split(", "))), int(seeds))
        for depth, widths, seeds in re.findall(r"(\d+): ([\d, ]+) \((\d+)\)", cell)
    }
    section = CONFIGURED
    for part in path.split("."):
        section = section[part]
    assert listed == {(m["depth"], tuple(m["widths"]), m["seeds"]) for m in section["models"]}


def test_settings_on_the_page_are_those_of_the_code():
    default = {name: field.default for name, field in Early.model_fields.items()}
    steps = default["grid_stop"] / default["grid_step"]
    assert f"k = 0, 1, ..., {steps:.0f}" in SECTIONS["1"]
    assert f"c = 2^(k/{1 / default['grid_step']:.0f})" in SECTIONS["1"]
    assert f"T = {default['steps']} in all" in SECTIONS["1"]
    assert float(re.search(r"above (\d+e\d+) or not", SECTIONS["1"])[1]) == default["divergence"]
    assert f"eps = {early.ZERO_MARGIN}" in SECTIONS["1"]
    assert f"on the first {barrier.MOST} samples" in SECTIONS["1"]
    for key in ("method", "protocol"):
        other = set(get_args(Early.model_fields[key].annotation)) - {default[key]}
        assert all(f"`{key}: {name}`" in SECTIONS["4"] for name in other)


def test_sharpness_is_refined_as_the_page_says():
    shares = ", ".join(f"{100 * t:g} %" for t in early.TOLERANCES)
    assert shares == "10 %, 1 %, 0.1 %"
    assert re.search(r"residual of 10 % first, .* 1 %, then 0.1 %", " ".join(SECTIONS["4"].split()))


def test_the_theory_table_names_what_there_is():
    lines = table("2", "line")
    assert lines
    assert all(hasattr(uv_theory, row[3].strip("`")) for row in lines)
    assert set(re.findall(r"`(\w+)`", " ".join(row[4] for row in lines))) <= set(figure_rows())


def test_the_uv_numbers_of_the_page_are_those_of_the_code():
    for row in table("2", "w", "mean of a"):
        w = int(row[0])
        computed = [
            uv_theory.mean_a(w),
            uv_theory.mean_trace_ratio(2.0, w) - 1,
            uv_theory.mean_loss_ratio(2.0, w),
            uv_theory.mean_c_loss(w),
            uv_theory.mean_c_max(w),
        ]
        assert [float(cell) for cell in row[1:]] == pytest.approx(computed, rel=1e-3)


def test_the_fits_of_the_authors_numbers_follow_from_their_table():
    columns = [list(column) for column in zip(*table("4", "w", "L_0"), strict=True)]
    y = 1 / np.array([float(w) for w in columns[0]])
    text = " ".join(SECTIONS["4"].split("stored outputs")[1].split())
    for name, column in (("c_loss", 3), ("c_sharp", 4), ("c_max", 6)):
        slope, limit = np.polyfit(y, [float(v) for v in columns[column]], 1)
        found = re.search(rf"{name} = ([\d.]+) \+ (\d+) / w", text)
        assert float(found[1]) == pytest.approx(limit, abs=0.06)
        assert float(found[2]) == pytest.approx(slope, rel=0.1)


def test_no_number_is_missing():
    assert "<!--" not in PAGE


def test_relative_links_resolve():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert "://" in target or (ROOT / "docs" / target).exists(), target


def test_lines_outside_tables_are_short():
    long = [line for line in PAGE.splitlines() if len(line) > 112 and not line.startswith("|")]
    assert long == []


def test_the_glossary_names_what_the_code_names():
    (own,) = re.findall(r"\(\[kalra2023\.md\].*?(?=\n\n[A-Z]|\Z)", GLOSSARY, flags=re.S)
    cells = [line.split(" | ")[-1] for line in own.splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`(?:\w+\.|\.)?(\w+)`", " ".join(cells)))
    source = "\n".join(p.read_text() for p in (ROOT / "src" / "spectral_atlas").rglob("*.py"))
    assert len(named) > 20
    assert {name for name in named if not re.search(rf"\b{name}\b", source)} == set()
