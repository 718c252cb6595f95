"""What the engine may do, as people have said it last."""

from dataclasses import dataclass

from trading.engine.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One revision. `resting` is the end of a run: what is open ends, nothing new begins."""

    revision: int
    halted: bool
    halt_code: str
    limits: Limits
    resting: bool = False

    @property
    def may_trade(self) -> bool:
        """Whether new sets may be opened."""
        return not self.halted and not self.resting
