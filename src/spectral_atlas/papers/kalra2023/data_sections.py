"""Sections of the configuration of Kalra & Barkeshli that say which data are learned."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, computed_field, model_validator

from spectral_atlas.config import Section
from spectral_atlas.data import idx


class Images(Section):
    """Images of several classes with one-hot targets, each standardised on its own."""

    source: Literal["mixture", "idx"] = Field(
        "mixture",
        description="mixture: Gaussian classes with a power-law spectrum; idx: the training images "
        "of a folder in the format of MNIST",
    )
    samples: int = Field(ge=1, le=1_000_000, description="N; of a folder, a random choice")
    dimension: int = Field(64, ge=2, le=4096, description="D; mixture only")
    classes: int = Field(10, ge=2, le=1000, description="K")
    decay: float = Field(
        1.0, ge=0, le=10, description="eigenvalue i of the covariance is i^-decay; mixture only"
    )
    folder: str | None = Field(
        None,
        description="with train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz; such "
        "as /usr/share/datasets/fashion-mnist of Debian's package dataset-fashion-mnist; idx only",
    )
    _contents: str | None = PrivateAttr(None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def contents(self) -> str | None:
        """SHA-256 of the folder's two files when the configuration was read; part of the key."""
        return self._contents

    @model_validator(mode="after")
    def _files_fit(self) -> Self:
        if self.source == "mixture":
            if self.folder is not None:
                raise ValueError(f"folder = {self.folder!r}: must be null where source is mixture")
            return self
        if self.folder is None:
            raise ValueError("folder = None: must be given where source is idx")
        files = idx.find(self.folder)
        try:
            available, largest = idx.count(files), int(idx.read(files.labels, 1).max())
            self._contents = _digest(files, *map(_stamp, files))
        except ValueError as error:
            raise ValueError(f"folder = {self.folder!r}: {error}") from None
        if self.samples > available:
            raise ValueError(
                f"samples = {self.samples}: must be at most {available}, the images in the folder"
            )
        if self.classes <= largest:
            raise ValueError(
                f"classes = {self.classes}: must be at least {largest + 1} for the folder's labels"
            )
        return self


class Teacher(Section):
    """Gaussian inputs and the outputs of a random two-layer tanh network."""

    samples: int = Field(ge=1, le=1_000_000, description="N")
    dimension: int = Field(64, ge=1, le=4096, description="D")
    hidden: int = Field(32, ge=1, le=100_000, description="H, hidden units of the teacher")
    outputs: int = Field(10, ge=1, le=1000, description="K")


class RandomLabels(Section):
    """Gaussian inputs with random one-hot targets."""

    samples: int = Field(ge=1, le=1_000_000, description="N")
    dimension: int = Field(32, ge=1, le=4096, description="D")
    outputs: int = Field(10, ge=2, le=1000, description="K")


class Fields(Section):
    """Gaussian random fields of several classes on a periodic grid, for convolutional networks."""

    samples: int = Field(ge=1, le=1_000_000, description="N")
    side: int = Field(8, ge=2, le=256, description="pixels along a side")
    channels: int = Field(3, ge=1, le=64, description="independent fields of an image")
    classes: int = Field(10, ge=2, le=1000, description="K")
    decay: float = Field(
        1.5, ge=0, le=10, description="the amplitude of wave number k is (1 + k)^-decay"
    )


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@cache
def _digest(files: idx.Files, *stamps: tuple[int, int]) -> str:
    """Read once for each state of the files, though one process validates several scales."""
    return idx.digest(files)
