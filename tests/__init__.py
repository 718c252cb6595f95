"""Exists because an installed package also brings a top-level `tests`, which would win."""
