"""Reading and writing cached datasets: netCDF4, compressed, atomic, the same bytes every time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

ENCODING = {"zlib": True, "complevel": 4, "shuffle": True}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` that takes its place when the block ends well.

    The data is flushed to disk first, so that a killed job leaves either the old file or the new
    one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save(dataset: xr.Dataset, path: Path, *, key: str, config: Any, versions: Any) -> None:
    """Write a dataset with its key, the configuration slice and the versions that made it.

    Nothing that changes from run to run (time, host, commit) goes into the file.
    """
    stamped = dataset.assign_attrs(
        key=key,
        config=json.dumps(config, sort_keys=True),
        versions=json.dumps(versions, sort_keys=True),
    )
    encoding = {
        name: ENCODING for name, v in stamped.variables.items() if v.ndim and v.dtype.kind in "fiub"
    }
    with replacing(path) as temporary:
        stamped.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def load(path: Path) -> xr.Dataset:
    """Open a cached dataset; variables are read when they are used."""
    return xr.open_dataset(path, engine="h5netcdf")


def write_json(value: Any, path: Path) -> None:
    """Write JSON atomically, indented, sorted."""
    with replacing(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
