"""Gradients and losses of ensembles of torch networks: members share code and samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

Loss = Callable[[Tensor, Tensor], Tensor]
Tensors = Mapping[str, Tensor]


class NetworkEnsemble:
    r"""One network with the parameters of many members, stacked along a leading axis.

    The members are mapped with ``torch.func.vmap``, which turns their matrix products into batched
    ones.

    Parameters
    ----------
    module : torch.nn.Module
        The code; its own parameters are not used. Those that do not require grad are constants, of
        each member its own.
    loss : callable
        ``loss(outputs (n, ...), targets) -> scalar``, the mean over samples.

    Examples
    --------
    >>> net = nn.Linear(2, 1, bias=False)
    >>> risk = NetworkEnsemble(net, nn.functional.mse_loss)
    >>> weights = {"weight": torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])}
    >>> losses, gradients = risk.gradients(weights, torch.eye(2), torch.zeros(2, 1))
    >>> losses.tolist(), gradients["weight"].tolist()
    ([0.5, 2.0], [[[1.0, 0.0]], [[0.0, 2.0]]])
    """

    def __init__(self, module: nn.Module, loss: Loss) -> None:
        self.module, self.loss = module, loss
        self.trained = [name for name, p in module.named_parameters() if p.requires_grad]

    def risks(
        self, parameters: Tensors, x: Tensor, y: Tensor, *, own: bool = False
    ) -> Float[Tensor, " R"]:
        """The loss of each member.

        Parameters
        ----------
        parameters : {name: (R, *shape)}
        x, y : (n, ...) samples of all members, or (R, n, ...) with ``own``
        """
        members = len(next(iter(parameters.values())))

        def one(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
            return self.loss(functional_call(self.module, parameters, (x,)), y)

        if members > 1:
            where = 0 if own else None
            return vmap(one, in_dims=(0, where, where))(dict(parameters), x, y)
        # One member needs no vmap, which turns matrix products into batched ones.
        first: Any = (x[0], y[0]) if own else (x, y)
        return one({name: p[0] for name, p in parameters.items()}, *first)[None]

    def gradients(
        self, parameters: Tensors, x: Tensor, y: Tensor, *, own: bool = False
    ) -> tuple[Float[Tensor, " R"], dict[str, Tensor]]:
        """Losses and their gradients with respect to what is trained, by one reverse sweep."""
        with torch.enable_grad():
            leaves = {name: parameters[name].detach().requires_grad_() for name in self.trained}
            losses = self.risks({**parameters, **leaves}, x, y, own=own)
            found = torch.autograd.grad(losses.sum(), list(leaves.values()), materialize_grads=True)
        return losses.detach(), dict(zip(leaves, found, strict=True))


def stepped(
    parameters: Tensors, gradients: Tensors, learning_rates: Float[Tensor, " R"]
) -> dict[str, Tensor]:
    """One step of gradient descent; constants stay."""
    found = dict(parameters)
    for name, g in gradients.items():
        rates = learning_rates.reshape(-1, *[1] * (g.ndim - 1))
        found[name] = torch.addcmul(parameters[name], rates, g, value=-1.0)
    return found


def select(parameters: Tensors, members: Tensor) -> dict[str, Tensor]:
    """The members named, by index or by mask."""
    return {name: p[members.to(p.device)] for name, p in parameters.items()}


def interpolated(
    first: Tensors, last: Tensors, share: float, names: list[str]
) -> dict[str, Tensor]:
    """(1 - share) first + share last for the parameters named; the others are those of `first`."""
    return {**first, **{name: torch.lerp(first[name], last[name], share) for name in names}}
