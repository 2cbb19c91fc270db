"""Two starts that numpy alone can draw again: runs to the edge of stability (A1 to A15)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples, claim, one
from spectral_atlas.papers.craciun2024.claims.paths import SETTING, Descent, lettered
from spectral_atlas.papers.craciun2024.claims.study import Study

Array = np.ndarray
RUN_A = f"{SETTING}, run A (numpy seed 2), eta = .92 eta_C, T = 4000"
RUN_B = f"{SETTING}, run B (numpy seed 3), eta = .96 eta_C, T = 6000"
SLOW = f"{SETTING}, the start of run A with eta = .046 eta_C"
LEARNT_LATE = (200, 500)  # checkpoints with all modes learnt but that of .25, whose loss is .0625
LOSSES = {0: 12.63, 10: 2.55, 20: 1.29, 30: 1.35, 100: 0.188, 1000: 1.1e-2, 2000: 1.2e-7}
RATIOS = {0: 0.287, 150: 1.15, 500: 1.010, 1000: 1.077, 1500: 1.002, 4000: 0.9970}
RATIOS_B = {0: 0.145, 80: 1.2195, 1500: 1.0006, 6000: 0.99903}


def run_a(study: Study) -> Descent:
    """eta = .92 eta_C."""
    return lettered(study, "A", 0.92, 4000, 2)


def run_b(study: Study) -> Descent:
    """eta = .96 eta_C."""
    return lettered(study, "B", 0.96, 6000, 3)


def _single(run: Callable[[Study], Descent], value: Callable[[Descent], float]) -> Samples:
    def samples(study: Study) -> Sample:
        found = run(study)
        return one(value(found), found.label, _about(found))

    return samples


def _about(found: Descent) -> str:
    return (
        f"{found.last} steps, ratio {found.ratio[0]:.4g} at the start, largest {found.highest:.5g},"
        f" {found.ratio[-1]:.5g} at the end; loss {found.loss[0]:.4g} to {found.loss[-1]:.3g}, "
        f"{found.increases:g} increases"
    )


def _losses(study: Study) -> Sample:
    found = run_a(study)
    values = [found.loss[t] / expected - 1 for t, expected in LOSSES.items()]
    return Sample(np.abs(values), [f"step {t}" for t in LOSSES])


def _ratios(run: Callable[[Study], Descent], wanted: dict[int, float]) -> Samples:
    def samples(study: Study) -> Sample:
        found = run(study)
        values = [found.ratio[found.place(t)] / expected - 1 for t, expected in wanted.items()]
        return Sample(np.abs(values), [f"step {t}" for t in wanted])

    return samples


def _plateau(study: Study) -> Sample:
    found = run_a(study)
    low, high = LEARNT_LATE
    there = (found.steps >= low) & (found.steps <= high)
    loss = found.reference_loss[there]
    remark = f"reference losses {loss.max():.4g} to {loss.min():.4g}"
    labels = [f"step {t}" for t in found.steps[there]]
    return Sample(found.reference_ratio[there], labels, remark)


def _end(found: Descent) -> float:
    """The slow run's ratio at its end, if it has learnt the last mode too."""
    finished = found.reference_loss[-1] < 1e-12
    return float(found.reference_ratio[-1]) if finished else np.nan


