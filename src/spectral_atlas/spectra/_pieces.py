"""Samples in pieces whose derivative graphs fit in memory, measured by what they allocate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Piece:
    """Samples of one minibatch, with the weight of their mean in the risk."""

    x: Tensor
    y: Tensor
    weight: float


class StorageBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds the bytes of all new storages: an upper bound of what a graph can hold."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {_storage(t) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for t in tree_leaves(out):
            if isinstance(t, Tensor) and _storage(t) not in given:
                self.total += t.untyped_storage().nbytes()
        return out


def in_bytes(memory_mb: float) -> float:
    """Bytes of a memory bound in MB, checked."""
    if not 0 < memory_mb < float("inf"):
        raise ValueError(f"memory_mb: expected a positive finite number, got {memory_mb}")
    return memory_mb * 2**20


def _storage(t: Tensor) -> int:
    return t.untyped_storage().data_ptr()


def bytes_of(work: Callable[[], Any]) -> int:
    """Bytes that `work` allocates in all, freed or not."""
    with torch.no_grad(), StorageBytes() as counter:
        work()
    return counter.total


def cut(
    pieces: Sequence[Piece], work: Callable[[Piece], Any], limit: float
) -> tuple[list[Piece], float]:
    """Pieces small enough for `limit` bytes of `work`, and the bytes of the largest.

    The bytes of n samples are a + c n; two small runs give both.
    """
    sized = [p for p in pieces if len(p.x)]
    if not sized:  # a function without samples: nothing to cut
        return list(pieces), float(max(bytes_of(partial(work, p)) for p in pieces))
    probe = max(sized, key=lambda p: p.x[0].numel())
    few = min(8, len(probe.x))
    small = bytes_of(lambda: work(take(probe, slice(0, few))))
    half = bytes_of(lambda: work(take(probe, slice(0, few // 2)))) if few > 1 else 0
    slope = max((small - half) / (few - few // 2), 1.0)
    fixed = max(small - slope * few, 0.0)
    most = max(1, int((limit - fixed) / slope))
    parts = []
    for p in sized:
        count = -(-len(p.x) // most)
        for rows in torch.tensor_split(torch.arange(len(p.x)), count):
            parts.append(take(p, slice(int(rows[0]), int(rows[-1]) + 1)))
    return parts, fixed + slope * max(len(p.x) for p in parts)


def take(piece: Piece, rows: slice) -> Piece:
    """Some samples of a piece; the risk stays a sum over pieces."""
    x = piece.x[rows]
    return Piece(x, piece.y[rows], piece.weight * len(x) / len(piece.x))
