import inspect
from dataclasses import replace

import numpy as np
import pytest

from spectral_atlas.training.endings import OUTCOMES, Endings


def endings(gradient_most, loss_least, loss_most, diverged_at=None):
    gradient_most, loss_most = np.array(gradient_most), np.array(loss_most)
    M = len(gradient_most)
    rng = np.random.default_rng(0)
    return Endings(
        theta=rng.standard_normal((M, 3)),
        previous=rng.standard_normal((M, 2, 3)),
        loss=loss_most,
        gradient_norm=gradient_most,
        gradient_mean=gradient_most,
        gradient_least=np.zeros(M),
        gradient_most=gradient_most,
        loss_least=np.array(loss_least),
        loss_most=loss_most,
        diverged_at=np.full(M, -1) if diverged_at is None else np.array(diverged_at),
    )


def names(codes):
    assert codes.dtype == np.int8
    return [OUTCOMES[code] for code in codes]


def test_what_tells_the_outcomes_apart():
    runs = endings(
        gradient_most=[1e-9, 1e-9, 1e-3, 0.3, np.nan, 0.0, 1e-8],
        loss_least=[1e-20, 2.25, 1e-20, 0.4, np.nan, 0.0, 0.0],
        loss_most=[1e-18, 2.25, 1e-7, 0.9, np.nan, 0.0, 0.0],
        diverged_at=[-1, -1, -1, -1, 120, -1, -1],
    )
    assert names(runs.outcomes()) == [
        "minimum",
        "saddle",  # at rest at the loss of the zero map
        "bounded",  # still on its way
        "bounded",
        "diverged",
        "minimum",
        "bounded",  # not below the threshold
    ]
    assert names(runs.outcomes(still=1e-2))[2] == "saddle"  # at rest, too far up
    assert names(runs.outcomes(still=1e-2, zero_loss=1e-6))[2] == "minimum"


def test_a_run_that_was_at_rest_only_at_its_end_is_bounded():
    runs = replace(endings([1e-4], [1.0], [1.0]), gradient_norm=np.array([1e-12]))
    assert names(runs.outcomes()) == ["bounded"]


def test_a_loss_that_moved_through_the_window_is_judged_at_its_highest():
    runs = endings([1e-9], [0.0], [1e-3])
    assert names(runs.outcomes()) == ["saddle"]


def test_the_least_loss_may_differ_from_run_to_run():
    runs = endings([0.0, 0.0, 0.0], [0.7, 0.7, 0.1], [0.7, 0.7, 0.1])
    least = np.array([0.7, 0.1, 0.1])
    assert names(runs.outcomes(least_loss=least)) == ["minimum", "saddle", "minimum"]
    assert names(runs.outcomes(least_loss=0.7)) == ["minimum"] * 3


def test_period_two_gap():
    runs = endings([1.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    runs.previous[0, 1] = runs.theta[0]
    gap = runs.period_two_gap
    assert gap[0] == 0
    assert gap[1] == pytest.approx(np.sqrt(((runs.theta[1] - runs.previous[1, 1]) ** 2).sum()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"still": 0.0}, "still = 0.0"),
        ({"still": np.inf}, "still = inf"),
        ({"zero_loss": -1.0}, "zero_loss = -1.0"),
        ({"least_loss": np.zeros(3)}, r"least_loss \(3,\): must be \(\) or \(2,\)"),
    ],
)
def test_refusals(options, words):
    # Unwrapped: shape annotations may be checked too, and would refuse first, in other words.
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(Endings.outcomes)(endings([0.0] * 2, [0.0] * 2, [0.0] * 2), **options)


def test_length_of_the_last_step():
    runs = endings([1.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    runs.previous[0, 0] = runs.theta[0] + [3.0, 0.0, 4.0]
    runs.previous[1] = runs.theta[1]
    np.testing.assert_allclose(runs.step_length, [5.0, 0.0])
    assert runs.period_two_gap[1] == 0
