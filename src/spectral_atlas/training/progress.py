"""Progress of a long job: lines in its log, a bar where somebody is watching."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO


class Progress:
    """Counts member-steps and reports them.

    Parameters
    ----------
    label : str
    total : int
        Member-steps in the whole job.
    log : TextIO, optional
        Gets one line at most every ``every_s`` seconds, and one at the end: steps, percent, rate
        in member-steps per second, estimated seconds left.
    every_s : float, seconds

    Notes
    -----
    `update` may be called from several threads. A tqdm bar is drawn on stderr only where that is a
    terminal. Use as a context manager, or call `close`, to end the bar.
    """

    def __init__(
        self, label: str, total: int, log: TextIO | None = None, every_s: float = 5
    ) -> None:
        self.label, self.total, self.log, self.every_s = label, total, log, every_s
        self.done = 0
        self._lock = threading.Lock()
        self._start = self._last = time.monotonic()
        self._bar = None
        if sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=label, unit="step", unit_scale=True, file=sys.stderr)

    def update(self, n_member_steps: int) -> None:
        """Report that so many more member-steps are done."""
        with self._lock:
            was_done = self.done >= self.total
            self.done += n_member_steps
            if self._bar is not None:
                self._bar.update(n_member_steps)
            now = time.monotonic()
            if now - self._last >= self.every_s or (self.done >= self.total and not was_done):
                self._last = now
                self._write(now - self._start)

    def close(self) -> None:
        """End the bar; log where a job stopped that did not finish."""
        with self._lock:
            if self.done < self.total:
                self._write(time.monotonic() - self._start)
            if self._bar is not None:
                self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _write(self, seconds: float) -> None:
        if self.log is None:
            return
        rate = self.done / max(seconds, 1e-9)
        eta = f"{max(self.total - self.done, 0) / rate:.0f} s" if rate > 0 else "unknown"
        percent = 100 * self.done / self.total if self.total else 100
        self.log.write(
            f"{self.label}: {self.done}/{self.total} member-steps ({percent:.1f} %), "
            f"{rate:.3g} member-steps/s, ETA {eta}\n"
        )
        self.log.flush()
