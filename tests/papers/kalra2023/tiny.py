"""Tiny networks, training sets and sections of the studies of early training; slow oracles."""

from functools import cache

import numpy as np
import torch
import xarray as xr
from torch.func import functional_call

from spectral_atlas.papers.kalra2023.members import build
from spectral_atlas.papers.kalra2023.sections import Early, Models
from spectral_atlas.spectra.torch_hessian import HessianOperator
from spectral_atlas.stage import Job
from spectral_atlas.training.ensembles import NetworkEnsemble

SEED = 3
JOB = Job(SEED)


@cache
def mixture(n=24, D=6, K=2, seed=0):
    """Standardised samples of Gaussian classes, one-hot targets."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % K
    x = rng.standard_normal((K, D))[label] + rng.standard_normal((n, D))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return dataset(x, label, K)


@cache
def pictures(n=8, side=8, channels=1, K=3):
    label = np.arange(n) % K
    x = np.random.default_rng(1).standard_normal((n, channels, side, side))
    return dataset(x, label, K)


def dataset(x, label, K):
    features = ("feature",) if x.ndim == 2 else ("channel", "row", "column")
    y = np.eye(K)[label].astype(np.float32)
    return xr.Dataset(
        {
            "x": (("sample", *features), x.astype(np.float32)),
            "y": (("sample", "output"), y),
            "label": ("sample", label),
        }
    )


def models(**changed):
    return Models(**{"depth": 3, "widths": [8], "seeds": 3} | changed)


def early(*groups, **changed):
    return Early(**{"models": list(groups) or [models()], "grid_stop": 6.0} | changed)


def members_of(group=None, data=None):
    group = models() if group is None else group
    data = mixture() if data is None else data
    return build(group, group.widths[0], data, SEED, "cpu")


class Dense:
    """One member in float64: losses, gradients and Hessians by plain autograd."""

    def __init__(self, members, row, samples=slice(None)):
        self.members, self.trained = members, members.ensemble.trained
        start = {name: p[row].double() for name, p in members.parameters.items()}
        self.constants = {n: p for n, p in start.items() if n not in self.trained}
        self.shapes = {n: start[n].shape for n in self.trained}
        self.start = torch.cat([start[n].reshape(-1) for n in self.trained])
        self.x, y = members.x.double(), members.y
        self.y = y if y.dtype == torch.int64 else y.double()
        self.measured = samples

    def flat(self, parameters):
        return torch.cat([parameters[n].double().reshape(-1) for n in self.trained])

    def loss(self, theta, chosen=slice(None)):
        parts = theta.split([s.numel() for s in self.shapes.values()])
        named = {n: p.reshape(s) for (n, s), p in zip(self.shapes.items(), parts, strict=True)}
        out = functional_call(self.members.module, {**named, **self.constants}, (self.x[chosen],))
        return self.members.ensemble.loss(out, self.y[chosen])

    def gradient(self, theta, chosen=slice(None)):
        theta = theta.detach().requires_grad_()
        return torch.autograd.grad(self.loss(theta, chosen), theta)[0]

    def hessian(self, theta, chosen=None):
        chosen = self.measured if chosen is None else chosen
        return self._hessian(chosen)(theta.detach()).numpy()

    def sharpness(self, theta, chosen=None):
        return float(np.linalg.eigvalsh(self.hessian(theta, chosen))[-1])

    def sharpnesses(self, thetas):
        """Of many points at once."""
        return self.spectra(thetas)[:, -1]

    def spectra(self, thetas):
        """All eigenvalues at many points, in ascending order."""
        found = torch.func.vmap(self._hessian(self.measured))(torch.stack(thetas))
        return np.linalg.eigvalsh(found.numpy())

    def _hessian(self, chosen):
        return torch.func.jacrev(torch.func.grad(lambda t: self.loss(t, chosen)))

    def path(self, rate, steps, orders=None, divergence=1e5):
        """theta_0, ..., theta_T, and the losses; both end where the loss exceeds the bound."""
        theta, found, losses = self.start, [], []
        for t in range(steps + 1):
            found.append(theta)
            losses.append(float(self.loss(theta)))
            batch = slice(None) if orders is None or t == steps else orders[t]
            worst = max(losses[-1], float(self.loss(theta, batch)))
            if not worst <= divergence:
                losses[-1] = np.inf
                break
            theta = theta - rate * self.gradient(theta, batch)
        return found, np.array(losses)


class Table:
    """What happens to one member at every c of a grid, looked at step by step and densely.

    Attributes
    ----------
    rises, diverges, sharpens, barrier : (grid,) bool
    margins : (grid, 3), relative distance of loss, sharpness and barrier from where they decide
    """

    def __init__(self, training, row):
        config, dense = training.config, Dense(training.members, row)
        orders = None if training.samples.orders is None else training.samples.orders[row]
        base, start = float(dense.loss(dense.start)), dense.sharpness(dense.start)
        level = (1 + training.margin) * start
        n = len(training.grid)
        self.diverges, self.rises, self.sharpens, self.barrier = np.ones((4, n), dtype=bool)
        self.margins = np.full((n, 3), np.inf)
        shares = torch.arange(1, 101, dtype=torch.float64)[:, None] / 100
        for k, c in enumerate(training.grid):
            thetas, losses = dense.path(
                c / training.meter.start.values[row], config.steps, orders, config.divergence
            )
            if np.isinf(losses[-1]):
                continue
            sharpest = dense.sharpnesses(thetas[1:]).max()
            way = torch.lerp(dense.start[None], thetas[-1][None], shares)
            highest = float(torch.func.vmap(dense.loss)(way).max())
            self.diverges[k] = False
            self.rises[k] = losses[1:].max() > base
            self.sharpens[k] = sharpest > level
            self.barrier[k] = highest > base
            ratios = losses[1:].max() / base, sharpest / level, highest / base
            self.margins[k] = np.abs(np.log(ratios))

    def monotone(self, name):
        """Whether it does not stop happening as c grows, up to the first c that diverges."""
        seen = getattr(self, name)[: self.first("diverges") + 1]
        return not (np.diff(seen.astype(int)) < 0).any()

    def first(self, name):
        """Index of the first c at which it happens, the size of the grid if it never does."""
        seen = getattr(self, name)
        return int(np.argmax(seen)) if seen.any() else len(seen)


class Counted:
    """Passes through the network in samples of all members, counted where they are made."""

    def __init__(self, patch):
        self.forward = self.gradient = self.product = 0
        inside = []
        risks, gradients = NetworkEnsemble.risks, NetworkEnsemble.gradients

        def samples(parameters, x, own):
            return len(next(iter(parameters.values()))) * (x.shape[1] if own else len(x))

        def counted_risks(this, parameters, x, y, *, own=False):
            if not inside:
                self.forward += samples(parameters, x, own)
            return risks(this, parameters, x, y, own=own)

        def counted_gradients(this, parameters, x, y, *, own=False):
            self.gradient += samples(parameters, x, own)
            inside.append(1)
            found = gradients(this, parameters, x, y, own=own)
            inside.pop()
            return found

        block_product = HessianOperator.block_product

        def product(this, V, members=None):
            self.product += V.shape[0] * V.shape[1] * this.risk.n_samples
            return block_product(this, V, members)

        patch.setattr(NetworkEnsemble, "risks", counted_risks)
        patch.setattr(NetworkEnsemble, "gradients", counted_gradients)
        patch.setattr(HessianOperator, "block_product", product)
