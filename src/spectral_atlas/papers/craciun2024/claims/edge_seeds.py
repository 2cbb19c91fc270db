"""Fresh starts (A21 to A27) and wide networks (A28 to A33) at the edge of stability."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from spectral_atlas.checks import Check, Unmeasured
from spectral_atlas.claim_kinds import Sample, Samples, claim
from spectral_atlas.papers.craciun2024.claims.paths import SETTING, Descent, fresh
from spectral_atlas.papers.craciun2024.claims.study import ROUNDING, Study

Array = np.ndarray
SEEDS = f"{SETTING}, fresh seeds, eta = .92 eta_C, T >= 4000"
ENDED = 1e-6  # of the first loss: what a slow run that has ended has left
ABOVE = "seeds from which eta = .046 eta_C ends above this 2 / eta"
WIDE_WIDTHS = (10, 128, 128, 128, 128, 10)
WIDE = "L = |A - W*|_F^2, widths 10-128-128-128-128-10, white data, eta = .9 eta_C, T = 12000"


def _all(value: Callable[[Descent], float]) -> Samples:
    def samples(study: Study) -> Sample:
        found = fresh(study)
        diverged = sum(not np.isfinite(d.loss[-1]) for d in found)
        labels = [d.label for d in found]
        remark = f"{len(found)} seeds, {diverged} diverged"
        return Sample(np.array([value(d) for d in found], dtype=float), labels, remark)

    return samples


def _sharp(value: Callable[[Descent], float]) -> Samples:
    """Of those seeds from which the slow run ends above 2 / eta, or diverges."""

    def samples(study: Study) -> Sample:
        every = fresh(study)
        ended = [d for d in every if not d.reference_loss[-1] > ENDED * d.reference_loss[0]]
        found = [d for d in ended if not d.reference_ratio[-1] <= 1]
        if not found:
            raise Unmeasured("no seed from which the slow run ends above 2 / eta")
        below = [d for d in ended if d.reference_ratio[-1] <= 1]
        moving = [d for d in every if d.reference_loss[-1] > ENDED * d.reference_loss[0]]
        remark = f"of {len(every)} seeds; below: {_named(below)}; not ended: {_named(moving)}"
        values = np.array([value(d) for d in found], dtype=float)
        return Sample(values, [d.label for d in found], remark)

    return samples


def _named(found: Sequence[Descent]) -> str:
    return ", ".join(f"{d.label} ({d.reference_ratio[-1]:.4g})" for d in found) or "none"


def _held(found: Descent, holds: bool) -> float:
    """NaN where the run diverged."""
    return float(holds) if np.isfinite(found.loss[-1]) else np.nan


def _above_flattest(found: Descent) -> float:
    """Sharpness at the end over 2 / eta_C."""
    return float(found.ratio[-1] / found.share)


def wide(study: Study) -> tuple[xr.Dataset, xr.Dataset]:
    """Runs and spectra of the wide networks; Unmeasured where they are others."""
    runs, spectra = study.dataset("runs/wide"), study.dataset("spectra/wide")
    if tuple(int(d) for d in runs.attrs["widths"]) != WIDE_WIDTHS:
        raise Unmeasured(f"runs/wide has widths {runs.attrs['widths']}")
    if not np.isclose(float(runs.attrs["share"]), 0.9):
        raise Unmeasured(f"runs/wide has eta = {runs.attrs['share']:g} eta_C instead of .9")
    if runs.sizes["step"] != 12_001:
        raise Unmeasured(f"{runs.sizes['step'] - 1} instead of 12000 steps in runs/wide")
    if not np.array_equal(runs["run"].values, spectra["run"].values):
        raise Unmeasured("runs and spectra of wide have other members")
    return runs, spectra


def _wide(value: Callable[[xr.Dataset, xr.Dataset], Array]) -> Samples:
    def samples(study: Study) -> Sample:
        runs, spectra = wide(study)
        values = np.where(runs["diverged_at"] >= 0, np.nan, value(runs, spectra))
        return Sample(values, [f"seed {seed}" for seed in runs["run"].values])

    return samples


def _bounds(study: Study) -> Sample:
    runs, spectra = wide(study)
    ends = abs(xr.concat([spectra["eigenvalues"].isel(value=0), spectra["smallest"]], "end"))
    bound = spectra["bound"] / ends.max("end")
    worst = bound.where(spectra["converged"]).max("value", skipna=False)
    steps = spectra["checkpoint_step"].values
    labels = [f"seed {seed} step {t}" for seed in runs["run"].values for t in steps]
    return Sample(worst.values.ravel(), labels, "of the three largest eigenvalues")


RECALLED = "after the abstracts"
OURS = "after the abstracts; the number is ours, with runs in view"
RATIO = "sharpness over 2 / eta"
CHECKS: tuple[Check, ...] = (
    claim(
        "A21", "eos_seeds", f"{SEEDS}: every run ends at a sharpness of at most 2 / eta.",
        _all(lambda d: float(d.ratio[-1])), high=ROUNDING, what=f"{RATIO} at the end",
        tolerance="rounding; a diverged run counts against", evidence="derived: no other minimizer "
        "is stable",
    ),
    claim(
        "A22", "eos_seeds", f"{SEEDS}: {ABOVE} rise above it on the way.",
        _sharp(lambda d: _held(d, d.rises_above)), kind="share", low=1, high=1,
        what="the sharpness is above 2 / eta at some checkpoint", tolerance="none",
        evidence=RECALLED,
    ),
    claim(
        "A23", "eos_seeds", f"{SEEDS}: {ABOVE} end just below it.",
        _sharp(lambda d: float(d.ratio[-1])), low=0.95, high=ROUNDING, what=f"{RATIO} at the end",
        tolerance="ours", evidence=OURS,
    ),
    claim(
        "A24", "eos_seeds", f"{SEEDS}: {ABOVE} do not lower the loss monotonely.",
        _sharp(lambda d: d.increases), low=1, what="steps that raised the loss", tolerance="none",
        evidence=RECALLED,
    ),
    claim(
        "A25", "eos_seeds", f"{SETTING}, fresh seeds, eta = .046 eta_C: the loss falls monotonely.",
        _all(lambda d: d.reference_increases), high=0, low=0, what="steps that raised the loss",
        tolerance="none", evidence="derived for small steps",
    ),
    claim(
        "A26", "eos_seeds", f"{SEEDS}: the loss ends near 0 all the same.",
        _all(lambda d: float(d.loss[-1] / d.loss[0])), high=1e-6,
        what="loss at the end over that at the start", tolerance="ours", evidence=OURS,
    ),
    claim(
        "A27", "eos_seeds", f"{SEEDS}: no end is flatter than the flattest minimizer.",
        _all(_above_flattest), low=1 - 1e-6, what="sharpness at the end over 2 / eta_C",
        tolerance="rounding", evidence="derived: 2 / eta_C is the least sharpness of a minimizer",
    ),
    claim(
        "A28", "wide_edge", f"{WIDE}: every eigenvalue is certified.", _bounds, high=1e-6,
        what="bound on the error over the largest |eigenvalue|", tolerance="that asked of Lanczos",
        evidence="ours",
    ),
    claim(
        "A29", "wide_edge", f"{WIDE}: the sharpness rises above 2 / eta.",
        _wide(lambda _, s: s["ratio"].max("checkpoint", skipna=False).values), low=1.1,
        what=f"largest {RATIO} at a checkpoint", tolerance="ours; it alternates from step to step, "
        "so that checkpoints give a lower bound",
        evidence=OURS,
    ),
    claim(
        "A30", "wide_edge", f"{WIDE}: it ends just below.",
        _wide(lambda _, s: s["ratio"].values[:, -1]), low=0.95, high=ROUNDING,
        what=f"{RATIO} at the end", tolerance="ours", evidence=OURS,
    ),
    claim(
        "A31", "wide_edge", f"{WIDE}: the loss falls by orders of magnitude.",
        _wide(lambda r, _: (r["loss"][:, -1] / r["loss"][:, 0]).values), high=1e-10,
        what="loss at the end over that at the start", tolerance="ours", evidence=OURS,
    ),
    claim(
        "A32", "wide_edge", f"{WIDE}: it rises at hundreds of steps.",
        _wide(lambda r, _: r["increases"].values.astype(float)), low=300,
        what="steps that raised the loss", tolerance="that of run A", evidence=OURS,
    ),
    claim(
        "A33", "wide_edge", f"{WIDE}: no end is flatter than the flattest minimizer.",
        _wide(lambda _, s: s["ratio"].values[:, -1] / 0.9), low=1 - 1e-6,
        what="sharpness at the end over 2 / eta_C", tolerance="rounding",
        evidence="derived: 2 / eta_C is the least sharpness of a minimizer",
    ),
)  # fmt: skip
