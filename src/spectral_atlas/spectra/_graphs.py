"""Graphs of derivatives: kept while they fit in memory, built again for each product if not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.func import vjp

from spectral_atlas.spectra._pieces import Piece, cut
from spectral_atlas.spectra.parameters import ParameterBlock

Tensors = dict[str, Tensor]
Product = Callable[[Tensors], Tensors]

# Shares of the memory: one graph (or the temporaries of one product), and all that are kept.
ONE, KEPT = 1 / 4, 3 / 4
# Members that have left a graph stay in it, with zero rows, down to this share.
PRESENT = 3 / 4
VMAP_BYTES = 16 * 2**20


def pullback(function: Callable[[Any], Any], at: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The values at a point, and cotangents of them -> cotangents of the point."""
    found: Any = vjp(function, at)  # typed by torch as a union over its options
    return found[0], lambda u: found[1](u)[0]


def second_derivative(
    function: Callable[[Tensors], Tensor],
    rows: ParameterBlock,
    columns: ParameterBlock,
    varied: Tensors,
) -> Product:
    """Products with the second derivatives of a scalar function of the tensors that vary.

    By autograd on a graph that is kept: the same arithmetic as nested transforms of torch.func,
    without their cost per call, which counts for small networks.
    """
    with torch.enable_grad():
        names = dict.fromkeys((*rows.names, *columns.names))
        leaves = {name: varied[name].detach().requires_grad_() for name in names}
        first = torch.autograd.grad(
            function({**varied, **leaves}),
            [leaves[name] for name in columns.names],
            create_graph=True,
            materialize_grads=True,
        )
    outer = [leaves[name] for name in rows.names]
    # Where the function is linear its gradient is a constant that knows no graph.
    live = [(name, g) for name, g in zip(columns.names, first, strict=True) if g.requires_grad]

    def product(V: Tensors) -> Tensors:
        if not live:
            return {name: torch.zeros_like(t) for name, t in zip(rows.names, outer, strict=True)}
        found = torch.autograd.grad(
            [g for _, g in live],
            outer,
            [V[name] for name, _ in live],
            retain_graph=True,
            materialize_grads=True,
        )
        return dict(zip(rows.names, found, strict=True))

    return product


@dataclass
class Chunk:
    """Members whose graphs are built together."""

    members: Tensor
    point: Any = None
    graphs: dict[int, Product] = field(default_factory=dict)


