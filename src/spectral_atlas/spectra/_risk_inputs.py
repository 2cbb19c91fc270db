"""What `EmpiricalRisk` is given, checked: samples, modules and their tensors."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spectral_atlas.spectra._graphs import Tensors
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra._risk_model import plain_weight_norm
from spectral_atlas.spectra.operators import name_members

REAL = (torch.float64, torch.float32)


def minibatches(data: Any, dtype: torch.dtype, device: torch.device) -> list[Piece]:
    """Copies of the samples in order, with the weights n_b / n of their minibatches."""
    if isinstance(data, torch.utils.data.Dataset):
        raise ValueError("data: wrap the Dataset in a DataLoader")
    whole = isinstance(data, tuple | list) and len(data) == 2 and _is_array(data[0])
    found: list[tuple[Tensor, Tensor]] = []
    for number, pair in enumerate([data] if whole else data):
        if not (
            isinstance(pair, tuple | list)
            and len(pair) == 2
            and all(_is_array(t) and t.ndim for t in pair)
        ):
            got = [type(t).__name__ for t in pair] if isinstance(pair, tuple | list) else pair
            raise ValueError(
                f"data: expected (x, y), or minibatches of them, tensors or numpy arrays; "
                f"minibatch {number} is {got if isinstance(got, list) else type(got).__name__}"
            )
        x, y = (_cast(torch.as_tensor(t), dtype, device, copy=True) for t in pair)
        if len(x) != len(y):
            raise ValueError(f"data: minibatch {number} has {len(x)} samples but {len(y)} targets")
        if len(x):
            found.append((x, y))
    total = sum(len(x) for x, _ in found)
    if not total:
        raise ValueError("data: no samples")
    return [Piece(x, y, len(x) / total) for x, y in found]


def _is_array(t: Any) -> bool:
    return isinstance(t, Tensor | np.ndarray)


def _cast(t: Tensor, dtype: torch.dtype, device: torch.device, copy: bool = False) -> Tensor:
    kind = dtype if t.is_floating_point() else t.dtype
    return t.detach().to(device, kind, copy=copy)


def listed(module: nn.Module | Sequence[nn.Module]) -> list[nn.Module]:
    """The members' modules, checked to have the same tensors and no layer that is random."""
    modules = [module] if isinstance(module, nn.Module) else list(module)
    if not modules:
        raise ValueError("module: an empty ensemble")
    for number, m in enumerate(modules):
        if not isinstance(m, nn.Module):
            raise ValueError(
                f"module: expected torch modules, member {number} is {type(m).__name__}"
            )
    shapes, buffers = [_parameters(m) for m in modules], [_buffers(m) for m in modules]
    for number, m in enumerate(modules):
        if shapes[number] != shapes[0]:
            raise ValueError(f"module: member {number} has another architecture than member 0")
        if buffers[number] != buffers[0]:
            name = min(dict(buffers[number].items() ^ buffers[0].items()))
            raise ValueError(f"module: member {number} has another buffer {name!r} than member 0")
        _refuse_random(m)
    return modules


def _parameters(module: nn.Module) -> dict[str, Any]:
    return {name: (p.shape, p.requires_grad) for name, p in module.named_parameters()}


def _buffers(module: nn.Module) -> dict[str, Any]:
    return {name: (b.shape, b.is_floating_point()) for name, b in module.named_buffers()}


def _refuse_random(module: nn.Module) -> None:
    """By class what is known, for a message that names the layer; by behaviour in the checks."""
    for name, layer in module.named_modules():
        kind = type(layer).__name__
        if layer.training and _is_random(layer):
            raise ValueError(f"module: {kind} {name!r} is in training mode; call .eval() first")
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is None:
            raise ValueError(f"module: {kind} {name!r} mixes samples: it has no running statistics")


def _is_random(layer: nn.Module) -> bool:
    """In training mode; batch norm, which changes its statistics, counts."""
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return bool(layer.p > 0)
    if isinstance(layer, nn.RNNBase):
        return layer.num_layers > 1 and layer.dropout > 0
    if isinstance(layer, nn.MultiheadAttention):
        return layer.dropout > 0
    return isinstance(layer, nn.RReLU | nn.modules.batchnorm._NormBase)


def copied(module: nn.Module) -> nn.Module:
    """A copy, with weight normalisation by its formula."""
    try:
        found = copy.deepcopy(module)
    except Exception as error:  # such as tensors that are not leaves
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"module: cannot be copied: {reason}") from error
    return plain_weight_norm(found)


