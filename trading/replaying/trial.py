"""What would have happened: the inputs of a session under other limits.

On paper the answer is whole: fills come by rule from the recorded books. A session that traded with
money is tried on paper too, because nobody knows what the venue would have answered to orders that
were never sent: what it did answer, and what people booked meanwhile, is left out.
"""

from dataclasses import replace
from pathlib import Path

from trading.adapters import codec
from trading.engine.codes import Account, Mode
from trading.engine.events import (
    BookDelta,
    BookSnapshot,
    BookSuspect,
    BreakerReset,
    Event,
    FeedChanged,
    HaltRequested,
    MandateChanged,
    MarketListed,
    MarketStatus,
    StateRestored,
    Tick,
    TickSizeChanged,
    VenueModeChanged,
)
from trading.engine.limits import Limits
from trading.engine.shadow import ShadowEngine
from trading.replaying.inputs import Inputs, OnProgress
from trading.replaying.tally import Tally

# What the market and people did; the rest are answers to orders.
_OF_THE_MARKET = (
    *(BookDelta, BookSnapshot, BookSuspect, BreakerReset, FeedChanged, HaltRequested),
    *(MandateChanged, MarketListed, MarketStatus, StateRestored, Tick, TickSizeChanged),
    *(VenueModeChanged,),
)


def recorded_tally(directory: Path, name: str, *, on_progress: OnProgress | None = None) -> Tally:
    """Count what a session said, as its journal has it. Raises as `replay_journal` does."""
    tally = Tally(name=name)
    for one in Inputs(directory, on_progress=on_progress):
        messages = (codec.from_msgpack(body) for body in one.recorded)
        tally.take(message for message in messages if codec.is_command(message))
    return tally.end()


def trial(
    directory: Path, name: str, limits: Limits | None, *, on_progress: OnProgress | None = None
) -> Tally:
    """Run a session's inputs on paper under `limits`, or under its own, and count what came of it.

    Halts and permissions of the session stay as they were: they are among its inputs.
    """
    inputs = Inputs(directory, on_progress=on_progress)
    opening = inputs.opening
    engine = ShadowEngine(session_key=opening.session_key, paper=opening.paper)
    tally = Tally(name=name)
    on_paper = Mode(opening.mode) is Mode.SHADOW
    for one in inputs:
        for event in inputs.events(one.record):
            told = event if on_paper else _told_on_paper(event)
            if isinstance(told, MandateChanged) and limits is not None:
                told = replace(told, limits=limits)
            if told is not None:
                tally.take(engine.handle(told, one.record.now_ns))
    return tally.end()


def _told_on_paper(event: Event) -> Event | None:
    """Return what a paper engine is told of a session that traded with money, None for nothing."""
    if not isinstance(event, _OF_THE_MARKET):
        return None
    if not isinstance(event, StateRestored):
        return event
    cash = [one.amount_micro for one in event.balances if one.account == Account.CASH]
    # What was open stays with the session that had it: its orders cannot be carried on on paper.
    return replace(
        event,
        balances=(),
        open_sets=(),
        capital_micro=sum(cash) or event.capital_micro,
        capital_references=(),
    )
