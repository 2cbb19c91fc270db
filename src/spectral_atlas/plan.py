"""The plan: every file of the pipeline, with the key that configuration and code give it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from spectral_atlas import keys
from spectral_atlas.config import Base, ConfigError
from spectral_atlas.parts import Join
from spectral_atlas.planned import PlannedClaims, PlannedFigure, PlannedNode
from spectral_atlas.registry import JOIN, Figure, Node, Paper, papers, whole

__all__ = ["ROOT", "Plan", "PlannedClaims", "PlannedFigure", "PlannedNode"]

ROOT = keys.ROOT.parent.parent
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
        """The planned node ``stage/name`` of a paper, or part of one, ``stage/name_part1of4``."""
        if (paper, ref) not in self._nodes:
            declared = papers()[paper].node(whole(ref))
            planned = self._plan_node(papers()[paper], declared)
            if ref != declared.ref and (paper, ref) not in self._nodes:
                count = len(planned.inputs) if planned.joins else 1
                raise KeyError(f"{paper}: this configuration makes {whole(ref)} in {count} part(s)")
        return self._nodes[paper, ref]

    def _plan_node(self, paper: Paper, node: Node) -> PlannedNode:
        section = _section(getattr(self.config, paper.key), node.config)
        try:
            parts = node.split(section)
        except ValueError as error:
            reason = " ".join(str(error).split())
            where = f"{paper.key}.{node.config}.parts = {section.parts}"
            raise ConfigError(f"config error: {where}: {reason}") from None
        for index, (part, share) in enumerate(parts):
            self._nodes[paper.key, part.ref] = self._keyed(paper, part, share, index)
        made = node.joining(tuple(part.ref for part, _ in parts)) if parts else node
        self._nodes[paper.key, node.ref] = self._keyed(paper, made, section)
        return self._nodes[paper.key, node.ref]

    def _keyed(
        self, paper: Paper, node: Node, section: Any, part: int | None = None
    ) -> PlannedNode:
        code = keys.code(node.function)
        config = {"seed": self.config.seed, node.config: section.model_dump(mode="json")}
        if node.function == JOIN:
            config["along"] = node.along
            # The file names the versions behind its numbers, which the parts computed.
            made = keys.code(paper.node(node.ref).function)
            code = {**code, "versions": {**code["versions"], **made["versions"]}}
        inputs = {ref: self.node(paper.key, ref) for ref in node.inputs}
        storage = keys.code("spectral_atlas.store:save")
        input_keys = {ref: planned.key for ref, planned in inputs.items()}
        key = keys.digest([code, storage, config, _script(node.stage), input_keys])
        paths = {ref: planned.path for ref, planned in inputs.items()}
        return PlannedNode(paper.key, node, key, config, code, paths, part)

    def keyed_node(self, paper: str, stage: str, name: str, key: str) -> PlannedNode:
        """The planned node of a file name; ValueError where its key is not the planned one."""
        planned = self.node(paper, f"{stage}/{name}")
        return _same_key(planned, key)

    def keyed_claims(self, paper: str, key: str) -> PlannedClaims:
        """The planned claims of a file name; ValueError where its key is not the planned one."""
        (planned,) = (c for c in self.claims if c.paper == paper)
        return _same_key(planned, key)

    def section(self, planned: PlannedNode) -> Any:
        """The validated section of the configuration that a node may read, a part its share."""
        section = _section(getattr(self.config, planned.paper), planned.node.config)
        if planned.joins:
            return Join(str(planned.node.along))
        return section if planned.part is None else section.part(planned.part)

    @property
    def papers(self) -> list[str]:
        """Keys of all papers."""
        return list(papers())

    @cached_property
    def nodes(self) -> list[PlannedNode]:
        """Every node of every paper; parts come before the node that joins them."""
        found = []
        for paper in papers().values():
            for planned in (self.node(paper.key, node.ref) for node in paper.nodes):
                found += [self.node(paper.key, ref) for ref in planned.inputs if planned.joins]
                found.append(planned)
        return found

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
