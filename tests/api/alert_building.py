"""Alerts, rules, silences and channels for the tests of the REST door."""

from datetime import timedelta

from django.core.management.color import no_style
from django.db import connection

from alerts.models import Alert, AlertMove, Channel, Delivery, RuleRevision, Silence
from alerts.rules.parse import parse_rule, rule_values
from alerts.services.rules import rule_sha256
from tests.conftest import ACCOUNT, NOON

RULE = "WS_DISCONNECTED"
VALUES = {
    "id": RULE,
    "name": "Market feed disconnected",
    "severity": "CRITICAL",
    "query": {"metric": "ws_connected", "operator": "==", "value": False, "window_seconds": 10},
    "cooldown_seconds": 60,
    "actions": [{"type": "stop_trading"}, {"type": "notify"}],
    "message": "See whether the venue is down.",
}
SECRET = "https://hooks.example/T0KEN-OF-THE-CHANNEL"  # of no channel here: it must be nowhere


def make_rule(rule_id=RULE, revision=1, **changes):
    rule = parse_rule({**VALUES, "id": rule_id, **changes})
    return RuleRevision.objects.create(
        rule_id=rule_id,
        revision=revision,
        values=rule_values(rule),
        sha256=rule_sha256(rule),
        author_name="test",
        reason="test",
        source="alerts.production.yaml",
        created_at=NOON,
    )


def make_alert(rule_id=RULE, *, state="FIRING", level="CRITICAL", **changes):
    """An alert that has begun to fire, with the move that says so."""
    revision = RuleRevision.objects.filter(rule_id=rule_id).order_by("-revision").first()
    revision = revision or make_rule(rule_id, severity=level)
    values = {
        "account": ACCOUNT,
        "rule_id": rule_id,
        "rule_revision": revision,
        "level": level,
        "state": state,
        "value": "false",
        "bound": "== false for 10 s",
        "reason": "ws_connected is false for 12 s",
        "count": 1,
        "opened_at": NOON,
        "fired_at": NOON + timedelta(seconds=10),
        "last_fired_at": NOON + timedelta(seconds=10),
        "last_seen_at": NOON + timedelta(seconds=12),
    }
    alert = Alert.objects.create(**{**values, **changes})
    AlertMove.objects.create(
        alert=alert,
        sequence=1,
        state_to=state,
        at=NOON + timedelta(seconds=10),
        by_name="alert rules",
        value="false",
        comment="ws_connected is false for 12 s",
    )
    return alert


def make_silence(**changes):
    values = {
        "rule_ids": [RULE],
        "reason": "the venue is being replaced",
        "starts_at": NOON - timedelta(hours=1),
        "ends_at": NOON + timedelta(hours=1),
        "created_by": "otto",
        "created_at": NOON - timedelta(hours=1),
    }
    return Silence.objects.create(**{**values, **changes})


def make_channel(name="office", **changes):
    values = {
        "name": name,
        "kind": "WEBHOOK",
        "secret": "gAAAA-what-is-encrypted",
        "shown": "https://hooks.example/...",
        "created_by": "adam",
        "created_at": NOON,
        "changed_at": NOON,
    }
    return Channel.objects.create(**{**values, **changes})


def make_delivery(channel, number=1, **changes):
    values = {
        "channel": channel,
        "channel_name": channel.name,
        "key": f"FIRING:{number}",
        "kind": "FIRING",
        "level": "CRITICAL",
        "title": "CRITICAL WS_DISCONNECTED",
        "payload": {"alerts": []},
        "alert_ids": [1],
        "created_at": NOON + timedelta(seconds=number),
        "next_try_at": NOON + timedelta(seconds=number),
        "expires_at": NOON + timedelta(hours=24),
    }
    return Delivery.objects.create(**{**values, **changes})


def make_alert_facts():
    """One row in each list of alerts, each with the number 1."""
    make_alert(pk=1)
    make_silence(pk=1)
    make_delivery(make_channel(pk=1), pk=1)
    # PostgreSQL counts on from where its own numbers are.
    with connection.cursor() as cursor:
        models = [Alert, Silence, Channel, Delivery]
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
