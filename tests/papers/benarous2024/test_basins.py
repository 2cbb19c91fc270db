"""In whose basin neurons start."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from spectral_atlas.papers.benarous2024 import theory
from spectral_atlas.papers.benarous2024.basins import basin_count, neuron_types


def test_neuron_types():
    means = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    W = np.array([[2.0, -1, 5], [-2, 1, 5], [2, 1, 5], [2, -1, 5]])
    v = np.array([1.0, 0.1, -3, -0.1])
    assert list(neuron_types(W, v, means)) == [0, 1, 2, 3]
    batch = neuron_types(np.stack([W, -W]), np.stack([v, v]), means)
    assert batch.tolist() == [[0, 1, 2, 3], [1, 0, 3, 2]]
    with pytest.raises(ValueError, match="expected 4 rows, got 2"):
        neuron_types(W, v, means[:2])


def test_types_of_gaussian_neurons_follow_the_occupancy_law():
    rng, runs = np.random.default_rng(), 20_000
    means = np.eye(2)[[0, 0, 1, 1]] * np.array([[1.0], [-1], [1], [-1]])
    W, v = rng.standard_normal((runs, 4, 2)), rng.standard_normal((runs, 4))
    types = neuron_types(W, v, means)
    learned = sum(np.any(types == a, axis=1).astype(int) for a in range(4))
    share = np.bincount(learned, minlength=5)[1:] / runs
    expected = theory.learned_probabilities(4)
    deviation = np.sqrt(expected * (1 - expected) / runs)
    assert np.all(np.abs(share - expected) < 5 * deviation)


def test_basins_are_counted_once():
    basin = np.array([[0, 0, 0, 0], [1, 3, 3, 1], [2, 0, 1, 2], [3, 2, 1, 0]])
    assert_array_equal(basin_count(basin), [1, 2, 3, 4])
