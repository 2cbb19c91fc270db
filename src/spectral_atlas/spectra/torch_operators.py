"""Matrices of second derivatives of an empirical risk, by their products with torch tensors."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from spectral_atlas.spectra._graphs import GraphProducts, Product
from spectral_atlas.spectra._pieces import Piece
from spectral_atlas.spectra.parameters import ParameterBlock, Selection, positions

if TYPE_CHECKING:
    from spectral_atlas.spectra.empirical_risk import EmpiricalRisk

Members = Int[np.ndarray, " A"] | Int[Tensor, " A"] | None


class RiskOperator:
    """A symmetric matrix per member of an `EmpiricalRisk`, by its products.

    Tensors have the dtype and the device of the risk and never require grad. What a product needs
    of the network (a graph for each minibatch and chunk of members) is kept between products while
    it fits in the ``memory_mb`` of the risk and computed again for each product where it does not.

    Attributes
    ----------
    n_members, n_params : int
        B and P.
    risk : EmpiricalRisk
    dense_limit : int
        Size up to which the dense matrix costs less than a Lanczos run.
    """

    def __init__(self, risk: EmpiricalRisk) -> None:
        self.risk = risk
        self.n_members, self.n_params = risk.n_members, risk.n_params
        self._map = self._rectangle(risk.block, risk.block)

    @property
    def dense_limit(self) -> int:
        """192 / √B for small networks, where calls cost more than arithmetic, else 32."""
        small = self._map.products.graph_bytes < 2**20
        return max(32, int(192 / self.n_members**0.5)) if small else 32

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_members={self.n_members}, n_params={self.n_params})"

    def __call__(self, V: Float[Tensor, "A P"], members: Members = None) -> Float[Tensor, "A P"]:
        """Products, one per row of V."""
        return self.block_product(_tangents(V, self.risk, 2)[:, None], members)[:, 0]

    def block_product(
        self, V: Float[Tensor, "A b P"], members: Members = None
    ) -> Float[Tensor, "A b P"]:
        """b products for each member named; the arithmetic of the network is shared."""
        return self._map(V, members)

    def dense(self, members: Members = None) -> Float[Tensor, "A P P"]:
        """The matrices, from products with unit vectors; symmetric to rounding only."""
        return self._map.dense(members)

    def native(self, array: Float[np.ndarray, ...]) -> Float[Tensor, ...]:
        """A numpy array as a tensor of the risk's dtype on its device; always a copy."""
        return torch.tensor(array, dtype=self.risk.dtype, device=self.risk.device)

    def block(self, rows: Selection, columns: Selection) -> BlockPair:
        """The block of the matrix with these rows and columns.

        Parameters
        ----------
        rows, columns : selection
            As for `EmpiricalRisk.restrict`.

        Raises
        ------
        ValueError
            As `EmpiricalRisk.restrict`.
        """
        block = self.risk.block
        return BlockPair(self, block.select(rows), block.select(columns))

    def _rectangle(self, rows: ParameterBlock, columns: ParameterBlock) -> Rectangle:
        return Rectangle(self, rows, columns)

    @abstractmethod
    def _build(
        self, rows: ParameterBlock, columns: ParameterBlock, point: Any, piece: Piece
    ) -> Product:
        """The product of one piece of the data with tensors of `columns`, weighted."""


class Rectangle:
    """Rows x columns of an operator's matrices."""

    def __init__(
        self, operator: RiskOperator, rows: ParameterBlock, columns: ParameterBlock
    ) -> None:
        risk = operator.risk
        self.rows, self.columns, self.risk = rows, columns, risk
        self.products = GraphProducts(
            lambda point, piece: operator._build(rows, columns, point, piece),
            risk.model.select,
            rows,
            columns,
            risk.model.pieces,
            risk.n_members,
            risk.memory,
        )

    def __call__(self, V: Float[Tensor, "A b q"], members: Members) -> Float[Tensor, "A b p"]:
        """b products for each member named."""
        _tangents(V, self.risk, 3)
        picked = positions(members, self.risk.n_members)
        wanted = (len(picked), V.shape[1], self.columns.n_params)
        if V.shape != wanted:
            raise ValueError(f"V: expected {wanted}, got {tuple(V.shape)}")
        return self.products(V.detach(), picked)

    def dense(self, members: Members) -> Float[Tensor, "A p q"]:
        """The rectangles themselves."""
        like = torch.empty(0, dtype=self.risk.dtype, device=self.risk.device)
        return self.products.dense(positions(members, self.risk.n_members), like)


