"""A phase with everything that its criteria ask for, so that a test spoils one thing."""

from datetime import UTC, datetime, timedelta

from alerts.models import Alert, AlertMove, RuleRevision, Watch
from checks.models import Drill
from trading.models import (
    ArbitrageSet,
    EngineSession,
    LedgerEntry,
    LedgerPosting,
    Mandate,
    MetricSample,
    Order,
    Phase,
    ReplayRun,
    Trade,
)

NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=9)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = {
    "severity": "CRITICAL",
    "query": {"metric": "ws_connected"},
    "actions": [{"type": "stop_trading"}],
}


def a_mandate(profile, *, phase=0, venue="polymarket", since=SINCE, account="main"):
    mode = "SHADOW" if phase == 0 else "LIVE"
    return Mandate.objects.update_or_create(
        account=account,
        defaults={
            "phase": phase,
            "phase_since": since,
            "profile": profile,
            "feed": venue,
            "mode": mode,
            "changed_at": since,
        },
    )[0]


def a_run(profile, *, token=1, since=SINCE, ended=None, heard=NOW, **values):
    """A session, by default one that still runs."""
    fields = {
        "account": "main",
        "owner": f"host:1:1:{token}",
        "mode": "SHADOW",
        "feed": "polymarket",
        "label": "SHADOW",
        "phase": Phase.SHADOW,
        "profile": profile,
        "mandate_revision": 1,
        "state": "TRADING" if ended is None else "STOPPED",
        "state_since": since,
        "started_at": since,
        "ended_at": ended,
        "heartbeat_at": ended or heard,
        "journal_sequence": 1_000,
        **values,
    }
    return EngineSession.objects.create(token=token, key=f"main-{token}", **fields)


def samples(session, since, until, *, every=MINUTE, **figures):
    """The samples of a time, at second 0 of each minute unless told otherwise."""
    values = {
        "feed_connected": True,
        "feed_reconnects": 0,
        "feed_reconnect_failures": 0,
        "decision_p95_us": 40_000,
        "frames_in_second": 30,
        **figures,
    }
    rows, at, number = [], since, 0
    while at <= until:
        own = {name: one(number) if callable(one) else one for name, one in values.items()}
        rows.append(
            MetricSample(
                session=session,
                at=at,
                values=own,
                realised_micro=0,
                exposure_micro=0,
                decision_p50_us=10_000,
                decision_p99_us=60_000,
            )
        )
        at, number = at + every, number + 1
    MetricSample.objects.bulk_create(rows, batch_size=2_000)


def a_replay(session, day, verdict="SAME", **values):
    fields = {"realised_micro": 5, "ledger_micro": 5, **values}
    return ReplayRun.objects.create(
        account="main",
        day=day,
        session=session,
        at=datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + DAY,
        verdict=verdict,
        version="1",
        took_ms=1,
        **fields,
    )


def judged(at=NOW):
    Watch.objects.update_or_create(name="JUDGE", defaults={"beat_at": at, "owner": "x"})


def a_drill(at=NOW - DAY, *, passed=True):
    return Drill.objects.create(
        account="main",
        kind="BREAKER",
        at=at,
        passed=passed,
        reason="it tripped",
        config_sha256="0" * 64,
        software="1",
        by_name="test",
    )


def an_alert(fired, resolved=None, *, rule="WS_DISCONNECTED", stop_us=200_000, level="CRITICAL"):
    revision, _ = RuleRevision.objects.get_or_create(
        rule_id=rule,
        revision=1,
        defaults={
            "values": {**RULE, "severity": level},
            "sha256": "0" * 64,
            "author_name": "test",
            "reason": "test",
            "created_at": SINCE,
        },
    )
    stop = {"stopped_us": stop_us, "complete": True}
    alert = Alert.objects.create(
        account="main",
        rule_id=rule,
        rule_revision=revision,
        level=level,
        state="FIRING" if resolved is None else "RESOLVED",
        count=1,
        opened_at=fired,
        fired_at=fired,
        last_fired_at=fired,
        last_seen_at=fired,
        resolved_at=resolved,
        evidence={"stop": stop, "stops": [stop]} if stop_us is not None else {},
    )
    states = ["FIRING"] if resolved is None else ["FIRING", "RESOLVED"]
    for number, state in enumerate(states, 1):
        AlertMove.objects.create(
            alert=alert, sequence=number, state_to=state, at=fired, by_name="test"
        )
    return alert


