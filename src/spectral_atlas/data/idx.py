"""Reading images and labels from IDX files, the format of MNIST and Fashion-MNIST.

Nothing is downloaded. Debian's package ``dataset-fashion-mnist`` is one source of such a folder: it
installs /usr/share/datasets/fashion-mnist.

A file holds a magic number (two zero bytes, the type of its values, the number of dimensions), each
dimension as a big-endian 32-bit number, and the values, unsigned bytes here.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from math import prod
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8

Array = np.ndarray

_UNSIGNED_BYTE = 0x08


class Files(NamedTuple):
    """The two files of one set."""

    images: Path
    labels: Path


def find(folder: str | Path, part: Literal["train", "t10k"] = "train") -> Files:
    """The files of the training or of the test set, plain or with the suffix .gz; plain ones win.

    Raises
    ------
    ValueError
        If the folder or one of the files does not exist.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise ValueError(f"folder = '{folder}': must be a folder that exists")
    names = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    found = [_existing(place, name) for name in names]
    missing = [f"{name}(.gz)" for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise ValueError(f"folder = '{folder}': has no {' and no '.join(missing)}")
    return Files(*(path for path in found if path is not None))


def shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """The dimensions that the header of a file names; the values are not read.

    Raises
    ------
    ValueError
        If the file can't be read, or does not hold unsigned bytes with so many dimensions.
    """
    return _parse(path, _start(path, 4 + 4 * dimensions), dimensions)


def read(path: Path, dimensions: int) -> UInt8[Array, "*sizes"]:
    """The values of a file.

    Raises
    ------
    ValueError
        As `shape`, and if there are fewer or more values than the header promises.
    """
    content = _start(path, -1)
    sizes = _parse(path, content, dimensions)
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * dimensions)
    if values.size != prod(sizes):
        fault = "is truncated" if values.size < prod(sizes) else "is too long"
        promised = " x ".join(map(str, sizes))
        raise ValueError(f"{path}: {fault}: {values.size} values, must be {promised}")
    return values.reshape(sizes)


def count(files: Files) -> int:
    """Number of samples, from the headers.

    Raises
    ------
    ValueError
        As `shape`, and if images and labels are not equally many.
    """
    (images, *_), (labels,) = shape(files.images, 3), shape(files.labels, 1)
    if images != labels:
        raise ValueError(f"{files.labels}: has {labels} labels, must be one for each of {images}")
    return images


def load(files: Files) -> tuple[UInt8[Array, "n rows columns"], Int64[Array, " n"]]:
    """Images and labels.

    Raises
    ------
    ValueError
        As `read` and `count`.
    """
    count(files)
    return read(files.images, 3), read(files.labels, 1).astype(np.int64)


def digest(files: Files) -> str:
    """SHA-256 over the SHA-256 of each file as it lies there: a packed file differs from a plain.

    Raises
    ------
    ValueError
        If a file can't be read.
    """
    whole = hashlib.sha256()
    for path in files:
        try:
            with path.open("rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise _unreadable(path, error) from None
    return whole.hexdigest()


def _existing(place: Path, name: str) -> Path | None:
    paths = (place / name, place / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def _start(path: Path, size: int) -> bytes:
    """The first bytes of a file once unpacked, all where size is -1."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
            return stream.read(size)
    except EOFError:
        raise ValueError(f"{path}: is truncated: its gzip stream has no end") from None
    except (OSError, zlib.error) as error:
        raise _unreadable(path, error) from None


def _parse(path: Path, content: bytes, dimensions: int) -> tuple[int, ...]:
    magic = _UNSIGNED_BYTE << 8 | dimensions
    found = int.from_bytes(content[:4], "big")
    if len(content) >= 4 and found != magic:
        raise ValueError(f"{path}: magic number {found:#010x}, must be {magic:#010x}")
    if len(content) < 4 + 4 * dimensions:
        raise ValueError(f"{path}: is truncated: its header has {len(content)} bytes")
    sizes = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4).tolist()
    if 0 in sizes:
        raise ValueError(f"{path}: has dimensions {sizes}, each must be at least 1")
    return tuple(sizes)


def _unreadable(path: Path, error: Exception) -> ValueError:
    reason = getattr(error, "strerror", None) or str(error)
    return ValueError(f"{path}: can't be read: {reason}")
