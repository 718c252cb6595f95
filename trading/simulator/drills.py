"""The door for drills: lets things go wrong, says what does, and ends it. On demand only.

POST /simulator/faults takes {"kind": "answer_lost", "count": 1} and the like, GET says which kinds
there are and which go on, DELETE ends them all. There is no key to it: a venue that opens it is
play money on its own machine, and says so at its start.
"""

import json
from collections.abc import Callable
from dataclasses import fields

from trading.simulator import answers
from trading.simulator.answers import Refusal
from trading.simulator.fault_kinds import make_fault
from trading.simulator.faults import KINDS, Fault, FaultError
from trading.simulator.local_venue import LocalVenue
from trading.simulator.requests import Request, Value

PATH = "/simulator/faults"


def drills_of(
    venue: LocalVenue,
) -> dict[tuple[str, str], Callable[[Request, int], Value | Refusal]]:
    """Return the handlers by method and path."""
    faults = venue.exchange.faults

    def begin(request: Request, now_ms: int) -> Value | Refusal:
        try:
            said = json.loads(request.body)
            if not isinstance(said, dict):
                raise FaultError("a fault is an object with a kind")
            made = make_fault(said)
            faults.begin(made, venue, now_ms)
        except (ValueError, RecursionError) as error:
            why = str(error) if isinstance(error, FaultError) else "not JSON"
            return answers.bad(f"{answers.BAD_PAYLOAD}: {why}")
        return _row(made)

    def show(_request: Request, now_ms: int) -> Value:
        return {"kinds": list(KINDS), "active": [_row(one) for one in faults.active(now_ms)]}

    def end(_request: Request, _now_ms: int) -> Value:
        faults.end_all()
        return ""

    return {("POST", PATH): begin, ("GET", PATH): show, ("DELETE", PATH): end}


def _row(made: Fault) -> Value:
    names = [one.name for one in fields(made) if not one.name.startswith("_")]
    return {"kind": made.kind, **{name: getattr(made, name) for name in names}}