RATIO = "sharpness over 2 / eta"
OTHER = "after the abstracts; numbers of another program from the same start"
CHECKS: tuple[Check, ...] = (
    claim(
        "A1", "eos_run", f"{RUN_A}: the sharpness overshoots 2 / eta.",
        _single(run_a, lambda d: d.highest), low=1.587, high=1.687, what=f"largest {RATIO}",
        tolerance="1.637 +- .05", evidence=OTHER,
    ),
    claim(
        "A2", "eos_run", f"{RUN_A}: it crosses 2 / eta after about eight steps.",
        _single(run_a, lambda d: d.crossing), low=5, high=11, what="first step above",
        tolerance="8 +- 3", evidence=OTHER,
    ),
    claim(
        "A3", "eos_run", f"{RUN_A}: descent ends at a minimizer just below 2 / eta.",
        _single(run_a, lambda d: float(d.ratio[-1])), low=0.985, high=1.0,
        what=f"{RATIO} at the end", tolerance=".997 there; above 1 no minimizer is stable",
        evidence=OTHER,
    ),
    claim(
        "A4", "eos_run", f"{RUN_A}: the loss does not fall monotonely.",
        _single(run_a, lambda d: d.increases), low=300, what="steps that raised the loss",
        tolerance="562 there; how many depends on what counts as rounding", evidence=OTHER,
    ),
    claim(
        "A5", "eos_run", f"{RUN_A}: the loss goes to 0 all the same.",
        _single(run_a, lambda d: float(d.loss[-1])), high=1e-12, what="loss at the end",
        tolerance="ours: 13 orders below that at the start", evidence=OTHER,
    ),
    claim(
        "A6", "eos_run", f"{RUN_A}: the loss on the way is that of another program.", _losses,
        high=0.02, what="relative distance of the loss",
        tolerance="2 %: two digits are known of some", evidence=OTHER,
    ),
    claim(
        "A7", "eos_run", f"{RUN_A}: so is the sharpness.", _ratios(run_a, RATIOS), high=0.003,
        what=f"relative distance of {RATIO}", tolerance="three digits are known of some",
        evidence=OTHER,
    ),
    claim(
        "A8", "eos_run", f"{SLOW}: the loss falls monotonely.",
        _single(run_a, lambda d: d.reference_increases), high=0, low=0,
        what="steps that raised the loss", tolerance="none", evidence=OTHER,
    ),
    claim(
        "A9", "eos_run", f"{SLOW}: while the mode of .25 is not learnt (loss .06, times of steps "
        "200 to 500 of run A) the sharpness is above run A's 2 / eta.",
        _plateau, low=1.163, high=1.183, what="sharpness over run A's 2 / eta",
        tolerance="1.173 +- .01", evidence=OTHER,
    ),
    claim(
        "A10", "eos_run", f"{SLOW}: the minimizer at its end, with the mode of .25, is sharper "
        "still.",
        _single(run_a, _end), low=1.197, high=1.217, what="sharpness over run A's 2 / eta",
        tolerance="the same +- .01", evidence="ours: measured here, 1.207, as a companion of A9",
    ),
    claim(
        "A11", "eos_run", f"{RUN_B}: the sharpness overshoots 2 / eta.",
        _single(run_b, lambda d: d.highest), low=1.1695, high=1.2695, what=f"largest {RATIO}",
        tolerance="1.2195 +- .05, as of run A", evidence=OTHER,
    ),
    claim(
        "A12", "eos_run", f"{RUN_B}: it crosses 2 / eta by step 20.",
        _single(run_b, lambda d: d.crossing), low=1, high=20, what="first step above",
        tolerance="20 was the first checkpoint above there", evidence=OTHER,
    ),
    claim(
        "A13", "eos_run", f"{RUN_B}: the sharpness on the way and at the end is that of another "
        "program.",
        _ratios(run_b, RATIOS_B), high=0.003, what=f"relative distance of {RATIO}",
        tolerance="as A7", evidence=OTHER,
    ),
    claim(
        "A14", "eos_run", f"{RUN_B}: descent ends at a minimizer just below 2 / eta.",
        _single(run_b, lambda d: float(d.ratio[-1])), low=0.985, high=1.0,
        what=f"{RATIO} at the end", tolerance="as A3; .99903 there", evidence=OTHER,
    ),
    claim(
        "A15", "eos_run", f"{RUN_B}: the loss does not fall monotonely.",
        _single(run_b, lambda d: d.increases), low=200, what="steps that raised the loss",
        tolerance="365 there; as A4", evidence=OTHER,
    ),
)  # fmt: skip
