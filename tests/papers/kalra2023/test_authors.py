"""The authors' measurement by hand: power iterations in numpy, on the minibatches of the SGD."""

import numpy as np
import pytest
import tiny
import torch

from spectral_atlas.papers.kalra2023.authors import AuthorsMeter, power
from spectral_atlas.papers.kalra2023.early import EarlyTraining
from spectral_atlas.papers.kalra2023.members import PAPER
from spectral_atlas.papers.kalra2023.sharpness import hessians
from spectral_atlas.rng import generator

STEPS = 4


def by_hand(H, v, iterations=20):
    """`iterations` products, then the Rayleigh quotient."""
    v = v / np.linalg.norm(v)
    for _ in range(iterations):
        v = H @ v
        v /= np.linalg.norm(v)
    return v @ H @ v


def first_vector(members):
    rng = generator(tiny.SEED, PAPER, "power iteration")
    return rng.standard_normal(members.n_params)


def training_of(**group):
    section = tiny.early(tiny.models(**group), protocol="authors", steps=STEPS)
    return EarlyTraining.of(tiny.members_of(tiny.models(**group)), section)


@pytest.mark.parametrize("group", [{"batch": 5}, {}, {"output": "centred", "batch": 5}])
def test_the_start_is_measured_on_the_whole_set(group):
    training = training_of(**group)
    members, meter = training.members, training.meter
    assert isinstance(meter, AuthorsMeter)
    assert meter.n_samples == 24
    for row in range(3):
        dense = tiny.Dense(members, row)
        expected = by_hand(dense.hessian(dense.start), first_vector(members))
        assert meter.start.values[row] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(meter.start.bounds).all()
    assert (meter.start.products == 21).all()


@pytest.mark.parametrize("batch", [5, None])
def test_steps_are_measured_on_the_minibatch_that_comes_next(batch):
    training = training_of(batch=batch)
    members, seen = training.members, []
    track = training.meter.track()
    rates = 1.0 / training.meter.start.values

    def look(t, parameters, here, _):
        if t:
            values, bounds = track.measure(parameters, here, 0.01)
            assert (bounds == 0).all()
            seen.append(values)

    training.run(np.arange(3), np.ones(3), look)
    for row in range(3):
        dense = tiny.Dense(members, row)
        orders = None if batch is None else training.samples.orders[row]
        thetas, _ = dense.path(rates[row], STEPS, orders)
        for t in range(1, STEPS + 1):
            chosen = slice(None) if orders is None else orders[t]
            expected = by_hand(dense.hessian(thetas[t], chosen), first_vector(members))
            assert seen[t - 1][row] == pytest.approx(expected, rel=1e-3), (row, t)
    assert (track.products == 21 * STEPS).all()
    assert track.n_samples == (batch or 24)


def test_there_is_a_minibatch_after_the_last_step():
    orders = training_of(batch=5).samples.orders
    assert orders.shape == (3, STEPS + 1, 5)
    plain = tiny.members_of(tiny.models(batch=5)).samples(STEPS)
    assert torch.equal(orders[:, :STEPS], plain.orders)


def test_it_differs_from_the_certified_one():
    """Twenty products from a random vector fall short where eigenvalues are close."""
    members = tiny.members_of(tiny.models(output="zero"))
    operator = hessians(members, members.parameters, 24)
    found = power(operator, np.tile(first_vector(members), (3, 1)))
    top = [dense.sharpness(dense.start) for dense in (tiny.Dense(members, r) for r in range(3))]
    assert (found <= np.array(top) * (1 + 1e-5)).all()
    assert found.min() > 0
    assert (found < np.array(top) * (1 - 1e-5)).any()
