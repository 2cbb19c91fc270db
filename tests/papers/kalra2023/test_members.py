"""From a section to networks: who starts where, and in which order samples come."""

import numpy as np
import pytest
import tiny
import torch

from spectral_atlas.networks import flops
from spectral_atlas.papers.kalra2023.members import build, each, half_mean_square


def weights(**group):
    return tiny.members_of(tiny.models(**group)).parameters


def test_members_start_from_their_numbers():
    whole, later = weights(seeds=4), weights(seeds=2, first_seed=2)
    for name, p in later.items():
        assert torch.equal(p, whole[name][2:])
        assert not torch.equal(p[0], p[1])


@pytest.mark.parametrize(
    "changed", [{"loss": "cross_entropy"}, {"batch": 5}, {"alpha": 0.5}, {"output": "centred"}]
)
def test_variants_start_from_the_same_weights(changed):
    plain, other = weights(), weights(**changed)
    for name, p in plain.items():
        found = [q for n, q in other.items() if n.endswith(name)]
        assert found
        assert all(torch.equal(p, q) for q in found), name


def test_a_zero_output_is_a_zero_last_layer():
    plain, zero = weights(), weights(output="zero")
    assert not zero["weights.2"].any()
    assert all(torch.equal(plain[n], zero[n]) for n in ("weights.0", "weights.1"))


@pytest.mark.parametrize("output", ["zero", "centred"])
def test_the_output_is_zero_at_the_start(output):
    members = tiny.members_of(tiny.models(output=output, alpha=2.0))
    risks = members.ensemble.risks(members.parameters, members.x, members.y)
    assert risks.tolist() == pytest.approx([0.5 * 0.5] * 3)  # 1/2 of the mean of one-hot targets


def test_half_mean_square_is_over_samples_and_outputs():
    y = torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    assert float(half_mean_square(torch.zeros(2, 2), y)) == 0.5 * 17 / 4


def test_orders_have_no_repetition_within_an_epoch_and_differ_between_seeds():
    members = tiny.members_of(tiny.models(batch=7))  # 3 batches of 7 from 24
    orders = members.samples(8).orders
    assert orders.shape == (3, 8, 7)
    for row in range(3):
        for epoch in (orders[row, :3], orders[row, 3:6], orders[row, 6:]):
            assert len(set(epoch.reshape(-1).tolist())) == epoch.numel()
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[:, :3], orders[:, 3:6])
    assert torch.equal(members.samples(5).orders, orders[:, :5])
    later = tiny.members_of(tiny.models(batch=7, seeds=1, first_seed=2))
    assert torch.equal(later.samples(8).orders[0], orders[2])


@pytest.mark.parametrize("batch", [None, 24])
def test_a_batch_of_everything_needs_no_order(batch):
    samples = tiny.members_of(tiny.models(batch=batch)).samples(4, 10)
    assert samples.orders is None
    assert (samples.batch_size, samples.n_shown) == (24, 10)


@pytest.mark.parametrize(
    ("group", "size"),
    [
        ({}, flops.fully_connected(6, 2, 3, 8)),
        ({"output": "centred"}, flops.fully_connected(6, 2, 3, 8)),
        ({"network": "myrtle", "depth": 5, "data": "fields"}, flops.myrtle(5, 8, 8, 1, 3)),
        ({"network": "resnet", "depth": 18, "data": "fields"}, flops.resnet(18, 8, 8, 1, 3)),
    ],
)
def test_sizes(group, size):
    data = tiny.pictures() if group.get("data") == "fields" else tiny.mixture()
    members = tiny.members_of(tiny.models(seeds=1, **group), data)
    assert members.n_params == size.parameters
    assert members.flops_per_sample == size.flops
    rows = members.rows()
    assert rows["parameters"].tolist() == [size.parameters]
    assert rows["width"].tolist() == [8]
    risk = members.ensemble.risks(members.parameters, members.x, members.y)
    assert np.isfinite(risk.numpy()).all()


def test_each_width_of_each_group():
    groups = [tiny.models(widths=[4, 8]), tiny.models(depth=4, widths=[5], seeds=2)]
    found = list(each(tiny.early(*groups), {"data/images": tiny.mixture()}, tiny.JOB))
    assert [(m.width, m.models.depth, len(m.seeds)) for m in found] == [
        (4, 3, 3),
        (8, 3, 3),
        (5, 4, 2),
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="refused only where there is none")
def test_a_device_that_is_not_there():
    with pytest.raises(ValueError, match="device = cuda: torch finds no CUDA device"):
        build(tiny.models(), 8, tiny.mixture(), 0, "cuda")
