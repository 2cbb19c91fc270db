"""The radius along the path of width one that leaves the origin (B8 to B10)."""

from __future__ import annotations

import numpy as np

from spectral_atlas.checks import Check
from spectral_atlas.claim_kinds import Sample, Samples
from spectral_atlas.papers.jacot2021 import readings
from spectral_atlas.papers.jacot2021.claims.escape import first_paths
from spectral_atlas.papers.jacot2021.claims.kinds import claim
from spectral_atlas.papers.jacot2021.claims.study import SETTING, Study


def _law(depth: int, early: float = readings.EARLY) -> Samples:
    """Relative distance of the slope of the radius law from the one derived, width 1."""

    def samples(study: Study) -> Sample:
        first_paths(study)
        found = study.by_target("runs/first_path", depth=depth)
        rate, values = float(found.attrs["learning_rate"]), []
        for i in range(found.sizes["member"]):
            law = readings.radius_law(found.isel(member=i), rate)
            some = law.early & (law.radius < early * law.radius[-1])
            several = some.sum() > 2 and np.isfinite(law.linear).all()
            slope = np.polyfit(law.time[some], law.linear[some], 1)[0] if several else np.nan
            values.append(abs(slope / law.expected - 1))
        return Sample(np.array(values), [f"target {t}" for t in found["target"].values])

    return samples


CHECKS: tuple[Check, ...] = (
    *(
        claim(
            id, "escape_law", f"{SETTING}, L = {L}, w = 1, N = 80: at r = |theta| below .4 of its "
            f"end, r^-(L - 2) falls at the rate (L - 2) L^(-(L - 2) / 2) s_1.",
            _law(L), high=0.005, what="relative distance of the fitted slope",
            tolerance=".5 %; other runs had .03 % at L = 4",
            evidence="derived; the speed, as recalled",
        )
        for id, L in (("B8", 3), ("B9", 4))
    ),
    claim(
        "B10", "escape_law", f"{SETTING}, L = 2, w = 1, N = 80: at r = |theta| below .1 of its "
        f"end, ln r grows at the rate s_1.",
        _law(2, 0.1), high=0.01, what="relative distance of the fitted slope",
        tolerance="1 %: A is below 1 % of its end there, and the rate that much lower; up to .4, "
        "as at L > 2, saturation makes it 2 to 5 % lower",
        evidence="derived",
    ),
)  # fmt: skip
