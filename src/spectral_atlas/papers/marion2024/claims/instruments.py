"""The instruments: certified eigenvalues, and the published estimator beside them (M)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check, Unmeasured, check
from spectral_atlas.papers.marion2024.claims.study import Study


def _spectra(study: Study) -> dict:
    found = {ref: ds for ref, ds in study.inputs.items() if ref.startswith("spectra/")}
    if not found:
        raise Unmeasured("no spectra at hand")
    return found


@check(
    "M1", "",
    "Every eigenvalue that the other claims use carries a residual bound within the tolerance.",
    expected="share 1", low=1, high=1, tolerance="none", evidence="measured",
)  # fmt: skip
def _certified(study: Study) -> tuple[float, str]:
    good = total = lost = 0
    for spectra in _spectra(study).values():
        finite = np.isfinite(spectra["lambda_max"].values)
        good += int(spectra["certified"].values[finite].sum())
        total += int(finite.sum())
        lost += int((~finite).sum())
    if not total:
        raise Unmeasured("no spectrum at hand is finite")
    return (
        good / total,
        f"{good} of {total} spectra; {lost} more belong to diverged runs and have none",
    )


@check(
    "M2", "",
    "The published estimator, a norm after 20 products, never exceeds the largest |eigenvalue|; it "
    "reads low.",
    expected="largest estimate over max |eigenvalue| at most 1", low=0, high=1 + 1e-6,
    tolerance="residual bounds and rounding", evidence="derived; published code",
)  # fmt: skip
def _estimator(study: Study) -> tuple[float, str]:
    quotients, shown, flat = [], [], 0
    for ref, spectra in _spectra(study).items():
        ends = np.abs([spectra["lambda_max"].values[-1], spectra["lambda_min"].values[-1]])
        largest = ends.max(axis=0)
        flat += int((largest == 0).sum())
        some = largest > 0
        final = spectra["power_estimate"].values[-1][some] / largest[some]
        quotients.append(final)
        if final.size:
            name = ref.split("/")[1]
            shown.append(f"{name}: median {np.median(final):.4f}, least {final.min():.2f}")
    found = np.concatenate(quotients)
    if not found.size:
        raise Unmeasured("no spectrum at the end of training is finite and not zero")
    return found.max(), (
        f"at the end of training, {flat} runs with a Hessian of zero left out; {'; '.join(shown)}"
    )


CHECKS: tuple[Check, ...] = (_certified, _estimator)
