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
    Opportunity,
    Order,
    Trade,
)
from trading.selectors.figures import day_start, phase_start, ran_since
from trading.selectors.gaps import Step, funnel_between
from trading.wording import refusal_text, set_text, stage_label

LATEST_ROWS = 12
SESSIONS_MAX = 50
RANGES = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}


# Label, meaning, and what its dollars are, by the key of a step.
_STEPS = {
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
    end = start + timedelta(days=1)
    funnel = funnel_between(start, end)
    steps = [_step(step, start, end) for step in funnel.steps]
    reasons = [
        {
            "code": reason.code,
            "label": refusal_text(reason.code).label,
            "why": refusal_text(reason.code).why,
            "gaps": reason.gaps,
            "frames": reason.frames,
            "query": urlencode({**_range("seen_at", start, end), "refusal": reason.code}),
        }
        for reason in funnel.reasons[:REASONS_MAX]
    ]
    by_key = {step["key"]: step for step in steps}
    return {"idle": "", "steps": steps, "reasons": reasons, "by_key": by_key}


def _step(step: Step, since: datetime, until: datetime) -> dict[str, Any]:
    label, meaning, dollars = _STEPS[step.key]
    of_sets = step.frames is None
    query = {**_range("opened_at" if of_sets else "seen_at", since, until), "reached": step.key}
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


def _range(field: str, since: datetime, until: datetime) -> dict[str, str]:
    """Return the parameters by which the lists choose a time."""
    return {
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


def latest_notes(account: str) -> list[EngineNote]:
    """Return the engine's newest notes, newest first."""
    rows = EngineNote.objects.filter(session__account=account)
    return list(rows.order_by("-pk")[:LATEST_ROWS])


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


def ever_traded_shadow(account: str) -> datetime | None:
    """Return when an engine first ran in shadow, None when none has."""
    rows = EngineSession.objects.filter(account=account, mode="SHADOW").order_by("pk")
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
        marks.append({"at": note.at, "kind": kind, "text": f"{note.code.lower()}: {note.text}"})
    return marks


def trades_on_paper(account: str) -> bool:
    """Return whether the newest session trades on paper; True when none has run."""
    newest = EngineSession.objects.filter(account=account).order_by("-token").first()
    return newest is None or newest.mode != "LIVE"


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
