"""``python -m spectral_atlas``."""

from spectral_atlas.cli import main

main()
