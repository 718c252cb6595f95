"""Alerts to look at and to move, as the rules and the engine would: with the portal's own code."""

from datetime import timedelta

from django.conf import settings

from alerts.models import Alert, Channel, Delivery, RuleRevision, Silence, Watch
from alerts.rules.states import State
from alerts.selectors.portal import JOBS
from alerts.services import import_rules
from alerts.services.moves import note_move
from alerts.services.states import acknowledge, resolve
from trading.models import EngineSession, MetricSample

STOP = {
    "stop": {
        "session": "main-4", "stopped_us": 212_000, "judging_us": 140, "halted_already": False,
        "orders_followed": 3, "complete": True,
    }
}  # fmt: skip
TEXTS = {
    "WS_DISCONNECTED": ("false", "ws_connected == false",
                        "ws_connected is false, which is bad for 10 s"),
    "LATENCY_P95_HIGH": ("640.2 ms", "latency_p95 >= 500 ms",
                         "latency_p95 is 640.2 ms (mean over 300 s), which is bad"),
    "LOW_BALANCE": ("$61.40", "wallet_balance_usd < $100",
                    "wallet_balance_usd is $61.40, which is bad"),
    "CIRCUIT_BREAKER_OPEN": ("OPEN", "circuit_breaker_state == OPEN",
                             "circuit_breaker_state is OPEN, which is bad"),
    "POSITION_LIMIT_NEAR": ("91.5 %", "position_usage_percent >= 90 %",
                            "position_usage_percent is 91.5 %, which is bad"),
    "BACKUP_OVERDUE": ("not known", "backup_age >= 26 h",
                       "backup_age is not known: no value for 900 s"),
}  # fmt: skip


def nobody_judges(now):
    """Keep the web process from standing in for the jobs cluster: alerts move as tests say."""
    Watch.objects.update_or_create(name=JOBS, defaults={"beat_at": now + timedelta(days=1)})


def judged(now):
    """Let the rules have been judged just now, by somebody who has the lease."""
    values = {"owner": "desk:1", "beat_at": now, "rounds": 4_812}
    Watch.objects.update_or_create(
        name="JUDGE", defaults={**values, "expires_at": now + timedelta(days=1)}
    )


def fire(rule_id, at, *, account="main", **changes):
    """Let a rule begin to fire; return the number of its alert."""
    value, bound, reason = TEXTS.get(rule_id, ("1", "x > 0", f"{rule_id} is bad"))
    if not RuleRevision.objects.exists():
        import_rules(settings.CONFIG_DIR / "alerts.production.yaml", by_name="seed")
    revision = RuleRevision.objects.filter(rule_id=rule_id).latest("revision")
    values = {
        "account": account, "rule_id": rule_id, "rule_revision": revision,
        "level": revision.values["severity"], "state": "FIRING", "value": value, "bound": bound,
        "reason": reason, "count": 1, "opened_at": at - timedelta(seconds=10), "fired_at": at,
        "last_fired_at": at, "last_seen_at": at,
    }  # fmt: skip
    row = Alert.objects.create(**{**values, **changes})
    note_move(row, None, by=None, by_name="alert rules", comment=reason, at=at)
    return row.pk


def end(number, at):
    """Let the condition of an alert have ended."""
    row = Alert.objects.get(pk=number)
    before = State(row.state)
    Alert.objects.filter(pk=number).update(state="RESOLVED", resolved_at=at, quiet_since=at)
    row.refresh_from_db()
    note_move(row, before, by=None, by_name="alert rules", comment="the condition ended", at=at)


def samples(session, now, *, minutes=60, every_s=5):
    """Give the engine's last hour figures: a slow stretch, a lost feed, money going down."""
    MetricSample.objects.filter(session=session).delete()
    rows = []
    count = minutes * 60 // every_s
    for number in range(count):
        at = now - timedelta(seconds=(count - number) * every_s)
        share = number / count
        slow = 250 + 30 * (number % 7) + (420 if share > 0.85 else 0) + (number * 37 % 90)
        rows.append(
            MetricSample(
                session=session, at=at, realised_micro=100_000, exposure_micro=4_870_000,
                feed_age_ms=180, decision_p50_us=84, decision_p99_us=310,
                values={
                    "feed_connected": not (0.4 < share < 0.42 or share > 0.97),
                    "breaker": "CLOSED", "decision_p95_us": slow * 1_000,
                    "cash_micro": int((140 - 78 * share - (number % 5) * 0.6) * 1e6),
                    "exposure_micro": 4_870_000, "position_limit_micro": 10_000_000,
                    "orders_submitted": number // 3, "orders_refused": number // 40,
                    "orders_filled": number // 4, "sets_completed": number // 50,
                    "gaps_confirmed": number // 9, "worst_case_micro": 180_000,
                    "frames_in_second": 40, "gaps_seen": 40,
                },
            )
        )  # fmt: skip
    MetricSample.objects.bulk_create(rows)


