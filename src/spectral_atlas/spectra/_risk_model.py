"""Outputs and losses of an ensemble as functions of its stacked parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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
    """An ensemble, its loss and its samples.

    Attributes
    ----------
    writes : bool
        Whether the module writes to its input, which it is then given a copy of.
    sound : int
        The first member that is finite, for checks by values.
    """

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
        self.writes = False  # to its input
        self.sound = int(self.finite().int().argmax())

    def finite(self) -> Tensor:
        """Members (B,) all of whose tensors are finite."""
        every = [*self.varied.values(), *self.own.values()]
        rows = [t.isfinite().flatten(1).all(1) if t.ndim > 1 else t.isfinite() for t in every]
        return torch.stack(rows).all(0).cpu()

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
            x = piece.x.clone() if self.writes else piece.x
            with differentiable_attention():
                found: Any = functional_call(self.module, state, (x,))
            if not isinstance(found, Tensor):
                kind = type(found).__name__
                raise ValueError(f"module: expected a tensor with one row per sample, got {kind}")
            return found

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
def differentiable_attention() -> Iterator[None]:
    """Attention by plain matrix products: the fused kernels have no second derivative."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class PlainWeightNorm(nn.Module):
    """g v / |v|: torch differentiates its fused version wrongly the second time (2.x)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        """The norm is over all dimensions but `dim`, over all of them for -1."""
        return g * v / v.square().sum([d for d in range(v.ndim) if d != self.dim], True).sqrt()


def plain_weight_norm(module: nn.Module) -> nn.Module:
    """The module itself, with ``parametrizations.weight_norm`` by its formula."""
    kind: Any = getattr(nn.utils.parametrizations, "_WeightNorm", None)
    for layer in list(module.modules()) if kind is not None else []:
        for name, child in layer.named_children():
            if isinstance(child, kind):
                layer._modules[name] = PlainWeightNorm(int(child.dim))
    return module
