"""The plan: every file of the pipeline, with the key that configuration and code give it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from spectral_atlas import keys, records
from spectral_atlas.config import Base
from spectral_atlas.registry import Figure, Node, Paper, papers

ROOT = keys.ROOT.parent.parent
FORMATS = ("pdf", "svg", "png", "csv")


@dataclass(frozen=True)
class PlannedNode:
    """A node with its key, its file (relative to the working directory) and its inputs' files."""

    paper: str
    node: Node
    key: str
    config: Any
    code: dict[str, Any]
    inputs: dict[str, str]

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


Keyed = TypeVar("Keyed", PlannedNode, PlannedClaims)


@dataclass(frozen=True)
class Plan:
    """All planned files for one configuration.

    Attributes
    ----------
    config : Base
        The validated configuration.
    """

    config: Base
    _nodes: dict[tuple[str, str], PlannedNode] = field(default_factory=dict, repr=False)

    def node(self, paper: str, ref: str) -> PlannedNode:
        """The planned node ``stage/name`` of a paper."""
        if (paper, ref) not in self._nodes:
            self._nodes[paper, ref] = self._plan_node(papers()[paper], papers()[paper].node(ref))
        return self._nodes[paper, ref]

    def _plan_node(self, paper: Paper, node: Node) -> PlannedNode:
        code = keys.code(node.function)
        section = _section(getattr(self.config, paper.key), node.config)
        config = {"seed": self.config.seed, node.config: section.model_dump(mode="json")}
        inputs = {ref: self.node(paper.key, ref) for ref in node.inputs}
        storage = keys.code("spectral_atlas.store:save")
        input_keys = {ref: planned.key for ref, planned in inputs.items()}
        key = keys.digest([code, storage, config, _script(node.stage), input_keys])
        paths = {ref: planned.path for ref, planned in inputs.items()}
        return PlannedNode(paper.key, node, key, config, code, paths)

    def keyed_node(self, paper: str, stage: str, name: str, key: str) -> PlannedNode:
        """The planned node of a file name; ValueError where its key is not the planned one."""
        planned = self.node(paper, f"{stage}/{name}")
        return _same_key(planned, key)

    def keyed_claims(self, paper: str, key: str) -> PlannedClaims:
        """The planned claims of a file name; ValueError where its key is not the planned one."""
        (planned,) = (c for c in self.claims if c.paper == paper)
        return _same_key(planned, key)

    def section(self, planned: PlannedNode) -> Any:
        """The validated section of the configuration that a node may read."""
        return _section(getattr(self.config, planned.paper), planned.node.config)

    @property
    def papers(self) -> list[str]:
        """Keys of all papers."""
        return list(papers())

    @cached_property
    def nodes(self) -> list[PlannedNode]:
        """Every node of every paper."""
        return [self.node(p.key, n.ref) for p in papers().values() for n in p.nodes]

    @cached_property
    def figures(self) -> list[PlannedFigure]:
        """Every figure of every paper."""
        return [self._plan_figure(p, f) for p in papers().values() for f in p.figures]

    def _plan_figure(self, paper: Paper, figure: Figure) -> PlannedFigure:
        inputs = {ref: self.node(paper.key, ref) for ref in figure.inputs}
        packages = keys.NUMERIC_PACKAGES + keys.TABLE_PACKAGES + keys.DRAWING_PACKAGES
        code = keys.code(figure.draw, packages)
        parts = [
            code,
            keys.code("spectral_atlas.plotting.publish:publish", packages),
            _script("figures"),
            [figure.id, figure.title, figure.evidence],
            self.config.style.model_dump(mode="json"),
            {ref: planned.key for ref, planned in inputs.items()},
        ]
        paths = {ref: planned.path for ref, planned in inputs.items()}
        return PlannedFigure(paper.key, figure, keys.digest(parts), code, paths)

    @cached_property
    def claims(self) -> list[PlannedClaims]:
        """The claims file of every paper."""
        return [self._plan_claims(p) for p in papers().values()]

    def _plan_claims(self, paper: Paper) -> PlannedClaims:
        inputs = {ref: self.node(paper.key, ref) for ref in paper.claim_inputs}
        code = keys.code(paper.claims, keys.NUMERIC_PACKAGES + keys.TABLE_PACKAGES)
        parts = [
            code,
            _script("claims"),
            {ref: planned.key for ref, planned in inputs.items()},
        ]
        paths = {ref: planned.path for ref, planned in inputs.items()}
        return PlannedClaims(paper.key, keys.digest(parts), code, paths)

    @cached_property
    def claims_key(self) -> str:
        """Key of the table of all claims."""
        code = keys.code("spectral_atlas.claims:html_table")
        return keys.digest([code, _script("claims_table"), [c.key for c in self.claims]])

    @property
    def claims_record(self) -> str:
        """Record of the table of all claims."""
        return f"results/tables/claims.{self.claims_key}.json"

    @property
    def runs_record(self) -> str:
        """Record of the table of all cached files."""
        return f"results/tables/runs.{self.runs_key}.json"

    @cached_property
    def runs_key(self) -> str:
        """Key of the table of all cached files."""
        code = keys.code("spectral_atlas.run_table:rows")
        return keys.digest([code, _script("run_table"), [n.path for n in self.nodes]])

    def of(self, paper: str) -> Iterator[str]:
        """The targets that make up one paper: its figures, their records and its claims."""
        for planned in self.figures:
            if planned.paper == paper:
                yield from planned.files.values()
                yield planned.record
        yield from (c.path for c in self.claims if c.paper == paper)


def _same_key(planned: Keyed, key: str) -> Keyed:
    if planned.key != key:
        raise ValueError(f"{planned.path} is what this configuration makes, not key {key}")
    return planned


def _section(section: Any, path: str) -> Any:
    for part in path.split("."):
        section = getattr(section, part)
    return section


def _script(stage: str) -> str:
    path = ROOT / "scripts" / f"{stage}.py"
    return keys.source_digest(path)
