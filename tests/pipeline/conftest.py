"""Clones to test in: untouched, finished at the smoke scale, and a copy of that to edit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pipeline_clone import PARTS, ROOT, Clone


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The project as it is, with nothing computed."""
    path = tmp_path_factory.mktemp("source") / "clone"
    path.mkdir()
    for part in PARTS:
        origin = ROOT / part
        if origin.is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(origin, path / part, ignore=ignore)
        else:
            shutil.copy(origin, path / part)
    return Clone(path)


@pytest.fixture(scope="session")
def finished(source: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the smoke scale has been run; tests copy it before they edit it."""
    clone = source.copy(tmp_path_factory.mktemp("finished") / "clone")
    clone.run()
    return clone


@pytest.fixture
def clone(finished: Clone, tmp_path: Path) -> Clone:
    """A copy of `finished` that one test may edit."""
    return finished.copy(tmp_path / "clone")
