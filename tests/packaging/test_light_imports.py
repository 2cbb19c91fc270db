"""What import-linter cannot see: the modules that an import really loads, every `__init__` too."""

import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src" / "spectral_atlas"
PAPERS = sorted(path.parent.name for path in SRC.glob("papers/*/experiments.py"))


def loaded_after(module: str, names: set[str]) -> set[str]:
    """Those of `names` that a fresh Python has loaded after importing `module`."""
    code = f"import sys, {module}; print(*sorted({names!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["registry", "config", "keys", *(f"papers.{paper}.experiments" for paper in PAPERS)],
)
def test_reading_the_registry_is_light(module):
    assert not loaded_after(f"spectral_atlas.{module}", {"torch", "numba", "matplotlib"})


@pytest.mark.parametrize("module", ["plotting", *(f"papers.{paper}.figures" for paper in PAPERS)])
def test_drawing_loads_no_torch_and_no_numba(module):
    assert not loaded_after(f"spectral_atlas.{module}", {"torch", "numba"})
