"""A clone of the project in a temporary folder, and what `snakemake -n` wants in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "environment.yml", "workflow", "profiles", "scripts", "src")
SMOKE = "workflow/scales/smoke.yaml"


@dataclass(frozen=True)
class Clone:
    """A copy of the project that tests may edit and run."""

    path: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run snakemake in the clone, on the clone's own code."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
            cwd=self.path, env=environment, capture_output=True, text=True, timeout=1200,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    def run(self, *overlays: str) -> None:
        """Make everything at the smoke scale."""
        self.snakemake("--configfile", SMOKE, *overlays)

    def wanted(self, *arguments: str) -> set[str]:
        """The jobs that a dry run would do: "runs/mlp_sweep", "figures/fig2", "claims", ...

        Arguments that end in .yaml are overlays, others are targets.
        """
        overlays = [a for a in arguments if a.endswith(".yaml")]
        targets = [a for a in arguments if not a.endswith(".yaml")]
        text = self.snakemake(*targets, "-n", "--configfile", SMOKE, *overlays).stdout
        return {_job(line) for line in re.findall(r"^ +output: (.*)$", text, re.MULTILINE)}

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that must be there."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def copy(self, to: Path, *, without: tuple[str, ...] = ()) -> Clone:
        """Another clone beside this one; time stamps are those of the copying, as after git."""
        ignore = shutil.ignore_patterns(*without)
        shutil.copytree(self.path, to, ignore=ignore, copy_function=shutil.copyfile)
        return Clone(to)


def _job(outputs: str) -> str:
    first = outputs.split(", ")[0]
    folder, *rest = first.split("/")
    if folder == "figures":
        return f"figures/{Path(first).stem}"
    if rest[0] in ("data", "runs", "spectra"):
        return f"{rest[0]}/{rest[-1].split('.')[0]}"
    return "claims" if rest[0] == "claims" else f"table of {Path(first).stem}"
