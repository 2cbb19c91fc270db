"""How fast this machine multiplies float32 matrices on one thread.

The number of threads is fixed when numpy is imported, so the measurement is a process of its own:
``python -m spectral_atlas.matrix_rate SECONDS`` prints GFLOP/s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

SIZES = (512, 1024)  # of the square matrices
THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "VECLIB_MAXIMUM")


def measured_gflops(seconds: float = 1.0) -> float:
    """GFLOP/s of float32 matrix products on one thread now, measured for about ``seconds``."""
    environment = {
        **os.environ,
        **{f"{name}_THREADS": "1" for name in THREADS},
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", __name__, str(seconds)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def best_rate(seconds: float) -> float:
    """GFLOP/s of the quickest product: whatever else the machine does only slows one down."""
    import numpy as np

    generator = np.random.default_rng(0)
    best = 0.0
    for n in SIZES:
        a, b = generator.standard_normal((2, n, n), dtype=np.float32)
        out = np.empty_like(a)
        until = time.perf_counter() + seconds / len(SIZES)
        while not best or time.perf_counter() < until:
            start = time.perf_counter()
            np.matmul(a, b, out=out)
            best = max(best, 2e-9 * n**3 / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    print(best_rate(float(sys.argv[1])))
