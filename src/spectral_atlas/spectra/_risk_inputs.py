"""What `EmpiricalRisk` is given, checked: samples, modules and their tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spectral_atlas.spectra._graphs import Tensors
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra.operators import name_members

REAL = (torch.float64, torch.float32)


def minibatches(data: Any, dtype: torch.dtype, device: torch.device) -> list[Piece]:
    """The samples in order, on the device, with the weights n_b / n of their minibatches."""
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
        x, y = (_cast(torch.as_tensor(t), dtype, device) for t in pair)
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


def _cast(t: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    t = t.detach()
    return t.to(device, dtype) if t.is_floating_point() else t.to(device)


def listed(module: nn.Module | Sequence[nn.Module]) -> list[nn.Module]:
    """The members' modules, checked to share an architecture and to be deterministic."""
    modules = [module] if isinstance(module, nn.Module) else list(module)
    if not modules:
        raise ValueError("module: an empty ensemble")
    shapes = [
        {name: (p.shape, p.requires_grad) for name, p in m.named_parameters()} for m in modules
    ]
    for number, (m, other) in enumerate(zip(modules, shapes, strict=True)):
        if type(m) is not type(modules[0]) or other != shapes[0]:
            raise ValueError(f"module: member {number} has another architecture than member 0")
        _refuse_random(m)
    return modules


def _refuse_random(module: nn.Module) -> None:
    random = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)
    for name, layer in module.named_modules():
        kind = type(layer).__name__
        if isinstance(layer, random) and layer.training:
            raise ValueError(f"module: {kind} {name!r} is in training mode; call .eval() first")
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is None:
            raise ValueError(f"module: {kind} {name!r} mixes samples: it has no running statistics")


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


def check_loss(loss: Any, outputs: Any, y: Tensor, dtype: torch.dtype) -> None:
    """ValueError unless outputs are a tensor of samples and the loss is a mean over samples."""
    if not isinstance(outputs, Tensor) or not outputs.ndim or len(outputs) != len(y):
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"module: expected a tensor with one row per sample, got {got}")
    if outputs.dtype != dtype:
        raise ValueError(f"module: computes in {outputs.dtype} inside, not in {dtype}")
    try:
        value = loss(outputs, y)
    except Exception as error:  # whatever the user's function raises
        shapes = f"outputs {tuple(outputs.shape)} and targets {tuple(y.shape)} of {y.dtype}"
        reason = str(error).splitlines()[0]
        raise ValueError(f"loss: fails on {shapes}: {reason}") from error
    if value.shape != ():
        raise ValueError(
            f"loss: expected a scalar, the mean over the minibatch, got shape {tuple(value.shape)}"
        )
    if value.dtype != dtype:
        raise ValueError(f"loss: computes in {value.dtype}, not in {dtype}")
    singles = torch.stack([loss(outputs[i : i + 1], y[i : i + 1]) for i in range(len(y))])
    if value.isfinite() and singles.isfinite().all():
        scale = singles.abs().mean() + torch.finfo(dtype).tiny
        if (singles.mean() - value).abs() > 1e3 * torch.finfo(dtype).eps * scale:
            raise ValueError(
                "loss: expected the mean over the minibatch; it is not the mean of the losses of "
                "single samples (a sum, class weights or ignored targets?)"
            )


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
