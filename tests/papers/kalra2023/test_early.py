"""Critical constants of tiny networks against dense Hessians of every step at every c."""

from functools import cache

import numpy as np
import pytest
import tiny
import torch

from spectral_atlas.papers.kalra2023.barrier import barriers
from spectral_atlas.papers.kalra2023.constants import early
from spectral_atlas.papers.kalra2023.early import EarlyTraining

GRID = {"grid_step": 1.0, "grid_stop": 6.0, "barrier": True, "steps": 5}
GROUPS = {
    "standard": {"seeds": 2},
    "centred": {"output": "centred", "activation": "tanh", "seeds": 2},
    "zero": {"output": "zero", "seeds": 2, "loss": "cross_entropy"},
    "minibatch": {"batch": 6, "seeds": 2, "alpha": 0.5, "first_seed": 5},
}
SCANNED = ("minibatch",)
CONSTANTS = {"loss": "rises", "sharp": "sharpens", "barrier": "barrier", "max": "diverges"}
CLOSE = 1e-4  # decisions that rounding may turn


@cache
def case(name, method="bisection"):
    group = tiny.models(**GROUPS[name])
    config = tiny.early(group, **GRID, method=method)
    members = tiny.members_of(group)
    return config, EarlyTraining.of(members, config)


@cache
def tables(name):
    _, training = case(name)
    return [tiny.Table(training, row) for row in range(training.count)]


@cache
def result(name, method):
    return early(case(name, method)[0], {"data/images": tiny.mixture()}, tiny.JOB)


@pytest.mark.parametrize("name", list(GROUPS))
def test_the_sharpness_at_the_start_is_that_of_the_dense_hessian(name):
    training = case(name)[1]
    values, bounds = training.meter.start.values, training.meter.start.bounds
    for row in range(training.count):
        dense = tiny.Dense(training.members, row)
        expected = dense.sharpness(dense.start)
        assert abs(values[row] - expected) <= bounds[row]
        assert values[row] == pytest.approx(expected, rel=1e-4)
        assert bounds[row] <= 1.01e-3 * expected
        assert training.first_losses[row] == pytest.approx(float(dense.loss(dense.start)), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, "bisection") for name in GROUPS), *((name, "scan") for name in SCANNED)],
)
def test_constants_are_those_of_looking_at_everything(name, method):
    found = result(name, method)
    for row, table in enumerate(tables(name)):
        for constant, what in CONSTANTS.items():
            if method == "bisection" and not table.monotone(what):
                continue
            first, grid = table.first("diverges"), len(table.rises)
            trained = first - 1 if first < grid else grid  # beyond the grid, if none diverges
            expected = trained if constant == "max" else table.first(what)
            if constant == "barrier":
                expected = min(expected, trained)
            k = int(found[f"k_{constant}"][row])
            if k != expected:
                decided = table.margins[min(k, expected) : max(k, expected) + 1]
                assert decided.min() < CLOSE, (name, row, constant, k, expected)
            c = float(found[f"c_{constant}"][row])
            inside = 0 <= k < len(table.rises)
            assert c == 2.0**k if inside else np.isnan(c)


def test_what_is_looked_for_is_monotone_as_a_rule_and_varied():
    found = [table for name in GROUPS for table in tables(name)]
    assert np.mean([table.monotone(w) for table in found for w in CONSTANTS.values()]) > 0.9
    assert len({table.first(w) for table in found for w in CONSTANTS.values()}) > 4


@pytest.mark.parametrize("name", list(GROUPS))
def test_every_decision_on_the_grid(name):
    """Members in one call, each at a c of its own: decided as if alone and looked at densely."""
    training, found = case(name)[1], tables(name)
    rng = np.random.default_rng(0)
    predicates = {
        "rises": training.rises,
        "sharpens": training.sharpens,
        "barrier": lambda rows, k: barriers(training, rows, k),
    }
    wrong = 0
    for _ in range(3):
        rows = rng.permutation(training.count)[: max(1, training.count - 1)]
        k = rng.integers(len(training.grid), size=len(rows))
        for column, (what, predicate) in enumerate(predicates.items()):
            expected = [bool(getattr(found[r], what)[i]) for r, i in zip(rows, k, strict=True)]
            clear = [found[r].margins[i, column] > CLOSE for r, i in zip(rows, k, strict=True)]
            got = predicate(rows, k)
            wrong += int((got != expected)[clear].sum())
    assert wrong == 0


def test_a_zero_output_has_to_be_exceeded_by_a_margin():
    """At c = 1 the sharpness of these networks rises, but by less than 5 percent."""
    margins = {name: case(name)[1].margin for name in ("standard", "zero", "centred")}
    assert margins == {"standard": 0.0, "zero": 0.05, "centred": 0.05}
    group = tiny.models(output="zero", widths=[24])
    training = EarlyTraining.of(tiny.members_of(group), tiny.early(group, steps=6))
    for row in range(3):
        dense = tiny.Dense(training.members, row)
        thetas, _ = dense.path(1 / training.meter.start.values[row], 6)
        assert 1.005 < dense.sharpnesses(thetas[1:]).max() / dense.sharpness(dense.start) < 1.04
    assert not training.sharpens(np.arange(3), np.zeros(3, dtype=int)).any()


@pytest.mark.parametrize(
    ("group", "section"),
    [
        ({}, {}),
        ({"batch": 6}, {"loss_samples": 10, "sharpness_samples": 12}),
        ({"seeds": 2, "batch": 6}, {"protocol": "authors", "grid_step": 2.0}),
    ],
)
def test_work_is_what_was_done(group, section, monkeypatch):
    members = tiny.members_of(tiny.models(**group))
    config = tiny.early(tiny.models(**group), **{"grid_step": 1.0, "steps": 4} | section)
    counted = tiny.Counted(monkeypatch)
    training = EarlyTraining.of(members, config)
    loss, diverging = training.losses_by_bisection()
    training.sharp_by_bisection(loss, diverging)
    assert (diverging < len(training.grid)).all()  # divergence is among what was counted
    barriers(training, np.arange(training.count), diverging - 1)
    work = training.work
    assert counted.product > 0
    assert (work.forward.sum(), work.gradient.sum()) == (counted.forward, counted.gradient)
    assert work.product.sum() == counted.product


def test_members_that_were_decided_are_not_trained_on():
    """A run stops at the first step at which its sharpness exceeds the start's."""
    training = case("standard")[1]
    table = tables("standard")[0]
    k = table.first("diverges") - 1
    assert table.sharpens[k]
    before = training.work.gradient.copy()
    assert training.sharpens(np.array([0]), np.array([k])).tolist() == [True]
    dense = tiny.Dense(training.members, 0)
    thetas, _ = dense.path(training.grid[k] / training.meter.start.values[0], 5)
    start = dense.sharpness(dense.start)
    first = next(t for t in range(1, 6) if dense.sharpness(thetas[t]) > start)
    assert first < 5
    spent = (training.work.gradient - before) / len(training.members.x)
    assert spent.tolist() == [first + 1, 0]  # the gradient comes with the loss


def test_tables_are_of_torch_in_double_precision():
    dense = tiny.Dense(case("centred")[1].members, 0)
    assert dense.start.dtype == torch.float64
    assert float(dense.loss(dense.start)) == pytest.approx(0.5 / 2, rel=1e-6)
