"""Second moments of the gradients of single samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from torch import Tensor

from spectral_atlas.spectra._graphs import Tensors
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra.parameters import ParameterBlock, positions
from spectral_atlas.spectra.torch_ggn import FactoredOperator
from spectral_atlas.spectra.torch_operators import Members, Rectangle

if TYPE_CHECKING:
    from spectral_atlas.spectra.empirical_risk import EmpiricalRisk


class GradientMatrixOperator(FactoredOperator):
    r"""The second moment of the gradients of single samples, or their covariance.

    .. math:: G = \frac1n \sum_{i=1}^n g_i g_i^\top, \qquad
              G_{\mathrm{centred}} = G - \bar g \bar g^\top, \qquad
              g_i = \partial_\theta\, \ell(f(\theta; x_i), y_i), \quad
              \bar g = \frac1n \sum_i g_i

    G, uncentred, is also called the empirical Fisher matrix.

    Parameters
    ----------
    risk : EmpiricalRisk
    centred : bool
        Subtract ḡ ḡᵀ. The rounding of the difference is relative to G.

    Notes
    -----
    G V = Jᵀ (J V) / n with the Jacobian J (n, P) of the losses of single samples: no gradient of a
    single sample is stored.

    Examples
    --------
    A linear model w·x with squared loss at w = 0 has g_i = -2 y_i x_i.

    >>> import torch
    >>> from spectral_atlas.spectra.empirical_risk import EmpiricalRisk
    >>> X, Y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0], [3.0]])
    >>> model = torch.nn.Linear(2, 1, bias=False)
    >>> _ = torch.nn.init.zeros_(model.weight)
    >>> risk = EmpiricalRisk(model, torch.nn.functional.mse_loss, (X, Y))
    >>> risk.gradient_matrix().dense()
    tensor([[[ 2.,  0.],
             [ 0., 18.]]], dtype=torch.float64)
    >>> risk.gradient_matrix(centred=True).dense()
    tensor([[[ 1., -3.],
             [-3.,  9.]]], dtype=torch.float64)
    """

    def __init__(self, risk: EmpiricalRisk, *, centred: bool = False) -> None:
        self.centred = centred
        super().__init__(risk)

    def _rectangle(self, rows: ParameterBlock, columns: ParameterBlock) -> Rectangle:
        if not self.centred:
            return Rectangle(self, rows, columns)
        return _Centred(self, rows, columns)

    def _function(self, varied: Tensors, point: Any, piece: Piece) -> Tensor:
        return self.risk.model.sample_losses(varied, point, piece)

    def _curvature(self, values: Tensor, point: Any, piece: Piece) -> Callable[[Tensor], Tensor]:
        scale = piece.weight / values.shape[1]
        return lambda u: scale * u


class _Centred(Rectangle):
    """The rectangle less that of ḡ ḡᵀ."""

    def __init__(
        self, operator: GradientMatrixOperator, rows: ParameterBlock, columns: ParameterBlock
    ) -> None:
        super().__init__(operator, rows, columns)
        self._left = self.risk.with_block(rows).gradient()
        same = columns is rows
        self._right = self._left if same else self.risk.with_block(columns).gradient()

    def __call__(self, V: Float[Tensor, "A b q"], members: Members) -> Float[Tensor, "A b p"]:
        """b products for each member named."""
        out = super().__call__(V, members)
        at = positions(members, self.risk.n_members).to(V.device)
        along = (V * self._right[at, None]).sum(-1, keepdim=True)
        return out - along * self._left[at, None]

    def dense(self, members: Members) -> Float[Tensor, "A p q"]:
        """The rectangles themselves."""
        out = super().dense(members)
        at = positions(members, self.risk.n_members).to(out.device)
        return out.sub_(self._left[at, :, None] * self._right[at, None])
