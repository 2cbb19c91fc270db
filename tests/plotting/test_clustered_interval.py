"""The two-stage bootstrap: covers what differs between clusters, and is the plain one for one."""

import numpy as np
import pandas as pd
import pytest

from spectral_atlas.plotting.intervals import clustered_interval, mean_interval, summarize


def test_mean_of_cluster_means_whatever_their_sizes():
    values, clusters = np.array([1.0, 1, 1, 1, 9, 9]), np.array([0, 0, 0, 0, 1, 1])
    mean, low, high = clustered_interval(values, clusters)
    assert (mean, low, high) == (5, 1, 9)
    assert clustered_interval(values, clusters, log=True)[0] == pytest.approx(3)


def test_one_cluster_is_the_plain_interval():
    values = np.random.default_rng(0).standard_normal(30)
    one = clustered_interval(values, np.zeros(30, dtype=int))
    assert one == pytest.approx(mean_interval(values), abs=0.06)


def test_spread_between_clusters_widens():
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(5), 40)
    values = 3.0 * clusters + rng.standard_normal(200)
    low, high = clustered_interval(values, clusters)[1:]
    plain_low, plain_high = mean_interval(values)[1:]
    assert high - low > 2 * (plain_high - plain_low)


def test_nothing_to_average():
    assert np.isnan(clustered_interval(np.array([]), np.array([]))).all()


def test_summarize_by_draw_leaves_out_what_is_not_finite():
    frame = pd.DataFrame({"x": [1, 1, 1], "draw": [0, 0, 1], "v": [2.0, np.nan, 4.0]})
    row = summarize(frame, ["x"], "v", cluster="draw").iloc[0]
    assert (row["n"], row["runs"], row["mean"]) == (2, 3, 3)