class GraphProducts:
    """V -> sum over pieces of (graph of the piece)(V), for the members asked for.

    Parameters
    ----------
    build : callable
        (point, piece) -> product, which maps tensors (A, *shape) of the columns to those of the
        rows.
    select : callable
        Members (indices) -> point, what `build` needs to know of them.
    rows, columns : ParameterBlock
        Of the result, of V.
    pieces : list of Piece
    members : int
    memory : float
        Bytes.
    """

    def __init__(
        self,
        build: Callable[[Any, Piece], Product],
        select: Callable[[Tensor], Any],
        rows: ParameterBlock,
        columns: ParameterBlock,
        pieces: Sequence[Piece],
        members: int,
        memory: float,
    ) -> None:
        self._build, self._select = build, select
        self._rows, self._columns, self._members = rows, columns, members
        self._memory = memory
        first = select(torch.tensor([0]))
        self.pieces, self.graph_bytes = cut(pieces, lambda p: build(first, p), ONE * memory)
        self._at_once = max(1, int(ONE * memory / self.graph_bytes))
        self._chunks: list[Chunk] = []
        self._covered = torch.zeros(0, dtype=torch.int64)
        self._keep = 0

    def __call__(self, V: Tensor, members: Tensor) -> Tensor:
        """(A, b, columns) -> (A, b, rows)."""
        if self._chunks and torch.equal(members, self._covered):  # the usual case: nobody has left
            with torch.no_grad():
                sums = [
                    self._sum(number, chunk, W)
                    for number, (chunk, W) in enumerate(
                        zip(self._chunks, torch.split(V, self._at_once), strict=True)
                    )
                ]
            return sums[0] if len(sums) == 1 else torch.cat(sums)
        out = V.new_zeros(*V.shape[:2], self._rows.n_params)
        if not len(members):
            return out
        place = torch.full((self._members,), -1)
        place[members] = torch.arange(len(members))
        twice = place[members] != torch.arange(len(members))
        if bool(twice.any()):  # a member named twice: one row of each at a time
            for some in (torch.nonzero(~twice)[:, 0], torch.nonzero(twice)[:, 0]):
                at = some.to(V.device)
                out[at] = self(V[at], members[some])
            return out
        with torch.no_grad():
            self._arrange(members)
            for number, chunk in enumerate(self._chunks):
                slots = place[chunk.members]
                present = slots >= 0
                if bool(present.any()):
                    here, at = present.to(V.device), slots[present].to(V.device)
                    W = V.new_zeros(len(slots), *V.shape[1:])
                    W[here] = V[at]
                    out[at] = self._sum(number, chunk, W)[here]
        return out

    def _sum(self, number: int, chunk: Chunk, W: Tensor) -> Tensor:
        size = self._width(len(chunk.members), W.device)
        split = torch.split(W, size, dim=1)
        parts = [(self._columns.split(part.transpose(0, 1)), part.shape[1]) for part in split]
        sums: list[Tensor] = []
        for i, piece in enumerate(self.pieces):
            graph = chunk.graphs.get(i) or self._graph(number, chunk, i, piece)
            for j, (V, width) in enumerate(parts):
                if width == 1:  # a vmap over one tangent costs, and gains nothing
                    result = graph({name: t[0] for name, t in V.items()})
                    found = self._rows.join(result)[:, None]
                else:
                    found = self._rows.join(torch.func.vmap(graph)(V)).transpose(0, 1)
                if i == 0:
                    sums.append(found)
                else:
                    sums[j] += found
        return sums[0] if len(sums) == 1 else torch.cat(sums, dim=1)

    def _width(self, members: int, device: torch.device) -> int:
        """Tangents in one vmap."""
        memory = ONE * self._memory
        if device.type == "cpu":
            # A vmap saves calls, not arithmetic: it gains while a product fits in the caches, and
            # loses where the products are batched over members already.
            memory = min(memory, VMAP_BYTES) if members == 1 else 0.0
        return max(1, int(memory / (self.graph_bytes * members)))

    def _graph(self, number: int, chunk: Chunk, i: int, piece: Piece) -> Product:
        if chunk.point is None:
            chunk.point = self._select(chunk.members)
        graph = self._build(chunk.point, piece)
        if number * len(self.pieces) + i < self._keep:
            chunk.graphs[i] = graph
        return graph

    def dense(self, members: Tensor, like: Tensor) -> Tensor:
        """The matrices (A, rows, columns): one member at a time, for a vmap over its columns."""
        size = self._columns.n_params
        out = like.new_empty(len(members), self._rows.n_params, size)
        alone = self if self._members == 1 else self._fork()
        width = (self._rows.n_params + 2 * size) * like.element_size()
        most = max(64, int(ONE * self._memory / width))  # unit vectors, their products, the sum
        for i, member in enumerate(members):
            for j in range(0, size, most):
                unit = like.new_zeros(1, min(most, size - j), size)
                unit[0, :, j:].fill_diagonal_(1.0)
                columns = alone(unit, member[None])
                out[i, :, j : j + unit.shape[1]] = columns[0].T
        return out

    def _fork(self) -> GraphProducts:
        """The same products with graphs of their own."""
        other = copy.copy(self)
        other._chunks, other._covered, other._keep = [], self._covered[:0], 0
        return other

    def _arrange(self, members: Tensor) -> None:
        """Chunks that hold the members; the present ones while most of their rows are wanted."""
        inside = len(self._covered) >= len(members) and bool(
            torch.isin(members, self._covered).all()
        )
        share = PRESENT if self._keep else 1.0
        if inside and len(members) >= share * len(self._covered):
            return
        self._covered = members.sort().values
        self._chunks = [Chunk(part) for part in torch.split(self._covered, self._at_once)]
        size = self.graph_bytes * min(self._at_once, len(members))
        self._keep = int(KEPT * self._memory / size)
