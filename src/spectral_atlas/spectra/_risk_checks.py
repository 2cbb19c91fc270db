"""What an empirical risk needs of its modules and its loss, checked by what they compute."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from spectral_atlas.spectra._pieces import Piece, cut
from spectral_atlas.spectra._risk_model import Loss, Point, RiskModel, differentiable_attention

FEW, MIXED = 32, 256
ROUNDING = 1e3  # eps
# Members checked at once, samples for each, and up to how many members there are more of them.
AT_ONCE, OF_EACH, MANY = 32, (8, 2), 16


def check_model(model: RiskModel, modules: Sequence[nn.Module], limit: float) -> None:
    """ValueError unless `model` is a function of single samples, the same for all its modules.

    Also finds whether the module writes to its input, which it is then given a copy of. Costs about
    one forward pass of one member over all samples, in parts of `limit` bytes.
    """
    with torch.no_grad():
        point = model.select(torch.tensor([model.sound]))
        largest = max(model.pieces, key=lambda p: len(p.x))
        every = slice(None, None, -(-len(largest.x) // FEW))
        few = Piece(largest.x[every], largest.y[every], 1.0)
        outputs = _check_outputs(model, point, few)
        _check_samples(model, point, few, outputs)
        if len(modules) > 1:
            _check_members(model, modules, few)
        _check_losses(model, point, limit)


def _check_outputs(model: RiskModel, point: Point, few: Piece) -> Tensor:
    """The outputs, checked to be rows of the right kind that come out the same twice."""
    buffers = dict(model.module.named_buffers())
    state = {name: t for ts in (model.shared, point.own) for name, t in ts.items()}
    before = {name: state[name].clone() for name in buffers if name in state}
    given = few.x.clone()
    first = model.outputs(point.varied, point, replace(few, x=given))[0]
    dtype = next(iter(point.varied.values())).dtype
    if not first.ndim or len(first) != len(few.x):
        raise ValueError(
            f"module: expected a tensor with one row per sample, got {tuple(first.shape)}"
        )
    if first.dtype != dtype:
        raise ValueError(f"module: computes in {first.dtype} inside, not in {dtype}")
    model.writes = not _same(given, few.x)
    again = model.outputs(point.varied, point, few)[0]
    # Not bit for bit: rounding may depend on where in memory the samples lie.
    if not _near(again, first, first, ROUNDING * torch.finfo(dtype).eps) or not all(
        _same(state[name], t) for name, t in before.items()
    ):
        raise ValueError(
            "module: gives other outputs each time, or changes its buffers (dropout or spectral "
            "norm in training mode?); call .eval() first"
        )
    if model.writes:
        _check_writing(model, few)
    return first


def _check_writing(model: RiskModel, few: Piece) -> None:
    """One line where the derivatives of a module that writes to its input cannot be had."""
    members = model.select(torch.arange(len(next(iter(model.varied.values())))))
    try:
        grad(lambda v: model.outputs(v, members, few).sum())(members.varied)
    except RuntimeError as error:
        raise ValueError(
            f"module: writes to its input in place, and cannot be differentiated: {_line(error)}"
        ) from error


def _check_samples(model: RiskModel, point: Point, few: Piece, outputs: Tensor) -> None:
    for i in {0, len(few.x) // 2, len(few.x) - 1}:
        alone = model.outputs(point.varied, point, replace(few, x=few.x[i : i + 1]))[0]
        if alone.shape != outputs[i : i + 1].shape:
            raise ValueError(
                f"module: expected a tensor with one row per sample, got {tuple(alone.shape)} for "
                f"one sample but {tuple(outputs.shape)} for {len(few.x)}"
            )
        if not _near(alone, outputs[i : i + 1], outputs, torch.finfo(outputs.dtype).eps ** 0.5):
            raise ValueError(
                "module: mixes samples: the output of a sample depends on the others of its "
                "minibatch"
            )


def _check_members(model: RiskModel, modules: Sequence[nn.Module], few: Piece) -> None:
    """Whether each module computes what the stacked model, with the code of the first, does."""
    count = OF_EACH[0] if len(modules) <= MANY else OF_EACH[1]
    rows = replace(few, x=few.x[:count])
    finite = model.finite()
    for members in torch.split(torch.arange(len(modules)), AT_ONCE):
        point = model.select(members)
        try:
            stacked = model.outputs(point.varied, point, rows)
        except RuntimeError as error:  # no batching rule, as for recurrent layers
            raise ValueError(
                f"module: cannot be batched over members, give them one by one: {_line(error)}"
            ) from error
        for i, member in enumerate(members.tolist()):
            if member == 0 or not finite[member]:
                continue
            state = {n: t[i] for ts in (point.own, point.varied) for n, t in ts.items()}
            wrong: Any = ""
            try:
                with differentiable_attention():
                    own = functional_call(_shell(modules[member]), state, (rows.x.clone(),))
                tolerance = ROUNDING * torch.finfo(stacked.dtype).eps
                same = own.shape == stacked[i].shape and own.dtype == stacked.dtype
                same = same and _near(own, stacked[i], own, tolerance)
            except Exception as error:  # whatever the user's module raises
                same, wrong = False, error
            if not same:
                raise ValueError(
                    f"module: member {member} computes something else than member 0's layers with "
                    "its parameters" + (f": {_line(wrong)}" if wrong else "")
                ) from (wrong or None)


def _shell(module: nn.Module) -> nn.Module:
    """A copy of the module without one of its tensors, which `functional_call` replaces."""
    tensors = [*module.parameters(), *module.buffers()]
    return copy.deepcopy(module, {id(t): t for t in tensors})


def _check_losses(model: RiskModel, point: Point, limit: float) -> None:
    parts, _ = cut(model.pieces, lambda p: model.outputs(point.varied, point, p), limit)
    stride = -(-sum(len(p.x) for p in parts) // MIXED)
    mixed: list[tuple[Tensor, Tensor]] = []
    start = 0
    for part in parts:
        outputs = model.outputs(point.varied, point, part)[0]
        _check_mean(model.loss, outputs, part.y, start)
        rows = slice(-start % stride, None, stride)
        mixed.append((outputs[rows].clone(), part.y[rows]))
        start += len(part.x)
    if len(parts) > 1:  # a part may hold one class only, or one sample
        shapes = [(o.shape[1:], y.shape[1:]) for o, y in mixed]
        alike = [pair for pair, shape in zip(mixed, shapes, strict=True) if shape == shapes[0]]
        outputs, y = (torch.cat(ts) for ts in zip(*alike, strict=True))
        _check_mean(model.loss, outputs, y, 0)


def _check_mean(loss: Loss, outputs: Tensor, y: Tensor, start: int) -> None:
    """ValueError unless the loss is the mean of the losses of single samples."""
    dtype = outputs.dtype
    shapes = f"outputs {tuple(outputs.shape)} and targets {tuple(y.shape)} of {y.dtype}"
    try:
        value: Any = loss(outputs, y)
    except Exception as error:  # whatever the user's function raises
        raise ValueError(f"loss: fails on {shapes}: {_line(error)}") from error
    if not isinstance(value, Tensor) or value.shape != ():
        got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"loss: expected a scalar, the mean over the minibatch, got {got}")
    if value.dtype != dtype:
        raise ValueError(f"loss: computes in {value.dtype}, not in {dtype}")
    if not bool(outputs.isfinite().all()):
        return
    singles = _singles(loss, outputs, y)
    if bool(singles.isnan().any()):
        first = start + int(singles.isnan().nonzero()[0, 0])
        raise ValueError(
            f"loss: the loss of sample {first} alone is nan (an ignored target, as by ignore_index,"
            " or a nan?); leave such samples out"
        )
    if value.isfinite() and singles.isfinite().all():
        scale = singles.abs().mean() + torch.finfo(dtype).tiny
        if (singles.mean() - value).abs() > ROUNDING * torch.finfo(dtype).eps * scale:
            broadcast = y.is_floating_point() and y.shape != outputs.shape
            raise ValueError(
                "loss: expected the mean over the minibatch; it is not the mean of the losses of "
                "single samples "
                + (f"({shapes}: broadcast?)" if broadcast else "")
                + ("" if broadcast else "(a sum, class weights or ignored targets?)")
            )


def _singles(loss: Loss, outputs: Tensor, y: Tensor) -> Tensor:
    def one(out: Tensor, target: Tensor) -> Tensor:
        return loss(out[None], target[None])

    try:
        return vmap(one)(outputs, y)
    except Exception:  # a loss that looks at values
        return torch.stack([one(o, t) for o, t in zip(outputs, y, strict=True)])


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _near(a: Tensor, b: Tensor, scale: Tensor, tolerance: float) -> bool:
    """Whether two tensors agree to `tolerance` times the largest entry; True where not finite."""
    return not bool((a - b).abs().max() > tolerance * scale.abs().max())


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