def capital(session, micro, at):
    entry = LedgerEntry.objects.create(
        entry_id=f"{session.key}-capital-{at.isoformat()}",
        session=session,
        kind="CAPITAL",
        at=at,
        paper=session.mode == "SHADOW",
    )
    for line, (account, amount) in enumerate((("CASH", micro), ("CAPITAL", -micro))):
        LedgerPosting.objects.create(entry=entry, line=line, account=account, amount_micro=amount)


def a_trade(session, number, at, *, realised=100_000, price=480_000, planned=480_000, fill=True):
    """A set with one order, one fill and one ledger entry; without `fill` an order that found
    nobody."""
    paper, set_id = session.mode == "SHADOW", f"{session.key}-s{number}"
    size = 5_000_000
    Order.objects.create(
        order_id=f"{set_id}-1",
        session=session,
        set_id=set_id,
        token_id="yes",
        side="BUY",
        purpose="ENTRY",
        limit_micro=500_000,
        size_micro=size,
        matched_micro=size if fill else 0,
        state="CONFIRMED" if fill else "CANCELLED",
        created_at=at,
        moved_at=at,
    )
    if not fill:
        return
    leg = {"token_id": "yes", "cost_micro": planned * size // 1_000_000, "size_micro": size}
    ArbitrageSet.objects.create(
        set_id=set_id,
        session=session,
        opportunity_id=f"o{number}",
        condition_id="0xabc",
        strategy="PAIR",
        state="MERGED",
        opened_at=at,
        moved_at=at,
        size_micro=size,
        cost_micro=4_900_000,
        payout_micro=1_000_000,
        expected_net_micro=realised,
        realised_micro=realised,
        paper=paper,
        legs=[leg],
    )
    Trade.objects.create(
        trade_id=f"{set_id}-t",
        order_id=f"{set_id}-1",
        session=session,
        set_id=set_id,
        condition_id="0xabc",
        token_id="yes",
        side="BUY",
        price_micro=price,
        size_micro=size,
        fee_micro=0,
        state="CONFIRMED",
        paper=paper,
        matched_at=at,
        moved_at=at,
    )
    LedgerEntry.objects.create(
        entry_id=f"{set_id}-merge",
        session=session,
        set_id=set_id,
        kind="MERGE",
        at=at,
        realised_micro=realised,
        paper=paper,
    )


def a_sound_shadow(profile, **values):
    """Nine days of shadow in which everything was as it should be."""
    a_mandate(profile, **values)
    venue = values.get("venue", "polymarket")
    old = a_run(profile, token=1, ended=NOW - 2 * HOUR, feed=venue)
    samples(old, SINCE.replace(minute=0), NOW - 2 * HOUR, every=10 * MINUTE, feed_reconnects=int)
    new = a_run(profile, token=2, since=NOW - 2 * HOUR, feed=venue)
    samples(new, NOW - 2 * HOUR, NOW)
    for back in range(1, 9):
        a_replay(old, (NOW - back * DAY).date())
    a_drill()
    judged()
    return old, new


def a_sound_live(profile, *, phase=1, days=16, trades=60, venue="polymarket"):
    """Days of live trading in which everything was as it should be."""
    since = NOW - days * DAY
    a_mandate(profile, phase=phase, since=since, venue=venue)
    run = a_run(profile, token=1, since=since, mode="LIVE", feed=venue, label="LIVE", phase=phase)
    capital(run, 20_000_000, since)
    step = (days - 1) * DAY / trades
    for number in range(trades):
        a_trade(run, number, since + HOUR + step * number, realised=80_000 + number % 7 * 1_000)
    judged()
    a_drill(since + HOUR)
    return run
