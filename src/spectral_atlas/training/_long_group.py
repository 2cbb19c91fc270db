"""A group of members that run to the end together: lanes, looks, rest, and the last steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

from spectral_atlas.training.blocks import aligned
from spectral_atlas.training.endings import Endings
from spectral_atlas.training.progress import Progress
from spectral_atlas.training.simd import LANES

Array = np.ndarray
Advance = Callable[[Array, int, Array], None]

CHECK = 120  # steps between two looks at the weights: a multiple of the short periods


class Group:
    """Members in lanes, members that rest and members that are lost.

    `members` are those that got lanes, in this order; `running` (lanes,) tells which lanes matter
    still. `theta` (n, P) has the parameters of those that rest.
    """

    def __init__(
        self,
        theta: Float64[Array, "n P"],
        block: Callable[[Int64[Array, " lanes"]], Advance],
        tile: int,
    ) -> None:
        self.theta, self.block, self.tile = theta.copy(), block, tile
        self.diverged_at = np.full(len(theta), -1, dtype=np.int64)
        self._board(np.arange(len(theta)))

    def run(self, n_steps: int, window: int, limit: float, progress: Progress | None) -> Endings:
        """Make all the updates; `run_to_end` says what is what."""
        n, P = self.theta.shape
        first, latest = n_steps - window + 1, max(n_steps - 2, 0)  # of what is kept
        wake = min(first, latest) // CHECK * CHECK
        stops = sorted({*range(0, n_steps, CHECK), *range(latest, n_steps + 1), first})
        last, tally, now = np.full((n, 3, P), np.nan), self._tally(0), 0
        for stop in stops:
            if stop > now and len(self.members):
                self.advance(self.weights, stop - now, tally)
            if progress is not None:
                progress.update(n * (stop - now))
            now = stop
            if now % CHECK == 0 or now == n_steps:
                self._find_lost(now, limit)
                if now == wake:
                    self._save(self.running)
                    self._board(np.flatnonzero(self.diverged_at < 0))
                elif 0 < now < wake:
                    self._let_rest()
            if now <= first:
                tally = self._tally(5 if now == first else 0)
            if now >= latest:
                last[self.members, n_steps - now] = self._of_members(self.weights)
        after = self._tally(5)
        if len(self.members):
            self.advance(self.weights.copy(), 1, after)
        return self._endings(last, self._of_members(tally), self._of_members(after), window)

    def _board(self, members: Int64[Array, " lanes"]) -> None:
        """Give the lanes to these members."""
        P, n_blocks = self.theta.shape[1], -(-len(members) // (self.tile * LANES)) * self.tile
        lanes = np.zeros((n_blocks * LANES, P))
        lanes[: len(members)] = self.theta[members]
        self.weights = aligned(n_blocks * P).reshape(n_blocks, P, LANES)
        self.weights[:] = lanes.reshape(n_blocks, LANES, P).swapaxes(1, 2)
        self.seen = self.weights.copy()
        self.members, self.running = members, np.arange(n_blocks * LANES) < len(members)
        self.advance = self.block(members)

    def _save(self, chosen: Bool[Array, " lanes"]) -> None:
        lanes = np.flatnonzero(chosen)
        self.theta[self.members[lanes]] = self.weights[lanes // LANES, :, lanes % LANES]

    def _find_lost(self, now: int, limit: float) -> None:
        finite = (np.abs(self.weights) <= limit).all(axis=1).ravel()
        self.diverged_at[self.members[np.flatnonzero(self.running & ~finite)]] = now
        self.running &= finite

    def _let_rest(self) -> None:
        """Save who has the bits of the last look; lanes change hands where enough are free."""
        same = self.weights.view(np.int64) == self.seen.view(np.int64)
        resting = self.running & same.all(axis=1).ravel()
        self._save(resting)
        self.running &= ~resting
        if 8 * self.running.sum() <= 7 * len(self.members):
            self._save(self.running)
            self._board(self.members[np.flatnonzero(self.running)])
        else:
            np.copyto(self.seen, self.weights)

    def _tally(self, rows: int) -> Float64[Array, "blocks rows lanes"]:
        tally = aligned(len(self.weights) * rows).reshape(len(self.weights), rows, LANES)
        tally[:, 1::2], tally[:, 2::2] = np.inf, -np.inf
        return tally

    def _of_members(self, rows: Float[Array, "blocks rows lanes"]) -> Float[Array, "members rows"]:
        return rows.swapaxes(1, 2).reshape(-1, rows.shape[1])[: len(self.members)]

    def _endings(self, last: Array, tally: Array, after: Array, window: int) -> Endings:
        lanes = np.flatnonzero(self.running)
        alive = self.members[lanes]
        total, low, high, least, most = tally[lanes].T
        norm, _, _, loss, _ = after[lanes].T

        def of_all(values: Array) -> Array:
            out = np.full((len(last), *values.shape[1:]), np.nan)
            out[alive] = values
            return out

        return Endings(
            theta=of_all(last[alive, 0]),
            previous=of_all(last[alive, 1:]),
            loss=of_all(loss),
            gradient_norm=of_all(norm),
            gradient_mean=of_all((total + norm) / window),
            gradient_least=of_all(np.minimum(low, norm)),
            gradient_most=of_all(np.maximum(high, norm)),
            loss_least=of_all(np.minimum(least, loss)),
            loss_most=of_all(np.maximum(most, loss)),
            diverged_at=self.diverged_at,
        )
