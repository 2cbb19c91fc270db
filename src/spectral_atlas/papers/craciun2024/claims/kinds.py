"""Samples of numbers of cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from spectral_atlas.claim_kinds import Sample


def counted(
    where: xr.DataArray, over: Sequence[str], labels: Sequence[str], random: bool = True
) -> Sample:
    """How many of each case, a case being what is left when the dimensions `over` are."""
    size = int(np.prod([where.sizes[d] for d in over]))
    number = where.sum(list(over)).values.astype(float).ravel()
    return Sample(number, labels, sizes=np.full(len(number), size), random=random)
