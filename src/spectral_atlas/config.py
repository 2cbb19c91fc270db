"""The configuration: one pydantic model, a section for every paper, errors in one line each."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import pydantic
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from spectral_atlas.registry import papers, resolve

SCALES = ("smoke", "default", "paper", "real")


class ConfigError(ValueError):
    """The configuration is wrong; each line names a key, its value and what is allowed."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are frozen, NaN and inf are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_types(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic would take true for 1, "yes" for true and "3" for 3."""
        wanted = cls.model_fields[str(info.field_name)].annotation
        if wanted is bool and not isinstance(value, bool):
            raise ValueError("must be true or false")
        if wanted in (int, float) and isinstance(value, bool):
            raise ValueError("must be a number")
        if wanted is int and isinstance(value, str):
            raise ValueError("must be a whole number, without quotes")
        return value


def each_once(values: list[Any]) -> list[Any]:
    """A validator of lists whose values are coordinates of results: ValueError for a repeated one.

    For example ``Rates = Annotated[list[float], AfterValidator(each_once)]``.
    """
    if any(value in values[:k] for k, value in enumerate(values)):
        raise ValueError("must not name a value twice")
    return values


class Style(Section):
    """How figures look; changing it redraws, and computes nothing anew."""

    width_mm: float = Field(140.0, ge=60, le=300, description="width of a figure in millimetres")
    font_size: float = Field(8.0, ge=5, le=14, description="size of all text in points")
    dpi: int = Field(200, ge=72, le=600, description="resolution of the PNG files")
    palette: Literal["colorblind", "viridis", "cividis"] = Field(
        "colorblind",
        description="palette of unordered curves; all choices suit colour-blind readers",
    )


class Base(Section):
    """The part of the configuration that belongs to no paper."""

    scale: Literal["smoke", "default", "paper", "real"] = Field(
        "default", description="name of the scale, set by the overlays in workflow/scales"
    )
    seed: int = Field(2024, ge=0, lt=2**32, description="root of every random stream")
    style: Style = Field(default_factory=Style, description="how figures look")


@cache
def model() -> type[Base]:
    """The complete model: `Base` and one section for each registered paper."""
    sections: dict[str, Any] = {
        key: (resolve(paper.config), Field(description=paper.title))
        for key, paper in papers().items()
    }
    return pydantic.create_model("Config", __base__=Base, **sections)


def parse(raw: dict[str, Any]) -> Base:
    """Validate a plain dictionary.

    Raises
    ------
    ConfigError
        One line for each wrong key: its path, the value, what is allowed.
    """
    try:
        return model().model_validate(raw)
    except ValidationError as error:
        lines = [_describe(e) for e in error.errors()]
        raise ConfigError("\n".join(lines)) from None


def cautions(section: BaseModel, path: str = "") -> list[str]:
    """What is allowed, but hardly meant: one line for each, with the path of its key.

    A section that has any to give lists them in a method ``_cautions()``, each as
    ``"key = value: why"``.
    """
    own = getattr(section, "_cautions", list)
    lines = [f"config warning: {path}{'.' if path else ''}{line}" for line in own()]
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            lines += cautions(value, f"{path}.{name}" if path else name)
    return lines


def _describe(error: Any) -> str:
    path = ""
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if error["type"] in ("model_type", "dict_type"):
        message = "must be a section with keys of its own"
    if error["type"] == "extra_forbidden":
        return f"config error: {path}: unknown key; allowed here: {_allowed(error['loc'])}"
    if error["type"] == "missing":
        return f"config error: {path}: missing; it has no default"
    if error["type"] == "value_error" and isinstance(error["input"], dict):
        return f"config error: {path}.{message}"  # a section's own rule names the key and its value
    value = repr(error["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"config error: {path} = {shown}: {message[0].lower()}{message[1:]}"


def _allowed(loc: tuple[str | int, ...]) -> str:
    """The keys that the model knows beside the unknown last part of ``loc``."""
    current: Any = model()
    for part in loc[:-1]:
        if isinstance(part, str) and part in current.model_fields:
            current = current.model_fields[part].annotation
        for inner in getattr(current, "__args__", ()):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                current = inner
    return ", ".join(current.model_fields)
