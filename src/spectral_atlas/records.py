"""Records: which published files belong to which key, and whether they are still what was written.

Published files (figures, tables) have stable names that can't hold a key. A record beside the
caches does: ``<stem>.<key>.json`` names the files it was written with and their digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spectral_atlas import store


def write(record: str, content: dict[str, Any], files: Iterable[str]) -> None:
    """Write a record and remove those of the same stem for other keys."""
    path = Path(record)
    stem = path.name.split(".", 1)[0]
    for other in path.parent.glob(f"{stem}.*.json"):
        if other != path and other.name.count(".") == 2:
            other.unlink()
    store.write_json({**content, "files": {f: _digest(Path(f)) for f in files}}, path)


def is_current(record: str) -> bool:
    """Whether the record is there and every file it names is the one it was written with."""
    files = read(record).get("files", {})
    return bool(files) and all(
        Path(f).exists() and _digest(Path(f)) == digest for f, digest in files.items()
    )


def read(record: str) -> dict[str, Any]:
    """The content of a record; empty where there is none."""
    path = Path(record)
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
