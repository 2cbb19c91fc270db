"""What no method can go below: the bare matrix products of case c, and of the blocks of case d."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from . import ours
from .cases import Problem
from .timing import Answer, Clock, least_seconds

Block = Callable[[int], np.ndarray]  # class -> its block


def product_gemms(problem: Problem) -> list[tuple[int, Callable[[], object]]]:
    """How often, and which: the tangent matrix products of one Hessian product.

    A later layer has two in the forward tangent (W da, dW a), two in the backward tangent
    (W^T dd, dW^T d) and two in the gradient's (dd a^T, d da^T); in the first layer the input has no
    tangent and none is needed below it, which leaves two. What depends on the point alone
    (activations, gradient) is not counted: it can be kept from one product to the next.
    """
    linear = [m for m in problem.modules[0] if isinstance(m, nn.Linear)]
    n, gemms = len(problem.X), []
    for k, layer in enumerate(linear):
        below, above = layer.in_features, layer.out_features
        W = layer.weight.detach()
        a, d = W.new_empty(n, below).normal_(), W.new_empty(n, above).normal_()
        forward, backward, weight = torch.empty_like(d), torch.empty_like(a), torch.empty_like(W)

        def up(a=a, W=W, out=forward):
            torch.mm(a, W.T, out=out)

        def down(d=d, W=W, out=backward):
            torch.mm(d, W, out=out)

        def outer(a=a, d=d, out=weight):
            torch.mm(d.T, a, out=out)

        gemms += [(2 if k else 1, up), (2 if k else 0, down), (2 if k else 1, outer)]
    return gemms


def product_seconds(problem: Problem) -> float:
    """The bare matrix products of one Hessian product, each the least of five."""
    return sum(count * least_seconds(gemm, 5) for count, gemm in product_gemms(problem) if count)


def gemm_floor(
    clock: Clock, case: str, problem: Problem, found: Answer | None, earlier: float
) -> None:
    """Rows with the bare matrix products of one Hessian product, and of all that were used."""
    one = min(earlier, product_seconds(problem))
    base = {"case": case, "models": 1, "parameters": problem.n_params}
    base |= {"ms_per_model": f"{1e3 * one:.4g}", "repeats": 5}
    clock.keep(base | {"method": "GEMM floor of one Hessian product"})
    if found is None or found.products is None:
        return
    total = 1e3 * one * found.products
    ratio = clock.ms(case, 1, ours.NAME) / total
    clock.keep(
        base | {"method": f"GEMM floor of {ours.NAME}'s products", "ms_per_model": f"{total:.4g}"},
        note=f"{found.products:.4g} products; {ours.NAME} takes {ratio:.2f} times as long",
    )


def softmax_blocks(clock: Clock, X: np.ndarray, weights: np.ndarray) -> None:
    """Case d: every class block and its spectrum, ours and from one bare product.

    The bare products are given the class probabilities; ours computes them from the weights.
    """
    classes, d = weights.shape
    n, case = len(X), f"softmax regression d={d} k={classes} n={len(X)}"
    scores = X @ weights.T
    P = np.exp(scores - scores.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    few = min(2, classes)

    def bare(c: int) -> np.ndarray:
        w = P[:, c] * (1 - P[:, c])
        return X.T @ (w[:, None] * X) / n

    def syrk(c: int) -> np.ndarray:
        R = np.sqrt(P[:, c] * (1 - P[:, c]) / n)[:, None] * X
        return R.T @ R

    reference = []
    for c in range(few):  # X^T D X from its square root, singular values in place of eigenvalues
        root = np.sqrt(P[:, c] * (1 - P[:, c]) / n)[:, None] * X
        reference.append(np.sort(np.linalg.svd(root, compute_uv=False) ** 2))
    known = np.array(reference)
    floors = {"bare gemm X.T @ (w X) / n": bare, "bare syrk, R = sqrt(w / n) X, R.T @ R": syrk}
    blocks = {f"{ours.NAME} hessian_block": None} | floors
    for name, block in blocks.items():
        enter = partial(clock.enter, case, classes, parameters=d, warm=False)
        both = partial(eigenpairs, block, X, weights)
        enter(method=f"{name}, then eigh", solve=both, reference=known, scale=known.max(1))
        enter(method=f"{name}, no eigh", solve=partial(blocks_only, block, X, weights))
    clock.race()


def eigenpairs(block: Block | None, X: np.ndarray, weights: np.ndarray) -> Answer:
    """Eigenvalues of all blocks; the eigenvectors of the top k are what a user would keep."""
    block, values = ours.softmax_block(X, weights) if block is None else block, []
    for c in range(len(weights)):
        found, _ = np.linalg.eigh(block(c))
        values.append(found)
    return Answer(np.array(values))


def blocks_only(block: Block | None, X: np.ndarray, weights: np.ndarray):
    """The matrices without their eigenvalues."""
    block = ours.softmax_block(X, weights) if block is None else block
    for c in range(len(weights)):
        block(c)
    return Answer(np.empty(0))
