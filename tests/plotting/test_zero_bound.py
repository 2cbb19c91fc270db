"""The largest share that is compatible with none of n draws."""

import numpy as np
import pytest

from spectral_atlas.plotting.intervals import share_interval, zero_bound


@pytest.mark.parametrize("n", [20, 100, 12000])
def test_none_of_n_has_a_chance_of_one_in_twenty_at_the_bound(n):
    """The exact bound 1 - .05^(1/n) is below 3/n, and nearly there."""
    exact = 1 - 0.05 ** (1 / n)
    assert exact < zero_bound(n) < 1.09 * exact
    assert zero_bound(n) == 3 / n
    assert zero_bound(n) < share_interval(0, n)[1] or n < 50


def test_never_more_than_everything():
    np.testing.assert_array_equal([zero_bound(n) for n in range(5)], [1, 1, 1, 1, 0.75])