def tensors(
    modules: Sequence[nn.Module],
    given: Mapping[str, Tensor] | None,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[Tensors, Tensors, Tensors]:
    """Trainable (B, *shape), constants of each member (B, *shape), constants of all: copies."""
    first = dict(modules[0].named_parameters())
    trainable = [name for name, p in first.items() if p.requires_grad]
    if not trainable:
        raise ValueError("module: no parameter requires grad")
    for name in trainable:
        if not first[name].is_floating_point():
            kind = "complex" if first[name].is_complex() else str(first[name].dtype)
            raise ValueError(f"module: parameter {name!r} is {kind}; only real ones can vary")
    given = dict(given or {})
    if given and len(modules) > 1:
        raise ValueError("parameters: takes one module, not a sequence")
    if unknown := sorted(given.keys() - first.keys()):
        raise ValueError(f"parameters: unknown {unknown[0]!r}; allowed are {', '.join(first)}")
    counts = {len(t) if t.ndim else 0 for t in given.values()} or {len(modules)}
    wrong = [n for n, t in given.items() if t.ndim == 0 or t.shape[1:] != first[n].shape]
    if wrong or len(counts) > 1 or 0 in counts:
        name = wrong[0] if wrong else next(iter(given))
        raise ValueError(
            f"parameters: {name}: expected (B, {str(tuple(first[name].shape))[1:-1]}) with one B "
            f"for all, got {tuple(given[name].shape)}"
        )
    (count,) = counts

    def stack(parts: Sequence[Tensor]) -> Tensor:
        return torch.stack([_cast(p, dtype, device) for p in parts])

    own: Tensors = {}
    shared: Tensors = {}
    varied: Tensors = {}
    for name in first:
        values = [m.get_parameter(name) for m in modules]
        if name in given:
            stacked = _cast(given[name], dtype, device).clone()
        elif name in trainable:
            stacked = stack(values)
            stacked = stacked.repeat(count, *[1] * first[name].ndim) if given else stacked
        elif len(modules) > 1:
            stacked = stack(values)
        else:
            shared[name] = _cast(values[0], dtype, device).clone()
            continue
        (varied if name in trainable else own)[name] = stacked
    for name, _ in modules[0].named_buffers():
        buffers = [m.get_buffer(name) for m in modules]
        if len(modules) > 1:
            own[name] = stack(buffers)
        else:
            shared[name] = _cast(buffers[0], dtype, device).clone()
    return varied, own, shared


def check_finite(stacked: Tensors) -> None:
    """ValueError naming the members and the parameters that are not finite."""
    bad = {
        name: ~t.isfinite().reshape(len(t), -1).all(1).cpu()
        for name, t in stacked.items()
        if t.is_floating_point()
    }
    names = [name for name, rows in bad.items() if bool(rows.any())]
    if names:
        members = torch.stack([bad[name] for name in names]).any(0)
        raise ValueError(
            f"parameters are not finite for {name_members(members.numpy())} ({', '.join(names)})"
        )


def aliases(module: nn.Module) -> dict[str, str]:
    """Every name of every parameter, to the first name of the same tensor."""
    first = {id(p): name for name, p in module.named_parameters()}
    return {name: first[id(p)] for name, p in module.named_parameters(remove_duplicate=False)}


def sample_range(samples: Any, count: int) -> range:
    """The samples that a slice names; all for None."""
    if samples is not None and not isinstance(samples, slice):
        raise ValueError(f"samples: expected a slice or None, got {type(samples).__name__}")
    try:
        return range(count)[slice(None) if samples is None else samples]
    except (TypeError, ValueError):  # floats, or a step of zero
        raise ValueError(f"samples: expected integers and no zero step, got {samples}") from None


def checked_dtype(dtype: torch.dtype) -> torch.dtype:
    """ValueError unless the dtype is one in which spectra are computed."""
    if dtype not in REAL:
        raise ValueError(f"dtype: expected torch.float64 or torch.float32, got {dtype}")
    return dtype


def device_of(modules: Iterable[nn.Module], device: torch.device | str | None) -> torch.device:
    """The device asked for, or that of the first parameter."""
    if device is not None:
        return torch.device(device)
    for module in modules:
        for p in module.parameters():
            return p.device
    return torch.device("cpu")
