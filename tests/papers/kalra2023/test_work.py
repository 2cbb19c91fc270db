"""How runs are shared out among jobs: each exactly once, evenly, always in the same way."""

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from spectral_atlas.papers.kalra2023.sections import Early, Estimators, Long, Saturation
from spectral_atlas.papers.kalra2023.work import Shape, items, shares

SHAPES = {"images": Shape(64, (16,), 4), "fields": Shape(32, (1, 8, 8), 4)}
KINDS = {
    "early": lambda models, parts: Early(models=models, parts=parts),
    "scan": lambda models, parts: Early(models=models, parts=parts, method="scan", barrier=True),
    "short": lambda m, parts: Early(models=m, parts=parts, grid_step=2.0, grid_stop=0.5),
    "long": lambda m, parts: Long(models=m, parts=parts, multiples=[1, 2], steps=100),
    "saturation": lambda m, parts: Saturation(models=m, parts=parts, steps=[8, 4], time=9.0),
    "estimators": lambda models, parts: Estimators(models=models, parts=parts),
}


@st.composite
def sections(draw, kinds=tuple(KINDS)):
    groups = []
    for _ in range(draw(st.integers(1, 4))):
        myrtle = draw(st.booleans())
        groups.append(
            tiny.models(
                network="myrtle" if myrtle else "fcn",
                data="fields" if myrtle else "images",
                depth=5 if myrtle else draw(st.integers(2, 9)),
                widths=draw(st.lists(st.integers(1, 300), min_size=1, max_size=3, unique=True)),
                seeds=draw(st.integers(1, 9)),
                first_seed=draw(st.integers(0, 5)),
            )
        )
    runs = sum(len(group.widths) * group.seeds for group in groups)
    parts = draw(st.integers(1, min(runs, 20)))
    section = KINDS[draw(st.sampled_from(kinds))](groups, parts)
    section._learn_shapes(SHAPES)
    return section


def runs_of(models):
    """Each run by all that tells it apart from others."""
    return [
        (
            *(v for k, v in sorted(vars(m).items()) if k not in ("seeds", "first_seed", "widths")),
            w,
            s,
        )
        for m in models
        for w in m.widths
        for s in range(m.first_seed, m.first_seed + m.seeds)
    ]


@given(sections())
def test_every_run_is_in_exactly_one_part(section):
    found = shares(section)
    assert len(found) == section.parts
    assert all(runs_of(part) for part in found)  # no job without work
    together = [run for part in found for run in runs_of(part)]
    assert sorted(map(repr, together)) == sorted(map(repr, runs_of(section.models)))


@given(sections())
def test_shares_are_determined_by_the_section(section):
    again = type(section).model_validate(section.model_dump())
    again._learn_shapes(SHAPES)
    assert shares(again) == shares(section)


@given(sections())
def test_a_part_is_a_section_with_one_part(section):
    parts = [section.part(i) for i in range(section.parts)]
    assert [p.models for p in parts] == shares(section)
    for part in parts:
        assert part.parts == 1
        assert part.part(0).models == part.models or len(shares(part)) == 1
        assert {**part.model_dump(), "models": 0, "parts": 0} == {
            **section.model_dump(), "models": 0, "parts": 0
        }  # fmt: skip


@given(sections(kinds=("early", "long", "saturation")))
def test_jobs_are_balanced_as_far_as_runs_can_be(section):
    """No job is over the mean by more than its largest piece; pieces are at most a mean share."""
    whole = items(section)
    total = sum(item.cost for item in whole)
    costliest = max(item.cost / item.models.seeds for item in whole)  # of a single run
    costs = []
    for i in range(section.parts):
        found = items(section.part(i))
        costs.append(sum(item.cost for item in found))
    assert sum(costs) == pytest.approx(total, rel=1e-9)
    mean = total / section.parts
    assert max(costs) <= mean + max(mean, costliest) * (1 + 1e-9)


@given(sections())
def test_costs_are_positive_and_of_the_seeds(section):
    for item in items(section):
        assert item.cost > 0
        assert item.memory > 0
        if item.models.seeds > 1:
            halves = item.split()
            assert sum(h.cost for h in halves) == pytest.approx(item.cost)
            assert sum(h.models.seeds for h in halves) == item.models.seeds
            assert halves[1].models.first_seed == item.models.first_seed + halves[0].models.seeds


def test_seeds_stay_together_where_they_can():
    section = tiny.early(*[tiny.models(seeds=4, widths=[w]) for w in (8, 9, 10, 11)], parts=2)
    section._learn_shapes(SHAPES)
    assert all(m.seeds == 4 for part in shares(section) for m in part)


@pytest.mark.parametrize("barrier", [False, True])
def test_more_work_costs_more(barrier):
    def cost(**changed):
        section = tiny.early(tiny.models(**changed.pop("group", {})), barrier=barrier, **changed)
        section._learn_shapes(SHAPES)
        return items(section)[0].cost

    base = cost()
    more = [
        cost(steps=20),
        cost(grid_step=0.01),
        cost(recorded=[1.0]),
        cost(method="scan"),
        cost(group={"depth": 9}),
        cost(group={"widths": [40]}),
    ]
    assert min(more) > base
    assert cost(sharp=False) < base
    assert cost(sharpness_samples=8) < base
    np.testing.assert_allclose(cost(group={"seeds": 6}), 2 * base)
