"""Markets that another program knew: their names, for people. Nothing of them is traded.

What such a file does not say (tick, smallest order, fee) is not made up: it is zero or missing, and
the engine takes no market from a row anyway. The feed that lists a market overwrites all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from trading.adapters.gamma_market import CONDITION_ID, TOKEN_ID, plain
from trading.models import Market
from trading.services.changes import kept
from trading.services.refusals import require

SOURCE = "polyarb_x"
AT_ONCE = 400  # rows of one query
SLUG_MAX, QUESTION_MAX = 200, 500
YEAR_MIN, YEAR_MAX = 2000, 2200


@dataclass(slots=True)
class MarketImport:
    """What became of each market of a file, by its place in it."""

    created: int = 0
    known: int = 0  # left as the feed told them
    refused: list[str] = field(default_factory=list)


def import_markets(
    given: Sequence[object],
    *,
    by: User | None = None,
    by_name: str = "",
    at: datetime | None = None,
) -> MarketImport:
    """Keep the markets that are not known yet, all in one transaction with its audit record."""
    require(by, "trading.save_profile")
    now, report = at or SystemClock().now(), MarketImport()
    rows: dict[str, Market] = {}
    for index, one in enumerate(given):
        row = _row(one, now)
        if isinstance(row, str):
            report.refused.append(f"market {index + 1}: {row}")
        elif row.condition_id in rows:
            report.refused.append(f"market {index + 1}: stands twice")
        else:
            rows[row.condition_id] = row
    with transaction.atomic():
        new = _unknown(list(rows.values()), report)
        Market.objects.bulk_create(new, batch_size=AT_ONCE)
        report.created = len(new)
        if new:
            record(
                "market.import",
                actor=by,
                actor_name=by_name,
                target=f"source:{SOURCE}",
                reason="names of markets that another program knew",
                after={"created": len(new), "known": report.known},
                at=now,
            )
    return report


def _unknown(rows: list[Market], report: MarketImport) -> list[Market]:
    """Return the rows that neither stand there already nor contradict what does."""
    new: list[Market] = []
    tokens: set[str] = set()
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        conditions = {row.condition_id for row in part}
        wanted = {token for row in part for token in (row.yes_token_id, row.no_token_id)}
        known = set(
            Market.objects.filter(condition_id__in=conditions).values_list(
                "condition_id", flat=True
            )
        )
        for name in ("yes_token_id", "no_token_id"):
            found = Market.objects.filter(**{f"{name}__in": wanted})
            tokens.update(found.values_list(name, flat=True))
        for row in part:
            own = {row.yes_token_id, row.no_token_id}
            if row.condition_id in known:
                report.known += 1
            elif own & tokens or len(own) < 2:
                short = f"{row.condition_id[:10]}..."
                report.refused.append(f"{short}: its tokens belong to another market")
            else:
                tokens |= own
                new.append(row)
    return new


def _row(one: object, now: datetime) -> Market | str:
    """Return a market, or why there is none. Nothing of the file is repeated in the reason."""
    if not isinstance(one, Mapping):
        return "is no object"
    texts: dict[str, Any] = {
        name: one.get(name)
        for name in ("condition_id", "token_id_yes", "token_id_no", "slug", "question")
    }
    for name, value in texts.items():
        if not isinstance(value, str):
            return f"{name} is no text"
    if not CONDITION_ID.fullmatch(texts["condition_id"]):
        return "condition_id is not 32 bytes in hex"
    for name in ("token_id_yes", "token_id_no"):
        if not TOKEN_ID.fullmatch(texts[name]):
            return f"{name} is not a token's number"
    ends_at = _moment(one.get("end_date"))
    over = one.get("closed") is True or (ends_at is not None and ends_at <= now)
    return Market(
        condition_id=texts["condition_id"],
        slug=kept(plain(texts["slug"], SLUG_MAX), SLUG_MAX),
        question=kept(plain(texts["question"], QUESTION_MAX), QUESTION_MAX),
        yes_token_id=texts["token_id_yes"],
        no_token_id=texts["token_id_no"],
        tick_micro=0,
        min_order_size_micro=0,
        ends_at=ends_at,
        state=Market.State.CLOSED if over else Market.State.OPEN,
        source=SOURCE,
        seen_at=now,
    )


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
