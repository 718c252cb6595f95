"""Facts of one session on their way into the database, a batch at a time.

Writing the same fact twice changes nothing: ids are made from content, and a row that is there is
left as it is. Everything here runs inside a transaction of the caller.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias

from trading.adapters.codec import Recordable
from trading.adapters.feed import MarketRecord
from trading.engine import facts as f
from trading.engine.events import MarketStatus
from trading.ledger.attempts import write_opportunities, write_orders, write_sets, write_trades
from trading.ledger.columns import clipped, insert_once, moment, stored_id
from trading.ledger.entries import write_entries
from trading.ledger.markets import move_markets, upsert_markets
from trading.models import EngineNote, MetricSample

Figures: TypeAlias = dict[str, Any]


class FactBatch:
    """Facts of one session that are written together."""

    def __init__(self, session_id: int, account: str) -> None:
        self._session_id = session_id
        self._account = account
        self._by_type: defaultdict[type, list[Any]] = defaultdict(list)
        self._samples: list[tuple[f.MetricSample, Figures]] = []
        self.count = 0

    def add(self, thing: Recordable, figures: Figures | None = None) -> None:
        """Take one fact; `figures` are what the runtime measured beside a sample."""
        self.count += 1
        if isinstance(thing, f.MetricSample):
            self._samples.append((thing, figures or {}))
        else:
            self._by_type[type(thing)].append(thing)

    def write(self, at: datetime) -> None:
        """Write everything, `at` being now.

        Raises DatabaseError, or LedgerContradictionError for a bug of ours.
        """
        take = self._by_type
        upsert_markets(take[MarketRecord], at=at)
        move_markets(take[MarketStatus])
        session_id = self._session_id
        write_opportunities(session_id, take[f.OpportunitySeen], take[f.OpportunityRepeated])
        write_sets(session_id, take[f.SetOpened], take[f.SetMoved])
        write_orders(session_id, take[f.OrderMoved])
        write_trades(session_id, take[f.TradeRecorded])
        write_entries(session_id, self._account, take[f.LedgerBooked])
        self._notes(take[f.EngineNoted])
        self._write_samples()

    def news(self, rows_max: int) -> list[dict[str, Any]]:
        """Return what open pages want to hear of, compact, the newest `rows_max` of it."""
        take = self._by_type
        rows = [
            {
                "kind": "opportunity",
                "id": stored_id(seen.opportunity_id),
                "at": moment(seen.seen_ns).isoformat(),
                "condition_id": seen.condition_id,
                "strategy": seen.strategy,
                "stage": seen.stage,
                "refusal": seen.refusal,
                "gap_micro": seen.gap_micro,
                "net_micro": seen.net_micro,
            }
            for seen in take[f.OpportunitySeen]
        ]
        rows += [
            {
                "kind": "set",
                "id": stored_id(move.set_id),
                "at": moment(move.at_ns).isoformat(),
                "state": move.state_to,
                "reason": move.reason[:200],
            }
            for move in take[f.SetMoved]
        ]
        rows += [
            {
                "kind": "note",
                "id": stored_id(note.note_id),
                "at": moment(note.at_ns).isoformat(),
                "level": note.level,
                "code": note.code,
                "text": note.text[:200],
            }
            for note in take[f.EngineNoted]
        ]
        return sorted(rows, key=lambda row: str(row["at"]))[-rows_max:]

    def _notes(self, noted: Iterable[f.EngineNoted]) -> None:
        insert_once(
            [
                EngineNote(
                    note_id=stored_id(note.note_id),
                    session_id=self._session_id,
                    at=moment(note.at_ns),
                    level=note.level,
                    code=clipped(EngineNote, "code", note.code),
                    text=clipped(EngineNote, "text", note.text),
                    condition_id=clipped(EngineNote, "condition_id", note.condition_id),
                )
                for note in noted
            ],
            "note_id",
        )

    def _write_samples(self) -> None:
        insert_once(
            [
                MetricSample(
                    session_id=self._session_id,
                    at=moment(sample.at_ns),
                    values={**asdict(sample), **figures},
                    realised_micro=sample.realised_micro,
                    exposure_micro=sample.exposure_micro,
                    feed_age_ms=figures.get("feed_age_ms"),
                    decision_p50_us=figures.get("decision_p50_us"),
                    decision_p99_us=figures.get("decision_p99_us"),
                )
                for sample, figures in self._samples
            ],
            "session",
            "at",
        )
