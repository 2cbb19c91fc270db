"""The empirical risk of torch modules: one definition from which all its matrices come."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import grad, vmap

from spectral_atlas.spectra import _risk_inputs as inputs
from spectral_atlas.spectra._graphs import ONE, Tensors
from spectral_atlas.spectra._pieces import Piece, cut, in_bytes
from spectral_atlas.spectra._risk_checks import check_model
from spectral_atlas.spectra._risk_model import Loss, Point, RiskModel
from spectral_atlas.spectra.parameters import ParameterBlock, Selection, positions
from spectral_atlas.spectra.torch_ggn import GGNOperator
from spectral_atlas.spectra.torch_gradient_matrix import GradientMatrixOperator
from spectral_atlas.spectra.torch_hessian import HessianOperator
from spectral_atlas.spectra.torch_operators import Members


class EmpiricalRisk:
    r"""The mean loss of a module, or of an ensemble of modules, on given samples.

    .. math:: R(\theta) = \frac1n \sum_{i=1}^n \ell(f(\theta; x_i), y_i)

    Parameters
    ----------
    module : torch.nn.Module, or a sequence of them
        f. Several modules of one architecture are the members of an ensemble; parameters and
        buffers are stacked, and the code is that of the first. Parameters that do not require grad
        are constants. The module is copied, never changed.
    loss : callable
        ``loss(output, target)``, the mean over the samples of a minibatch, such as
        ``torch.nn.functional.cross_entropy`` and ``mse_loss`` (which averages over outputs too).
    data : (X, y) or iterable of (x, y)
        All samples, or minibatches (a list, a DataLoader), copied, in order. Minibatches of
        different sizes are weighted by their sizes: the sum is that over all samples.
    ridge : float
        beta of a penalty (beta/2) |theta|^2 over all parameters that require grad, part of the loss
        of every sample. A penalty that `loss` itself takes from the module would be a constant.
    parameters : mapping, optional
        ``{name: (B, *shape)}``: values for an ensemble of one module; parameters without an entry
        have the module's value in all members.
    dtype : torch.float64 or torch.float32
        Of parameters, floating samples and all results.
    device : optional
        Of all tensors; that of the module's first parameter by default.
    memory_mb : float
        Bound for each operator: what it keeps of the network between products, and what one
        product allocates. What does not fit is computed again for each product, in parts.
    on_nonfinite : "raise" or "flag"
        Whether parameters with NaN or infinity are an error, or give NaN for their member only.

    Attributes
    ----------
    n_members, n_params, n_samples : int
        B, P and n.
    names : tuple of str
        Parameters that vary, in the order of ``named_parameters``; tied ones by their first name.
    shapes : dict
        What varies of each of them.
    dtype, device

    Raises
    ------
    ValueError
        If parameters are not finite, complex or integer; if the loss is no scalar or, on any
        minibatch, no mean over samples (a sum, class weights, ignored targets); if the module is
        random, changes its buffers or mixes samples (dropout, batch norm in training mode); if a
        member computes something else than the first one's code with its tensors; if there are no
        samples. All but the first few are seen from what the module computes, which costs about one
        forward pass of one member.

    Examples
    --------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    >>> X, y = torch.randn(8, 2), torch.tensor([0, 1] * 4)
    >>> risk = EmpiricalRisk(model, torch.nn.functional.cross_entropy, (X, y))
    >>> risk.n_params, risk.hessian().dense().shape
    (17, torch.Size([1, 17, 17]))
    >>> risk.restrict({"2.weight": 0}).n_params
    3
    """

    def __init__(
        self,
        module: nn.Module | Sequence[nn.Module],
        loss: Loss,
        data: tuple[Tensor, Tensor] | Iterable[Any],
        *,
        ridge: float = 0.0,
        parameters: Mapping[str, Tensor] | None = None,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str | None = None,
        memory_mb: float = 1024.0,
        on_nonfinite: Literal["raise", "flag"] = "raise",
    ) -> None:
        modules = inputs.listed(module)
        self.dtype, self.device = inputs.checked_dtype(dtype), inputs.device_of(modules, device)
        self.memory = in_bytes(memory_mb)
        pieces = inputs.minibatches(data, self.dtype, self.device)
        varied, own, shared = inputs.tensors(modules, parameters, self.dtype, self.device)
        if on_nonfinite == "raise":
            inputs.check_finite({**varied, **own})
            inputs.check_finite({name: t[None] for name, t in shared.items()})
        # A copy: a later .train() of the module must not reach the risk.
        self.model = RiskModel(inputs.copied(modules[0]), loss, pieces, varied, own, shared, ridge)
        aliases = inputs.aliases(modules[0])
        self.block = ParameterBlock(
            {name: t.shape[1:] for name, t in varied.items()},
            aliases={a: name for a, name in aliases.items() if name in varied},
            device=self.device,
        )
        self.n_members = len(next(iter(varied.values())))
        self.n_samples = sum(len(p.x) for p in pieces)
        check_model(self.model, modules, ONE * self.memory)

    def __repr__(self) -> str:
        sizes = f"n_members={self.n_members}, n_params={self.n_params}, n_samples={self.n_samples}"
        return f"EmpiricalRisk({sizes}, dtype={self.dtype}, device={self.device})"

    @property
    def n_params(self) -> int:
        """P, the number of parameters that vary."""
        return self.block.n_params

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that vary, wholly or in part."""
        return self.block.names

    @property
    def shapes(self) -> dict[str, torch.Size]:
        """The shape of what varies of each parameter."""
        return dict(self.block.shapes)

    @property
    def theta(self) -> Float[Tensor, "B P"]:
        """The parameters that vary, flat; a copy."""
        return self.block.join(self.model.varied).clone()

    def value(self) -> Float[Tensor, " B"]:
        """R of each member."""
        out = torch.zeros(self.n_members, dtype=self.dtype, device=self.device)
        for rows, _, point, piece in self._parts(self._differentiate):
            out[rows] += piece.weight * self.model.risks(point.varied, point, piece).detach()
        return out

    def gradient(self) -> Float[Tensor, "B P"]:
        """∂R/∂θ of each member."""
        out = torch.zeros(self.n_members, self.n_params, dtype=self.dtype, device=self.device)
        for rows, _, point, piece in self._parts(self._differentiate):
            out[rows] += piece.weight * self.block.join(self._differentiate(point, piece))
        return out

    def per_sample_gradients(
        self, members: Members = None, samples: slice | None = None
    ) -> Float[Tensor, "A m P"]:
        """g_i = ∂ℓ(f(θ; x_i), y_i)/∂θ of the members and samples named, all by default."""
        picked = positions(members, self.n_members)
        rows = inputs.sample_range(samples, self.n_samples)
        wanted = torch.tensor(sorted(rows), dtype=torch.int64)
        some, start = [], 0
        for piece in self.model.pieces:
            here = wanted[(wanted >= start) & (wanted < start + len(piece.x))] - start
            start += len(piece.x)
            if len(here):
                here = here.to(self.device)
                some.append(Piece(piece.x[here], piece.y[here], 1.0))
        shape = (len(picked), len(wanted), self.n_params)
        out = torch.empty(shape, dtype=self.dtype, device=self.device)
        for group, columns, point, piece in self._parts(self._each, some, picked):
            gradients = self.block.join(self._each(point, piece))
            out[group, columns] = gradients.transpose(0, 1)
        return out.flip(1) if rows.step < 0 else out

    def hessian(self) -> HessianOperator:
        """∂²R/∂θ²."""
        return HessianOperator(self)

    def ggn(self) -> GGNOperator:
        """The generalised Gauss-Newton matrix (1/n) Σ Jᵢᵀ ∂²ℓᵢ Jᵢ."""
        return GGNOperator(self)

    def gradient_matrix(self, *, centred: bool = False) -> GradientMatrixOperator:
        """The second moment (1/n) Σ gᵢ gᵢᵀ of the gradients of single samples, or covariance."""
        return GradientMatrixOperator(self, centred=centred)

    def restrict(self, selection: Selection) -> EmpiricalRisk:
        """The same risk as a function of some parameters; the others are constants.

        Its matrices are principal blocks of those of this risk.

        Parameters
        ----------
        selection : str, list of str or mapping
            Names of parameters ("fc1.weight") or layers ("fc1"), or ``{name: index}`` with
            anything that indexes the tensor: an int (a row: a neuron, a class), a slice, a tuple, a
            tensor or list of indices; None for all of it. Entries are in the order of
            ``named_parameters``, within a tensor in that of its index.

        Raises
        ------
        ValueError
            If a name is unknown, an index is out of range or repeats an entry, or nothing is
            selected.
        """
        return self.with_block(self.block.select(selection))

    def with_block(self, block: ParameterBlock) -> EmpiricalRisk:
        """The same risk as a function of the parameters of a block of this one."""
        found = copy.copy(self)
        found.block = block
        return found

    def _differentiate(self, point: Point, piece: Piece) -> Tensors:
        def total(inner: Tensors) -> Tensor:
            return self.model.risks({**point.varied, **inner}, point, piece).sum()

        return grad(total)({name: point.varied[name] for name in self.block.names})

    def _each(self, point: Point, piece: Piece) -> Tensors:
        def one(x: Tensor, y: Tensor) -> Tensors:
            return self._differentiate(point, Piece(x[None], y[None], 1.0))

        return vmap(one)(piece.x, piece.y)

    def _parts(
        self,
        work: Any,
        pieces: Sequence[Piece] | None = None,
        members: Tensor | None = None,
    ) -> Iterator[tuple[slice, slice, Point, Piece]]:
        """Members and samples in parts for which `work` fits: rows, samples, point, piece."""
        picked = torch.arange(self.n_members) if members is None else members
        pieces = self.model.pieces if pieces is None else pieces
        if not len(picked) or not pieces:
            return
        first = self.model.select(picked[:1])
        cuts, size = cut(pieces, lambda p: work(first, p), ONE * self.memory)
        most = max(1, int(ONE * self.memory / size))
        for i in range(0, len(picked), most):
            point, start = self.model.select(picked[i : i + most]), 0
            for piece in cuts:
                yield slice(i, i + most), slice(start, start + len(piece.x)), point, piece
                start += len(piece.x)
