"""Nothing in the repository is tied to the machine that it was written on."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PUBLIC = {"https://pypi.org/", "https://files.pythonhosted.org/"}
# Homes, scratch folders, mounts and private package folders; a lone "/tmp" in prose is fine.
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(root|home|Users|work|opt|mnt|srv|tmp|var/tmp)/[\w.]"
    r"|\bfile://|[A-Za-z]:\\Users"
)
BINARY = {".png", ".pdf", ".nc", ".gz", ".zip"}


def tracked_files() -> list[Path]:
    """Tracked files and new ones that git does not ignore."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def test_lock_names_only_the_public_index():
    urls = re.findall(r"https?://[^/\s\"]+/", (ROOT / "uv.lock").read_text())
    assert urls
    assert set(urls) <= PUBLIC


def test_lock_names_no_folder():
    lock = (ROOT / "uv.lock").read_text()
    assert "file:" not in lock
    assert set(re.findall(r"source = \{ (\w+)", lock)) <= {"registry", "editable"}


def test_no_file_names_a_path_of_a_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_file_holds_a_pickle():
    names = [path.name for path in tracked_files() if path.suffix in {".pkl", ".pickle", ".pt"}]
    assert not names


@pytest.mark.parametrize("text", ["/home/ann/x", "see /root/.cache", "file:///wheels", "/opt/env"])
def test_machine_paths_are_recognised(text):
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["https://pypi.org/simple", "results/tmp/x", "a/work/b", "n / d"])
def test_other_text_is_let_through(text):
    assert not MACHINE_PATH.search(text)
