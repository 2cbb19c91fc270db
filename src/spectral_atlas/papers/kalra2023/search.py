"""The smallest number of a grid from which on something happens, for every member at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

Array = np.ndarray
Predicate = Callable[[Array, Array], Array]


@dataclass
class Brackets:
    """It does not happen at `low`, it happens at `high`; both (R,).

    ``low`` = -1: it may happen at the first number of the grid already; ``high`` = n: it may never
    happen on a grid of n numbers.
    """

    low: Int[Array, " R"]
    high: Int[Array, " R"]

    @classmethod
    def whole(cls, members: int, grid: int) -> Brackets:
        """Nothing known."""
        return cls(np.full(members, -1), np.full(members, grid))

    @property
    def open(self) -> Int[Array, " A"]:
        """Members that are not decided."""
        return np.flatnonzero(self.high - self.low > 1)

    def learn(self, members: Array, k: Array, happens: Bool[Array, " A"]) -> None:
        """Narrow the brackets of some members by what was seen at k."""
        self.high[members] = np.where(
            happens, np.minimum(self.high[members], k), self.high[members]
        )
        self.low[members] = np.where(happens, self.low[members], np.maximum(self.low[members], k))


def bisect(predicate: Predicate, brackets: Brackets) -> Int[Array, " R"]:
    """Close the brackets by bisection.

    Parameters
    ----------
    predicate : callable
        ``predicate(members (A,), k (A,)) -> bool (A,)``; must not turn false again as k grows. It
        may narrow the brackets itself, by more than it returns.
    brackets : Brackets
        Changed.

    Returns
    -------
    (R,), the smallest k at which it happens; n of `Brackets` if it never does.
    """
    while len(members := brackets.open):
        k = (brackets.low[members] + brackets.high[members]) // 2
        brackets.learn(members, k, predicate(members, k))
    return brackets.high.copy()


def first_true(predicate: Predicate, members: int, grid: int, upto: Array) -> Int[Array, " R"]:
    """The same by trying k = 0, 1, ... in turn, each member up to a number of its own.

    Nothing is assumed of the predicate. Members without any get `grid`.
    """
    found = np.full(members, grid)
    for k in range(grid):
        chosen = np.flatnonzero((found == grid) & (k <= upto))
        if not len(chosen):
            break
        found[chosen[predicate(chosen, np.full(len(chosen), k))]] = k
    return found
