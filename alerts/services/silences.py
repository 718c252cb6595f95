"""Silences and maintenance windows: telling is muted, with a reason and an end. Stopping never."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from alerts.models import RuleRevision, Silence
from alerts.rules.rule import LEVELS
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.services.changes import actor_text, kept
from trading.services.refusals import Invalid, NotFound, ServiceRefused, require, require_reason

PERMISSION = "alerts.manage_silence"
LONGEST = {
    Silence.Kind.SILENCE: timedelta(days=30),
    Silence.Kind.MAINTENANCE: timedelta(days=366),
}
REASON_LENGTH_MAX = 500
RULES_MAX = 100
DAY_MINUTES = 1_440
ID_MAX = 2**63 - 1
FIELDS = (
    *("kind", "account", "rule_ids", "levels", "reason", "starts_at", "ends_at"),
    *("weekdays", "from_minute", "minutes"),
)


def add_silence(
    values: Mapping[str, Any], *, by: User | None, by_name: str = "", at: datetime | None = None
) -> Silence:
    """Mute what matches from `starts_at`, now without one, to `ends_at`.

    `values` are fields of Silence; times are datetimes or ISO 8601 texts, with a zone. Raises
    Invalid, which names each bad field and what to give instead.
    """
    require(by, PERMISSION)
    now = at or SystemClock().now()
    fields = _Fields(values, now)
    row = Silence(
        kind=fields.kind(),
        account=fields.text("account", 60),
        rule_ids=fields.rule_ids(),
        levels=fields.levels(),
        reason=kept(fields.reason(), REASON_LENGTH_MAX),
        created_by=actor_text(by, by_name),
        created_at=now,
        **fields.times(),
        **fields.window(),
    )
    fields.refuse_problems()
    with transaction.atomic():
        row.save(force_insert=True)
        _tell(row, "silence.add", by=by, by_name=row.created_by, reason=row.reason, at=now)
    return row


def end_silence(
    silence: Silence,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Silence:
    """End it before its time. What it muted and still fires is told within a second or two."""
    require(by, PERMISSION)
    why = require_reason(reason, "ending a silence")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        rows = Silence.objects.filter(pk=silence.pk, ended_at=None, ends_at__gt=now)
        if rows.update(ended_at=now, ended_by=who) != 1:
            raise ServiceRefused(
                "NOT_MUTING",
                f"silence {silence.pk} has ended already",
                "nothing has to be ended; reload the page",
            )
        row = Silence.objects.get(pk=silence.pk)
        _tell(row, "silence.end", by=by, by_name=who, reason=why, at=now)
    return row


def find_silence(number: int) -> Silence:
    """Return a silence by its number, or raise NotFound."""
    row = Silence.objects.filter(pk=number).first() if 0 < number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_SILENCE", "there is no silence of that number", "the list of silences has them all"
        )
    return row


class _Fields:
    """Reads the fields of a silence and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, Any], now: datetime) -> None:
        self._values = values
        self._now = now
        self._problems: list[str] = []
        for name in values:
            if name not in FIELDS:
                self._wrong(str(name)[:40], f"is no field; use {', '.join(FIELDS)}")

    def refuse_problems(self) -> None:
        """Raise Invalid when anything was wrong."""
        if self._problems:
            raise Invalid(
                "INVALID_SILENCE",
                "; ".join(self._problems),
                "correct these fields; nothing was muted",
                tuple(self._problems),
            )

    def kind(self) -> str:
        """Return SILENCE or MAINTENANCE."""
        kind = self._values.get("kind", Silence.Kind.SILENCE.value)
        if kind not in Silence.Kind.values:
            self._wrong("kind", f"is {kind!r:.40}; use {' or '.join(Silence.Kind.values)}")
            return str(Silence.Kind.SILENCE.value)
        return str(kind)

    def text(self, name: str, length_max: int) -> str:
        """Return a text without spaces around it."""
        text = self._values.get(name, "")
        if not isinstance(text, str) or len(text) > length_max:
            self._wrong(name, f"has to be a text of up to {length_max} characters")
            return ""
        return text.strip()

    def reason(self) -> str:
        """Return the reason, which may not be empty."""
        reason = self.text("reason", REASON_LENGTH_MAX)
        if not reason:
            self._wrong("reason", "is missing; say in a sentence why nobody is to be told")
        return reason

    def rule_ids(self) -> list[str]:
        """Return the rules that are meant, which have to exist. Empty: all."""
        given = self._list("rule_ids", RULES_MAX)
        known = set(
            RuleRevision.objects.filter(rule_id__in=[str(one) for one in given]).values_list(
                "rule_id", flat=True
            )
        )
        unknown = [str(one)[:40] for one in given if one not in known]
        if unknown:
            self._wrong("rule_ids", f"names no rule: {', '.join(unknown)}; see the list of rules")
        return sorted({one for one in given if one in known})

    def levels(self) -> list[str]:
        """Return the levels that are meant. Empty: all."""
        words = [level.value for level in LEVELS]
        given = self._list("levels", len(words))
        if any(one not in words for one in given):
            self._wrong("levels", f"has to be a list of {', '.join(words)}")
        return [word for word in words if word in given]

    def times(self) -> dict[str, datetime]:
        """Return when it starts and ends."""
        starts_at = self._time("starts_at") or self._now
        ends_at = self._time("ends_at")
        longest = LONGEST[Silence.Kind(self.kind_or_default())]
        if ends_at is None:
            if "ends_at" not in self._values or self._values["ends_at"] in (None, ""):
                self._wrong("ends_at", "is missing; say when people are told again")
            ends_at = starts_at
        elif ends_at <= max(starts_at, self._now):
            self._wrong("ends_at", "is not after the start and now; give a later time")
        elif ends_at - starts_at > longest:
            self._wrong("ends_at", f"is too late; give one within {longest.days} days of the start")
        return {"starts_at": starts_at, "ends_at": ends_at}

    def window(self) -> dict[str, Any]:
        """Return days and hours of a maintenance window; a silence has none."""
        given = {name: self._values.get(name) for name in ("weekdays", "from_minute", "minutes")}
        if self.kind_or_default() == Silence.Kind.SILENCE:
            for name, value in given.items():
                if value:
                    self._wrong(name, "is for a maintenance window; say kind MAINTENANCE")
            return {}
        weekdays = self._list("weekdays", 7)
        if not weekdays or any(not _whole(day, 0, 6) for day in weekdays):
            self._wrong("weekdays", "has to be a list of 0 (Monday) to 6 (Sunday), in UTC")
            weekdays = []
        if not _whole(given["from_minute"] or 0, 0, DAY_MINUTES - 1):
            self._wrong("from_minute", "has to be a minute of the UTC day, 0 to 1439")
        if not _whole(given["minutes"], 1, DAY_MINUTES):
            self._wrong("minutes", "has to be its length, 1 to 1440 minutes")
        return {
            "weekdays": sorted(set(weekdays)),
            "from_minute": given["from_minute"] or 0,
            "minutes": given["minutes"],
        }

    def kind_or_default(self) -> str:
        """Return the kind without finding fault with it again."""
        kind = self._values.get("kind", Silence.Kind.SILENCE.value)
        return str(kind) if kind in Silence.Kind.values else str(Silence.Kind.SILENCE.value)

    def _list(self, name: str, length_max: int) -> list[Any]:
        given = self._values.get(name) or []
        if not isinstance(given, list | tuple) or len(given) > length_max:
            self._wrong(name, f"has to be a list of up to {length_max}")
            return []
        return list(given)

    def _time(self, name: str) -> datetime | None:
        given = self._values.get(name)
        if given in (None, ""):
            return None
        try:
            moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self._wrong(name, "has to be a time with a zone, as 2026-03-02T18:00:00+00:00")
            return None
        return moment.astimezone(UTC)

    def _wrong(self, field: str, problem: str) -> None:
        self._problems.append(f"{field} {problem}")


def _whole(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _tell(
    row: Silence, action: str, *, by: User | None, by_name: str, reason: str, at: datetime
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    publish("alerts", {"account": row.account, "what": action, "silence": row.pk}, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=f"silence:{row.pk}",
        reason=reason,
        after={
            "kind": row.kind,
            "account": row.account,
            "rule_ids": row.rule_ids,
            "levels": row.levels,
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "weekdays": row.weekdays,
            "from_minute": row.from_minute,
            "minutes": row.minutes,
            "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        },
        at=at,
    )
