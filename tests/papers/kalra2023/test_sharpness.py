"""Sharpness along trajectories, measured from where it was last, against dense Hessians."""

import numpy as np
import pytest
import tiny
import torch

from spectral_atlas.papers.kalra2023.sharpness import SharpnessMeter, hessians
from spectral_atlas.training.descent import Samples, descend
from spectral_atlas.training.ensembles import select, stepped

STEPS = 10
GROUPS = {
    "standard": {"seeds": 2},
    "centred": {"output": "centred", "activation": "tanh", "seeds": 2},
    "zero": {"output": "zero", "seeds": 2},
}


def meter_of(members, samples=None, tolerance=0.01, seed=0):
    return SharpnessMeter(members, samples, tolerance, np.random.default_rng(seed))


@pytest.mark.parametrize("c", [1.0, 4.0, 8.0])
@pytest.mark.parametrize("name", list(GROUPS))
def test_a_trajectory_is_followed(name, c):
    members = tiny.members_of(tiny.models(**GROUPS[name]))
    meter = meter_of(members)
    track, seen = meter.track(), []

    def look(t, parameters, here, _):
        if t:
            values, bounds = track.measure(parameters, here, 0.01)
            for i, row in enumerate(here.tolist()):
                theta = dense[row].flat({n: p[i] for n, p in parameters.items()})
                seen.append((row, theta, values[i], bounds[i]))

    dense = [tiny.Dense(members, row) for row in range(len(members.seeds))]
    samples = Samples(members.x, members.y)
    rates = c / meter.start.values
    descend(members.ensemble, members.parameters, rates, samples, STEPS, observe=look)
    assert len(seen) > STEPS  # more than one member goes on
    judged = 0
    for row in range(len(dense)):
        mine = [s for s in seen if s[0] == row]
        if not mine:
            continue
        _, thetas, values, bounds = zip(*mine, strict=True)
        spectra = dense[row].spectra(list(thetas))
        top, norm = spectra[:, -1], np.abs(spectra).max(axis=1)
        nearest = np.abs(spectra - np.array(values)[:, None]).min(axis=1)
        assert (nearest <= np.array(bounds) + 1e-5 * norm).all()
        assert (bounds <= 0.0101 * norm).all()
        # The tolerance is relative to the norm: it says little of the top eigenvalue where a
        # negative one is much larger, in the midst of a catapult.
        clear = norm < 2 * top
        if name == "zero":
            clear[0] = False  # an eigenvalue of several copies splits: see below
        assert (np.abs(values - top) <= 0.01 * norm)[clear].all()
        judged += int(clear.sum())
    assert judged > STEPS // 2


def test_copies_of_an_eigenvalue_that_split_in_the_first_step():
    """With a zero last layer the top eigenvalue has a copy for each output."""
    members = tiny.members_of(tiny.models(output="zero", seeds=8))
    meter = meter_of(members)
    _, gradients = members.ensemble.gradients(members.parameters, members.x, members.y)
    rates = torch.tensor(1 / meter.start.values, dtype=torch.float32)
    moved = stepped(members.parameters, gradients, rates)
    values, _ = meter.track().measure(moved, torch.arange(8), 0.01)
    dense = [tiny.Dense(members, row) for row in range(8)]
    top = [d.sharpness(d.flat({n: p[r] for n, p in moved.items()})) for r, d in enumerate(dense)]
    np.testing.assert_allclose(values, top, rtol=0.01)


def test_samples_are_the_first_so_many():
    members = tiny.members_of()
    for samples, used in ((10, 10), (None, 24), (99, 24)):
        meter = meter_of(members, samples)
        assert meter.n_samples == meter.track().n_samples == used
        dense = tiny.Dense(members, 1, slice(used))
        assert meter.start.values[1] == pytest.approx(dense.sharpness(dense.start), rel=1e-4)


def test_hessians_on_chosen_samples():
    members, dense = tiny.members_of(), tiny.Dense(tiny.members_of(), 2)
    chosen = torch.tensor([3, 17, 5])
    found = hessians(members, members.parameters, chosen).dense()[2]
    np.testing.assert_allclose(found, dense.hessian(dense.start, chosen), rtol=1e-4, atol=1e-5)


def test_constants_are_no_directions_of_the_hessian():
    members = tiny.members_of(tiny.models(output="centred"))
    assert hessians(members, members.parameters, 24).n_params == members.n_params == 128


def test_tracks_do_not_share_what_they_remember():
    members = tiny.members_of()
    meter = meter_of(members)
    start = meter.vectors.clone()
    first, second = meter.track(), meter.track()
    moved = {n: 1.5 * p for n, p in members.parameters.items()}
    first.measure(moved, torch.arange(3), 0.01)
    assert not torch.allclose(first.vectors, start, atol=1e-3)
    assert torch.equal(second.vectors, start)
    assert torch.equal(meter.vectors, start)
    assert (first.products > 0).all()
    assert (second.products == 0).all()


def test_only_the_members_measured_are_remembered():
    members = tiny.members_of()
    track = meter_of(members).track()
    before, rows = track.vectors.clone(), torch.tensor([2, 0])
    moved = {n: 1.5 * p for n, p in select(members.parameters, rows).items()}
    values, _ = track.measure(moved, rows, 0.01)
    assert torch.equal(track.vectors[1], before[1])
    assert track.products[1] == 0
    for value, row in zip(values, rows.tolist(), strict=True):
        dense = tiny.Dense(members, row)
        assert value == pytest.approx(dense.sharpness(1.5 * dense.start), rel=1e-3)


def test_an_eigenvector_that_is_overtaken_is_given_up():
    """From an exact eigenvector that is no longer the top one."""
    members = tiny.members_of(tiny.models(seeds=1))
    dense = tiny.Dense(members, 0)
    values, vectors = np.linalg.eigh(dense.hessian(dense.start))
    meter = meter_of(members)
    for i in (-2, -3, 0):
        old = torch.from_numpy(vectors[:, i].astype(np.float32))[None].contiguous()
        found = meter.measure(members.parameters, old, 0.01)
        assert found.values[0] == pytest.approx(values[-1], rel=1e-3)
        assert abs(float(old[0].double() @ torch.from_numpy(vectors[:, -1]))) > 0.99


def test_parameters_that_are_not_finite_give_nan_for_their_member_only():
    members = tiny.members_of()
    broken = {n: p.clone() for n, p in members.parameters.items()}
    broken["weights.2"][1] = float("nan")
    values, bounds = meter_of(members).track().measure(broken, torch.arange(3), 0.01)
    assert np.isnan(values).tolist() == np.isnan(bounds).tolist() == [False, True, False]
