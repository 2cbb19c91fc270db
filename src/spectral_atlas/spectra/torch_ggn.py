"""Generalised Gauss-Newton matrices and second moments of gradients: Jᵀ C J by its factors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad

from spectral_atlas.spectra._graphs import Product, Tensors, pullback, second_derivative
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra.parameters import ParameterBlock
from spectral_atlas.spectra.torch_operators import RiskOperator


class FactoredOperator(RiskOperator):
    """Jᵀ C J, where J is the Jacobian of some function of the parameters."""

    @abstractmethod
    def _function(self, varied: Tensors, point: Any, piece: Piece) -> Tensor:
        """What J differentiates, (A, n, ...)."""

    @abstractmethod
    def _curvature(self, values: Tensor, point: Any, piece: Piece) -> Callable[[Tensor], Tensor]:
        """C at these values, weighted."""

    def _build(
        self, rows: ParameterBlock, columns: ParameterBlock, point: Any, piece: Piece
    ) -> Product:
        def backward(block: ParameterBlock) -> tuple[Tensor, Callable[[Tensor], Tensors]]:
            at = {name: point.varied[name] for name in block.names}
            return pullback(lambda p: self._function({**point.varied, **p}, point, piece), at)

        values, pull = backward(rows)
        across = pull if columns is rows else backward(columns)[1]
        # Jᵀu is linear in u, and J its transpose: reverse mode twice costs as much as forward mode
        # and keeps the graph of the network.
        _, push = pullback(across, torch.zeros_like(values))
        curvature = self._curvature(values, point, piece)
        return lambda V: pull(curvature(push(V)))


class GGNOperator(FactoredOperator):
    r"""The generalised Gauss-Newton matrix of an empirical risk.

    .. math:: \mathrm{GGN} = \frac1n \sum_{i=1}^n J_i^\top\,
              \partial_f^2 \ell(f(\theta; x_i), y_i)\, J_i,
              \qquad J_i = \partial_\theta f(\theta; x_i)

    Notes
    -----
    Positive semidefinite where the loss is convex in the outputs. It is the Hessian of a model that
    is linear in its parameters, and the Fisher matrix of a loss that is the negative log-likelihood
    of an exponential family in its natural parameters (cross-entropy of logits). A ridge adds
    ``ridge`` times the identity.

    Examples
    --------
    A linear model: GGN = H = (2/K) (1/n) I_K ⊗ XᵀX with ``mse_loss``.

    >>> import torch
    >>> from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
    >>> X, Y = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0]])
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> EmpiricalRisk(model, torch.nn.functional.mse_loss, (X, Y)).ggn().dense()
    tensor([[[2., 4.],
             [4., 8.]]], dtype=torch.float64)
    """

    def _build(
        self, rows: ParameterBlock, columns: ParameterBlock, point: Any, piece: Piece
    ) -> Product:
        product, model = super()._build(rows, columns, point, piece), self.risk.model
        if model.ridge == 0:
            return product
        ridge = second_derivative(
            lambda varied: piece.weight * model.penalty(varied).sum(), rows, columns, point.varied
        )

        def both(V: Tensors) -> Tensors:
            more = ridge(V)
            return {name: t + more[name] for name, t in product(V).items()}

        return both

    def _function(self, varied: Tensors, point: Any, piece: Piece) -> Tensor:
        return self.risk.model.outputs(varied, point, piece)

    def _curvature(self, values: Tensor, point: Any, piece: Piece) -> Callable[[Tensor], Tensor]:
        def total(outputs: Tensor) -> Tensor:
            return piece.weight * self.risk.model.losses(outputs, piece).sum()

        return pullback(grad(total), values)[1]
