"""Counts of the funnel and the record of every gap: seen, confirmed, allowed, and why not taken.

A gap that stands unchanged is one opportunity seen in many frames; a changed price, size or
verdict is a new one. How many rows a second can be made is bounded: above the bound, frames are
counted on the gap that is open and no new row is made until the next second.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trading.engine.codes import Refusal, Stage
from trading.engine.commands import Command, RecordFact
from trading.engine.facts import OpportunityRepeated, OpportunitySeen
from trading.engine.judge import Verdict
from trading.engine.outcome import Refused
from trading.engine.watch import Episode, EventWatch, Watch

ROWS_PER_SECOND_MAX = 50
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class FunnelCounts:
    """Frames with a gap, by how far they came. `positive` counts confirmed ones with edge left
    at the best asks after the fee; `not_same_instant` the phantoms.
    """

    seen: int = 0
    confirmed: int = 0
    allowed: int = 0
    submitted: int = 0
    positive: int = 0
    not_same_instant: int = 0


class Funnel:
    """Records gaps. Commands go to `emit`."""

    def __init__(self, session_key: str, emit: Callable[[Command], None]) -> None:
        self.counts = FunnelCounts()
        self._session_key = session_key
        self._emit = emit
        self._number = 0
        self._second = 0
        self._rows_in_second = 0

    def record(
        self,
        place: Watch | EventWatch,
        condition_id: str,
        verdict: Verdict,
        refused: Refused | None,
        now_ns: int,
        *,
        set_id: str = "",
    ) -> str:
        """Count one frame with a gap and return the id of its opportunity.

        `refused` is the last word on it: the verdict's own, or that of risk, or None when the set
        `set_id` was submitted.
        """
        stage = self._stage(verdict, refused)
        self._count(verdict, stage, refused)
        code = refused.code if refused else ""
        prices = tuple((quote.ask_micro, quote.size_micro) for quote in verdict.legs)
        key = (code, stage, prices)
        episode = place.episode
        full = self._full(now_ns)
        if episode is not None and not set_id and (full or episode.key == key):
            episode.frames += 1
            episode.last_seen_ns = now_ns
            return episode.opportunity_id
        self.close(place)
        self._number += 1
        self._rows_in_second += 1
        opportunity_id = f"{self._session_key}-o{self._number}"
        place.episode = Episode(opportunity_id, key, 1, now_ns)
        self._emit(
            RecordFact(
                fact=_seen(
                    opportunity_id,
                    condition_id,
                    verdict,
                    refused,
                    stage=stage,
                    now_ns=now_ns,
                    set_id=set_id,
                )
            )
        )
        return opportunity_id

    def close(self, place: Watch | EventWatch) -> None:
        """The gap is over: say how many frames it stood, when that is more than one."""
        episode = place.episode
        place.episode = None
        if episode is not None and episode.frames > 1:
            self._emit(
                RecordFact(
                    fact=OpportunityRepeated(
                        opportunity_id=episode.opportunity_id,
                        frames=episode.frames,
                        last_seen_ns=episode.last_seen_ns,
                    )
                )
            )

    def _full(self, now_ns: int) -> bool:
        second = now_ns // SECOND_NS
        if second != self._second:
            self._second = second
            self._rows_in_second = 0
        return self._rows_in_second >= ROWS_PER_SECOND_MAX

    @staticmethod
    def _stage(verdict: Verdict, refused: Refused | None) -> Stage:
        if refused is None:
            return Stage.SUBMITTED
        return verdict.stage

    def _count(self, verdict: Verdict, stage: Stage, refused: Refused | None) -> None:
        counts = self.counts
        counts.seen += 1
        if refused is not None and refused.code is Refusal.LEGS_NOT_SAME_INSTANT:
            counts.not_same_instant += 1
        if stage is Stage.SEEN:
            return
        counts.confirmed += 1
        if verdict.edge_micro is not None and verdict.edge_micro > 0:
            counts.positive += 1
        if stage is Stage.SUBMITTED:
            counts.allowed += 1
            counts.submitted += 1


def _seen(
    opportunity_id: str,
    condition_id: str,
    verdict: Verdict,
    refused: Refused | None,
    *,
    stage: Stage,
    now_ns: int,
    set_id: str,
) -> OpportunitySeen:
    walk = verdict.walk
    return OpportunitySeen(
        opportunity_id=opportunity_id,
        condition_id=condition_id,
        strategy=verdict.strategy,
        seen_ns=now_ns,
        stage=stage,
        refusal=refused.code if refused else "",
        reason=refused.reason if refused else "",
        legs=verdict.legs,
        gap_micro=verdict.gap_micro,
        edge_micro=verdict.edge_micro,
        size_micro=walk.size_micro if walk else 0,
        cost_micro=walk.cost_micro if walk else 0,
        fee_micro=walk.fee_micro if walk else 0,
        net_micro=walk.net_micro if walk else 0,
        set_id=set_id,
        raised=walk.raised if walk else False,
        ladder=verdict.ladder,
    )
