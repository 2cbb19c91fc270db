"""What a plan holds: nodes, figures and claims, each with its key and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spectral_atlas import records
from spectral_atlas.registry import JOIN, Figure, Node, whole

FORMATS = ("pdf", "svg", "png", "csv")


@dataclass(frozen=True)
class PlannedNode:
    """A node with its key, its file (relative to the working directory) and its inputs' files.

    ``part`` is the index of the part, where the file is one part of what the registry declares.
    """

    paper: str
    node: Node
    key: str
    config: Any
    code: dict[str, Any]
    inputs: dict[str, str]
    part: int | None = None

    @property
    def declared(self) -> str:
        """The declared node, ``stage/name``: that of the whole for a part."""
        return self.node.ref if self.part is None else whole(self.node.ref)

    @property
    def joins(self) -> bool:
        """Whether the file is made from its parts, which are the inputs."""
        return self.node.function == JOIN

    @property
    def path(self) -> str:
        """``results/<stage>/<paper>/<name>.<key>.nc``."""
        return f"results/{self.node.stage}/{self.paper}/{self.node.name}.{self.key}.nc"


@dataclass(frozen=True)
class PlannedFigure:
    """A figure with its key, its published files and the record that says they are current."""

    paper: str
    figure: Figure
    key: str
    code: dict[str, Any]
    inputs: dict[str, str]

    @property
    def files(self) -> dict[str, str]:
        """Format to published path."""
        return {f: f"figures/{self.paper}/{self.figure.id}.{f}" for f in FORMATS}

    @property
    def record(self) -> str:
        """Written with the files: the key they were drawn for, the numbers captions quote."""
        return f"results/figures/{self.paper}/{self.figure.id}.{self.key}.json"

    def facts(self) -> dict[str, Any]:
        """The measured numbers of the last drawing; empty before it."""
        return dict(records.read(self.record).get("facts", {}))


@dataclass(frozen=True)
class PlannedClaims:
    """The evaluated claims of one paper."""

    paper: str
    key: str
    code: dict[str, Any]
    inputs: dict[str, str]

    @property
    def path(self) -> str:
        """``results/claims/<paper>.<key>.json``."""
        return f"results/claims/{self.paper}.{self.key}.json"
