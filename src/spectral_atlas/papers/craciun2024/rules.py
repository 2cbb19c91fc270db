"""What the sections of the configuration must agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spectral_atlas.papers.craciun2024.sections import Net

NEGLIGIBLE = 1e-10  # of the largest pivot


def target_of(net: Net) -> list[list[float]]:
    """W* (d_H, d_0), row by row."""
    if net.target is not None:
        return net.target
    rows, columns = net.widths[-1], net.widths[0]
    values = net.singular_values or []
    return [
        [values[i] if i == j and i < len(values) else 0.0 for j in range(columns)]
        for i in range(rows)
    ]


def second_moment_of(net: Net) -> list[float]:
    """Eigenvalues of S, one for each input."""
    return [1.0] * net.widths[0] if net.second_moment is None else net.second_moment


def rank(matrix: Sequence[Sequence[float]]) -> int:
    """Rank by elimination with complete pivoting."""
    left = [list(map(float, row)) for row in matrix]
    largest, found = max((abs(x) for row in left for x in row), default=0.0), 0
    while left and left[0]:
        i, j = max(
            ((i, j) for i in range(len(left)) for j in range(len(left[0]))),
            key=lambda at: abs(left[at[0]][at[1]]),
        )
        pivot = left.pop(i)
        if abs(pivot[j]) <= NEGLIGIBLE * largest:
            break
        found += 1
        left = [
            [
                x - row[j] / pivot[j] * p
                for k, (x, p) in enumerate(zip(row, pivot, strict=True))
                if k != j
            ]
            for row in left
        ]
    return found


def check_net(net: Net) -> None:
    """Whether a network can represent what its data ask for; ValueError where not."""
    if message := _misshapen(net) or _unfit(net) or _deficient(net):
        raise ValueError(f"{message} (net {net.name})")


def check_layers(widths: Sequence[int], values: Sequence[float], scales: Sequence[float]) -> None:
    """Whether singular values of W* and scales of layers fit a network; ValueError where not."""
    if len(scales) != len(widths) - 1:
        raise ValueError(
            f"scales: {len(scales)} given, must be {len(widths) - 1}, one for each layer"
        )
    if len(values) > min(widths):
        raise ValueError(
            f"singular_values: {len(values)} given, must be at most {min(widths)}, the smallest of "
            "widths"
        )


def check_named_once(path: str, key: str, names: Sequence[str]) -> None:
    """Whether entries of the list ``path`` have names of their own; ValueError where not."""
    for k, name in enumerate(names):
        if (first := names.index(name)) < k:
            raise ValueError(
                f"{path}[{k}].{key} = {name}: must not be named twice, {path}[{first}] is it"
            )


def _misshapen(net: Net) -> str:
    inputs, outputs, smaller = net.widths[0], net.widths[-1], min(net.widths[0], net.widths[-1])
    if net.target is None and net.singular_values is None:
        return "target: must be given, or singular_values"
    if net.target is not None and net.singular_values is not None:
        return "singular_values: must be left out where target is given"
    if net.singular_values is not None and len(net.singular_values) > smaller:
        return f"singular_values: {len(net.singular_values)} given, must be at most {smaller}"
    shape = {len(row) for row in net.target or []}
    if net.target is not None and (len(net.target) != outputs or shape != {inputs}):
        return f"target: must be {outputs} rows of {inputs} numbers, as widths = {net.widths} say"
    if (given := net.second_moment) is not None and len(given) != inputs:
        return f"second_moment: {len(given)} given, must be {inputs}, one for each input"
    return ""


def _unfit(net: Net) -> str:
    target, moments = target_of(net), second_moment_of(net)
    if not any(map(any, target)):
        return "target = 0: must not be, its minimizers are no manifold"
    needed, spread = rank(target), sum(value > 0 for value in moments)
    if (hidden := min(net.widths[1:-1])) < needed:
        return (
            f"widths = {net.widths}: hidden layers must be at least {needed} wide, the rank of W*, "
            f"not {hidden}"
        )
    if spread == 0:
        return "second_moment = 0: must not be, there would be nothing to learn from"
    if spread > net.samples:
        return f"samples = {net.samples}: must be at least {spread}, the rank of S"
    seen = (x * m for row in target for x, m in zip(row, moments, strict=True))
    if not net.rotated and not any(seen):
        return "second_moment: must not be 0 wherever W* is not, W* S = 0 is no task"
    return ""


def _deficient(net: Net) -> str:
    if net.allow_rank_deficient:
        return ""
    full, smaller = net.widths[0], min(net.widths[0], net.widths[-1])
    moments = second_moment_of(net)
    spread, needed = sum(value > 0 for value in moments), rank(target_of(net))
    if spread < full:
        return (
            f"second_moment: {spread} of {full} positive, must be all, unless allow_rank_deficient "
            "is true"
        )
    if needed < smaller:
        key = "target" if net.singular_values is None else "singular_values"
        return (
            f"{key}: W* of rank {needed}, must be of full rank {smaller}, unless "
            "allow_rank_deficient is true"
        )
    return ""
