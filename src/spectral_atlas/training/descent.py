"""Gradient descent and SGD of ensembles of torch networks, each member at a rate of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectral_atlas.training.ensembles import NetworkEnsemble, Tensors, select, stepped

Array = np.ndarray
Observe = Callable[[int, dict[str, Tensor], Tensor, Tensor], "Tensor | None"]


@dataclass(frozen=True)
class Samples:
    """What is trained on, and in which order.

    Attributes
    ----------
    x, y : (n, ...), the training set
    orders : (R, T, b) or None
        Samples of each member's minibatch at each step; None: every step takes all.
    shown : int, optional
        Of the first so many samples the training loss is recorded; default: all.
    """

    x: Tensor
    y: Tensor
    orders: Int[Tensor, "R T b"] | None = None
    shown: int | None = None

    @property
    def batch_size(self) -> int:
        """Samples of a step."""
        return len(self.x) if self.orders is None else self.orders.shape[2]

    @property
    def n_shown(self) -> int:
        """Samples that the training loss is recorded on."""
        return len(self.x) if self.shown is None else min(self.shown, len(self.x))

    def of(self, members: Tensor) -> Samples:
        """For an ensemble of these members, by index; they may repeat."""
        if self.orders is None:
            return self
        return replace(self, orders=self.orders[members.to(self.orders.device)])

    def batch(self, t: int, members: Tensor) -> tuple[Tensor, Tensor, bool]:
        """The samples of step t, and whether each member has its own."""
        if self.orders is None:
            return self.x, self.y, False
        picked = self.orders[members.to(self.orders.device), t]
        return self.x[picked], self.y[picked], True


@dataclass(frozen=True)
class Trajectory:
    """What became of an ensemble.

    Attributes
    ----------
    losses : (R, T + 1), training loss; NaN after a member was stopped, infinite where it diverged
    diverged_at : (R,), first step at which the loss was over the bound or not finite, else -1
    members : (A,), those that came to the end
    parameters : {name: (A, *shape)}, theirs
    """

    losses: Float[Array, "R steps"]
    diverged_at: Int[Array, " R"]
    members: Tensor
    parameters: dict[str, Tensor]

    @property
    def diverged(self) -> Array:
        """(R,), whether a member diverged."""
        return self.diverged_at >= 0

    @property
    def highest(self) -> Float[Array, " R"]:
        """The largest loss after the start; infinite where a member diverged, NaN where none is."""
        highest = np.fmax.reduce(self.losses[:, 1:], axis=1, initial=np.nan)
        return np.where(self.diverged, np.inf, highest)


def descend(
    ensemble: NetworkEnsemble,
    parameters: Tensors,
    learning_rates: Float[Array, " R"],
    samples: Samples,
    steps: int,
    *,
    divergence: float = 1e5,
    observe: Observe | None = None,
) -> Trajectory:
    r"""``steps`` steps :math:`\theta \leftarrow \theta - \eta \nabla L(\theta)` of every member.

    A member whose loss exceeds `divergence` or is not finite is frozen: it takes no further part,
    and costs nothing.

    Parameters
    ----------
    ensemble : NetworkEnsemble
    parameters : {name: (R, *shape)}
        Where to start; not changed.
    learning_rates : (R,)
    samples : Samples
    steps : int
        T.
    divergence : float
        Bound on the training loss and on that of a minibatch.
    observe : callable, optional
        ``observe(t, parameters, members, losses)`` at t = 0, ..., T, before step t + 1, with the
        members that still run; may return a mask of those that shall go on.

    Returns
    -------
    Trajectory
    """
    count = len(learning_rates)
    device = samples.x.device
    rates = torch.as_tensor(learning_rates, dtype=samples.x.dtype, device=device)
    members = torch.arange(count, device=device)
    current = dict(parameters)
    losses, diverged_at = np.full((count, steps + 1), np.nan), np.full(count, -1)
    x_shown, y_shown = samples.x[: samples.n_shown], samples.y[: samples.n_shown]
    # The loss of a full batch is the training loss: the gradient gives it for nothing.
    at_once = samples.orders is None and samples.n_shown == len(samples.x)

    def drop(keep: Tensor, *arrays: Tensor) -> list[Tensor]:
        nonlocal members, current
        if bool(keep.all()):
            return list(arrays)
        members, current = members[keep], select(current, keep)
        return [a[keep] for a in arrays]

    for t in range(steps + 1):
        gradients: dict[str, Tensor] = {}
        last = t == steps
        if at_once and not last:
            shown, gradients = ensemble.gradients(current, samples.x, samples.y)
        else:
            with torch.no_grad():
                shown = ensemble.risks(current, x_shown, y_shown)
        worst = shown
        if not last and not at_once:
            x, y, own = samples.batch(t, members)
            batch, gradients = ensemble.gradients(current, x, y, own=own)
            worst = torch.maximum(shown, batch)
        sound = worst.isfinite() & (worst <= divergence)
        rows = members.cpu().numpy()
        ok = sound.cpu().numpy()
        losses[rows, t] = np.where(ok, shown.double().cpu().numpy(), np.inf)
        diverged_at[rows[~ok]] = t
        names = list(gradients)
        shown, *kept = drop(sound, shown, *gradients.values())
        if observe is not None and len(members):
            going_on = observe(t, current, members, shown)
            if going_on is not None:
                kept = drop(going_on.to(device), *kept)
        if not len(members) or last:
            break
        current = stepped(current, dict(zip(names, kept, strict=True)), rates[members])
    return Trajectory(losses, diverged_at, members, current)
