"""Before anything is compiled: numba's disk cache must not outlive an edit of the kernels."""

import os

from spectral_atlas.workflow import kernel_cache

os.environ.setdefault("NUMBA_CACHE_DIR", kernel_cache())
