"""Joining the parts of a file that several jobs computed, as if one had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from spectral_atlas.stage import Inputs, Job

STAMPS = ("key", "config", "versions")  # what saving adds to a file, the joined one too
TEXT = "OSTU"  # kinds of dtype whose width may differ from part to part


@dataclass(frozen=True)
class Join:
    """What `join` is told beside the parts.

    Attributes
    ----------
    along : str
        The dimension that the parts share out among themselves.
    """

    along: str


def join(config: Join, inputs: Inputs, job: Job) -> xr.Dataset:
    """One dataset from its parts, in the order of their numbers.

    Parameters
    ----------
    config : Join
    inputs : mapping of "stage/name_part<i>of<n>" to Dataset
        Numbers have as many digits as ``n``, so that the order of names is that of parts.
    job : Job
        Not used: nothing is drawn at random.

    Returns
    -------
    Dataset
        What one job would give up to the order along the dimension.

    Raises
    ------
    ValueError
        If parts differ in what they must share: variables, attributes, dtypes, dimensions, and the
        values of all variables without the dimension; or if two of them use one label.
    """
    parts = {ref: _unstamped(inputs[ref]) for ref in sorted(inputs)}
    (first, reference), *others = parts.items()
    for ref, part in parts.items():
        if config.along not in part.dims:
            known = ", ".join(map(str, part.dims))
            raise ValueError(f"{ref} has no dimension {config.along}; it has {known}")
    for ref, part in others:
        _refuse_difference(reference, part, config.along, f"{first} and {ref} differ in")
    joined = xr.concat(
        list(parts.values()),
        dim=config.along,
        data_vars="minimal",
        coords="minimal",
        compat="override",  # what could differ has been compared
        join="override",
        combine_attrs="override",
    )
    labels = joined.indexes.get(config.along)
    if labels is not None and not labels.is_unique:
        twice = labels[labels.duplicated()][0]
        raise ValueError(f"label {twice} of dimension {config.along} is in more than one part")
    return joined


def _unstamped(part: xr.Dataset) -> xr.Dataset:
    kept = part.drop_encoding()  # chunks of a part are not those of the whole
    kept.attrs = {name: value for name, value in part.attrs.items() if name not in STAMPS}
    return kept


def _refuse_difference(a: xr.Dataset, b: xr.Dataset, along: str, message: str) -> None:
    _refuse_attributes(a.attrs, b.attrs, message)
    for kind, mine, other in (
        ("coordinates", set(a.coords), set(b.coords)),
        ("variables", set(a.data_vars), set(b.data_vars)),
    ):
        if mine != other:
            raise ValueError(f"{message} {kind}: {', '.join(sorted(map(str, mine ^ other)))}")
    for name, x in a.variables.items():
        y = b.variables[name]
        _refuse_attributes(x.attrs, y.attrs, f"{message} variable {name},")
        if x.dims != y.dims:
            raise ValueError(f"{message} dimensions of {name}: {x.dims} and {y.dims}")
        if x.dtype != y.dtype and not (x.dtype.kind in TEXT and y.dtype.kind in TEXT):
            raise ValueError(f"{message} dtype of {name}: {x.dtype} and {y.dtype}")
        sizes = [{d: n for d, n in v.sizes.items() if d != along} for v in (x, y)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{message} sizes of {name}: {sizes[0]} and {sizes[1]}")
        if along not in x.dims and not a[name].equals(b[name]):
            raise ValueError(f"{message} {name}, which has no dimension {along}")


def _refuse_attributes(a: dict[Any, Any], b: dict[Any, Any], message: str) -> None:
    for name in sorted({*a, *b}):
        if name not in a or name not in b or not np.array_equal(a[name], b[name]):
            raise ValueError(
                f"{message} attribute {name}: {a.get(name, 'none')} and {b.get(name, 'none')}"
            )
