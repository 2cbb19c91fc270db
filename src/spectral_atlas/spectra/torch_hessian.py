"""Hessians of an empirical risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spectral_atlas.spectra._graphs import Product, Tensors, second_derivative
from spectral_atlas.spectra._pieces import Piece, take
from spectral_atlas.spectra.parameters import ParameterBlock
from spectral_atlas.spectra.torch_operators import RiskOperator

if TYPE_CHECKING:
    from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

PROBED = 8  # samples


class HessianOperator(RiskOperator):
    r"""The Hessian H = ∂²R/∂θ² of an empirical risk.

    .. math:: H = \frac1n \sum_{i=1}^n \partial_\theta^2\, \ell(f(\theta; x_i), y_i)

    Notes
    -----
    H V is a reverse derivative of the gradient, ``vjp(grad(R))``: H is symmetric. The graph of the
    gradient is kept, so that a product costs its tangent matrix products only.

    torch differentiates some fused layers wrongly the second time, which shows in a matrix that is
    not symmetric: u·Hv and v·Hu are compared for one random pair, on a few samples of one member.

    Raises
    ------
    ValueError
        If the products are not symmetric.

    Examples
    --------
    Linear regression with K outputs. ``mse_loss`` averages over outputs as well, hence
    H = (2/K) (1/n) I_K ⊗ XᵀX.

    >>> import torch
    >>> from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
    >>> X, Y = torch.eye(2, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)
    >>> X[0, 0] = 3.0
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> EmpiricalRisk(model, torch.nn.functional.mse_loss, (X, Y)).hessian().dense()
    tensor([[[9., 0.],
             [0., 1.]]], dtype=torch.float64)
    """

    def __init__(self, risk: EmpiricalRisk) -> None:
        super().__init__(risk)
        self._check_symmetric()

    def _check_symmetric(self) -> None:
        model, block = self.risk.model, self.risk.block
        point = model.select(torch.tensor([model.sound]))
        piece = take(model.pieces[0], slice(0, PROBED))
        rng = torch.Generator().manual_seed(0)
        pair = torch.randn(2, 1, block.n_params, generator=rng, dtype=self.risk.dtype)
        pair = pair.to(self.risk.device)

        def squares(varied: Tensors) -> Tensor:
            return piece.weight * model.outputs(varied, point, piece).square().mean()

        with torch.no_grad():
            off, noise = _asymmetry(self._build(block, block, point, piece), block, pair)
            if off > noise:  # rounding, where the loss is flat? Then beside JᵀJ it is small
                plain = second_derivative(squares, block, block, point.varied)
                noise = max(noise, _asymmetry(plain, block, pair)[1])
        if off > noise:
            raise ValueError(
                f"the Hessian products of this module are not symmetric (off by {off:.2g}): torch "
                "differentiates one of its layers wrongly; a parametrization such as weight_norm?"
            )

    def _build(
        self, rows: ParameterBlock, columns: ParameterBlock, point: Any, piece: Piece
    ) -> Product:
        def risk(varied: Tensors) -> Tensor:
            return piece.weight * self.risk.model.risks(varied, point, piece).sum()

        return second_derivative(risk, rows, columns, point.varied)


def _asymmetry(product: Product, block: ParameterBlock, pair: Tensor) -> tuple[float, float]:
    """|u·Hv - v·Hu|, and what of it may be rounding."""
    u, v = pair
    Hu, Hv = (block.join(product(block.split(w))) for w in pair)
    off = (u * Hv).sum() - (v * Hu).sum()
    size = u.norm() * Hv.norm() + v.norm() * Hu.norm()
    return float(off.abs()), float(1e4 * torch.finfo(pair.dtype).eps * size)
