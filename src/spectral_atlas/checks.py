"""Checks: statements of a paper, each with the function that measures it on the cached files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from spectral_atlas.claims import Claim

if TYPE_CHECKING:
    from types import ModuleType

    import xarray as xr

BROKEN = "could not be evaluated"
Measurement = Callable[[Any], tuple[float, str]]


class Unmeasured(Exception):
    """The caches at hand cannot decide the claim; the message says why."""


class Cached:
    """The files that claims are measured on; base of a paper's study.

    Parameters
    ----------
    inputs : datasets by ``stage/name``; absent ones make the claims on them unmeasured.
    """

    def __init__(self, inputs: Mapping[str, xr.Dataset]) -> None:
        self.inputs = inputs

    def dataset(self, ref: str) -> xr.Dataset:
        """The dataset ``stage/name``, read into memory; Unmeasured where it is absent."""
        if ref not in self.inputs:
            raise Unmeasured(f"no {ref} at hand")
        return self.inputs[ref].load()


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


def in_order(*modules: ModuleType, letters: str = ascii_uppercase) -> tuple[Check, ...]:
    """The ``CHECKS`` of all modules, by letter, number and part of their ids.

    Parameters
    ----------
    modules : each with an iterable ``CHECKS``
    letters : str
        First letters of the ids, in their order.

    Raises
    ------
    ValueError
        An id is not one of the letters, a number and perhaps a part, as in A1 or T12b.
    """
    found = [one for module in modules for one in module.CHECKS]
    return tuple(sorted(found, key=lambda one: _place(one.id, letters)))


def _place(id: str, letters: str) -> tuple[int, int, str]:
    parts = re.fullmatch(rf"([{letters}])([0-9]+)([a-z]*)", id)
    if parts is None:
        raise ValueError(f"id = {id!r}: must be one of {letters}, a number and perhaps a part")
    letter, number, part = parts.groups()
    return letters.index(letter), int(number), part


def evaluator(
    study: Callable[[Mapping[str, xr.Dataset]], Any], checks: tuple[Check, ...]
) -> Callable[[Mapping[str, xr.Dataset]], list[Claim]]:
    """The function that evaluates a paper's claims: every check on one study of the inputs."""

    def evaluate(inputs: Mapping[str, xr.Dataset]) -> list[Claim]:
        """Every claim, in order; those that the inputs cannot decide are not measured.

        Parameters
        ----------
        inputs : datasets by ``stage/name``
        """
        files = study(inputs)
        return [one(files) for one in checks]

    return evaluate
