"""Every transition of every alert, newest first, found by filters and paged by key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from alerts.models import Alert, AlertMove
from alerts.rules.rule import LEVELS
from alerts.rules.states import State

PAGE_ROWS = 40
ID_MAX = 2**63 - 1
WHO_LENGTH_MAX = 150
SPANS = {
    "1h": ("last hour", timedelta(hours=1)),
    "24h": ("last 24 hours", timedelta(hours=24)),
    "7d": ("last 7 days", timedelta(days=7)),
    "30d": ("last 30 days", timedelta(days=30)),
}
GRAVER = "graver"  # what is not only recorded
LEVEL_CHOICES = {GRAVER: "warning and critical", "": "all levels"} | {
    level.value: level.lower() for level in LEVELS
}
COMMENT = "COMMENT"
STATE_CHOICES = {"": "any move"} | {
    **{state.value: f"to {state.lower()}" for state in State},
    COMMENT: "comments",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The filters of a page. What is not understood is left out."""

    level: str = GRAVER
    rule: str = ""
    state: str = ""
    who: str = ""
    span: str = ""
    before: int | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Chosen":
        """Return the filters that a page's address says."""
        before = asked.get("before", "")
        level = asked.get("level", GRAVER)
        state, span = asked.get("state", ""), asked.get("span", "")
        return cls(
            level=level if level in LEVEL_CHOICES else GRAVER,
            rule=asked.get("rule", "")[:40],
            state=state if state in STATE_CHOICES else "",
            who=asked.get("who", "").replace("\x00", "").strip()[:WHO_LENGTH_MAX],
            span=span if span in SPANS else "",
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19
            else None,
        )  # fmt: skip

    @property
    def any(self) -> bool:
        """Whether anything but the usual is asked for."""
        return bool(self.rule or self.state or self.who or self.span or self.level != GRAVER)

    def query(self, **more: object) -> str:
        """Return the address's query for these filters."""
        names = ("level", "rule", "state", "who", "span")
        values = {name: getattr(self, name) for name in names}
        usual = {"level": GRAVER}
        kept = {name: value for name, value in values.items() if value != usual.get(name, "")}
        return urlencode({**kept, **more})


@dataclass(frozen=True, slots=True)
class Page:
    """Some moves, newest first, and from which on the next page goes; None at the end."""

    moves: list[AlertMove] = field(default_factory=list)
    next_before: int | None = None


def timeline(account: str, chosen: Chosen, now: datetime) -> Page:
    """Return one page of moves."""
    rows = AlertMove.objects.filter(alert__account=account).select_related("alert__rule_revision")
    if chosen.level == GRAVER:
        rows = rows.exclude(alert__level=Alert.Level.INFO)
    elif chosen.level:
        rows = rows.filter(alert__level=chosen.level)
    if chosen.rule:
        rows = rows.filter(alert__rule_id=chosen.rule)
    if chosen.state == COMMENT:
        rows = rows.filter(comment__gt="", by_name__gt="")
    elif chosen.state:
        rows = rows.filter(state_to=chosen.state)
    if chosen.who:
        rows = rows.filter(by_name__icontains=chosen.who)
    if chosen.span:
        rows = rows.filter(at__gte=now - SPANS[chosen.span][1])
    if chosen.before is not None:
        rows = rows.filter(id__lt=chosen.before)
    found = list(rows.order_by("-id")[: PAGE_ROWS + 1])
    more = len(found) > PAGE_ROWS
    return Page(found[:PAGE_ROWS], found[PAGE_ROWS - 1].pk if more else None)


def moves_of(alert: Alert) -> list[AlertMove]:
    """Return the moves of one alert, newest first, at most a thousand."""
    return list(alert.moves.order_by("-sequence")[:1_000])
