"""Predicted and measured spectra side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spectral_atlas.checks import Unmeasured
from spectral_atlas.papers.benarous2024.study import MATRICES, Matrix

Array = np.ndarray
EDGE = 0.06  # relative distance of measured from predicted edges


@dataclass(frozen=True)
class Compared:
    """Predicted and measured numbers, the seeds along the first axis of each array.

    Attributes
    ----------
    edge : predicted edge of the bulk
    count : predicted number of outliers; negative for runs that overflowed
    top : predicted top outlier, NaN where there is none
    eigenvalues : (..., rank), measured, descending
    where : what was compared
    """

    edge: Array
    count: Array
    top: Array
    eigenvalues: Array
    where: str

    def of(self, matrices: Sequence[Matrix]) -> Compared:
        """Some of the matrices; they stand along the second axis."""
        kept = [MATRICES.index(m) for m in matrices]
        return Compared(
            self.edge[:, kept],
            self.count[:, kept],
            self.top[:, kept],
            self.eigenvalues[:, kept],
            self.where,
        )

    def counted(self) -> Array:
        """The predicted numbers of outliers, NaN for runs that overflowed."""
        return np.where(self.count < 0, np.nan, self.count)

    def edge_error(self) -> tuple[Array, str]:
        """Relative distance of the first eigenvalue that is no outlier from the edge."""
        index = np.clip(self.count, 0, self.eigenvalues.shape[-1] - 1)[..., None]
        first = np.take_along_axis(self.eigenvalues, index, axis=-1)[..., 0]
        return np.abs(first / self.edge - 1), self.where

    def top_error(self) -> tuple[Array, str]:
        """Relative distance of the top eigenvalue from the top outlier; 0 where none is due."""
        due = self.count != 0
        error = np.where(due, np.abs(self.eigenvalues[..., 0] / self.top - 1), 0.0)
        if not due.any():
            raise Unmeasured("no outlier is predicted")
        return error, f"{self.where}; {int(due.sum())} of {due.size} spectra have an outlier"

    def count_error(self) -> tuple[Array, str]:
        """Difference of the numbers of outliers."""
        lost = np.isnan(self.eigenvalues[..., 0])
        found = (self.eigenvalues > (1 + EDGE) * self.edge[..., None]).sum(axis=-1)
        numbers = sorted({int(n) for n in self.count[self.count >= 0]})
        remark = f"{self.where}; predicted numbers {numbers}"
        return np.where(lost, np.nan, np.abs(found - self.count)), remark
