"""A check: one statement of the paper with the function that measures it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spectral_atlas.claims import Claim

BROKEN = "could not be evaluated"
Measurement = Callable[[Any], tuple[float, str]]


class Unmeasured(Exception):
    """The caches at hand cannot decide the claim; the message says why."""


@dataclass(frozen=True)
class Check:
    """What is expected (the fields of `Claim`) and how it is measured.

    ``measure(study)`` returns the number and the detail, or raises `Unmeasured` with the reason;
    a study is whatever the paper's claims are measured on.
    """

    id: str
    figure: str
    statement: str
    expected: str
    low: float
    high: float
    tolerance: str
    evidence: str
    measure: Measurement

    def __call__(self, study: Any) -> Claim:
        """The claim: measured, or ``None`` with the reason where the caches lack the data.

        A measurement that ends in an error, or in no finite number, is ``None`` as well, and its
        detail starts with `BROKEN`: one claim must not take the others with it.
        """
        measured: float | None
        try:
            measured, detail = self.measure(study)
        except Unmeasured as missing:
            measured, detail = None, str(missing)
        except Exception as error:
            measured, detail = None, f"{BROKEN}: {type(error).__name__}: {error}"
        if measured is not None and not math.isfinite(measured):
            measured, detail = None, f"{BROKEN}: {measured} is no number; {detail}"
        return Claim(
            id=self.id,
            figure=self.figure,
            statement=self.statement,
            measured=None if measured is None else float(measured),
            expected=self.expected,
            low=self.low,
            high=self.high,
            tolerance=self.tolerance,
            evidence=self.evidence,
            detail=detail,
        )


def check(
    id: str,
    figure: str,
    statement: str,
    *,
    expected: str,
    low: float,
    high: float,
    tolerance: str,
    evidence: str,
) -> Callable[[Measurement], Check]:
    """Turn a measuring function into a `Check`."""

    def wrap(measure: Measurement) -> Check:
        return Check(id, figure, statement, expected, low, high, tolerance, evidence, measure)

    return wrap
