"""What a stage function is given beside its configuration and its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TextIO

import xarray as xr

Inputs = Mapping[str, xr.Dataset]


@dataclass(frozen=True)
class Job:
    """The surroundings of one stage function.

    Attributes
    ----------
    seed : int
        Root of the random streams.
    threads : int
        How many threads it may use; results must not depend on it.
    log : text stream or None
        Where progress goes.
    """

    seed: int
    threads: int = 1
    log: TextIO | None = field(default=None, compare=False)
