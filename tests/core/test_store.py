"""Cached files: whole or absent, the same bytes, labelled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from spectral_atlas import store

DATASET = xr.Dataset(
    {
        "x": (
            ("run", "param"),
            np.array([[1.0, np.nan], [np.inf, -2.0]]),
            {"long_name": "a thing"},
        ),
        "code": ("run", np.array([0, 3], dtype=np.int8)),
    },
    coords={"kind": ("run", np.array(["gaussian", "residual"])), "flag": ("run", [True, False])},
)


def save(path: Path) -> None:
    store.save(DATASET, path, key="abc", config={"b": 1, "a": [2]}, versions={"numpy": "2"})


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "sub" / "file.nc")
    with store.load(tmp_path / "sub" / "file.nc") as loaded:
        xr.testing.assert_equal(loaded, DATASET)
        assert loaded["x"].attrs["long_name"] == "a thing"
        assert loaded.attrs["key"] == "abc"
        assert json.loads(loaded.attrs["config"]) == {"a": [2], "b": 1}


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    save(tmp_path / "a.nc")
    save(tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    store.write_json({"old": 1}, path)
    with pytest.raises(ValueError, match="JSON"):
        store.write_json({"new": float("nan")}, path)
    assert json.loads(path.read_text("utf-8")) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]
