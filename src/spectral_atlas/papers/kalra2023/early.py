"""Critical constants of early training: where loss and sharpness first exceed their start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spectral_atlas.papers.kalra2023.authors import AuthorsMeter
from spectral_atlas.papers.kalra2023.members import PAPER
from spectral_atlas.papers.kalra2023.search import Brackets, bisect
from spectral_atlas.papers.kalra2023.sharpness import SharpnessMeter
from spectral_atlas.rng import generator
from spectral_atlas.training.descent import Samples, Trajectory, descend
from spectral_atlas.training.ensembles import select

if TYPE_CHECKING:
    from spectral_atlas.papers.kalra2023.members import Members
    from spectral_atlas.papers.kalra2023.sections import Early

Array = np.ndarray
ZERO_MARGIN = 0.05  # eps of c_sharp where the output is zero at initialization
TOLERANCES = (0.1, 0.01, 0.001)  # of a sharpness that only has to be told from the start's
WITH_COPIES = 0.01  # the coarsest where the output is zero at the start


@dataclass
class Work:
    """Passes through the network that were made for each run; (R,), in samples."""

    forward: Array
    gradient: Array
    product: Array


@dataclass
class EarlyTraining:
    """Runs of one ensemble at rates eta = c / lambda_0, with c on a grid of powers of two.

    Attributes
    ----------
    members, config, samples, meter
    work : Work, what has been done so far
    undecided : (R,), sharpnesses that could not be told from the start's
    """

    members: Members
    config: Early
    samples: Samples
    meter: SharpnessMeter | AuthorsMeter
    work: Work = field(init=False)
    undecided: Array = field(init=False)
    first_losses: Array = field(init=False)

    def __post_init__(self) -> None:
        zeros = np.zeros(self.count)
        self.work = Work(zeros.copy(), zeros.copy(), zeros.copy())
        self.work.product += self.meter.start.products * self.meter.n_samples
        self.undecided = np.zeros(self.count, dtype=np.int64)
        n = self.samples.n_shown
        with torch.no_grad():
            risks = self.members.ensemble.risks(
                self.members.parameters, self.members.x[:n], self.members.y[:n]
            )
        self.first_losses = risks.double().cpu().numpy()
        self.work.forward += n

    @classmethod
    def of(cls, members: Members, config: Early) -> EarlyTraining:
        """With the meter that the section asks for."""
        authors = config.protocol == "authors"
        samples = members.samples(config.steps + authors, config.loss_samples)
        if authors:
            return cls(members, config, samples, AuthorsMeter(members, samples))
        rng = generator(members.job_seed, PAPER, "lanczos", members.name)
        meter = SharpnessMeter(members, config.sharpness_samples, config.tolerance, rng)
        return cls(members, config, samples, meter)

    @property
    def count(self) -> int:
        """R."""
        return len(self.members.seeds)

    @property
    def grid(self) -> Array:
        """c = 2^(grid_step k)."""
        steps = round(self.config.grid_stop / self.config.grid_step)
        return np.asarray(2.0 ** (self.config.grid_step * np.arange(steps + 1)))

    @property
    def margin(self) -> float:
        """eps: the sharpness exceeds its start when over (1 + eps) times it."""
        return 0.0 if self.members.models.output == "standard" else ZERO_MARGIN

    def run(self, rows: Array, c: Array, observe: object = None) -> Trajectory:
        """T steps of some members at their c."""
        chosen = torch.from_numpy(rows)
        samples = self.samples.of(chosen)
        found = descend(
            self.members.ensemble,
            select(self.members.parameters, chosen),
            c / self.meter.start.values[rows],
            samples,
            self.config.steps,
            divergence=self.config.divergence,
            observe=observe,  # type: ignore[arg-type]
        )
        steps = (~np.isnan(found.losses)).sum(axis=1)  # the infinite loss of a diverged run too
        self.work.gradient[rows] += np.minimum(steps, self.config.steps) * samples.batch_size
        full = samples.orders is None and samples.n_shown == len(samples.x)
        # Of full batches only the last loss is not a gradient's.
        self.work.forward[rows] += (steps > self.config.steps if full else steps) * samples.n_shown
        return found

    def losses_by_bisection(self) -> tuple[Array, Array]:
        """Grid indices of c_loss and of the first c that diverges, by bisection for both."""
        loss, diverging = (Brackets.whole(self.count, len(self.grid)) for _ in range(2))

        def tried(rows: Array, k: Array, stop: bool) -> tuple[Array, Array]:
            base = self.first_losses[rows]

            def exceeded(t: int, _p: object, here: Tensor, losses: Tensor) -> Tensor | None:
                if not stop or t == 0:
                    return None
                over = losses.double().cpu().numpy() > base[here.cpu().numpy()]
                return torch.from_numpy(~over)

            found = self.run(rows, self.grid[k], exceeded)
            return found.highest > base, found.diverged

        def diverges(rows: Array, k: Array) -> Array:
            higher, lost = tried(rows, k, stop=False)
            loss.learn(rows, k, higher)
            return lost

        first = bisect(diverges, diverging)
        return bisect(lambda rows, k: tried(rows, k, stop=True)[0], loss), first

    def rises(self, rows: Array, k: Array) -> Array:
        """Whether max over 1 <= t <= T of the loss exceeds its start; diverged runs do."""
        return np.asarray(self.run(rows, self.grid[k]).highest > self.first_losses[rows])

    def sharpens(self, rows: Array, k: Array) -> Array:
        """Whether max over 1 <= t <= T of lambda_t exceeds (1 + eps) lambda_0; diverged runs do.

        A sharpness is measured coarsely first, and again more finely only where its bound leaves it
        open on which side of the start's it lies.
        """
        track = self.meter.track()
        coarsest = WITH_COPIES if self.margin else TOLERANCES[0]
        tolerances = [tolerance for tolerance in TOLERANCES if tolerance <= coarsest]
        level = (1 + self.margin) * self.meter.start.values[rows]
        sharper = np.zeros(len(rows), dtype=bool)

        def look(t: int, parameters: dict[str, Tensor], here: Tensor, _l: Tensor) -> Tensor | None:
            if t == 0:
                return None
            local = here.cpu().numpy()
            state = np.zeros(len(local), dtype=np.int8)  # 1: over, -1: not over, 0: open
            over = np.zeros(len(local))
            for tolerance in tolerances:
                left = np.flatnonzero(state == 0)
                if not len(left):
                    break
                picked, own = torch.from_numpy(left), torch.from_numpy(rows[local[left]])
                values, bounds = track.measure(select(parameters, picked), own, tolerance)
                over[left] = np.where(np.isfinite(values), values, np.inf) - level[local[left]]
                state[left] = np.where(np.abs(over[left]) > bounds, np.sign(over[left]), 0)
            open_ = np.flatnonzero(state == 0)
            self.undecided[rows[local[open_]]] += 1
            state[open_] = np.where(over[open_] > 0, 1, -1)
            sharper[local[state > 0]] = True
            return torch.from_numpy(state < 0)

        found = self.run(rows, self.grid[k], look)
        self.work.product += track.products * track.n_samples
        return np.asarray(sharper | found.diverged)

    def sharp_by_bisection(self, loss: Array, diverging: Array) -> Array:
        """Grid index of c_sharp, sought first from just below c_loss up to divergence."""
        brackets = Brackets(np.maximum(loss - 1, -1), diverging.copy())
        found = bisect(self.sharpens, brackets)
        # Was it all of the bracket? Then the lower end has to be tried as well.
        below = Brackets(np.where((found == loss) & (loss > 0), -1, found - 1), found.copy())
        if len(rows := below.open):
            below.learn(rows, loss[rows] - 1, self.sharpens(rows, loss[rows] - 1))
        return bisect(self.sharpens, below)
