"""The human side of markets: what was last discovered about each."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from trading.adapters.feed import MarketRecord
from trading.engine.events import MarketStatus
from trading.ledger.columns import clipped, moment
from trading.models import Market

logger = logging.getLogger(__name__)

MS_NS = 1_000_000
UPDATED = [
    field.name for field in Market._meta.concrete_fields if field.name not in ("id", "condition_id")
]


def upsert_markets(records: Sequence[MarketRecord], *, at: datetime) -> None:
    """Keep markets as they were last seen.

    A market that contradicts one that we know, such as a token of another condition, is left out
    and logged: it is nobody's reason to stop trading the others.
    """
    latest = {record.spec.condition_id: _row(record, at) for record in records}
    rows = list(latest.values())
    if not rows or _upsert(rows) is None:
        return
    for row in rows:
        problem = _upsert([row])
        if problem is not None:
            logger.warning("market %s contradicts another one: %s", row.condition_id, problem)


def _upsert(rows: list[Market]) -> IntegrityError | None:
    try:
        with transaction.atomic():
            Market.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["condition_id"],
                update_fields=UPDATED,
            )
    except IntegrityError as error:
        return error
    return None


def move_markets(statuses: Sequence[MarketStatus]) -> None:
    """Note that markets closed or resolved."""
    for status in statuses:
        Market.objects.filter(condition_id=status.condition_id).update(state=status.state)


def _row(record: MarketRecord, at: datetime) -> Market:
    spec = record.spec
    yes_token_id, no_token_id = spec.token_ids
    return Market(
        condition_id=spec.condition_id,
        slug=clipped(Market, "slug", record.slug),
        question=clipped(Market, "question", record.question),
        yes_token_id=yes_token_id,
        no_token_id=no_token_id,
        yes_outcome=clipped(Market, "yes_outcome", record.yes_outcome),
        no_outcome=clipped(Market, "no_outcome", record.no_outcome),
        tick_micro=spec.tick_micro,
        min_order_size_micro=spec.min_order_size_micro,
        fee_rate_micro=spec.fee.rate_micro if spec.fee else None,
        fee_exponent=spec.fee.exponent if spec.fee else None,
        protocol=clipped(Market, "protocol", spec.protocol),
        neg_risk_event_id=spec.neg_risk_event_id,
        neg_risk_augmented=spec.neg_risk_augmented,
        seconds_delay=spec.seconds_delay,
        taker_delay_ms=spec.taker_delay_ms,
        ends_at=moment(record.ends_at_ms * MS_NS) if record.ends_at_ms is not None else None,
        source=clipped(Market, "source", record.source),
        seen_at=at,
    )
