"""Hessians of an empirical risk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.func import grad

from spectral_atlas.spectra._graphs import Product, Tensors, pullback
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra.parameters import ParameterBlock
from spectral_atlas.spectra.torch_operators import RiskOperator


class HessianOperator(RiskOperator):
    r"""The Hessian H = ∂²R/∂θ² of an empirical risk.

    .. math:: H = \frac1n \sum_{i=1}^n \partial_\theta^2\, \ell(f(\theta; x_i), y_i)

    Notes
    -----
    H V is a reverse derivative of the gradient, ``vjp(grad(R))``: H is symmetric. The graph of the
    gradient is kept, so that a product costs its tangent matrix products only.

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

    def _build(
        self, rows: ParameterBlock, columns: ParameterBlock, point: Any, piece: Piece
    ) -> Product:
        def risk(varied: Tensors) -> Tensor:
            return piece.weight * self.risk.model.risks(varied, point, piece).sum()

        return second_derivative(risk, rows, columns, point)


def second_derivative(
    function: Callable[[Tensors], Tensor],
    rows: ParameterBlock,
    columns: ParameterBlock,
    point: Any,
) -> Product:
    """Products with the second derivatives of a scalar function of the tensors that vary."""

    def gradient(outer: Tensors) -> Tensors:
        every = {**point.varied, **outer}
        return grad(lambda inner: function({**every, **inner}))(
            {name: every[name] for name in columns.names}
        )

    return pullback(gradient, {name: point.varied[name] for name in rows.names})[1]
