"""Initial weights: moments within 5 standard errors, laws, streams, stacks."""

from math import sqrt

import numpy as np
import pytest
import torch
from scipy import stats

from spectral_atlas.networks.initialization import (
    fan_in,
    he_normal,
    lecun_normal,
    stacked,
    truncated_normal,
)

N = 200_000


def assert_variance(values, variance, fourth):
    """Mean 0 and the variance given, within 5 s.e.; `fourth` is the kurtosis."""
    z = np.asarray(values, dtype=np.float64).ravel() / sqrt(variance)
    assert abs(z.mean()) < 5 / sqrt(z.size)
    assert abs((z**2).mean() - 1) < 5 * sqrt((fourth - 1) / z.size)


TRUNCATED = stats.truncnorm(-2, 2)
KURTOSIS = TRUNCATED.moment(4) / TRUNCATED.var() ** 2


def test_truncated_normal_has_unit_variance_and_the_truncated_law():
    z = truncated_normal(np.random.default_rng(0), (N // 10, 10))
    assert z.shape == (N // 10, 10)
    assert z.dtype == torch.float32
    assert_variance(z, 1.0, KURTOSIS)
    scale = 1 / TRUNCATED.std()
    assert 1.99 * scale < float(z.abs().max()) <= 2 * scale * (1 + 1e-6)
    assert stats.kstest(z.numpy().ravel() / scale, TRUNCATED.cdf).pvalue > 1e-4
    assert stats.kstest(z.numpy().ravel(), stats.norm.cdf).pvalue < 1e-10


@pytest.mark.parametrize("size", [3, 27, 500])
def test_he_and_lecun_scale_with_the_fan_in(size):
    assert_variance(he_normal(np.random.default_rng(1), (N,), size), 2 / size, 3.0)
    lecun = lecun_normal(np.random.default_rng(2), (N,), size)
    assert_variance(lecun, 1 / size, KURTOSIS)
    # flax divides the scale by this number
    assert float(lecun.abs().max()) <= 2 / sqrt(size) / 0.87962566103423978 * (1 + 1e-6)


@pytest.mark.parametrize("draw", [truncated_normal, lambda r, s: he_normal(r, s, 4)])
def test_draws_follow_their_generator(draw):
    same = [draw(np.random.default_rng(seed), (40, 5)) for seed in (3, 3, 4)]
    assert torch.equal(same[0], same[1])
    assert not torch.isclose(same[0], same[2]).any(1).all()
    rng = np.random.default_rng(3)
    assert not torch.equal(draw(rng, (40, 5)), draw(rng, (40, 5)))


def test_fan_in_is_all_but_the_first_axis():
    assert fan_in((7, 4)) == 4
    assert fan_in((7, 4, 3, 5)) == 60


def test_stacked_puts_members_first_and_refuses_others():
    draws = [{"a": torch.full((2, 3), float(i)), "b": torch.ones(1) * -i} for i in range(4)]
    found = stacked(draws)
    assert {name: t.shape for name, t in found.items()} == {"a": (4, 2, 3), "b": (4, 1)}
    for i in range(4):
        assert all(torch.equal(found[name][i], draws[i][name]) for name in "ab")
    with pytest.raises(ValueError, match="empty"):
        stacked([])
    with pytest.raises(ValueError, match="member 1 has another 'b'"):
        stacked([draws[0], {"a": torch.zeros(2, 3), "b": torch.zeros(2)}])
    with pytest.raises(ValueError, match="member 1 has another 'b'"):
        stacked([draws[0], {"a": torch.zeros(2, 3)}])
