"""Where people are told: saved, removed and tested. An address is a secret from the first moment.

It is encrypted before it is stored, and no audit record, push, page or refusal ever holds it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from alerts.models import Channel, Delivery
from alerts.rules.rule import LEVELS
from alerts.services.addresses import checked, encrypted
from alerts.services.messages import test_message
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.services.changes import actor_text
from trading.services.refusals import Invalid, NotFound, ServiceRefused, require, require_reason

PERMISSION = "alerts.manage_channel"
NAME_LENGTH_MAX = 60
TIER_MAX = 9
TEST_KEPT = timedelta(minutes=10)
UNFINISHED = (Delivery.State.WAITING, Delivery.State.SENDING)
ID_MAX = 2**63 - 1


def save_channel(
    name: str,
    *,
    by: User | None,
    kind: str,
    address: Mapping[str, Any] | str = "",
    enabled: bool = True,
    level_min: str = "WARNING",
    tier: int = 1,
    tell_resolved: bool = True,
    by_name: str = "",
    at: datetime | None = None,
) -> Channel:
    """Create a channel, or change the one of that name. An empty address keeps the old one.

    What waits for the channel is tried at once with the new address. Switching it off withdraws
    what waits. Raises Invalid, which names each bad field and repeats no address.
    """
    require(by, PERMISSION)
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    name = name.strip()
    _refuse_bad(name, kind, level_min, tier)
    with transaction.atomic():
        before = Channel.objects.select_for_update().filter(name=name).first()
        secret, shown = _secret(before, kind, address)
        fields = {
            "kind": kind,
            "enabled": enabled,
            "level_min": level_min,
            "tier": tier,
            "tell_resolved": tell_resolved,
            "secret": secret,
            "shown": shown,
            "changed_at": now,
        }
        if before is None:
            row = Channel.objects.create(name=name, created_by=who, created_at=now, **fields)
        else:
            Channel.objects.filter(pk=before.pk).update(**fields)
            row = Channel.objects.get(pk=before.pk)
        if not enabled:
            withdraw(row, "the channel was switched off")
        else:
            _hurry(row, now)
        _tell(
            row,
            "channel.add" if before is None else "channel.change",
            by=by,
            by_name=who,
            before=_facts(before) if before is not None else None,
            after={**_facts(row), "address_changed": bool(address)},
            at=now,
        )
    return row


def remove_channel(
    channel: Channel,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> None:
    """Remove a channel with its address. Its deliveries stay, what waited is withdrawn."""
    require(by, PERMISSION)
    why = require_reason(reason, "removing a channel")
    now = at or SystemClock().now()
    with transaction.atomic():
        row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if row is None:
            raise NotFound(
                "NO_CHANNEL", f"{channel.name} was removed already", "nothing has to be removed"
            )
        withdraw(row, "the channel was removed")
        before = _facts(row)
        number = row.pk
        row.delete()
        row.pk = number
        _tell(
            row,
            "channel.remove",
            by=by,
            by_name=actor_text(by, by_name),
            before=before,
            after=None,
            reason=why,
            at=now,
        )


def test_channel(
    channel: Channel,
    *,
    by: User | None,
    by_name: str = "",  # noqa: PT028 - it is no test, it makes one
    at: datetime | None = None,  # noqa: PT028
) -> Delivery:
    """Put a test message into the channel's queue, and try at once what waits before it."""
    require(by, PERMISSION)
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if row is None or not row.enabled:
            raise ServiceRefused(
                "CHANNEL_OFF", f"{channel.name} is switched off", "switch it on, then test it"
            )
        waiting = Delivery.objects.filter(channel=row, state__in=UNFINISHED)
        if waiting.filter(kind=Delivery.Kind.TEST).exists():
            raise ServiceRefused(
                "TEST_WAITING",
                f"a test of {row.name} has not ended yet",
                "its row in the deliveries says what happens",
            )
        message = test_message(row.name, who, now)
        number = Delivery.objects.filter(channel=row, kind=Delivery.Kind.TEST).count() + 1
        delivery = Delivery.objects.create(
            channel=row,
            channel_name=row.name,
            key=f"TEST:{row.pk}:{number}",
            kind=Delivery.Kind.TEST,
            level="INFO",
            title=message["title"],
            payload=message,
            created_at=now,
            next_try_at=now,
            expires_at=now + TEST_KEPT,
        )
        _hurry(row, now)
        _tell(
            row,
            "channel.test",
            by=by,
            by_name=who,
            before=None,
            after={"channel": row.name, "delivery": delivery.pk},
            at=now,
        )
    return delivery


def find_channel(number: int) -> Channel:
    """Return a channel by its number, or raise NotFound."""
    row = Channel.objects.filter(pk=number).first() if 0 < number <= ID_MAX else None
    if row is None:
        raise NotFound(
            "NO_CHANNEL", "there is no channel of that number", "the list of channels has them all"
        )
    return row


def withdraw(channel: Channel, why: str) -> int:
    """Take back what waits for a channel; return how many. What is being sent ends by itself."""
    rows = Delivery.objects.filter(channel=channel, state=Delivery.State.WAITING)
    return rows.update(state=Delivery.State.WITHDRAWN, outcome=why)


def _hurry(channel: Channel, now: datetime) -> None:
    """Try what waits now: somebody has just mended something, or wants to know."""
    rows = Delivery.objects.filter(channel=channel, state=Delivery.State.WAITING)
    rows.filter(next_try_at__gt=now).update(next_try_at=now)


def _refuse_bad(name: str, kind: str, level_min: str, tier: int) -> None:
    problems = []
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        problems.append(f"name has to be 1 to {NAME_LENGTH_MAX} characters")
    if kind not in Channel.Kind.values:
        problems.append(f"kind has to be {', '.join(Channel.Kind.values)}")
    if level_min not in [level.value for level in LEVELS]:
        problems.append(f"level_min has to be {', '.join(LEVELS)}")
    if isinstance(tier, bool) or not isinstance(tier, int) or not 1 <= tier <= TIER_MAX:
        problems.append(f"tier has to be 1 to {TIER_MAX}: 1 hears at once")
    if problems:
        raise Invalid(
            "INVALID_CHANNEL",
            "; ".join(problems),
            "correct these fields; the channel is as it was",
            tuple(problems),
        )


def _secret(before: Channel | None, kind: str, address: Mapping[str, Any] | str) -> tuple[str, str]:
    """Return the encrypted address and what may be seen of it."""
    if address:
        values, shown = checked(kind, address)
        return encrypted(values), shown
    if before is None or before.kind != kind:
        raise Invalid(
            "ADDRESS_MISSING",
            "address is missing",
            "give the address; only a channel that stays of its kind keeps its own",
            ("address is missing",),
        )
    return before.secret, before.shown


def _facts(row: Channel) -> dict[str, Any]:
    """Return what the audit keeps of a channel: everything but its address."""
    return {
        "name": row.name,
        "kind": row.kind,
        "enabled": row.enabled,
        "level_min": row.level_min,
        "tier": row.tier,
        "tell_resolved": row.tell_resolved,
        "shown": row.shown,
    }


def _tell(
    row: Channel,
    action: str,
    *,
    by: User | None,
    by_name: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    at: datetime,
    reason: str = "",
) -> None:
    """Tell open pages and the audit, in the transaction of the change."""
    publish("alerts", {"what": action, "channel": row.pk, "name": row.name}, at=at)
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=f"channel:{row.name}",
        reason=reason,
        before=before,
        after=after,
        at=at,
    )
