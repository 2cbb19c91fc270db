"""Spectral Atlas: five theory papers on sharpness, one reproducible figure pipeline."""

__version__ = "0.1.0"
