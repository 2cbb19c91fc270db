"""What the runs of an XOR network have learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.benarous2024 import outcomes
from spectral_atlas.papers.benarous2024.basins import basin_count
from spectral_atlas.papers.benarous2024.claims.regimes import FOUR
from spectral_atlas.papers.benarous2024.claims.study import Regime, Study, at
from spectral_atlas.papers.benarous2024.study import MATRICES

Array = np.ndarray
END = 80.0
FEWEST = 200


def moved(learned: Array, basins: Array) -> tuple[int, int, int]:
    """How many runs learn more, and how many fewer means than they start for; how many are lost."""
    lost = learned == outcomes.MISSING
    return int((learned > basins).sum()), int(((learned < basins) & ~lost).sum()), int(lost.sum())


@dataclass(frozen=True)
class Outcome:
    """What the runs of four neurons have learned.

    Attributes
    ----------
    learned : (S,), `outcomes.MISSING` for lost runs
    settled : (S,), False for lost runs
    basins : (S,), to how many means neurons are drawn at the start
    eigenvalues, rho : (matrix, S, 4), of the second layer's block; alignment of v with the first r
    """

    learned: Array
    settled: Array
    basins: Array
    eigenvalues: Array
    rho: Array

    @classmethod
    def of(cls, study: Study, regime: Regime = FOUR, time: float = END) -> Outcome:
        """At one checkpoint; `Unmeasured` where there are fewer than `FEWEST` runs."""
        files = study.files(regime)
        runs, spectra = at(files.runs, time), at(files.spectra, time)
        if runs.sizes["run"] < FEWEST:
            raise Unmeasured(f"{runs.sizes['run']} of at least {FEWEST} runs")
        f = runs["f_means"].values
        order = ("matrix", "run", "order")
        blocks = spectra.sel(matrix=list(MATRICES))
        return cls(
            outcomes.learned_count(f, regime.ridge),
            outcomes.settled(f, regime.ridge),
            basin_count(files.runs["basin"].values),
            blocks["readout_eigenvalues"].transpose(*order).values,
            blocks["readout_rho"].transpose(*order).values,
        )

    @property
    def lost(self) -> int:
        """Runs that overflowed."""
        return int((self.learned == outcomes.MISSING).sum())

    def agree(self, m: int) -> Array:
        """Runs with as many outliers as learned means; lost ones do not agree."""
        counts = outcomes.outlier_count(self.eigenvalues[m])
        return (counts == self.learned) & (self.learned != outcomes.MISSING)


def histogram(counts: Array) -> Array:
    """Runs with 1, 2, 3, 4."""
    return np.array([(counts == n).sum() for n in range(1, 5)])


def shown_law(seen: Array, expected: Array, n: int) -> str:
    """Numbers of runs beside the expected ones."""
    other = n - int(seen.sum())
    pairs = ", ".join(f"{s} ({e:.1f})" for s, e in zip(seen, expected, strict=True))
    rest = f"; {other} with none or lost" if other else ""
    return f"{n} runs; 1, 2, 3, 4 means learned, expected in brackets: {pairs}{rest}"
