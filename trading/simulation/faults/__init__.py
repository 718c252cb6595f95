"""Everything that can go wrong. A new fault is one class in one of these files."""

from trading.simulation.faults import chain, channels, crashes, people, venue
from trading.simulation.faults.registry import REGISTRY, fault

__all__ = ["REGISTRY", "chain", "channels", "crashes", "fault", "people", "venue"]
