"""What the Gauss rules of random probes say of a spectrum, rigorously and statistically."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from spectral_atlas.spectra._quadrature import CLOSING, cdf_envelope, distance_bound
from spectral_atlas.spectra._sampling import mean_and_error

Array = np.ndarray
# Rounding of Lanczos in the nodes, in units of eps max |node|; no less than what closes it.
ROUNDING = 1.28 * CLOSING


@dataclass(frozen=True)
class SpectralDensity:
    r"""Gauss rules of the probe measures of B symmetric P x P matrices; from `spectral_density`.

    A unit probe v sees the measure mu_v = sum_i <v, u_i>^2 delta(lambda_i). Its m-step rule has
    nodes theta_j (Ritz values) and weights w_j, and the same moments up to degree 2m - 1. Two
    kinds of error stand apart in every method:

    - rule against mu_v: bounded rigorously, in exact arithmetic, by `cdf` and `wasserstein_bound`.
      Rounding acts like a change of H by a few ``eps |H|``; `cdf` moves each node by 128 times
      ``eps max |theta|`` outwards, after which mass at a distance d from x may be miscounted by
      about ``eps |H| / d``;
    - mu_v against the spectrum: statistical. E mu_v = (1/P) sum_i delta(lambda_i) over uniform
      unit v, and the standard errors over probes (NaN for one probe) say how far the mean is off.
      At a point where the spectral CDF is f, one probe has variance f (1 - f) / (P/2 + 1).

    Members flagged as not finite are NaN throughout.
    """

    nodes: Float[Array, "B v m"]  # ascending; NaN after a probe's last
    weights: Float[Array, "B v m"]  # 0 after a probe's last; each probe sums to 1
    residuals: Float[Array, "B v m"]  # an eigenvalue lies within this distance of the node
    steps: Int[Array, "B v"]  # nodes, which are products spent
    exact: Bool[Array, "B v"]  # the probe's Krylov space closed: the rule is mu_v
    n_params: int
    eps: float  # of the operator's dtype

    def cdf(
        self, grid: Float[Array, " g"]
    ) -> tuple[Float[Array, "B g"], Float[Array, "B g"], Float[Array, "B g"]]:
        """Bounds on the probes' mean CDF, and the standard error of their middle.

        Parameters
        ----------
        grid : (g,)
            Points, in any order.

        Returns
        -------
        lower, upper : (B, g)
            Rigorous: lower <= mean_v F_v(x) <= upper with F_v(x) = mu_v((-inf, x]).
        standard_error : (B, g)
            Statistical: of mean_v (lower + upper)/2. For the spectral CDF, k standard errors are
            to be added on both sides of the bounds, not of their middle.

        Notes
        -----
        Chebyshev, Markov, Stieltjes: with W_j = w_1 + .. + w_j, W_{j-1} <= F_v(theta_j-) and
        F_v(theta_j) <= W_j; so W_{j-1} <= F_v <= W_{j+1} between theta_j and theta_{j+1}. Outside
        the nodes Cantelli's inequality for |l_m|^2 mu_v / w_m (l_m: the Lagrange polynomial, at
        least 1 beyond theta_m), with mean theta_m and variance r_m^2, r_m the residual, gives
        1 - F_v(x) <= w_m r_m^2 / (r_m^2 + (x - theta_m)^2), and likewise below theta_1. Exact
        probes have lower = upper away from their nodes.
        """
        grid = np.asarray(grid, dtype=np.float64)
        lower, upper, error = np.full((3, len(self.nodes), len(grid)), np.nan)
        for member in np.flatnonzero(self._finite):
            bounds = [
                cdf_envelope(*rule, exact, self._slack(rule[0]), grid)
                for rule, exact in zip(self._rules(int(member)), self.exact[member], strict=True)
            ]
            low, high = np.stack(bounds, axis=1)
            lower[member], upper[member] = low.mean(axis=0), high.mean(axis=0)
            error[member] = mean_and_error((low + high) / 2, 0)[1]
        return lower, upper, error

    def density(
        self, grid: Float[Array, " g"], width: float
    ) -> tuple[Float[Array, "B g"], Float[Array, "B g"]]:
        """Density per unit eigenvalue, smoothed by a Gaussian; its integral is 1.

        Parameters
        ----------
        grid : (g,)
        width : float
            Standard deviation of the Gaussian, in the eigenvalues' unit; below the distance of
            the nodes the rule itself shows.

        Returns
        -------
        mean, standard_error : (B, g)
            Over probes: statistical. The rule's own error is not bounded here.
        """
        if not width > 0:
            raise ValueError(f"width: expected a positive number, got {width}")
        grid = np.asarray(grid, dtype=np.float64)
        mean, error = np.full((2, len(self.nodes), len(grid)), np.nan)
        for member in np.flatnonzero(self._finite):
            samples = [
                w @ np.exp(-0.5 * ((grid - theta[:, None]) / width) ** 2)
                for theta, w, _ in self._rules(int(member))
            ]
            height = np.stack(samples) / (np.sqrt(2 * np.pi) * width)
            mean[member], error[member] = mean_and_error(height, 0)
        return mean, error

    def moment(self, degree: int) -> tuple[Float[Array, " B"], Float[Array, " B"]]:
        """Mean over probes of v^T H^degree v, with its standard error; P moment(1) is the trace.

        Exact for the probes (but for rounding) up to degree 2m - 1; the error as an estimate of
        tr(H^degree) / P is statistical.

        Raises
        ------
        ValueError
            Beyond degree 2m - 1, m the fewest steps of a probe that is not exact.
        """
        least = self.steps[self._finite][~self.exact[self._finite]]
        most = 2 * int(least.min()) - 1 if least.size else degree
        if not 0 <= degree <= most:
            raise ValueError(f"degree: expected 0 to {most} for these steps, got {degree}")
        powers = np.where(np.isnan(self.nodes), 0.0, self.nodes) ** degree
        return mean_and_error((self.weights * powers).sum(axis=2), 1)

    def wasserstein_bound(
        self, interval: tuple[Float[Array, " B"], Float[Array, " B"]] | None = None
    ) -> Float[Array, " B"]:
        r"""Rigorous bound on the mean over probes of W_1(mu_v, rule), in the eigenvalues' unit.

        It bounds W_1 between the probes' averages too. The distance from there to the spectrum is
        statistical.

        Parameters
        ----------
        interval : (lowest (B,), highest (B,)), optional
            Bounds on each spectrum, such as `extreme_eigenvalues` gives with its bounds added.
            They allow the a-priori bound; Ritz values would not do, they lie inside the spectrum.

        Returns
        -------
        (B,)
            Per probe the smaller of the two bounds below, averaged.

        Raises
        ------
        ValueError
            If an interval does not hold the nodes.

        Notes
        -----
        A posteriori: W_1 = \int |F_v - G| with G the rule's CDF. On (theta_j, theta_{j+1}) G is
        W_j and `cdf` gives |F_v - G| <= max(w_j, w_{j+1}). Beyond theta_m,
        \int (1 - F_v) <= \int_{x > theta_m} (x - theta_m) l_m^2 dmu_v = half of
        \int |x - theta_m| l_m^2 dmu_v (the mean is theta_m) <= w_m r_m / 2.

        A priori: Jackson's theorem with Favard's constant puts a 1-Lipschitz f on an interval of
        length L within pi L / (4 (s + 1)) of a polynomial of degree s. Moments agree up to
        s = 2m - 1 and the two masses add up to 2, hence W_1 <= pi L / (4 m).
        """
        result = np.full(len(self.nodes), np.nan)
        for member in np.flatnonzero(self._finite):
            bounds = []
            for (theta, w, r), exact in zip(
                self._rules(int(member)), self.exact[member], strict=True
            ):
                bound = 0.0 if exact else distance_bound(theta, w, r)
                if interval is not None:
                    low, high = interval[0][member], interval[1][member]
                    slack = self._slack(theta)
                    if not low - slack <= theta[0] <= theta[-1] <= high + slack:
                        raise ValueError(f"interval: a node lies outside for member {member}")
                    bound = min(bound, np.pi * (high - low) / (4 * len(theta)))
                bounds.append(bound)
            result[member] = np.mean(bounds)
        return result

    def grid(self, points: int = 400, margin: float = 0.05) -> Float[Array, " points"]:
        """Evenly spaced points over all members' nodes and `margin` of their range beyond."""
        low, high = np.nanmin(self.nodes), np.nanmax(self.nodes)
        room = margin * (high - low) or margin * abs(high) or margin
        return np.linspace(low - room, high + room, points)

    @property
    def _finite(self) -> Array:
        return np.isfinite(self.weights).all(axis=(1, 2))

    def _slack(self, theta: Array) -> float:
        return ROUNDING * self.eps * float(np.abs(theta).max())

    def _rules(self, member: int) -> list[tuple[Array, Array, Array]]:
        """Nodes, weights and residuals in use, probe by probe."""
        tables = zip(self.nodes[member], self.weights[member], self.residuals[member], strict=True)
        return [
            (t[:k], w[:k], r[:k]) for (t, w, r), k in zip(tables, self.steps[member], strict=True)
        ]
