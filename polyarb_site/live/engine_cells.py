"""The engine's cells: its state in a word, since when, why, and what a person would do about it."""

from datetime import datetime

from django.urls import reverse

from polyarb_site import formats
from polyarb_site.live.cell import (
    HEARTBEAT_STALE_MS,
    Cell,
    Part,
    age_cell,
    cell,
    epoch_ms,
    missing,
    part_of,
    words,
)

SOON_MS = 10_000  # how long an engine may take to notice a halt before the header says so
SETTLED_MS = 30_000  # how long orders may not work before that is an alarm
RUNNING = ("TRADING", "STARTING", "BLIND", "NO_ACCESS")  # states of an engine that is not halted
# Engine state: the word, its tone, and whether the age is of the last heartbeat or of the state.
_ENGINE = {
    "TRADING": ("trading", "good", "heartbeat"),
    "STARTING": ("starting", "warn", "heartbeat"),
    "BLIND": ("blind, no fresh book", "warn", "heartbeat"),
    "NO_ACCESS": ("no access", "bad", "since"),
    "HALTED": ("halted", "bad", "since"),
    "STALE": ("silent", "bad", "since"),
    "WAITING": ("waiting for an engine", "warn", "since"),
    "STOPPED": ("stopped", "quiet", "since"),
    "CRASHED": ("crashed", "bad", "since"),
    "FENCED": ("fenced off", "warn", "since"),
}


def engine_cells(state: Part) -> dict[str, Cell]:
    """Return word, age, detail and what to do, for the header, the card and the banner."""
    engine, halted = part_of(state, "engine"), part_of(state, "halted")
    now = formats.moment_of(state.get("as_of"))
    name = engine.get("state") or ""
    if not engine:
        return {
            "engine": cell("no engine", tone="quiet", reason="there is no account yet"),
            "engine_age": cell(""),
            "engine_detail": cell("there is no account yet"),
            "engine_since": missing("there is no account yet"),
            "engine_next": cell(""),
            "banner": cell(""),
        }
    word, tone, aged = _ENGINE.get(name, (words(name) or "unknown", "warn", "since"))
    at = epoch_ms(engine.get("as_of" if aged == "heartbeat" else "since"))
    detail, remedy, banner = engine.get("reason") or "", "", ""
    if name == "NO_ACCESS":
        word, tone, detail, remedy = _no_access(state, engine, now)
        banner = f"No order can be sent: {word}" if tone == "bad" else ""
    elif name == "TRADING" and part_of(state, "exposed").get("sets"):
        word, tone, detail, remedy = _exposed(part_of(state, "exposed"))
        banner = f"No new set is opened: {word}"
    if halted.get("halted"):
        word, tone, at, detail = _halted(name, halted, now)
        aged, remedy, banner = "since", halted.get("remedy") or "", "Trading is halted"
    return {
        "engine": cell(word, tone=tone, title=detail),
        "engine_age": age_cell(at, now, stale_ms=HEARTBEAT_STALE_MS if aged != "since" else None),
        "engine_detail": cell(detail, title=halted.get("code") or ""),
        "engine_since": _since_cell(engine, halted),
        "engine_next": cell(_sentence(remedy)),
        "banner": cell(banner),
    }


def _exposed(exposed: Part) -> tuple[str, str, str, str]:
    """Return word, tone, detail and remedy while a half-filled set keeps new ones away."""
    sets = exposed["sets"]
    word = "a leg is exposed" if sets == 1 else f"{sets} legs are exposed"
    detail = f"{exposed.get('set_id') or ''}: {exposed.get('reason') or ''}"
    return word, "bad", detail, exposed.get("remedy") or ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def todo(state: Part) -> dict[str, str] | None:
    """Return the page of what a person has to look at first, None when there is no such thing."""
    incident = part_of(state, "reconciliation").get("incident")
    if incident is not None:
        url = reverse("admin:trading_incident_change", args=[incident])
        return {"text": f"Incident {incident}", "url": url}
    number = part_of(state, "exposed").get("number")
    if number is not None:
        url = reverse("admin:trading_arbitrageset_change", args=[number])
        return {"text": "Exposed set", "url": url}
    return None


def no_access_tone(engine: Part, now: datetime | None) -> str:
    """Return how bad it is that no order can be sent.

    What has only just begun, as at every start, may come right by itself: it is no alarm yet.
    """
    since = formats.moment_of(engine.get("since"))
    young = since is not None and now is not None and formats.ms_between(since, now) < SETTLED_MS
    return "warn" if young else "bad"


def _no_access(state: Part, engine: Part, now: datetime | None) -> tuple[str, str, str, str]:
    """Return word, tone, detail and remedy while no order can be sent."""
    access = part_of(state, "access")
    word = str(access.get("label") or "no access").lower()
    detail = access.get("reason") or engine.get("reason") or ""
    return word, no_access_tone(engine, now), detail, access.get("remedy") or ""


def _halted(name: str, halted: Part, now: datetime | None) -> tuple[str, str, int | None, str]:
    """Return word, tone, since and detail of a halt, also while the engine has not heard of it."""
    cause, reason = halted.get("label") or "", halted.get("told") or "no reason was given"
    by = f", by {halted['by']}" if halted.get("by") else ""
    since = formats.moment_of(halted.get("since"))
    detail = f"{cause}: {reason}{by}" if cause else f"{reason}{by}"
    late = since is not None and now is not None and formats.ms_between(since, now) > SOON_MS
    word = "halted"
    if name in RUNNING:
        word = "halt not confirmed" if late else "halting"
        detail = f"{detail} (the engine still says {words(name)})"
    return word, "bad", epoch_ms(halted.get("since")), detail


def _since_cell(engine: Part, halted: Part) -> Cell:
    text = halted.get("since") if halted.get("halted") else engine.get("since")
    moment = formats.moment_of(text)
    if moment is None:
        return missing(engine.get("reason") or "since when is not known")
    return cell(formats.utc(moment), at=epoch_ms(text), moment=moment.isoformat())