def _tangents(V: Any, risk: EmpiricalRisk, ndim: int) -> Tensor:
    """V itself, checked before anything is computed with it."""
    wanted = f"V: expected a tensor of {risk.dtype}"
    if not isinstance(V, Tensor) or V.dtype != risk.dtype:
        got = V.dtype if isinstance(V, Tensor) else type(V).__name__
        raise ValueError(f"{wanted}, got {got}; see native()")
    if V.device.type != risk.device.type:
        raise ValueError(f"{wanted} on {risk.device}, got one on {V.device}; see native()")
    if V.ndim != ndim:
        raise ValueError(f"V: expected {ndim} dimensions, got shape {tuple(V.shape)}")
    return V


class BlockPair:
    """An off-diagonal block M of symmetric matrices, p_r x p_c, and its transpose.

    From `RiskOperator.block`. Only the tensors that hold the rows and the columns take part.

    Attributes
    ----------
    n_members : int
    shape : tuple
        (p_r, p_c).
    """

    def __init__(
        self, operator: RiskOperator, rows: ParameterBlock, columns: ParameterBlock
    ) -> None:
        self.n_members = operator.n_members
        self.shape = (rows.n_params, columns.n_params)
        self._operator, self._rows, self._columns = operator, rows, columns
        self._forward = operator._rectangle(rows, columns)
        self._adjoint: Rectangle | None = None

    def __call__(self, V: Float[Tensor, "A q"], members: Members = None) -> Float[Tensor, "A p"]:
        """M V, one product per row of V (A, p_c)."""
        return self._forward(_tangents(V, self._operator.risk, 2)[:, None], members)[:, 0]

    def adjoint(self, U: Float[Tensor, "A p"], members: Members = None) -> Float[Tensor, "A q"]:
        """M^T U, one product per row of U (A, p_r)."""
        _tangents(U, self._operator.risk, 2)
        if self._adjoint is None:  # its graphs differentiate in the other order
            self._adjoint = self._operator._rectangle(self._columns, self._rows)
        return self._adjoint(U[:, None], members)[:, 0]

    def dense(self, members: Members = None) -> Float[Tensor, "A p q"]:
        """The blocks M, (A, p_r, p_c)."""
        return self._forward.dense(members)

    def augmented(self) -> AugmentedBlock:
        """The symmetric [[0, M], [M^T, 0]] for the eigenvalue solvers.

        Its largest eigenvalues are the largest singular values of M; the first p_r entries of a
        unit eigenvector are the left singular vector over sqrt(2), the others the right one.
        """
        return AugmentedBlock(self)


class AugmentedBlock:
    """See `BlockPair.augmented`; a `SymmetricOperator` of size p_r + p_c."""

    dense_limit = 32

    def __init__(self, pair: BlockPair) -> None:
        self._pair = pair
        self.n_members, self.n_params = pair.n_members, sum(pair.shape)
        self.native = pair._operator.native

    def __call__(self, V: Float[Tensor, "A P"], members: Members = None) -> Float[Tensor, "A P"]:
        """Products, one per row of V."""
        _tangents(V, self._pair._operator.risk, 2)
        if V.shape[1] != self.n_params:
            raise ValueError(f"V: expected {self.n_params} columns, got {tuple(V.shape)}")
        left, right = torch.split(V, list(self._pair.shape), dim=1)
        return torch.cat([self._pair(right, members), self._pair.adjoint(left, members)], dim=1)

    def dense(self, members: Members = None) -> Float[Tensor, "A P P"]:
        """The matrices themselves."""
        M = self._pair.dense(members)
        out = M.new_zeros(len(M), self.n_params, self.n_params)
        rows = self._pair.shape[0]
        out[:, :rows, rows:], out[:, rows:, :rows] = M, M.mT
        return out
