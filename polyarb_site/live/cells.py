"""What the header and the dashboard's cards show of an account's state, in words and numbers.

One place makes them, so that the page as it was served and the page as it was pushed say the same.
A cell is plain JSON: `text`, `title` (the hover), `tone` (good, bad, warn, quiet or none), `reason`
(why there is no value), `at` (epoch ms of what is shown), `stale_ms` (older than this is old),
`tick` (the text is the age of `at`), `permille` (a bar).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from polyarb_site import formats

Cell = dict[str, Any]
Part = Mapping[str, Any]

HEARTBEAT_STALE_MS = 5_000  # due every second
FIGURES_STALE_MS = 15_000
SOON_MS = 10_000  # how long an engine may take to notice a halt before the header says so
NOT_YET = {
    "backup": "comes with backups",
    "go_no_go": "comes with checks",
    "criteria": "comes with phases",
}

_BADGES = {
    "RECORDED": ("recorded", "Recorded frames of the real market, played back; paper fills"),
    "SIMULATED": ("simulated", "The local venue: invented flow, no real market"),
    "SHADOW": ("shadow", "The real market's feed with paper fills; no money moves"),
    "LIVE": ("live", "Real orders with real money"),
}
# Engine state: the word, its tone, and whether the age is of the last heartbeat or of the state.
_ENGINE = {
    "TRADING": ("trading", "good", "heartbeat"),
    "STARTING": ("starting", "warn", "heartbeat"),
    "BLIND": ("blind, no fresh book", "warn", "heartbeat"),
    "HALTED": ("halted", "bad", "since"),
    "STALE": ("silent", "bad", "since"),
    "WAITING": ("waiting for an engine", "warn", "since"),
    "STOPPED": ("stopped", "quiet", "since"),
    "CRASHED": ("crashed", "bad", "since"),
    "FENCED": ("fenced off", "warn", "since"),
}
_BREAKER = {"CLOSED": ("closed", "good"), "HALF_OPEN": ("probing", "warn"), "OPEN": ("open", "bad")}


def cells(state: Part) -> dict[str, Any]:
    """Return every cell of an account's live state, by name, ready for the page and for JSON."""
    badge, meaning = _BADGES.get(state.get("label") or "", ("unknown", "No account is set up yet"))
    halted = bool((state.get("halted") or {}).get("halted"))
    return {
        "account": state.get("account") or "",
        "badge": {"text": state.get("label") or "NO ACCOUNT", "title": meaning, "kind": badge},
        "halted": halted,
        "as_of": _epoch_ms(state.get("as_of")),
        "values": {
            **_phase(state),
            **_engine(state),
            **_feed(state),
            **_money(state),
            **_safety(state),
        },
    }


def database_down(reason: str) -> dict[str, Any]:
    """Return the cells of a page that was made while the database did not answer."""
    silent = {"label": None, "account": ""}
    made = cells({**silent, "as_of": None})
    made["badge"] = {"text": "UNKNOWN", "title": reason, "kind": "unknown"}
    for cell in made["values"].values():
        cell.update(text=formats.MISSING, reason=reason, tone="quiet", at=None, tick=False)
    made["values"]["engine"].update(text="state unknown", tone="bad")
    made["values"]["engine_detail"].update(text=reason)
    return made


def words(code: str | None) -> str:
    """Return a stored code as words: LEGS_NOT_SAME_INSTANT is "legs not same instant"."""
    return (code or "").replace("_", " ").lower()


def _cell(text: str, **more: Any) -> Cell:
    made: Cell = {"text": text, "title": "", "tone": "", "reason": "", "at": None, "tick": False}
    return {**made, **more}


def _missing(reason: str | None) -> Cell:
    return _cell(formats.MISSING, reason=reason or "not known", tone="quiet")


def _part(state: Part, name: str) -> Part:
    part = state.get(name)
    return part if isinstance(part, Mapping) else {}


def _epoch_ms(text: object) -> int | None:
    moment = formats.moment_of(text)
    return int(moment.timestamp() * 1000) if moment is not None else None


