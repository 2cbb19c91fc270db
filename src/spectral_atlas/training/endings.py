"""Where long runs of gradient descent end: at a minimum, at a saddle, in an orbit, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int8, Int64

Array = np.ndarray

ZERO_LOSS = 1e-12  # above the least: what a global minimum may have by rounding
OUTCOMES = ("minimum", "saddle", "bounded", "diverged")


@dataclass(frozen=True)
class Endings:
    """The ends of M runs of T steps; numbers of a run that diverged are NaN.

    The window is the last few parameters, the last ones among them.

    Attributes
    ----------
    theta : (M, P), the parameters after T updates
    previous : (M, 2, P), those one and two updates before; NaN where there were fewer updates
    loss, gradient_norm : (M,), at `theta`
    gradient_mean, gradient_least, gradient_most : (M,), of |gradient| over the window
    loss_least, loss_most : (M,), over the window
    diverged_at : (M,)
        The first step at which weights were looked at and one was not finite or beyond the limit;
        else -1.
    """

    theta: Float64[Array, "M P"]
    previous: Float64[Array, "M 2 P"]
    loss: Float64[Array, " M"]
    gradient_norm: Float64[Array, " M"]
    gradient_mean: Float64[Array, " M"]
    gradient_least: Float64[Array, " M"]
    gradient_most: Float64[Array, " M"]
    loss_least: Float64[Array, " M"]
    loss_most: Float64[Array, " M"]
    diverged_at: Int64[Array, " M"]

    @property
    def period_two_gap(self) -> Float64[Array, " M"]:
        """|theta_T - theta_{T-2}|: rounding on an orbit of period two, and at rest.

        Small against `step_length` on such an orbit only: next to a fixed point whose multiplier is
        close to -1 it is small as well, but so are the steps.
        """
        return np.linalg.norm(self.theta - self.previous[:, 1], axis=-1)

    @property
    def step_length(self) -> Float64[Array, " M"]:
        """|theta_T - theta_{T-1}|, the last update."""
        return np.linalg.norm(self.theta - self.previous[:, 0], axis=-1)

    def outcomes(
        self,
        *,
        still: float = 1e-8,
        least_loss: float | Float[Array, "#M"] = 0.0,
        zero_loss: float = ZERO_LOSS,
    ) -> Int8[Array, " M"]:
        """Index into OUTCOMES of every run.

        Parameters
        ----------
        still : float > 0
            At rest is a run whose |gradient| stayed below this throughout the window.
        least_loss : float, or one for each run
            The loss of the global minima.
        zero_loss : float >= 0
            At rest with a loss that stayed within this of the least: a minimum. Without: a saddle.

        Raises
        ------
        ValueError
            If a threshold is out of its range or a shape does not fit.

        Notes
        -----
        A small gradient alone does not tell a minimum. Networks of three layers and more have a
        saddle at 0 whose Hessian vanishes: at large learning rates orbits come near it again and
        again and linger there for some 10^4 steps, at gradients of 1e-6 ... 1e-10 and the loss
        of the zero map, before they leave. They count as saddles here if they linger throughout the
        window, as do runs that have converged to a critical point that is no global minimum.
        """
        if not 0 < still < np.inf:
            raise ValueError(f"still = {still}: must be finite and > 0")
        if not 0 <= zero_loss < np.inf:
            raise ValueError(f"zero_loss = {zero_loss}: must be finite and >= 0")
        if np.shape(least_loss) not in ((), self.loss.shape):
            raise ValueError(f"least_loss {np.shape(least_loss)}: must be () or {self.loss.shape}")
        rest = self.gradient_most < still
        low = self.loss_most - least_loss <= zero_loss
        codes = [np.int8(OUTCOMES.index(name)) for name in ("diverged", "minimum", "saddle")]
        bounded = np.int8(OUTCOMES.index("bounded"))
        return np.select([self.diverged_at >= 0, rest & low, rest], codes, bounded)
