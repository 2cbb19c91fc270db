"""What a paper declares: computed files (nodes), figures and claims.

A paper is one folder under ``spectral_atlas.papers`` whose ``experiments`` module holds a `Paper`.
Functions are named as ``"module:attribute"`` and imported only by the job that runs them, so that
reading the registry costs milliseconds and needs neither torch nor matplotlib.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Stage = Literal["data", "runs", "spectra"]
STAGES: tuple[Stage, ...] = ("data", "runs", "spectra")


@dataclass(frozen=True)
class Node:
    """One computed file, ``results/<stage>/<paper>/<name>.<key>.nc``.

    Attributes
    ----------
    stage, name : str
        Where the file lies; nodes of one name form one experiment.
    function : str
        ``"module:attribute"``, called as ``function(config, inputs, job)``; returns a Dataset.
    config : str
        Dotted path below the paper's section of the configuration; the only part it may read.
    inputs : tuple of "stage/name"
        The files it reads, handed over under these names.
    threads : int
        Threads it can use. Results must not depend on it.
    """

    stage: Stage
    name: str
    function: str
    config: str
    inputs: tuple[str, ...] = ()
    threads: int = 1

    @property
    def ref(self) -> str:
        """The name other nodes and figures use: ``stage/name``."""
        return f"{self.stage}/{self.name}"


@dataclass(frozen=True)
class Figure:
    """One figure, published as ``figures/<paper>/<id>.{pdf,svg,png,csv}``.

    Attributes
    ----------
    id, title : str
    evidence : str
        On what we base what the figure should show, e.g. "Fig. 1a", or "after the abstract".
    draw : str
        ``"module:attribute"``, called as ``draw(inputs, style)``; returns a Drawing.
    inputs : tuple of "stage/name"
    claims : tuple of str
        Ids of the claims that the figure lets a reader judge.
    """

    id: str
    title: str
    evidence: str
    draw: str
    inputs: tuple[str, ...]
    claims: tuple[str, ...] = ()

    @property
    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments it needs, each once."""
        return tuple(dict.fromkeys(ref.split("/", 1)[1] for ref in self.inputs))


@dataclass(frozen=True)
class Paper:
    """Everything the pipeline needs to know of a paper.

    Attributes
    ----------
    key, title, citation : str
    config : str
        ``"module:Model"`` of the pydantic model of the paper's config section.
    nodes, figures : tuples of Node and Figure
    claims : str
        ``"module:attribute"``, called as ``claims(inputs)``; returns a list of Claim.
    claim_inputs : tuple of "stage/name"
    """

    key: str
    title: str
    citation: str
    config: str
    nodes: tuple[Node, ...]
    figures: tuple[Figure, ...]
    claims: str
    claim_inputs: tuple[str, ...]

    def node(self, ref: str) -> Node:
        """Look up ``stage/name``; KeyError with the known ones."""
        for node in self.nodes:
            if node.ref == ref:
                return node
        known = ", ".join(n.ref for n in self.nodes)
        raise KeyError(f"{self.key} declares no {ref}; it has {known}")


@cache
def papers() -> dict[str, Paper]:
    """All papers by key: the sub-packages of ``spectral_atlas.papers``."""
    package = importlib.import_module("spectral_atlas.papers")
    found = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg)
    modules = (importlib.import_module(f"{package.__name__}.{name}.experiments") for name in found)
    return {module.PAPER.key: module.PAPER for module in modules}


def resolve(reference: str) -> Callable[..., Any]:
    """Import what ``"module:attribute"`` names."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)
