"""docs/kalra2023.md names every figure, study and claim, with the words and numbers of the code."""

import re
from typing import get_args

import numpy as np
import pytest
import yaml
from paper_page import ROOT, Page, PageTests

from spectral_atlas.papers.kalra2023 import barrier, early, uv_theory
from spectral_atlas.papers.kalra2023.claims import CHECKS
from spectral_atlas.papers.kalra2023.experiments import PAPER
from spectral_atlas.papers.kalra2023.sections import DATA, Early
from spectral_atlas.papers.kalra2023.uses import STUDIES, name_of

PAGE = Page("kalra2023")
CONFIGURED = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")).get("kalra2023")


class TestPage(PageTests):
    page, paper, checks = PAGE, PAPER, CHECKS
    in_words = (0, 1)
    spoken_in = "12345678"


def test_the_tables_of_studies_and_of_data_have_all_of_them():
    studies = [row[0].strip("`") for row in PAGE.table("1", "study")]
    assert studies == [*map(name_of, STUDIES), "uv"]
    assert [row[0].strip("`") for row in PAGE.table("1", "data set")] == list(DATA)


@pytest.mark.skipif(CONFIGURED is None, reason="config.yaml has no section kalra2023")
@pytest.mark.parametrize("path", STUDIES)
def test_the_table_of_studies_has_the_networks_of_the_configuration(path):
    (cell,) = (row[1] for row in PAGE.table("1", "study") if row[0] == f"`{name_of(path)}`")
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
    assert f"k = 0, 1, ..., {steps:.0f}" in PAGE.sections["1"]
    assert f"c = 2^(k/{1 / default['grid_step']:.0f})" in PAGE.sections["1"]
    assert f"T = {default['steps']} in all" in PAGE.sections["1"]
    assert (
        float(re.search(r"above (\d+e\d+) or not", PAGE.sections["1"])[1]) == default["divergence"]
    )
    assert f"eps = {early.ZERO_MARGIN}" in PAGE.sections["1"]
    assert f"on the first {barrier.MOST} samples" in PAGE.sections["1"]
    for key in ("method", "protocol"):
        other = set(get_args(Early.model_fields[key].annotation)) - {default[key]}
        assert all(f"`{key}: {name}`" in PAGE.sections["4"] for name in other)


def test_sharpness_is_refined_as_the_page_says():
    shares = ", ".join(f"{100 * t:g} %" for t in early.TOLERANCES)
    assert shares == "10 %, 1 %, 0.1 %"
    assert re.search(
        r"residual of 10 % first, .* 1 %, then 0.1 %", " ".join(PAGE.sections["4"].split())
    )


def test_the_theory_table_names_what_there_is():
    lines = PAGE.table("2", "line")
    assert lines
    assert all(hasattr(uv_theory, row[3].strip("`")) for row in lines)
    assert set(re.findall(r"`(\w+)`", " ".join(row[4] for row in lines))) <= set(PAGE.figure_rows)


def test_the_uv_numbers_of_the_page_are_those_of_the_code():
    for row in PAGE.table("2", "w", "mean of a"):
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
    columns = [list(column) for column in zip(*PAGE.table("4", "w", "L_0"), strict=True)]
    y = 1 / np.array([float(w) for w in columns[0]])
    text = " ".join(PAGE.sections["4"].split("stored outputs")[1].split())
    for name, column in (("c_loss", 3), ("c_sharp", 4), ("c_max", 6)):
        slope, limit = np.polyfit(y, [float(v) for v in columns[column]], 1)
        found = re.search(rf"{name} = ([\d.]+) \+ (\d+) / w", text)
        assert float(found[1]) == pytest.approx(limit, abs=0.06)
        assert float(found[2]) == pytest.approx(slope, rel=0.1)
