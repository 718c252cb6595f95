"""What the header and the dashboard's cards show of an account's state, in words and numbers.

One place makes them, so that the page as it was served and the page as it was pushed say the same.
A cell is plain JSON: `text`, `title` (the hover), `tone` (good, bad, warn, quiet or none), `reason`
(why there is no value), `at` (epoch ms of what is shown), `stale_ms` (older than this is old),
`tick` (the text is the age of `at`), `permille` (a bar).
"""

from typing import Any

from polyarb_site import formats
from polyarb_site.live.alert_cells import alert_cells
from polyarb_site.live.backup_cells import backup_cells
from polyarb_site.live.cell import (
    FIGURES_STALE_MS,
    HEARTBEAT_STALE_MS,
    Cell,
    Part,
    age_cell,
    cell,
    epoch_ms,
    missing,
    part_of,
)
from polyarb_site.live.engine_cells import engine_cells, todo
from polyarb_site.live.gate_cells import gate_cells
from polyarb_site.live.order_cells import order_cells
from polyarb_site.live.start_cells import start_cells

_BADGES = {
    "RECORDED": ("recorded", "Recorded frames of the real market, played back; paper fills"),
    "SIMULATED": ("simulated", "The local venue: invented flow, no real market, no real money"),
    "SHADOW": ("shadow", "The real market's feed with paper fills; no money moves"),
    "LIVE": ("live", "Real orders with real money"),
}
_MONEY = {"PAPER": "paper", "PLAY": "play money"}  # of what is not known, the worst
_BREAKER = {"CLOSED": ("closed", "good"), "HALF_OPEN": ("probing", "warn"), "OPEN": ("open", "bad")}


def cells(state: Part, venue: str = "") -> dict[str, Any]:
    """Return every cell of an account's live state, by name, ready for the page and for JSON.

    `venue` is what the local venue says of itself, empty for nothing.
    """
    badge, meaning = _BADGES.get(state.get("label") or "", ("unknown", "No account is set up yet"))
    halted = part_of(state, "halted")
    return {
        "account": state.get("account") or "",
        "badge": {"text": state.get("label") or "NO ACCOUNT", "title": meaning, "kind": badge},
        "halted": bool(halted.get("halted")),
        "todo": todo(state),
        "as_of": epoch_ms(state.get("as_of")),
        "values": {
            **_phase(state),
            **engine_cells(state),
            **_feed(state),
            **_money(state),
            **order_cells(state),
            **_safety(state),
            **start_cells(state),
            "venue": cell(venue, title=venue),
        },
    }


def database_down(reason: str) -> dict[str, Any]:
    """Return the cells of a page that was made while the database did not answer."""
    silent = {"label": None, "account": ""}
    made = cells({**silent, "as_of": None})
    made["badge"] = {"text": "UNKNOWN", "title": reason, "kind": "unknown"}
    for shown in made["values"].values():
        shown.update(text=formats.MISSING, reason=reason, tone="quiet", at=None, tick=False)
    made["values"]["engine"].update(text="state unknown", tone="bad")
    made["values"]["engine_detail"].update(text=reason)
    for name in ("banner", "engine_next"):
        made["values"][name].update(text="")
    return made


def _phase(state: Part) -> dict[str, Cell]:
    part = part_of(state, "phase")
    if part.get("number") is None:
        return {"phase": missing(part.get("reason"))}
    profile = part_of(state, "profile")
    if profile.get("name"):
        running = f"{profile['name']} r{profile['revision']}"
        applied = cell(running, title=f"sha256 {profile.get('sha256') or ''}")
    else:
        applied = missing(profile.get("reason"))
    return {
        "phase": cell(str(part["name"]), title=f"Phase {part['number']}: {part['name']}"),
        "phase_number": cell(f"Phase {part['number']}"),
        "profile": applied,
    }


def _feed(state: Part) -> dict[str, Cell]:
    feed, decision = part_of(state, "feed"), part_of(state, "decision")
    now = formats.moment_of(state.get("as_of"))
    name = str(feed.get("name") or "")
    found: dict[str, Cell] = {"feed_name": cell(name) if name else missing(feed.get("reason"))}
    age_ms = feed.get("age_ms")
    if age_ms is None or now is None:
        found["feed_age"] = missing(feed.get("reason"))
    else:
        found["feed_age"] = age_cell(
            int(now.timestamp() * 1000) - age_ms, now, stale_ms=HEARTBEAT_STALE_MS
        )
    connected = feed.get("connected")
    found["feed"] = (
        missing(feed.get("reason"))
        if connected is None
        else cell(
            # Connected is what its age says already; not connected has to be said.
            "" if connected else "not connected",
            tone="" if connected else "bad",
            title=f"feed {name}",
        )
    )
    for key, label in (("p50_us", "half"), ("p99_us", "99 of 100")):
        us = decision.get(key)
        found[f"decision_{key[:3]}"] = (
            missing(decision.get("reason"))
            if us is None
            else cell(
                formats.micros(us),
                title=f"{label} of the decisions of the last second took at most {us:,} µs",
                at=epoch_ms(decision.get("as_of")),
                stale_ms=FIGURES_STALE_MS,
            )
        )
    return found


def _money(state: Part) -> dict[str, Cell]:
    money = part_of(state, "money")
    code = money.get("kind")
    kind = _MONEY.get(code, "real money") if code else ""
    now_at, seen_at = epoch_ms(money.get("as_of")), epoch_ms(money.get("exposure_as_of"))
    reason = money.get("reason")

    def amount(key: str, what: str, at: int | None, *, sign: bool = True) -> Cell:
        micro = money.get(key)
        if micro is None:
            return missing(reason)
        tone = ("good" if micro > 0 else "bad" if micro < 0 else "") if sign else ""
        title = f"{formats.money_exact(micro, sign=sign)} {what}, {kind or 'of unknown kind'}"
        made = cell(formats.money(micro, sign=sign), tone=tone, title=title, at=at)
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
        "money_kind": cell(kind),
    }


def _worst_case(money: Part, at: int | None) -> Cell:
    """Return the worst cash outcome of what is open, as the loss that it would be."""
    micro = money.get("worst_case_micro")
    if micro is None:
        return missing(money.get("reason"))
    return cell(
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
        return missing(f"no profile is applied, so there is no {what}")
    if used is None:
        return {**missing(reason), "title": f"{what} {formats.money_exact(limit)}"}
    permille = min(1000, used * 1000 // limit) if limit else 1000
    tone = "bad" if permille >= 900 else "warn" if permille >= 600 else ""
    return cell(
        f"{formats.money(used)} of {formats.money(limit)}",
        title=f"{formats.money_exact(used)} of the {what} {formats.money_exact(limit)}",
        tone=tone,
        permille=permille,
    )


def _safety(state: Part) -> dict[str, Cell]:
    breaker = part_of(state, "breaker")
    found = alert_cells(part_of(state, "alerts"))
    word, tone = _BREAKER.get(breaker.get("state") or "", ("", ""))
    found["breaker"] = (
        cell(word, tone=tone, at=epoch_ms(breaker.get("as_of")), stale_ms=FIGURES_STALE_MS)
        if word
        else missing(breaker.get("reason"))
    )
    found |= backup_cells(part_of(state, "backup"), state.get("as_of"))
    return {**found, **gate_cells(part_of(state, "gates"), state.get("as_of"))}
