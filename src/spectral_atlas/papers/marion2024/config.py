"""Configuration of the Marion & Chizat figures. Defaults are the paper's own values."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, computed_field, model_validator

from spectral_atlas.config import Section


def unique(name: str = "") -> AfterValidator:
    """Refuse repeated values, or sections with the same ``name``: runs would be counted twice."""

    def check(values: list[Any]) -> list[Any]:
        seen = [getattr(v, name) if name else v for v in values]
        repeated = sorted({v for v in seen if seen.count(v) > 1})
        if repeated:
            listed = ", ".join(f"{v:g}" for v in repeated)
            raise ValueError(f"must not repeat {name} {listed}".replace("  ", " "))
        return values

    return AfterValidator(check)


Positive = Annotated[float, Field(gt=0)]
Depth = Annotated[int, Field(ge=1, le=200)]


class Grid(Section):
    """Evenly spaced values, both ends included."""

    start: float = Field(ge=0, description="first value; positive where spacing is log")
    stop: Positive = Field(description="last value")
    count: int = Field(ge=1, le=1000, description="number of values")
    spacing: Literal["linear", "log"] = Field("linear", description="evenly spaced in which sense")

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if self.spacing == "log" and self.start <= 0:
            raise ValueError("start must be greater than 0 where spacing is log")
        if self.count > 1 and self.stop <= self.start:
            raise ValueError(f"stop must be greater than start = {self.start:g}")
        return self

    @computed_field(description="the values, rounded to 12 digits")  # type: ignore[prop-decorator]
    @property
    def values(self) -> list[float]:
        """The values. A computed field, so that they are part of the keys."""
        share = [i / max(self.count - 1, 1) for i in range(self.count)]
        if self.spacing == "linear":
            exact = [self.start + (self.stop - self.start) * t for t in share]
        else:
            exact = [self.start * (self.stop / self.start) ** t for t in share]
        return [float(f"{v:.12g}") for v in exact]


class Block(Section):
    """One learning rate of a sweep, with its own number of steps and of repeats."""

    learning_rate: Positive = Field(description="constant step size eta")
    steps: int = Field(ge=1, description="gradient descent steps")
    repeats: int = Field(ge=1, le=10_000, description="independent initializations for each scale")


class RegressionData(Section):
    """Univariate linear regression with n samples in d dimensions, w* scaled to norm one."""

    n: int = Field(50, ge=1, description="number of samples")
    d: int = Field(5, ge=1, le=200, description="input dimension")
    noise: float = Field(1.0, ge=0, description="standard deviation of the label noise")
    published: bool = Field(True, description="let draw 0 be the data set of the published code")
    published_position: int = Field(
        0, ge=0, le=10_000, description="draws that the published code makes before this one"
    )
    draws: int = Field(3, ge=1, le=100, description="number of data sets")


class OneRegressionData(RegressionData):
    """A single data set."""

    draws: Literal[1] = Field(1, description="number of data sets")


class RatioData(Section):
    """Problems with chosen spectrum of Sigma, around one base problem."""

    n: int = Field(100, ge=2, description="number of samples")
    d: int = Field(
        5, ge=2, le=100, description="input dimension where the dimension is not scanned"
    )
    condition_number: float = Field(3.0, ge=1, description="of Sigma, where it is not scanned")
    condition_numbers: list[Annotated[float, Field(ge=1)]] = Field(
        [1.0, 3.0, 10.0, 30.0, 100.0], min_length=1, description="scanned condition numbers"
    )
    dimensions: list[Annotated[int, Field(ge=2, le=100)]] = Field(
        [2, 5, 10, 20], min_length=1, description="scanned dimensions (all layers are d wide)"
    )
    noise: float = Field(1.0, ge=0, description="standard deviation of the label noise")
    draws: int = Field(3, ge=1, le=100, description="data sets for each problem")

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        largest = max([self.d, *self.dimensions])
        if self.n < largest:
            raise ValueError(f"n = {self.n} must be at least the largest dimension, {largest}")
        return self


class Data(Section):
    """All data sets of the paper."""

    linear: RegressionData = Field(description="Figures 1 to 5")
    underdetermined: RegressionData = Field(description="Figure 6: fewer samples than dimensions")
    noiseless: OneRegressionData = Field(description="Figure 7: the GELU network")
    ratio: RatioData = Field(description="the study of S / S_min")


class Outcomes(Section):
    """When a run counts as converged, and when as collapsed onto the zero map."""

    converged_below: float = Field(
        1e-6,
        gt=0,
        lt=1,
        description="excess risk over that of the zero map, below which: converged",
    )
    collapsed_below: float = Field(
        1e-3, gt=0, lt=1, description="norm of the predictor over |w*|, below which: collapsed"
    )


class Sweep(Outcomes):
    """Initialization scale x learning rate x repeat, for one depth."""

    depth: Depth = Field(10, description="number of layers L")
    scales: Grid = Field(description="initialization scales")
    blocks: Annotated[list[Block], unique("learning_rate")] = Field(
        min_length=1, description="learning rates"
    )


class Evolution(Outcomes):
    """Single trajectories with the sharpness along them."""

    depth: Depth = Field(10, description="number of layers L")
    gaussian_scale: Positive = Field(0.35, description="scale of the Gaussian initialization")
    residual_scale: float = Field(0.5, ge=0, description="scale s of the residual initialization")
    learning_rates: Annotated[list[Positive], unique()] = Field(
        [0.02, 0.1], min_length=2, max_length=2, description="a small and a large step size"
    )
    steps: int = Field(450, ge=1, description="gradient descent steps")
    record_every: int = Field(
        5, ge=1, description="steps between two records; even numbers hide oscillations"
    )
    repeats: int = Field(20, ge=1, le=1000, description="independent initializations")


class DepthSweep(Outcomes):
    """Learning rate x depth for the residual initialization."""

    depths: Annotated[list[Depth], unique()] = Field(
        [5, 10, 20, 40], min_length=1, description="depths L"
    )
    scale: float = Field(0.25, ge=0, description="initialization scale s")
    learning_rates: Grid = Field(description="step sizes")
    steps: int = Field(1000, ge=1, description="gradient descent steps")
    repeats: int = Field(50, ge=1, le=10_000, description="independent initializations")


class AlignmentEnsemble(Section):
    """One depth of the rank-one study."""

    depth: Annotated[int, Field(ge=2, le=200)] = Field(description="number of layers L")
    scales: Grid = Field(description="initialization scales")
    learning_rate: Positive = Field(0.02, description="step size")
    steps: int = Field(
        ge=1, description="gradient descent steps; escape takes scale^-(L-2) of them"
    )


class Alignment(Outcomes):
    """Rank-one structure against the initialization scale."""

    converged_below: float = Field(
        1e-9,
        gt=0,
        lt=1,
        description="excess risk over that of the zero map, below which: converged",
    )
    ensembles: Annotated[list[AlignmentEnsemble], unique("depth")] = Field(
        min_length=1, description="one for each depth"
    )
    repeats: int = Field(10, ge=1, le=1000, description="independent initializations")


class Minimizers(Section):
    """Sharpness at minimizers, against depth."""

    depths: Annotated[list[Annotated[int, Field(ge=2, le=200)]], unique()] = Field(
        [2, 3, 5, 10, 20, 40], min_length=1, description="depths L"
    )
    samples: int = Field(200, ge=1, le=100_000, description="random minimizers for each depth")
    spreads: Annotated[list[Annotated[float, Field(ge=0)]], unique()] = Field(
        [0.0, 0.3, 1.0], min_length=1, description="log-normal spread of the layers' norms"
    )


class RatioArm(Section):
    """One initialization of the study of S / S_min."""

    scale: Positive = Field(description="initialization scale")
    depth: Annotated[int, Field(ge=2, le=200)] = Field(description="depth where it is not scanned")
    depths: list[Annotated[int, Field(ge=2, le=200)]] = Field(
        min_length=1, description="scanned depths"
    )
    steps: int = Field(ge=1, description="gradient descent steps")


class Ratio(Outcomes):
    """S / S_min for both initializations, near the gradient flow."""

    relative_learning_rate: float = Field(
        0.1, gt=0, le=0.5, description="step size times L Lambda; small values follow the flow"
    )
    gaussian: RatioArm = Field(description="small-scale initialization")
    residual: RatioArm = Field(description="residual initialization")
    repeats: int = Field(10, ge=1, le=1000, description="independent initializations")


class Spectra(Section):
    """How sharpness is measured."""

    tolerance: float = Field(
        1e-9, ge=1e-13, le=1e-3, description="residual bound over the largest |eigenvalue| to reach"
    )
    power_iterations: int = Field(
        20, ge=2, le=1000, description="products in the published estimator, kept for comparison"
    )


class MarionChizat(Section):
    """Deep linear networks for regression are implicitly regularized towards flat minima."""

    data: Data = Field(description="data sets")
    mlp_sweep: Sweep = Field(description="Figures 1a, 1b and 3: Gaussian initialization")
    residual_sweep: Sweep = Field(description="Figures 4a, 4b and 5: residual initialization")
    evolution: Evolution = Field(description="Figures 1c, 1d, 4c and 4d")
    depth_sweep: DepthSweep = Field(description="Figure 2")
    underdetermined_sweep: Sweep = Field(description="Figure 6")
    gelu_sweep: Sweep = Field(description="Figure 7: a GELU network, Gaussian initialization")
    alignment: Alignment = Field(description="rank_one_alignment")
    minimizers: Minimizers = Field(description="sharpness_vs_depth")
    ratio: Ratio = Field(description="ratio_vs_conditioning")
    spectra: Spectra = Field(description="how sharpness is measured")
