"""From alerts to messages: who is told of what now, and why nobody is. A row for each message.

Theory of operation. A round looks at every alert that is raised, and at those that ended and whose
end was not told yet. alerts.rules.muting decides for each of them; what is to be told is grouped,
and each group becomes one row for each of its channels. All of a round is one transaction, which
takes the alerts it changes: no round tells of what another has told, and whoever acknowledges an
alert at the same moment is either before the round or after it. Nothing is sent here: see
alerts.pump.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from alerts.models import Alert, AlertMove, Channel, Delivery, Silence
from alerts.rules.grouping import Told, admits, groups
from alerts.rules.muting import (
    MUTED,
    OLD,
    Answer,
    Causes,
    Decision,
    Seen,
    decide,
    tell_from,
)
from alerts.rules.parse import parse_rule
from alerts.rules.rule import Level, Rule
from alerts.rules.states import State
from alerts.selectors.silences import mute_of
from alerts.services.messages import alert_facts, badge, group_message
from polyarb_site.live.send import publish

Kind = Delivery.Kind
TELLING = {
    Answer.TELL: Kind.FIRING,
    Answer.TELL_ENDED: Kind.RESOLVED,
    Answer.ESCALATE: Kind.ESCALATED,
}
KEPT = {
    "CRITICAL": timedelta(hours=24),
    "WARNING": timedelta(hours=24),
    "INFO": timedelta(hours=6),
}
ALERTS_MAX = 2_000  # looked at in a round; the rest has its turn when these are told
PUSHES_MAX = 100
MUTED_LENGTH_MAX = 200


@dataclass(slots=True)
class Counts:
    """What a round did: alerts by answer, messages queued."""

    answers: dict[str, int] = field(default_factory=dict)
    deliveries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    alert: Alert
    seen: Seen
    rule: Rule
    at_once: tuple[Channel, ...]
    later: tuple[tuple[Channel, ...], ...]  # for each step of escalation
    known: tuple[Channel, ...]  # all that are on
    given_back: bool  # somebody had it and has not any more: escalation begins anew

    def channels(self, kind: str, heard: Mapping[int, set[int]]) -> tuple[Channel, ...]:
        """Return who is told of this. Of the end, who was told that it fires."""
        if kind == Kind.ESCALATED:
            return self.later[self.seen.escalations]
        if kind == Kind.FIRING:
            return self.at_once
        numbers = heard.get(self.alert.pk, set())
        return tuple(one for one in self.known if one.pk in numbers and one.tell_resolved)


def tell_round(now: datetime) -> Counts:
    """Decide for every alert whether people are told of it now, and queue what they are told."""
    counts = Counts()
    decisions = _decide(_alerts(now), now)
    if not any(_changes(case, decision) for case, decision in decisions):
        for _, decision in decisions:
            _count(counts, decision)
        return counts  # the usual round: nothing is written, nothing is locked
    with transaction.atomic():
        decisions = _decide(_alerts(now).select_for_update(of=("self",)), now)
        told = _tell(decisions, now, counts)
        pushes = []
        for case, decision in decisions:
            if _write(case, decision, told=case.alert.pk in told, now=now):
                pushes.append((case.alert, decision))
            _count(counts, decision)
        for alert, decision in pushes[:PUSHES_MAX]:
            what = "alert.muted" if decision.muted_by else "alert.unmuted"
            payload = {
                "account": alert.account,
                "what": what,
                "alert": alert.pk,
                "rule": alert.rule_id,
                "level": alert.level,
                "state": alert.state,
                "text": decision.muted_by or f"{alert.rule_id} is told again",
            }
            publish("alerts", payload, at=now)
    return counts


def _alerts(now: datetime) -> QuerySet[Alert]:
    """Return what is raised, and what ended and is still to be told of."""
    raised = Q(state__in=(Alert.State.FIRING, Alert.State.ACKED))
    unheard = Q(told_since__isnull=False) | Q(notified_at=None, muted_by="")
    ended = Q(state=Alert.State.RESOLVED, resolved_at__gte=now - OLD) & unheard
    rows = Alert.objects.filter(raised | ended, fired_at__isnull=False)
    return rows.select_related("rule_revision").order_by("id")[:ALERTS_MAX]


def _decide(alerts: Iterable[Alert], now: datetime) -> list[tuple[_Case, Decision]]:
    rules: dict[int, Rule] = {}
    channels = list(Channel.objects.filter(enabled=True).order_by("tier", "name"))
    mutes = [mute_of(row) for row in _silences(now)]
    alerts = list(alerts)
    given_back = _given_back(alerts)
    cases = []
    for alert in alerts:
        revision = alert.rule_revision
        if revision.pk not in rules:
            rules[revision.pk] = parse_rule(revision.values)
        cases.append(_case(alert, rules[revision.pk], channels, given_back.get(alert.pk)))
    raised = [case for case in cases if not case.seen.ended]
    causes = Causes(
        [case.seen for case in raised], {case.seen.number: case.rule for case in raised}
    )
    return [
        (
            case,
            decide(
                case.seen,
                case.rule,
                cause=causes.of(case.seen),
                mutes=mutes,
                takers=len(case.at_once),
                escalation_steps=len(case.later),
                now=now,
            ),
        )
        for case in cases
    ]


def _given_back(alerts: Iterable[Alert]) -> dict[int, datetime]:
    """Return when the acknowledgement of an alert was last taken back."""
    ids = [
        alert.pk
        for alert in alerts
        if alert.told_since is not None
        and alert.state == Alert.State.FIRING
        and alert.level == Alert.Level.CRITICAL
    ]
    if not ids:
        return {}
    moves = AlertMove.objects.filter(
        alert__in=ids, state_from=Alert.State.ACKED, state_to=Alert.State.FIRING
    )
    newest = moves.order_by().values("alert").annotate(newest=Max("at"))
    return {row["alert"]: row["newest"] for row in newest}


def _silences(now: datetime) -> QuerySet[Silence]:
    return Silence.objects.filter(ended_at=None, starts_at__lte=now, ends_at__gt=now).order_by("id")


def _case(
    alert: Alert, rule: Rule, channels: Sequence[Channel], given_back_at: datetime | None
) -> _Case:
    """Return an alert with the channels that take it.

    A rule that names channels tells those at once, whatever their tier. Escalation goes from tier
    to tier; where there is no further one, the first is told once more.
    """
    assert alert.fired_at is not None
    taking = [channel for channel in channels if admits(channel.level_min, alert.level)]
    if rule.channels:
        at_once = [channel for channel in channels if channel.name in rule.channels]
    else:
        at_once = [channel for channel in taking if channel.tier == 1]
    rest = [channel for channel in taking if channel.tier > 1 and channel not in at_once]
    tiers = sorted({channel.tier for channel in rest})
    later = [tuple(channel for channel in rest if channel.tier == tier) for tier in tiers]
    since = alert.told_since
    given_back = given_back_at is not None and since is not None and given_back_at > since
    seen = Seen(
        number=alert.pk,
        account=alert.account,
        rule_id=alert.rule_id,
        level=Level(alert.level),
        state=State(alert.state),
        unknown=alert.unknown,
        count=alert.count,
        fired_at=alert.fired_at,
        last_fired_at=alert.last_fired_at or alert.fired_at,
        resolved_at=alert.resolved_at,
        told_count=alert.notified_count,
        told_at=alert.notified_at,
        told_since=given_back_at if given_back else since,
        escalations=0 if given_back else alert.escalations,
    )
    return _Case(
        alert=alert,
        seen=seen,
        rule=rule,
        at_once=tuple(at_once),
        later=tuple(later or [tuple(at_once)]),
        known=tuple(channels),
        given_back=given_back,
    )


def _tell(decisions: Sequence[tuple[_Case, Decision]], now: datetime, counts: Counts) -> set[int]:
    """Queue what is told now and return which alerts that were; the others wait for company."""
    cases = {case.alert.pk: case for case, _ in decisions}
    ended = [case.alert for case, decision in decisions if decision.answer is Answer.TELL_ENDED]
    heard = _heard(ended)
    waiting = []
    for case, decision in decisions:
        kind = TELLING.get(decision.answer)
        if kind is None:
            continue
        since = tell_from(case.seen, case.rule)
        if kind == Kind.RESOLVED:
            since = case.seen.resolved_at or case.seen.last_fired_at
        waiting.append(
            Told(
                number=case.alert.pk,
                account=case.alert.account,
                level=case.seen.level,
                kind=kind,
                channels=tuple(channel.pk for channel in case.channels(kind, heard)),
                waits_since=since,
            )
        )
    told: set[int] = set()
    labels: dict[str, str] = {}
    for group in groups(waiting, now):
        account = group[0].account
        if account not in labels:
            labels[account] = badge(account)
        members = [cases[one.number] for one in group]
        channels = members[0].channels(group[0].kind, heard)
        rows = _deliveries(members, group[0], channels, labels[account], now)
        Delivery.objects.bulk_create(rows, ignore_conflicts=True)
        counts.deliveries += len(rows)
        told |= {one.number for one in group}
    return told


def _heard(ended: Sequence[Alert]) -> dict[int, set[int]]:
    """Return for each alert that ended the numbers of the channels that were told it fires."""
    if not ended:
        return {}
    heard: dict[int, set[int]] = {alert.pk: set() for alert in ended}
    rows = Delivery.objects.filter(
        kind__in=(Kind.FIRING, Kind.ESCALATED),
        created_at__gte=min(alert.fired_at for alert in ended if alert.fired_at),
        channel__isnull=False,
    )
    for channel, numbers in rows.values_list("channel", "alert_ids").iterator():
        for number in numbers:
            if number in heard:
                heard[number].add(channel)
    return heard


def _deliveries(
    cases: Sequence[_Case],
    group: Told,
    channels: Sequence[Channel],
    label: str,
    now: datetime,
) -> list[Delivery]:
    level, kind = group.level.value, group.kind
    facts = [alert_facts(case.alert, case.rule, label) for case in cases]
    message = group_message(kind, facts, account=group.account, level=level, label=label)
    content = [
        (one.number, one.count, one.state.value, one.escalations, str(one.told_since))
        for one in (case.seen for case in cases)
    ]
    digest = hashlib.sha256(repr((kind, content)).encode()).hexdigest()
    return [
        Delivery(
            channel=channel,
            channel_name=channel.name,
            key=f"{kind}:{channel.pk}:{digest[:32]}",
            kind=kind,
            level=level,
            title=message["title"],
            payload=message,
            alert_ids=[case.alert.pk for case in cases],
            created_at=now,
            next_try_at=now,
            expires_at=now + KEPT[level],
        )
        for channel in channels
    ]


def _changes(case: _Case, decision: Decision) -> bool:
    """Return whether a round has anything to write for an alert."""
    alert = case.alert
    return (
        decision.answer in TELLING
        or case.given_back
        or alert.muted_by != decision.muted_by[:MUTED_LENGTH_MAX]
        or alert.looked_count < alert.count
    )


def _write(case: _Case, decision: Decision, *, told: bool, now: datetime) -> bool:
    """Note on the alert what became of it; return whether it became muted, or no more."""
    alert, kind = case.alert, TELLING.get(decision.answer) if told else None
    values: dict[str, Any] = {}
    muted_by = decision.muted_by[:MUTED_LENGTH_MAX]
    if decision.answer is Answer.OVER:
        muted_by = alert.muted_by
    fired = max(0, alert.count - alert.looked_count)
    held = decision.answer is Answer.WAITING or (decision.answer in TELLING and not told)
    # A firing is told or counted as suppressed; one that was counted may still be told later.
    tells = kind in (Kind.FIRING, Kind.ESCALATED) and alert.notified_count < alert.count
    if not held and fired - tells:
        values["suppressed"] = max(0, alert.suppressed + fired - tells)
    if not held and fired:
        values["looked_count"] = alert.count
    if muted_by != alert.muted_by:
        values["muted_by"] = muted_by
    if case.given_back:
        values |= {"told_since": case.seen.told_since, "escalations": 0}
    if kind is not None:
        values |= {"notified_at": now, "notified_count": alert.count}
        if case.seen.ended:
            values |= {"told_since": None, "escalations": 0}
        elif kind == Kind.ESCALATED:
            values |= {"told_since": now, "escalations": case.seen.escalations + 1}
        else:
            values["told_since"] = case.seen.told_since or now
    if values:
        Alert.objects.filter(pk=alert.pk).update(**values)
    return "muted_by" in values and decision.answer in (*MUTED, *TELLING)


def _count(counts: Counts, decision: Decision) -> None:
    name = decision.answer.value
    counts.answers[name] = counts.answers.get(name, 0) + 1
