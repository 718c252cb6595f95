"""Chance, made from the seed of a run: one stream for each purpose.

Separate streams keep a run recognisable: a fault that draws once more does not change the flow.
"""

from random import Random


def stream(seed: int, purpose: str) -> Random:
    """Return the random numbers of one purpose; the same on every machine."""
    return Random(f"{seed} {purpose}")  # noqa: S311 - a simulation has to repeat itself
