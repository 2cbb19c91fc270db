"""Which moments of a long training to keep: where the path moves, and where it is quietest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Array = np.ndarray


class Record(NamedTuple):
    """A moment of a path.

    Attributes
    ----------
    step : int
        Updates made before.
    map : (o, i), the end-to-end matrix A
    train_cost : float, C(A)
    gradient_norm : float, that of the trained loss with respect to theta
    squared_norm : float, |theta|^2
    probes : (D,), inner products of theta with fixed vectors
    """

    step: int
    map: Float[Array, "o i"]
    train_cost: float
    gradient_norm: float
    squared_norm: float
    probes: Float[Array, " D"]


@dataclass(frozen=True)
class RecordRules:
    """When a check becomes a record: the first, the last, and those of which any rule holds.

    Attributes
    ----------
    moved : float > 0
        |A - A'|_F exceeds ``moved * scale``, where A' is the map of the last record by a rule other
        than `quiet`.
    grown : float > 1
        |A|_F has grown or shrunk by more than this factor since that record.
    later : float > 1
        The step exceeds ``later`` times that of that record; so the second check is one too.
    quiet : float, 0 < quiet < 1
        The check is a local minimum of the gradient's norm: lower by this factor than a check
        before it and one after it, with no lower one between them. So each plateau is recorded at
        its quietest moment, exactly; known only later, such a record is put in its place.
    most : int >= 2
        At so many records the thresholds double: ``moved``, and the logarithms of the factors.
        They double again after half as many more, after a quarter and so on, so that a path has
        fewer than ``2 * most`` records and a few more. None that is there is dropped.

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    moved: float = 0.02
    grown: float = 1.1
    later: float = 1.05
    quiet: float = 0.9
    most: int = 1500

    def __post_init__(self) -> None:
        for name, low, high in (
            ("moved", 0, np.inf),
            ("grown", 1, np.inf),
            ("later", 1, np.inf),
            ("quiet", 0, 1),
        ):
            value = getattr(self, name)
            if not low < value < high:
                raise ValueError(f"{name} = {value}: must be > {low} and < {high}")
        if self.most < 2:
            raise ValueError(f"most = {self.most}: must be >= 2")


class PathRecorder:
    """Sees every check of one path in the order of steps, and keeps those that the rules name.

    Parameters
    ----------
    rules : RecordRules
    scale : float > 0
        What `RecordRules.moved` is a fraction of.

    Attributes
    ----------
    records : list of Record, by increasing step

    Raises
    ------
    ValueError
        If `scale` is not positive.
    """

    def __init__(self, rules: RecordRules, scale: float) -> None:
        if not 0 < scale < np.inf:
            raise ValueError(f"scale = {scale}: must be positive and finite")
        self.records: list[Record] = []
        self._moved, self._later, self._quiet = rules.moved * scale, rules.later, rules.quiet
        self._grown = rules.grown
        self._last: Record | None = None  # by a rule other than `quiet`
        self._norm = 0.0  # |A|_F there
        self._double_at, self._wait = rules.most, rules.most
        # Turning points of the gradient's norm: `_high` while it rises, `_low` while it falls.
        self._high = 0.0
        self._low: Record | None = None

    def see(self, check: Record, probe: Callable[[], Array], *, last: bool = False) -> None:
        """Take note of a check; ``check.map`` may change afterwards, ``check.probes`` is not read.

        Parameters
        ----------
        check : Record, later than the one before
        probe : callable
            Gives the probes of the check, where they are needed.
        last : bool
            Whether the path ends here.
        """
        low = self._low
        gradient = check.gradient_norm
        falls = gradient < (self._quiet * self._high if low is None else low.gradient_norm)
        kept = last or self._is_due(check)
        record = None
        if kept or falls:
            record = check._replace(map=check.map.copy(order="K"), probes=probe())
        if falls:
            self._low = record
        elif low is None:
            self._high = max(self._high, gradient)
        elif self._quiet * gradient > low.gradient_norm:
            self._insert(low)
            self._high, self._low = gradient, None
        if kept and record is not None:
            self._insert(record)
            self._last, self._norm = record, _norm(record.map)

    def _is_due(self, check: Record) -> bool:
        last = self._last
        if last is None or check.step > self._later * last.step:
            return True
        norm = _norm(check.map)
        if norm > self._grown * self._norm or norm * self._grown < self._norm:
            return True
        return _norm(check.map - last.map) > self._moved

    def _insert(self, record: Record) -> None:
        at = len(self.records)
        while at and self.records[at - 1].step >= record.step:
            at -= 1
        if at < len(self.records) and self.records[at].step == record.step:
            return
        self.records.insert(at, record)
        if len(self.records) >= self._double_at:
            self._wait = max(self._wait // 2, 1)
            self._double_at += self._wait
            self._moved *= 2
            self._grown, self._later, self._quiet = (
                x * x for x in (self._grown, self._later, self._quiet)
            )


def _norm(matrix: Array) -> float:
    flat = matrix.ravel("K")
    return float(flat @ flat) ** 0.5
