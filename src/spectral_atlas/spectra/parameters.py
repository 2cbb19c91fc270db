"""Names, flat vectors and selections of the parameters of a torch module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectral_atlas.spectra.operators import check_members

Selection = str | Sequence[str] | Mapping[str, Any]


class ParameterBlock:
    """Entries of named tensors as one flat vector, and back.

    The flat vector runs over the tensors in the order of ``named_parameters`` and within a tensor
    in the order of its index (row-major for a whole tensor).

    Parameters
    ----------
    shapes : mapping
        Full shape of each tensor that has an entry here.
    entries : mapping, optional
        Row-major positions taken from a tensor; None is the whole tensor.
    pieces : mapping, optional
        Shape of what is taken from each tensor.
    aliases : mapping, optional
        All names of the module's parameters, tied ones included, to the names in `shapes`.
    device : torch.device, optional
        Where vectors live.

    Attributes
    ----------
    names : tuple of str
    n_params : int
    shapes : dict
        Shape of what is taken from each tensor.
    full_shapes : dict
    """

    def __init__(
        self,
        shapes: Mapping[str, torch.Size],
        entries: Mapping[str, Tensor | None] | None = None,
        pieces: Mapping[str, torch.Size] | None = None,
        aliases: Mapping[str, str] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.names = tuple(shapes)
        self.full_shapes = dict(shapes)
        self.shapes = dict(shapes if pieces is None else pieces)
        self._entries: dict[str, Tensor | None] = dict.fromkeys(shapes)
        self._entries.update(entries or {})
        self._aliases = dict(aliases or {name: name for name in shapes})
        self._device = device
        self._sizes = [shape.numel() for shape in shapes.values()]
        self._index: Tensor | None = None
        if any(part is not None for part in self._entries.values()):
            starts = [sum(self._sizes[:i]) for i in range(len(self._sizes))]
            parts = [
                start + (torch.arange(size) if part is None else part)
                for start, size, part in zip(
                    starts, self._sizes, self._entries.values(), strict=True
                )
            ]
            self._index = torch.cat(parts).to(device)
        self.n_params = sum(self._sizes) if self._index is None else len(self._index)

    def split(self, V: Float[Tensor, "*lead p"]) -> dict[str, Tensor]:
        """One contiguous tensor (*lead, *shape) per name; zero where nothing was taken."""
        if self._index is not None:
            full = V.new_zeros((*V.shape[:-1], sum(self._sizes)))
            V = full.index_copy_(-1, self._index, V)
        parts = torch.split(V, self._sizes, dim=-1)
        return {
            name: part.reshape(*V.shape[:-1], *shape).contiguous()
            for part, (name, shape) in zip(parts, self.full_shapes.items(), strict=True)
        }

    def join(self, tensors: Mapping[str, Tensor]) -> Float[Tensor, "*lead p"]:
        """The flat vector of tensors (*lead, *shape); inverse of `split` on what was taken."""
        parts = []
        for name, shape in self.full_shapes.items():
            lead = tensors[name].ndim - len(shape)
            parts.append(tensors[name].reshape(*tensors[name].shape[:lead], shape.numel()))
        flat = torch.cat(parts, dim=-1)
        return flat if self._index is None else flat.index_select(-1, self._index)

    def select(self, selection: Selection) -> ParameterBlock:
        """The block of the parameters selected; see `EmpiricalRisk.restrict` for the forms.

        Raises
        ------
        ValueError
            If a name is unknown, an index is out of range, repeated or not in this block, or
            nothing is selected.
        """
        taken: dict[str, tuple[Tensor | None, torch.Size]] = {}
        for key, index in _pairs(selection):
            for name in self._resolve(key, index):
                if name in taken:
                    raise ValueError(f"selection: {name!r} is selected twice")
                taken[name] = self._take(name, index)
        if not taken:
            raise ValueError("selection: nothing is selected")
        names = [name for name in self.names if name in taken]
        return ParameterBlock(
            {name: self.full_shapes[name] for name in names},
            {name: taken[name][0] for name in names},
            {name: taken[name][1] for name in names},
            {a: name for a, name in self._aliases.items() if name in taken},
            self._device,
        )

    def _resolve(self, key: str, index: Any) -> Iterable[str]:
        known = {a: name for a, name in self._aliases.items() if name in self.full_shapes}
        if key in known:
            return [known[key]]
        found = dict.fromkeys(name for a, name in known.items() if a.startswith(f"{key}."))
        if found and index is None:
            return list(found)
        if found:
            raise ValueError(f"selection: {key!r} is a layer; an index needs one of {list(found)}")
        layers = {a[:i] for a in known for i in range(len(a)) if a[i] == "."}
        raise ValueError(
            f"selection: unknown {key!r}; allowed are {', '.join(sorted({*known, *layers}))}"
        )

    def _take(self, name: str, index: Any) -> tuple[Tensor | None, torch.Size]:
        if index is None:
            return self._entries[name], self.shapes[name]
        shape, own = self.full_shapes[name], self._entries[name]
        grid, at = torch.arange(shape.numel()).reshape(shape), _host(name, index)
        try:
            piece = grid[at]
        except (IndexError, TypeError, RuntimeError, ValueError):
            raise ValueError(
                f"selection: {name}: index {index} is out of range for shape {tuple(shape)}"
            ) from None
        flat = piece.reshape(-1)
        if not len(flat):
            raise ValueError(f"selection: {name}: index {index} selects nothing")
        if len(set(flat.tolist())) < len(flat):
            raise ValueError(f"selection: {name}: index {index} repeats an entry")
        if own is not None and not bool(torch.isin(flat, own).all()):
            raise ValueError(f"selection: {name}: index {index} leaves the present restriction")
        return flat, piece.shape


def _pairs(selection: Selection) -> list[tuple[str, Any]]:
    if isinstance(selection, str):
        return [(selection, None)]
    given: Any = selection
    pairs: list[tuple[Any, Any]] = [(given, None)]
    if isinstance(given, Mapping):
        pairs = list(given.items())
    elif isinstance(given, Iterable):
        pairs = [(name, None) for name in given]
    for name, _ in pairs:
        if not isinstance(name, str):
            raise ValueError(
                f"selection: expected a name, names, or {{name: index}}, got {selection!r}"
            )
    return pairs


def _host(name: str, index: Any) -> Any:
    """Lists and arrays as tensors, all on the CPU, where positions are looked up."""
    if isinstance(index, tuple):
        return tuple(_host(name, i) for i in index)
    if index is None or index is Ellipsis:
        return index
    try:
        if isinstance(index, slice):
            range(0)[index]
            if (index.step or 1) > 0:
                return index
        else:
            found = torch.as_tensor(index).cpu()
            if not found.numel():
                return found.to(torch.int64)
            if not (found.is_floating_point() or found.is_complex()):
                if found.dtype != torch.bool:
                    return found.to(torch.int64) if found.ndim else int(found)
                if found.ndim:
                    return found
    except (TypeError, ValueError, RuntimeError):
        pass
    raise ValueError(
        f"selection: {name}: index {index} is none of: an int, a slice with a positive step, a "
        "tensor, array or list of ints, a mask, a tuple of these"
    )


def positions(members: Int[Any, " A"] | None, count: int) -> Int[Tensor, " A"]:
    """Member indices (numpy or torch, None for all) as a CPU tensor, checked against `count`."""
    found = check_members(members, count)
    return torch.arange(count) if found is None else torch.from_numpy(found)
