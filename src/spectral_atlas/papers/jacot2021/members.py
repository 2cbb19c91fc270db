"""The members of an ensemble of descents, and their starts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from spectral_atlas.networks.deep_linear import DeepLinear
from spectral_atlas.networks.linear_maps import init_power_law
from spectral_atlas.papers.jacot2021.problems import PAPER
from spectral_atlas.papers.jacot2021.theory import smallest_gamma
from spectral_atlas.rng import generator

if TYPE_CHECKING:
    from spectral_atlas.papers.jacot2021.sections import Descent, Networks

Array = np.ndarray


@dataclass(frozen=True)
class Network:
    """A depth L, a width w, gamma, and the seed of the start."""

    depth: int
    width: int
    gamma: float
    initialization: int

    def architecture(self, rows: int, columns: int) -> DeepLinear:
        """The layers for maps from R^columns to R^rows."""
        return DeepLinear.plain(columns, self.depth, self.width, rows)

    def start(self, root: int, arch: DeepLinear) -> Float[Array, " P"]:
        """All entries N(0, w^-gamma): for all gamma and targets the same normals, scaled."""
        names = (PAPER, "initialization", self.depth, self.width, self.initialization)
        return init_power_law(generator(root, *names), arch, self.gamma)


@dataclass(frozen=True)
class Member(Network):
    """A network with its problem: target seed and number N of observed entries."""

    target: int
    observed: int


def networks(config: Networks) -> list[Network]:
    """All combinations, without those below gamma = 1 - 1/L."""
    found = []
    for L, w, named, seed in product(
        config.depths, config.widths, config.gammas, config.initialization_seeds
    ):
        gamma = smallest_gamma(L) if named == "ntk" else float(named)
        network = Network(L, w, gamma, seed)
        if gamma >= smallest_gamma(L) - 1e-12 and network not in found:
            found.append(network)
    return found


def members(config: Descent, observed: int) -> list[Member]:
    """All networks for all targets and all numbers of observed entries."""
    counts = [observed] if config.observed is None else config.observed
    return [
        Member(n.depth, n.width, n.gamma, n.initialization, target, count)
        for n in networks(config)
        for target in config.targets
        for count in counts
    ]


def coordinates(chosen: list[Any], dim: str = "member") -> dict[str, Any]:
    """Coordinates along ``dim`` for every attribute of the members."""
    names = vars(chosen[0])
    return {name: (dim, np.array([getattr(m, name) for m in chosen])) for name in names}
