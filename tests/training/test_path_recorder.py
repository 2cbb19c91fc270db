"""Each rule of the recorder alone, against its definition spelled out."""

import numpy as np
import pytest

from spectral_atlas.training.path_recorder import PathRecorder, Record, RecordRules

OFF = {"moved": 1e12, "grown": 1e300, "later": 1e300, "quiet": 1e-300}
STEPS = 400


def record(maps, gradients, scale=1.0, every=5, **rules):
    """All checks through one buffer, as in a descent; the records."""
    recorder, buffer = PathRecorder(RecordRules(**(OFF | rules)), scale), np.empty_like(maps[0])
    for k, (A, g) in enumerate(zip(maps, gradients, strict=True)):
        buffer[:] = A
        check = Record(k * every, buffer, 2.0 * k, g, 3.0 * k, np.empty(0))
        recorder.see(check, lambda k=k: np.array([k, -k]), last=k == len(maps) - 1)
    indices = [r.step // every for r in recorder.records]
    for k, kept in zip(indices, recorder.records, strict=True):
        np.testing.assert_array_equal(kept.map, maps[k])
        assert kept[2:5] == (2.0 * k, gradients[k], 3.0 * k)
        assert kept.probes.tolist() == [k, -k]
    assert indices == sorted(set(indices))
    return indices


def since_last(n, is_due):
    """The first two checks, the last, and all that are due in view of the one kept before."""
    kept = [0]
    for k in range(1, n):
        if k in (1, n - 1) or is_due(k, kept[-1]):
            kept.append(k)
    return kept


def walk(seed, shape=(3, 2)):
    return np.random.default_rng(seed).standard_normal((STEPS, *shape)).cumsum(0)


def is_quiet(g, k, quiet):
    """Higher checks before and after, with none lower in between."""
    sides = g[:k][::-1], g[k + 1 :]
    return all(
        any(quiet * side[j] > g[k] and (side[:j] >= g[k]).all() for j in range(len(side)))
        for side in sides
    )


@pytest.mark.parametrize("seed", range(3))
def test_moved(seed):
    maps, scale = walk(seed), 40.0
    kept = record(maps, np.ones(STEPS), scale, moved=0.1)
    expected = since_last(STEPS, lambda k, at: np.linalg.norm(maps[k] - maps[at]) > 4.0)
    assert kept == expected
    assert 20 < len(kept) < STEPS / 2


@pytest.mark.parametrize("seed", range(3))
def test_grown(seed):
    maps = np.exp(walk(seed, (1, 1)) / 10) * np.ones((2, 3)) * 1e-30
    norms = np.linalg.norm(maps, axis=(1, 2))
    kept = record(maps, np.ones(STEPS), grown=1.5)
    expected = since_last(STEPS, lambda k, at: abs(np.log(norms[k] / norms[at])) > np.log(1.5))
    assert kept == expected
    assert 10 < len(kept) < STEPS / 2


def test_growth_from_zero():
    maps = np.zeros((6, 1, 1))
    maps[3:5, 0, 0] = 1e-100, 1.05e-100
    assert record(maps, np.ones(6), grown=1.1) == [0, 1, 3, 5]


def test_later():
    kept = record(np.zeros((STEPS, 1, 1)), np.ones(STEPS), later=1.05)
    assert kept == since_last(STEPS, lambda k, at: k > 1.05 * at)
    assert kept[:20] == list(range(20))  # small steps: every check
    assert len(kept) < 100


@pytest.mark.parametrize("quiet", [0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_quiet(seed, quiet):
    g = np.exp(walk(seed, ()) / 5)
    kept = record(np.zeros((STEPS, 1, 1)), g, quiet=quiet)
    minima = [k for k in range(1, STEPS - 1) if is_quiet(g, k, quiet)]
    assert kept == sorted({0, 1, *minima, STEPS - 1})
    assert minima


def test_quietest_moment_of_a_slow_plateau():
    """The minimum is put between records that later rules have made meanwhile."""
    g = np.cosh(np.linspace(-2, 2, 201) - 0.013)
    kept = record(np.zeros((201, 1, 1)), g, later=1.05)
    with_minimum = record(np.zeros((201, 1, 1)), g, later=1.05, quiet=0.9)
    assert set(with_minimum) == {*kept, int(np.argmin(g))}


@pytest.mark.parametrize("seed", range(3))
def test_rules_together(seed):
    maps, g = walk(seed), np.exp(walk(seed + 10, ()) / 5)
    rules = {"moved": 0.1, "grown": 1.3, "later": 1.1}
    norms = np.linalg.norm(maps, axis=(1, 2))

    def is_due(k, at):
        ratio = norms[k] / norms[at]
        still = np.linalg.norm(maps[k] - maps[at]) <= 4 and max(ratio, 1 / ratio) <= 1.3
        return not still or k > 1.1 * at

    due = since_last(STEPS, is_due)
    minima = [k for k in range(1, STEPS - 1) if is_quiet(g, k, 0.9)]
    assert record(maps, g, 40.0, **rules, quiet=0.9) == sorted({*due, *minima})


@pytest.mark.parametrize("most", [2, 10, 100])
def test_the_number_of_records_is_bounded(most):
    n = 5000
    maps = np.random.default_rng(0).standard_normal((n, 2, 2)).cumsum(0)
    kept = record(maps, np.ones(n), moved=1e-3, most=most)
    assert most < len(kept) <= 2 * most + 20
    assert kept[: most - 1] == list(range(most - 1))  # nothing is dropped
    gaps = np.diff(kept)
    assert gaps[most:].max() > 2 * gaps[: most - 1].max()


def test_thresholds_double_with_the_records():
    """At the 4th record, after 2 more, after 1 more."""
    maps = np.arange(40.0).reshape(-1, 1, 1)
    kept = record(maps, np.ones(40), moved=0.5, most=4)
    # moved: 0.5 to the 4th record, then 1, 2, 4, 8, 16
    assert kept == [0, 1, 2, 3, 5, 7, 10, 15, 24, 39]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moved": 0.0}, "moved = 0.0: must be > 0"),
        ({"grown": 1.0}, "grown = 1.0: must be > 1"),
        ({"later": 0.9}, "later = 0.9: must be > 1"),
        ({"quiet": 1.0}, "quiet = 1.0: must be > 0 and < 1"),
        ({"most": 1}, "most = 1: must be >= 2"),
    ],
)
def test_errors(change, message):
    with pytest.raises(ValueError, match=message):
        RecordRules(**change)


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match=r"scale = 0\.0"):
        PathRecorder(RecordRules(), 0.0)
