"""Reads that more than one door shows: header, API, live push and commands say the same."""

from trading.models import Money
from trading.selectors.figures import funnel, realised_curve
from trading.selectors.status import live_state

__all__ = ["Money", "funnel", "live_state", "realised_curve"]
