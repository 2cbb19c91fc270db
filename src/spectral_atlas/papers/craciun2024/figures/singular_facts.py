"""What the caption of the singular example quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from spectral_atlas.papers.craciun2024.figures.common import LETTERS
from spectral_atlas.papers.craciun2024.figures.small_shares import Shares, zeros
from spectral_atlas.plotting.facts import listed, quoted, span
from spectral_atlas.plotting.intervals import zero_bound

Array = np.ndarray


def singular_facts(
    found: xr.Dataset, order: Array, curves: Sequence[Shares], drawn: int
) -> dict[str, Any]:
    """Images and shares for the rates in order; ``drawn`` of them have panels of their own."""
    names = [f"η = {eta:g}" for eta in found["singular_rate"].values[order]]
    images = found["singular_image"].transpose("singular_rate", "end").values[order]
    low, high = (quoted(float(v), 4) for v in found["singular_interval"].values)
    return {
        "low": low,
        "high": high,
        "reach": quoted(float(np.abs(found["theta"]).max())),
        "drawn": drawn,
        "n_rates": len(order),
        "images": _each(names, [interval(image) for image in images]),
        "shares": _each(names, [span(curve.share) for curve in curves]),
        "slopes": _each(names, [quoted(curve.slope(), 2) for curve in curves]),
        "epsilons": listed([f"{e:g}" for e in curves[0].epsilon]),
        "points": f"{curves[0].n:,}".replace(",", " "),
        "zeros": zeros(curves),
        "at_most": f"{zero_bound(curves[0].n):.1g}",
        "upper": _letters(0, drawn),
        "lower": _letters(drawn, 2 * drawn),
        "last": LETTERS[2 * drawn],
    }


def interval(image: Array) -> str:
    """Both ends of an image, or the one point that it is."""
    low, high = (f"{value:.4g}" for value in image)
    return f"the point {low}" if image[0] == image[1] else f"[{low}, {high}]"


def _each(names: Sequence[str], values: Sequence[Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))


def _letters(first: int, end: int) -> str:
    named = LETTERS[first:end]
    return ", ".join(named) if len(named) < 3 else f"{named[0]}–{named[-1]}"