def _phase(state: Part) -> dict[str, Cell]:
    part = _part(state, "phase")
    if part.get("number") is None:
        return {"phase": _missing(part.get("reason"))}
    profile = _part(state, "profile")
    if profile.get("name"):
        running = f"{profile['name']} r{profile['revision']}"
        applied = _cell(running, title=f"sha256 {profile.get('sha256') or ''}")
    else:
        applied = _missing(profile.get("reason"))
    return {
        "phase": _cell(str(part["name"]), title=f"Phase {part['number']}: {part['name']}"),
        "phase_number": _cell(f"Phase {part['number']}"),
        "profile": applied,
    }


def _engine(state: Part) -> dict[str, Cell]:
    engine, halted = _part(state, "engine"), _part(state, "halted")
    now = formats.moment_of(state.get("as_of"))
    name = engine.get("state") or ""
    if not engine:
        return {
            "engine": _cell("no engine", tone="quiet", reason="there is no account yet"),
            "engine_age": _cell(""),
            "engine_detail": _cell("there is no account yet"),
            "engine_since": _missing("there is no account yet"),
        }
    word, tone, aged = _ENGINE.get(name, (words(name) or "unknown", "warn", "since"))
    at = _epoch_ms(engine.get("as_of" if aged == "heartbeat" else "since"))
    detail = engine.get("reason") or ""
    if halted.get("halted"):
        word, tone, at, detail = _halted(name, halted, now)
        aged = "since"
    return {
        "engine": _cell(word, tone=tone, title=detail),
        "engine_age": _age_cell(at, now, stale_ms=HEARTBEAT_STALE_MS if aged != "since" else None),
        "engine_detail": _cell(detail),
        "engine_since": _since_cell(engine, halted),
    }


def _halted(name: str, halted: Part, now: datetime | None) -> tuple[str, str, int | None, str]:
    """Return word, tone, since and detail of a halt, also while the engine has not heard of it."""
    code, reason = halted.get("code") or "", halted.get("reason") or "no reason was given"
    by = f", by {halted['by']}" if halted.get("by") else ""
    since = formats.moment_of(halted.get("since"))
    detail = f"{code}: {reason}{by}" if code else f"{reason}{by}"
    late = since is not None and now is not None and formats.ms_between(since, now) > SOON_MS
    word = "halted"
    if name in ("TRADING", "STARTING", "BLIND"):
        word = "halt not confirmed" if late else "halting"
        detail = f"{detail} (the engine still says {words(name)})"
    return word, "bad", _epoch_ms(halted.get("since")), detail


def _age_cell(at: int | None, now: datetime | None, *, stale_ms: int | None = None) -> Cell:
    if at is None or now is None:
        return _cell("")
    ms = int(now.timestamp() * 1000) - at
    more = {"stale_ms": stale_ms} if stale_ms else {}
    return _cell(formats.age(ms), at=at, tick=True, **more)


def _since_cell(engine: Part, halted: Part) -> Cell:
    text = halted.get("since") if halted.get("halted") else engine.get("since")
    moment = formats.moment_of(text)
    if moment is None:
        return _missing(engine.get("reason") or "since when is not known")
    return _cell(formats.utc(moment), at=_epoch_ms(text), moment=moment.isoformat())


def _feed(state: Part) -> dict[str, Cell]:
    feed, decision = _part(state, "feed"), _part(state, "decision")
    now = formats.moment_of(state.get("as_of"))
    name = str(feed.get("name") or "")
    found: dict[str, Cell] = {"feed_name": _cell(name) if name else _missing(feed.get("reason"))}
    age_ms = feed.get("age_ms")
    if age_ms is None or now is None:
        found["feed_age"] = _missing(feed.get("reason"))
    else:
        found["feed_age"] = _age_cell(
            int(now.timestamp() * 1000) - age_ms, now, stale_ms=HEARTBEAT_STALE_MS
        )
    connected = feed.get("connected")
    found["feed"] = (
        _missing(feed.get("reason"))
        if connected is None
        else _cell(
            # Connected is what its age says already; not connected has to be said.
            "" if connected else "not connected",
            tone="" if connected else "bad",
            title=f"feed {name}",
        )
    )
    for key, label in (("p50_us", "half"), ("p99_us", "99 of 100")):
        us = decision.get(key)
        found[f"decision_{key[:3]}"] = (
            _missing(decision.get("reason"))
            if us is None
            else _cell(
                formats.micros(us),
                title=f"{label} of the decisions of the last second took at most {us:,} µs",
                at=_epoch_ms(decision.get("as_of")),
                stale_ms=FIGURES_STALE_MS,
            )
        )
    return found


