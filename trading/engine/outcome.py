"""A refusal as a value: one code per cause and one sentence for people."""

from dataclasses import dataclass

from trading.engine.codes import Refusal


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing is done. `reason` names what was seen and what would have been needed."""

    code: Refusal
    reason: str
