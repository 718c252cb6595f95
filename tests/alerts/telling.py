"""Rows of alerts, channels and deliveries for tests."""

from datetime import timedelta

from alerts.models import Alert, AlertMove, Channel, Delivery, RuleRevision
from tests.alerts.rules import values
from tests.conftest import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
KEY = "a key of sixteen or more"


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def revision(rule_id="WS_DISCONNECTED", **changes):
    """A revision of a rule that notifies, the newest of its id."""
    given = {"actions": [{"type": "notify"}], "cooldown_seconds": 60, **changes}
    number = RuleRevision.objects.filter(rule_id=rule_id).count() + 1
    return RuleRevision.objects.create(
        rule_id=rule_id,
        revision=number,
        values=values(rule_id, **given),
        sha256=f"{rule_id}{number}",
        author_name="test",
        reason="test",
        created_at=NOON,
    )


def alert(rule_id="WS_DISCONNECTED", *, seconds=0, account="main", rule=None, **fields):
    """An alert that fires since NOON + seconds."""
    rule = rule or revision(rule_id)
    moment = at(seconds)
    given = {
        "level": rule.values["severity"],
        "state": "FIRING",
        "value": "false",
        "bound": "== false",
        "reason": "the feed is not connected for 10 s",
        "count": 1,
        "opened_at": moment,
        "fired_at": moment,
        "last_fired_at": moment,
        "last_seen_at": moment,
        **fields,
    }
    return Alert.objects.create(account=account, rule_id=rule.rule_id, rule_revision=rule, **given)


def fire_again(row, seconds):
    Alert.objects.filter(pk=row.pk).update(
        count=row.count + 1, last_fired_at=at(seconds), state="FIRING", resolved_at=None
    )
    row.refresh_from_db()


def end(row, seconds):
    Alert.objects.filter(pk=row.pk).update(state="RESOLVED", resolved_at=at(seconds))
    row.refresh_from_db()


def acknowledge(row, seconds):
    Alert.objects.filter(pk=row.pk).update(state="ACKED", acked_at=at(seconds), acked_by="otto")


def give_back(row, seconds):
    Alert.objects.filter(pk=row.pk).update(state="FIRING", acked_at=None, acked_by="")
    AlertMove.objects.create(
        alert=row,
        sequence=AlertMove.objects.count() + 1,
        state_from="ACKED",
        state_to="FIRING",
        at=at(seconds),
        by_name="otto",
    )


def channel(name="hook", **fields):
    """A row as save_channel() makes it, without its checks."""
    from alerts.services.addresses import encrypted

    address = fields.pop("address", {"url": "http://127.0.0.1:9/hook", "key": KEY})
    given = {
        "kind": "WEBHOOK",
        "level_min": "WARNING",
        "shown": "http://127.0.0.1:9/...",
        "created_by": "test",
        "created_at": NOON,
        "changed_at": NOON,
        "secret": encrypted(address),
        **fields,
    }
    return Channel.objects.create(name=name, **given)


def delivery(to, number=1, **fields):
    """A row that waits to be sent."""
    given = {
        "kind": "FIRING",
        "level": "CRITICAL",
        "title": f"[CRITICAL] message {number}",
        "payload": {"text": f"text {number}", "account": "main", "label": "SHADOW", "alerts": []},
        "created_at": NOON,
        "next_try_at": NOON,
        "expires_at": NOON + 24 * HOUR,
        **fields,
    }
    return Delivery.objects.create(
        channel=to, channel_name=to.name, key=f"FIRING:{to.pk}:{number}", **given
    )


def told(kind=None):
    """Return (kind, channel, alerts) of all deliveries, oldest first."""
    rows = Delivery.objects.order_by("id")
    rows = rows.filter(kind=kind) if kind else rows
    return [
        (row.kind, row.channel_name, [one["rule"] for one in row.payload["alerts"]]) for row in rows
    ]
