"""Spectra of a network of your own: a small conv net on synthetic images, trained for 60 steps.

    OMP_NUM_THREADS=1 PYTHONPATH=src python examples/own_network.py
"""

import numpy as np
import torch
from torch import nn

from spectral_atlas.spectra import (
    EmpiricalRisk,
    alignment,
    extreme_eigenvalues,
    hutch_plus_plus,
    spectral_density,
    subspace_overlap,
    top_eigenpairs,
)

CLASSES, SIDE, SAMPLES, MEMBERS = 4, 8, 120, 8


class ConvNet(nn.Module):
    """Conv, GELU, pool, linear: no dropout, no batch norm, hence a mean over samples."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.out = nn.Linear(8 * 4, CLASSES)

    def forward(self, x):
        x = nn.functional.avg_pool2d(nn.functional.gelu(self.conv1(x)), 2)
        x = nn.functional.avg_pool2d(nn.functional.gelu(self.conv2(x)), 2)
        return self.out(x.flatten(1))


def trained(seed, X, y, steps=60):
    torch.manual_seed(seed)
    model = ConvNet()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimiser.step()
    return model


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)  # start vectors and probes of the solvers
    y = torch.arange(SAMPLES) % CLASSES
    patterns = torch.randn(CLASSES, 1, SIDE, SIDE)
    X = patterns[y] + 1.5 * torch.randn(SAMPLES, 1, SIDE, SIDE)
    models = [trained(seed, X, y) for seed in range(MEMBERS)]

    # One model. The risk is copied to float64; the module stays as it is.
    risk = EmpiricalRisk(models[0], nn.functional.cross_entropy, (X, y))
    H = risk.hessian()
    ends = extreme_eigenvalues(H, rng)
    print(f"P = {risk.n_params}, risk {risk.value().item():.4f}")
    print(f"sharpness  {ends.largest[0]:.6f} +- {ends.bound_largest[0]:.0e}")
    print(f"smallest   {ends.smallest[0]:.6f} +- {ends.bound_smallest[0]:.0e}")
    top = top_eigenpairs(H, 10, rng)
    print("top 10    ", *(f"{value:.3f}" for value in top.values[0]))

    # Principal blocks: layers, then the rows of the last layer, one a class.
    for layer in ("conv1", "conv2", "out"):
        part = risk.restrict(layer)
        value = extreme_eigenvalues(part.hessian(), rng, which="LA").largest[0]
        print(f"layer {layer:6s} P = {part.n_params:3d}  sharpness {value:.4f}")
    for c in range(CLASSES):
        part = risk.restrict({"out.weight": c, "out.bias": c})
        value = extreme_eigenvalues(part.hessian(), rng, which="LA").largest[0]
        print(f"class {c}      P = {part.n_params:3d}  sharpness {value:.4f}")

    # GGN beside Hessian, and where gradients point.
    ggn, G = top_eigenpairs(risk.ggn(), 10, rng), top_eigenpairs(risk.gradient_matrix(), 3, rng)
    print(f"GGN        largest {ggn.values[0, 0]:.6f}")
    print(f"GGN and Hessian, top 10: overlap {subspace_overlap(ggn.vectors, top.vectors)[0]:.4f}")
    traces = [hutch_plus_plus(m, rng, products=90) for m in (H, risk.ggn())]
    for name, t in zip(("Hessian", "GGN"), traces, strict=True):
        print(f"trace of {name:7s} {t.value[0]:.3f} +- {t.standard_error[0]:.3f} (standard error)")
    print(f"gradient in the top 10 of H:  rho = {alignment(risk.gradient(), top.vectors)[0]:.4f}")
    for i, rho in enumerate(alignment(G.vectors[0], top.vectors[0])):
        print(f"gradient matrix, vector {i}:  rho = {rho:.4f}  (eigenvalue {G.values[0, i]:.4f})")

    # The density: rigorous bounds for the probes' mean CDF, and the probes' standard error.
    density = spectral_density(H, rng, probes=10, steps=60)
    grid = np.array([-0.1, -0.01, 0.01, 0.1, 0.5, 1.0, 2.0])
    for x, *found in zip(grid, *(part[0] for part in density.cdf(grid)), strict=True):
        print("share of eigenvalues <= {:5.2f}: {:.3f} to {:.3f}, s.e. {:.3f}".format(x, *found))

    # Eight seeds at once: one operator, a product for all members in one call.
    ensemble = EmpiricalRisk(models, nn.functional.cross_entropy, (X, y))
    found = extreme_eigenvalues(ensemble.hessian(), rng)
    for m in range(MEMBERS):
        print(f"seed {m}: {found.largest[m]:.4f} and {found.smallest[m]:.4f}", end="")
        print(f", bound {found.bound_largest[m]:.0e}, converged {found.converged[m]}")


if __name__ == "__main__":
    main()