def _money(state: Part) -> dict[str, Cell]:
    money = _part(state, "money")
    kind = "paper" if money.get("paper") else "real money"
    now_at, seen_at = _epoch_ms(money.get("as_of")), _epoch_ms(money.get("exposure_as_of"))
    reason = money.get("reason")

    def amount(key: str, what: str, at: int | None, *, sign: bool = True) -> Cell:
        micro = money.get(key)
        if micro is None:
            return _missing(reason)
        tone = ("good" if micro > 0 else "bad" if micro < 0 else "") if sign else ""
        title = f"{formats.money_exact(micro, sign=sign)} {what}, {kind}"
        made = _cell(formats.money(micro, sign=sign), tone=tone, title=title, at=at)
        # What lies in the open moves each second; a sum over the books is as old as the page.
        return made if sign else {**made, "stale_ms": FIGURES_STALE_MS}

    return {
        "pnl_today": amount("realised_today_micro", "realised since 00:00 UTC", now_at),
        "pnl_phase": amount("realised_phase_micro", "realised in this phase", now_at),
        "exposure": amount("exposure_micro", "held or pending at cost", seen_at, sign=False),
        "worst_case": _worst_case(money, seen_at),
        "loss_used": _used(_loss_used(money), money.get("limit_micro"), "daily loss limit", reason),
        "position_used": _used(
            money.get("exposure_micro"), money.get("position_limit_micro"), "position limit", reason
        ),
        "money_kind": _cell(kind if money.get("paper") is not None else ""),
    }


def _worst_case(money: Part, at: int | None) -> Cell:
    """Return the worst cash outcome of what is open, as the loss that it would be."""
    micro = money.get("worst_case_micro")
    if micro is None:
        return _missing(money.get("reason"))
    return _cell(
        formats.money(-micro),
        tone="bad" if micro > 0 else "",
        title=f"{formats.money_exact(-micro)} if every open leg resolves against us",
        at=at,
        stale_ms=FIGURES_STALE_MS,
    )


def _loss_used(money: Part) -> int | None:
    """Return what counts against the daily loss limit: realised loss and the worst open case."""
    realised, worst = money.get("realised_today_micro"), money.get("worst_case_micro")
    if realised is None or worst is None:
        return None
    return max(0, -int(realised)) + max(0, int(worst))


def _used(used: int | None, limit: int | None, what: str, reason: str | None) -> Cell:
    if limit is None:
        return _missing(f"no profile is applied, so there is no {what}")
    if used is None:
        return {**_missing(reason), "title": f"{what} {formats.money_exact(limit)}"}
    permille = min(1000, used * 1000 // limit) if limit else 1000
    tone = "bad" if permille >= 900 else "warn" if permille >= 600 else ""
    return _cell(
        f"{formats.money(used)} of {formats.money(limit)}",
        title=f"{formats.money_exact(used)} of the {what} {formats.money_exact(limit)}",
        tone=tone,
        permille=permille,
    )


def _safety(state: Part) -> dict[str, Cell]:
    alerts, breaker = _part(state, "alerts"), _part(state, "breaker")
    found = {}
    for level, tone in (("critical", "bad"), ("warning", "warn"), ("info", "")):
        number = alerts.get(level)
        found[f"alerts_{level}"] = (
            _missing(alerts.get("reason"))
            if number is None
            else _cell(formats.count(number), tone=tone if number else "quiet")
        )
    known = [alerts[level] for level in ("critical", "warning") if alerts.get(level) is not None]
    found["alerts"] = (
        _cell(formats.plural(sum(known), "alert"), tone="bad" if alerts.get("critical") else "")
        if known
        else _missing(alerts.get("reason"))
    )
    word, tone = _BREAKER.get(breaker.get("state") or "", ("", ""))
    found["breaker"] = (
        _cell(word, tone=tone, at=_epoch_ms(breaker.get("as_of")), stale_ms=FIGURES_STALE_MS)
        if word
        else _missing(breaker.get("reason"))
    )
    for name, reason in NOT_YET.items():
        found[name] = _missing(reason)
    return found