def alert_world(now):
    """Fill the centre: what fires, what somebody has, what ended, who was told."""
    judged(now)
    session = EngineSession.objects.filter(account="main").latest("token")
    samples(session, now)
    minutes = timedelta(minutes=1)
    for hours in (20, 9, 5):
        number = fire("POSITION_LIMIT_NEAR", now - timedelta(hours=hours))
        end(number, now - timedelta(hours=hours) + 7 * minutes)
    number = fire("CIRCUIT_BREAKER_OPEN", now - 190 * minutes, evidence=STOP)
    acknowledge(
        Alert.objects.get(pk=number), by=None, by_name="otto", at=now - 187 * minutes,
        comment="two sets failed on one market, looking at its books",
    )  # fmt: skip
    end(number, now - 160 * minutes)
    resolve(
        Alert.objects.get(pk=number), by=None, by_name="otto", at=now - 150 * minutes,
        note="the market was paused by the venue; taken off the list",
    )  # fmt: skip
    fire("LATENCY_P95_HIGH", now - 6 * minutes, count=3,
         notified_at=now - 6 * minutes)  # fmt: skip
    number = fire("LOW_BALANCE", now - 48 * minutes, notified_at=now - 48 * minutes)
    acknowledge(
        Alert.objects.get(pk=number), by=None, by_name="otto", at=now - 44 * minutes,
        comment="deposit is on its way, arrives within the hour",
    )  # fmt: skip
    fire("BACKUP_OVERDUE", now - 3 * minutes, unknown=True,
         muted_by="silence 1: the backup disk is being replaced", suppressed=2)  # fmt: skip
    critical = fire("WS_DISCONNECTED", now - 1.4 * minutes, evidence=STOP,
                    notified_at=now - 1.3 * minutes)  # fmt: skip
    _told(now, critical)


def _told(now, alert):
    hour = timedelta(hours=1)
    Silence.objects.create(
        kind="SILENCE", account="main", rule_ids=["BACKUP_OVERDUE"], starts_at=now - hour,
        ends_at=now + 3 * hour, reason="the backup disk is being replaced", created_by="adam",
        created_at=now - hour,
    )  # fmt: skip
    Silence.objects.create(
        kind="MAINTENANCE", account="main", levels=["WARNING"], starts_at=now - 40 * hour,
        ends_at=now + 900 * hour, reason="the venue restarts its matching engine",
        weekdays=[1], from_minute=11 * 60, minutes=20, created_by="adam",
        created_at=now - 40 * hour,
    )  # fmt: skip
    values = {"secret": "x", "created_by": "adam", "created_at": now - 90 * hour,
              "changed_at": now - 90 * hour}  # fmt: skip
    phone = Channel.objects.create(
        name="night phone", kind="APPRISE", shown="Telegram (tgram://...)", level_min="CRITICAL",
        tested_at=now - 80 * hour, delivered_at=now - timedelta(seconds=76), latency_ms=412,
        **values,
    )  # fmt: skip
    desk = Channel.objects.create(
        name="desk webhook", kind="WEBHOOK", shown="https://hooks.example.com/...",
        tested_at=now - 80 * hour, delivered_at=now - 2 * hour, latency_ms=1_830,
        failing_since=now - timedelta(minutes=9), problem="503 Service Unavailable", **values,
    )  # fmt: skip
    Channel.objects.create(
        name="mail", kind="EMAIL", shown="...@example.com by mail.example.com:587", tier=2, **values
    )
    _delivery(phone, "FIRING", "SENT", now - timedelta(seconds=77), alert, latency_ms=412, tries=1)
    _delivery(desk, "FIRING", "WAITING", now - timedelta(seconds=77), alert, tries=4,
              outcome="503 Service Unavailable",
              next_try_at=now + timedelta(seconds=41))  # fmt: skip
    _delivery(phone, "RESOLVED", "SENT", now - 2 * hour, alert, latency_ms=388, tries=1,
              repeated=True)  # fmt: skip


def _delivery(channel, kind, state, at, alert, **changes):
    values = {
        "channel": channel, "channel_name": channel.name, "key": f"{channel.pk}:{kind}:{at}",
        "kind": kind, "state": state, "level": "CRITICAL", "payload": {},
        "title": f"CRITICAL WS_DISCONNECTED {kind.lower()} on main", "alert_ids": [alert],
        "created_at": at, "next_try_at": at, "expires_at": at + timedelta(hours=24),
    }  # fmt: skip
    Delivery.objects.create(**{**values, **changes})
