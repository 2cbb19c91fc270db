"""Spectra of a network of your own: a small conv net, trained for 60 steps on synthetic images.

Run it: ``PYTHONPATH=src python examples/own_network.py``. It takes a few seconds.
"""

import numpy as np
import torch
from torch import nn

from spectral_atlas import spectra

CLASSES, SIDE, SAMPLES, SEEDS = 4, 8, 120, 8


class ConvNet(nn.Module):
    """Convolutions, GELU, pooling. Dropout or batch norm would have to be in eval mode."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.out = nn.Linear(8 * 4, CLASSES)

    def forward(self, x):  # noqa: D102
        x = nn.functional.avg_pool2d(nn.functional.gelu(self.conv1(x)), 2)
        x = nn.functional.avg_pool2d(nn.functional.gelu(self.conv2(x)), 2)
        return self.out(x.flatten(1))


def trained(seed, X, y):
    """A network after 60 steps of gradient descent with momentum."""
    torch.manual_seed(seed)
    model = ConvNet()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimiser.step()
    return model


torch.set_num_threads(1)
torch.manual_seed(0)
rng = np.random.default_rng(0)  # start vectors and probes: numpy's generator, also for torch
y = torch.arange(SAMPLES) % CLASSES
X = torch.randn(CLASSES, 1, SIDE, SIDE)[y] + 1.5 * torch.randn(SAMPLES, 1, SIDE, SIDE)
models = [trained(seed, X, y) for seed in range(SEEDS)]

# One model. The risk holds a copy of it in float64. Results have an axis of members: [0].
risk = spectra.EmpiricalRisk(models[0], nn.functional.cross_entropy, (X, y))
H, GGN, G = risk.hessian(), risk.ggn(), risk.gradient_matrix()
sharpest = spectra.extreme_eigenvalues(H, rng, which="LA")
print(f"P = {risk.n_params}, risk {risk.value().item():.4f}")
print(f"sharpness {sharpest.largest[0]:.6f} +- {sharpest.bound_largest[0]:.0e}")
top = spectra.top_eigenpairs(H, 10, rng)
print("top 10:", *(f"{value:.3f}" for value in top.values[0]))

# Principal blocks: the layers; then the last layer's rows, which are the classes.
rows = {f"class {c}": {"out.weight": c, "out.bias": c} for c in range(CLASSES)}
for name, selection in {"conv1": "conv1", "conv2": "conv2", "out": "out", **rows}.items():
    part = risk.restrict(selection)
    value = spectra.extreme_eigenvalues(part.hessian(), rng, which="LA").largest[0]
    print(f"block {name:7s}  P = {part.n_params:3d}  sharpness {value:.4f}")

# GGN beside Hessian, then where gradients point. A random vector would have rho = 0.13.
ggn, moment = spectra.top_eigenpairs(GGN, 10, rng), spectra.top_eigenpairs(G, 3, rng)
print(f"GGN: largest {ggn.values[0, 0]:.6f}")
shared = spectra.subspace_overlap(ggn.vectors, top.vectors)[0]
print(f"GGN and Hessian: overlap of top 10 {shared:.4f}")
for name, operator in (("Hessian", H), ("GGN", GGN)):
    trace = spectra.hutch_plus_plus(operator, rng, products=90)
    print(f"trace of {name}: {trace.value[0]:.3f}, standard error {trace.standard_error[0]:.3f}")
rho = spectra.alignment(risk.gradient(), top.vectors)[0]
print(f"gradient: rho = {rho:.4f} in the top 10 of H")
for i, rho in enumerate(spectra.alignment(moment.vectors[0], top.vectors[0])):
    print(f"gradient matrix, vector {i}: rho = {rho:.4f}, eigenvalue {moment.values[0, i]:.4f}")

# The spectrum's CDF: rigorous bounds for the probes' mean, the probes' standard error beside.
density = spectra.spectral_density(H, rng, probes=6, steps=40)
points = np.array([-0.1, -0.01, 0.01, 0.1, 1.0, 10.0])
for x, *found in zip(points, *(table[0] for table in density.cdf(points)), strict=True):
    print("share below {:5.2f}: {:.3f} to {:.3f}, standard error {:.3f}".format(x, *found))

# Eight seeds are one ensemble: each product is taken for all of them at once.
ensemble = spectra.EmpiricalRisk(models, nn.functional.cross_entropy, (X, y))
found = spectra.extreme_eigenvalues(ensemble.hessian(), rng, which="LA")
for seed, value, bound in zip(range(SEEDS), found.largest, found.bound_largest, strict=True):
    print(f"seed {seed}: sharpness {value:.4f} +- {bound:.0e}")
