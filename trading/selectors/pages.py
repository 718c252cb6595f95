"""What the dashboard shows: latest rows, and what to mark on the curve.

Everything is bounded and found by an index: the page costs the same after a million rows.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, Q

from trading.models import (
    ArbitrageSet,
    EngineNote,
    EngineSession,
    Mandate,
    Market,
    Money,
    Opportunity,
    Order,
    Trade,
    money_of,
    rows_with,
    sessions_with,
)
from trading.reconciling.code_words import finding_text
from trading.selectors.figures import COMPLETED, day_start, money_now, phase_start, ran_since
from trading.selectors.gaps import Step, funnel_between
from trading.wording import note_text, refusal_text, set_text, stage_label

LATEST_ROWS = 12
LATEST_SETS = 6
SESSIONS_MAX = 50
RANGES = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}


# Label, meaning, and what its dollars are, by the key of a step.
STEP_WORDS = {
    "SEEN": ("Seen", "The best asks summed to less than a set pays", "on offer"),
    "CONFIRMED": ("Confirmed", "Both books showed one and the same instant", "on offer"),
    "ALLOWED": ("Allowed", "Worth it after all costs, and within every limit", "on offer"),
    "SUBMITTED": ("Taken", "Orders for every leg were sent", "on offer"),
    "MATCHED": ("Matched", "Every leg was matched", "expected"),
    "MERGED": ("Merged", "Turned back into dollars", "realised"),
}
REASONS_MAX = 5

# Where a whole id is looked up, each by an index.
_BY_ID: tuple[tuple[type[Model], str], ...] = (
    (Opportunity, "opportunity_id"),
    (ArbitrageSet, "set_id"),
    (Order, "order_id"),
    (Order, "order_hash"),
    (Trade, "order_id"),
    (EngineSession, "key"),
    (Market, "condition_id"),
)
FOUND_MAX, WORDS_MAX, WORD_LENGTH_MIN = 8, 6, 3


def range_start(account: str, name: str, now: datetime) -> datetime | None:
    """Return where a named range begins: 24h, 7d, or phase. None when the phase never ran."""
    if name in RANGES:
        return now - RANGES[name]
    mandate = Mandate.objects.filter(account=account).only("phase").first()
    return phase_start(account, mandate.phase) if mandate is not None else None


def funnel_today(account: str, now: datetime) -> dict[str, Any]:
    """Return the funnel of the UTC day with words, and the query of the list behind each line.

    `idle` says why there are no numbers, empty when there are.
    """
    start = day_start(now)
    if not ran_since(account, start):
        return {"idle": "the engine has not run today", "steps": [], "reasons": [], "by_key": {}}
    end, money = start + timedelta(days=1), money_now(account)
    funnel = funnel_between(start, end, money=money)
    steps = [_step(step, start, end, money) for step in funnel.steps]
    reasons = [
        {
            "code": reason.code,
            "label": refusal_text(reason.code).label,
            "why": refusal_text(reason.code).why,
            "gaps": reason.gaps,
            "frames": reason.frames,
            "query": urlencode({**_shown("seen_at", start, end, money), "refusal": reason.code}),
        }
        for reason in funnel.reasons[:REASONS_MAX]
    ]
    by_key = {step["key"]: step for step in steps}
    return {"idle": "", "steps": steps, "reasons": reasons, "by_key": by_key}


def _step(step: Step, since: datetime, until: datetime, money: Money) -> dict[str, Any]:
    label, meaning, dollars = STEP_WORDS[step.key]
    of_sets = step.frames is None
    field = "opened_at" if of_sets else "seen_at"
    query = {**_shown(field, since, until, money), "reached": step.key}
    return {
        "key": step.key,
        "label": label,
        "meaning": meaning,
        "number": step.number,
        "noun": "set" if of_sets else "gap",
        "frames": step.frames,
        "micro": step.micro,
        "dollars": dollars,
        "width": f"{step.permille // 10}.{step.permille % 10}",
        "of_sets": of_sets,
        "query": urlencode(query),
    }


def _shown(field: str, since: datetime, until: datetime, money: Money) -> dict[str, str]:
    """Return the parameters by which the lists choose a time and a kind of money."""
    return {
        "money": money.value,
        f"{field}_from_0": f"{since.astimezone(UTC):%Y-%m-%d}",
        f"{field}_from_1": f"{since.astimezone(UTC):%H:%M:%S}",
        f"{field}_to_0": f"{until.astimezone(UTC):%Y-%m-%d}",
        f"{field}_to_1": f"{until.astimezone(UTC):%H:%M:%S}",
    }


def latest_opportunities(account: str) -> list[dict[str, Any]]:
    """Return the newest gaps as rows in words, newest first, at most twelve."""
    rows = list(Opportunity.objects.filter(session__account=account).order_by("-pk")[:LATEST_ROWS])
    names = market_names(row.condition_id for row in rows)
    sets = {
        one.set_id: one
        for one in ArbitrageSet.objects.filter(set_id__in=[r.set_id for r in rows if r.set_id])
    }
    return [_opportunity(row, names, sets.get(row.set_id)) for row in rows]


def _opportunity(
    row: Opportunity, names: dict[str, str], taken: ArbitrageSet | None
) -> dict[str, Any]:
    if row.refusal:
        text = refusal_text(row.refusal)
        outcome, why, tone = text.label, row.reason or text.meaning, "quiet"
    elif taken is not None:
        text = set_text(taken.state)
        outcome, why, tone = text.label, taken.reason or text.meaning, text.tone
    else:
        outcome, why, tone = stage_label(row.stage), row.reason, ""
    return {
        "pk": row.pk,
        "at": row.seen_at,
        "market": names.get(row.condition_id) or row.condition_id,
        "gap_micro": row.gap_micro,
        "edge_micro": row.edge_micro,
        "size_micro": row.size_micro or None,
        "net_micro": row.net_micro if row.size_micro else None,
        "frames": row.frames,
        "outcome": outcome,
        "why": why,
        "tone": tone,
        "taken": not row.refusal,
        "realised_micro": taken.realised_micro if taken is not None else None,
        "raised": row.raised,
    }


def latest_sets(account: str) -> list[dict[str, Any]]:
    """Return the newest sets as rows in words, newest first, at most six."""
    rows = list(ArbitrageSet.objects.filter(session__account=account).order_by("-pk")[:LATEST_SETS])
    names = market_names(row.condition_id for row in rows)
    return [
        {
            "pk": row.pk,
            "at": row.opened_at,
            "market": names.get(row.condition_id) or row.condition_id,
            "label": set_text(row.state).label,
            "tone": set_text(row.state).tone,
            "meaning": set_text(row.state).meaning,
            "cost_micro": row.cost_micro,
            "realised_micro": row.realised_micro,
        }
        for row in rows
    ]


def waits_for_first_set(account: str) -> Money | None:
    """Return with which money an account's engine waits for its first completed set, else None.

    None also on paper and before an engine ran.
    """
    session = EngineSession.objects.filter(account=account).order_by("-token").first()
    if session is None or session.ended_at is not None:
        return None
    money = money_of(session.mode, session.feed)
    completed = ArbitrageSet.objects.filter(session__account=account, state__in=COMPLETED)
    if money is Money.PAPER or completed.filter(rows_with(money)).exists():
        return None
    return money


def latest_notes(account: str) -> list[dict[str, Any]]:
    """Return the engine's newest notes in words, newest first."""
    rows = EngineNote.objects.filter(session__account=account).order_by("-pk")[:LATEST_ROWS]
    notes = []
    for row in rows:
        title, text = note_text(row.code, row.text)
        notes.append({"pk": row.pk, "at": row.at, "title": title, "text": text, "level": row.level})
    return notes


