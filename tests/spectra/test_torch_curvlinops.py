"""Agreement with curvlinops, an independent library of the same matrices."""

import pytest
import torch
from torch import nn

from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

curvlinops = pytest.importorskip("curvlinops")

PAIRS = {
    "HessianLinearOperator": lambda risk: risk.hessian(),
    "GGNLinearOperator": lambda risk: risk.ggn(),
    "EFLinearOperator": lambda risk: risk.gradient_matrix(),
}


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.MSELoss()])
@pytest.mark.parametrize("name", PAIRS)
def test_products_agree_on_two_minibatches(name, loss):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    X = torch.randn(14, 5, dtype=torch.float64)
    # One output for the squared loss: with several, curvlinops' empirical Fisher matrix of a mean
    # over outputs is scaled in another way.
    if isinstance(loss, nn.MSELoss):
        net[2] = nn.Linear(6, 1).double()
        y = torch.randn(14, 1, dtype=torch.float64)
    else:
        y = torch.randint(0, 3, (14,))
    batches = [(X[:9], y[:9]), (X[9:], y[9:])]
    theirs = getattr(curvlinops, name)(net, loss, list(net.parameters()), batches)
    ours = PAIRS[name](EmpiricalRisk(net, loss, batches))
    V = torch.randn(4, ours.n_params, dtype=torch.float64)
    products = (theirs @ V.T).detach()
    torch.testing.assert_close(ours.block_product(V[None])[0].T, products, rtol=0, atol=1e-13)
