"""What a paper declares: computed files (nodes), figures and claims.

A paper is one folder under ``spectral_atlas.papers`` whose ``experiments`` module holds a `Paper`.
Functions are named as ``"module:attribute"`` and imported only by the job that runs them, so that
reading the registry costs milliseconds and needs neither torch nor matplotlib.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

Stage = Literal["data", "runs", "spectra"]
STAGES: tuple[Stage, ...] = ("data", "runs", "spectra")
JOIN = "spectral_atlas.parts:join"
_PART = re.compile(r"_part\d+of\d+$")


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
    along : str or None
        Dimension along which the file may be made in parts, by jobs of their own. Its section then
        has ``parts``, a number of at least 1, and ``part(index)``: for ``index`` from 0 to
        ``parts - 1`` the section, with ``parts`` 1, of that part's share of the work.
    """

    stage: Stage
    name: str
    function: str
    config: str
    inputs: tuple[str, ...] = ()
    threads: int = 1
    along: str | None = None

    @property
    def ref(self) -> str:
        """The name other nodes and figures use: ``stage/name``."""
        return f"{self.stage}/{self.name}"

    def split(self, section: Any) -> list[tuple[Node, Any]]:
        """The parts, each with the section of its share; none where the file is made by one job.

        Raises
        ------
        TypeError
            If the section is not one that can be cut into parts.
        ValueError
            If a part has no share of its own.
        """
        if self.along is None:
            return []
        if not hasattr(section, "parts") or not hasattr(section, "part"):
            raise TypeError(
                f"{self.ref} may be made in parts along {self.along}, so its section {self.config}"
                " must have `parts` and `part(index)`"
            )
        count = section.parts
        if count == 1:
            return []
        shares = [section.part(index) for index in range(count)]
        seen: dict[str, int] = {}
        for i, share in enumerate(shares):
            if type(share) is not type(section) or share.parts != 1:
                raise TypeError(
                    f"{self.config}.part({i}) must be a {type(section).__name__} with parts = 1"
                )
            same = seen.setdefault(share.model_dump_json(), i)
            if same != i:
                raise ValueError(f"parts {same + 1} and {i + 1} would do the same work; take fewer")
        width = len(str(count))
        names = [f"{self.name}_part{i:0{width}}of{count}" for i in range(1, count + 1)]
        return [(replace(self, name=n), share) for n, share in zip(names, shares, strict=True)]

    def joining(self, parts: tuple[str, ...]) -> Node:
        """The node that makes the same file by joining its parts."""
        return replace(self, function=JOIN, inputs=parts, threads=1)


def whole(ref: str) -> str:
    """The declared ``stage/name`` that a part belongs to; any other is its own."""
    return _PART.sub("", ref)


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
    cost : str or None
        ``"module:attribute"``, called as ``cost(ref, section)`` for a node ``stage/name`` and its
        section, or a part's; returns a `spectral_atlas.cost.Estimate`, or None where it has none.
    """

    key: str
    title: str
    citation: str
    config: str
    nodes: tuple[Node, ...]
    figures: tuple[Figure, ...]
    claims: str
    claim_inputs: tuple[str, ...]
    cost: str | None = None

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
