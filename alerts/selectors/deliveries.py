"""Messages to channels: what was sent, what waits, what was given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count

from alerts.models import Alert, Delivery

PAGE_ROWS = 50
OF_ALERT_MAX = 50
SEARCHED_MAX = 2_000  # newest messages, since an alert does not know its own


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDeliveries:
    """The filters of the list. What is not understood is left out."""

    channel: str = ""
    state: str = ""
    kind: str = ""
    before: int | None = None

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "ChosenDeliveries":
        """Return the filters that a page's address says."""
        before, state, kind = (asked.get(name, "") for name in ("before", "state", "kind"))
        return cls(
            channel=asked.get("channel", "").replace("\x00", "")[:60],
            state=state if state in Delivery.State.values else "",
            kind=kind if kind in Delivery.Kind.values else "",
            before=int(before) if before.isascii() and before.isdigit() and len(before) < 19
            else None,
        )  # fmt: skip

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return bool(self.channel or self.state or self.kind)

    def query(self, **more: object) -> str:
        """Return the address's query for these filters."""
        values = {"channel": self.channel, "state": self.state, "kind": self.kind}
        return urlencode({**{name: value for name, value in values.items() if value}, **more})


def deliveries(chosen: ChosenDeliveries) -> tuple[list[Delivery], int | None]:
    """Return one page, newest first, and from which on the next one goes; None at the end."""
    rows = Delivery.objects.order_by("-id")
    if chosen.channel:
        rows = rows.filter(channel_name=chosen.channel)
    if chosen.state:
        rows = rows.filter(state=chosen.state)
    if chosen.kind:
        rows = rows.filter(kind=chosen.kind)
    if chosen.before is not None:
        rows = rows.filter(id__lt=chosen.before)
    found = list(rows.defer("payload")[: PAGE_ROWS + 1])
    more = len(found) > PAGE_ROWS
    return found[:PAGE_ROWS], found[PAGE_ROWS - 1].pk if more else None


def deliveries_of(alert: Alert) -> list[Delivery]:
    """Return the messages about one alert, newest first, of the newest ones since it began."""
    rows = Delivery.objects.filter(created_at__gte=alert.opened_at - timedelta(seconds=1))
    found = rows.order_by("-id").values_list("id", "alert_ids")[:SEARCHED_MAX]
    ids = [number for number, alerts in found if alert.pk in alerts][:OF_ALERT_MAX]
    return list(Delivery.objects.filter(pk__in=ids).defer("payload").order_by("-id"))


def waiting_by_channel() -> dict[int, int]:
    """Return how many messages wait for each channel that has any."""
    waiting = (Delivery.State.WAITING, Delivery.State.SENDING)
    rows = Delivery.objects.filter(state__in=waiting, channel__isnull=False).order_by()
    return dict(rows.values_list("channel_id").annotate(Count("id")))


def overdue(now: datetime) -> int:
    """Return how many messages wait for longer than a minute."""
    waiting = (Delivery.State.WAITING, Delivery.State.SENDING)
    before = now - timedelta(minutes=1)
    return Delivery.objects.filter(state__in=waiting, created_at__lt=before).count()
