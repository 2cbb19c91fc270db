"""Outputs and losses of an ensemble as functions of its stacked parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from spectral_atlas.spectra._graphs import Tensors
from spectral_atlas.spectra._pieces import Piece

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Point:
    """Trainable tensors and other tensors of some members, (A, *shape) each."""

    varied: Tensors
    own: Tensors


class RiskModel:
    """An ensemble, its loss and its samples."""

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        pieces: Sequence[Piece],
        varied: Tensors,
        own: Tensors,
        shared: Tensors,
        ridge: float,
    ) -> None:
        self.ridge = ridge
        self.module, self.loss, self.pieces = module, loss, list(pieces)
        self.varied, self.own, self.shared = varied, own, shared

    def select(self, members: Tensor) -> Point:
        """The tensors of some members, as views where the members are consecutive."""
        first, last = int(members[0]), int(members[-1])
        rows: slice | Tensor = members
        if bool((members == torch.arange(first, first + len(members))).all()):
            rows = slice(first, last + 1)

        def pick(t: Tensor) -> Tensor:
            return t[rows if isinstance(rows, slice) else rows.to(t.device)]

        return Point(
            {name: pick(t) for name, t in self.varied.items()},
            {name: pick(t) for name, t in self.own.items()},
        )

    def outputs(self, varied: Tensors, point: Point, piece: Piece) -> Tensor:
        """f(theta; x), (A, n, ...)."""

        def one(varied: Tensors, own: Tensors) -> Tensor:
            state = {**self.shared, **own, **varied}
            with _differentiable_attention():
                return functional_call(self.module, state, (piece.x,))

        if _count(varied) > 1:
            return vmap(one)(varied, point.own)
        # One member needs no vmap, which turns matrix products into batched ones.
        return one(*({n: t.squeeze(0) for n, t in ts.items()} for ts in (varied, point.own)))[None]

    def losses(self, outputs: Tensor, piece: Piece) -> Tensor:
        """The mean loss of each member, (A,)."""
        if len(outputs) > 1:
            return vmap(lambda out: self.loss(out, piece.y))(outputs)
        return self.loss(outputs.squeeze(0), piece.y)[None]

    def risks(self, varied: Tensors, point: Point, piece: Piece) -> Tensor:
        """The mean loss of each member as a function of its parameters, (A,)."""
        return self.losses(self.outputs(varied, point, piece), piece) + self.penalty(varied)

    def penalty(self, varied: Tensors) -> Tensor:
        """(ridge / 2) |theta|^2 of each member, (A,); a plain zero without ridge."""
        if self.ridge == 0:
            return torch.zeros(())
        squares = [(t**2).flatten(1).sum(1) for t in varied.values()]
        return self.ridge / 2 * torch.stack(squares).sum(0)

    def sample_losses(self, varied: Tensors, point: Point, piece: Piece) -> Tensor:
        """The loss of each sample, (A, n)."""

        def one(out: Tensor, target: Tensor) -> Tensor:
            return self.loss(out[None], target[None])

        outputs = self.outputs(varied, point, piece)
        if len(outputs) > 1:
            losses = vmap(vmap(one), in_dims=(0, None))(outputs, piece.y)
        else:
            losses = vmap(one)(outputs.squeeze(0), piece.y)[None]
        return losses + self.penalty(varied)[..., None]


def _count(varied: Tensors) -> int:
    return len(next(iter(varied.values())))


@contextmanager
def _differentiable_attention() -> Iterator[None]:
    """Attention by plain matrix products: the fused kernels have no second derivative."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