def reason_told(reason: str) -> str:
    """Return the reason of an act: a person's as it is, that of a comparison in words."""
    return finding_text(reason)


def market_names(condition_ids: Iterable[str]) -> dict[str, str]:
    """Return what to call markets, by condition id."""
    wanted = set(condition_ids)
    rows = Market.objects.filter(condition_id__in=wanted)
    return {
        condition_id: question or slug or condition_id
        for condition_id, question, slug in rows.values_list("condition_id", "question", "slug")
    }


def mandate_number(account: str) -> int | None:
    """Return the number by which the admin's pages know the account's mandate."""
    return Mandate.objects.filter(account=account).values_list("pk", flat=True).first()


def first_gap_at(account: str) -> datetime | None:
    """Return when the account's first gap was seen, None when there was none yet."""
    rows = Opportunity.objects.filter(session__account=account).order_by("pk")
    return rows.values_list("seen_at", flat=True).first()


def first_started_at(account: str) -> datetime | None:
    """Return when the account's first engine started, None when none has."""
    rows = EngineSession.objects.filter(account=account).order_by("token")
    return rows.values_list("started_at", flat=True).first()


def first_harmless_start(account: str) -> datetime | None:
    """Return when an engine first ran on paper or with play money, None when none has."""
    harmless = sessions_with(Money.PAPER) | sessions_with(Money.PLAY)
    rows = EngineSession.objects.filter(harmless, account=account).order_by("pk")
    return rows.values_list("started_at", flat=True).first()


def curve_marks(account: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return what to mark on the time axis: starts, halts, ends and phase changes of engines."""
    rows = EngineSession.objects.filter(
        account=account, started_at__gte=since, started_at__lt=until
    ).order_by("-pk")[:SESSIONS_MAX]
    marks = []
    for row in rows:
        marks.append(
            {"at": row.started_at, "kind": "start", "text": f"engine started: {row.label.lower()}"}
        )
        if row.state in (EngineSession.State.CRASHED, EngineSession.State.FENCED):
            ended = row.ended_at or row.state_since
            marks.append({"at": ended, "kind": "halt", "text": f"engine {row.state.lower()}"})
    halts = EngineNote.objects.filter(
        session__account=account, at__gte=since, at__lt=until, code__in=("HALTED", "RESUMED")
    ).order_by("-pk")[:SESSIONS_MAX]
    for note in halts:
        kind = "halt" if note.code == "HALTED" else "resume"
        title, text = note_text(note.code, note.text)
        marks.append({"at": note.at, "kind": kind, "text": f"{title}: {text}"})
    return marks


def find(text: str) -> list[tuple[str, int, str, str]]:
    """Return records by a whole id, and markets by words: (model, number, title, description)."""
    term = text.strip()
    if not term:
        return []
    found: list[tuple[str, int, str, str]] = []
    for model, field in _BY_ID:
        for row in model._default_manager.filter(**{field: term})[:FOUND_MAX]:
            name = model._meta.model_name or ""
            found.append((name, row.pk, str(row), str(model._meta.verbose_name)))
    if len(term) >= WORD_LENGTH_MIN:
        named = Q()
        for word in term.split()[:WORDS_MAX]:
            named &= Q(question__icontains=word)
        markets = Market.objects.filter(named).order_by("-seen_at", "-id")[:FOUND_MAX]
        found += [("market", row.pk, str(row), "market") for row in markets]
    return found
