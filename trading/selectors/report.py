"""How a terminal shows an account: a line while it runs, a page when somebody asks."""

from typing import Any

from trading.engine.units import MICRO
from trading.models import Money

UNKNOWN = "-"


def dollars(micro: int | None) -> str:
    """Return money to the cent with its sign, - when it is not known.

    Rounded towards minus infinity: a page never shows more than there is.
    """
    if micro is None:
        return UNKNOWN
    cents = micro // (MICRO // 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def age(milliseconds: int | None) -> str:
    """Return an age as people say it: 0.4 s, 12 min, 3 h."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10} s"
    minutes = milliseconds // 60_000
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def line(state: dict[str, Any]) -> str:
    """Return one line about a running engine."""
    engine, feed, money, found = (state[name] for name in ("engine", "feed", "money", "funnel"))
    halted = "  HALTED" if state["halted"]["halted"] else ""
    return (
        f"{engine['state']:<8}{halted}  feed {age(feed['age_ms'])}  "
        f"gaps seen {shown(found['seen'])}  confirmed {shown(found['confirmed'])}  "
        f"submitted {shown(found['submitted'])}  completed {shown(found['completed'])}  "
        f"today {dollars(money['realised_today_micro'])}"
    )


def page(state: dict[str, Any]) -> list[str]:
    """Return everything about an account, a line for each part."""
    parts = [
        ("account", f"{state['account']}  {shown(state['label'])}"),
        ("phase", _phase(state["phase"])),
        ("profile", _profile(state["profile"])),
        ("engine", _engine(state["engine"])),
        ("feed", _feed(state["feed"])),
        ("decisions", _decisions(state["decision"])),
        ("money", _money(state["money"])),
        ("today", _today(state["funnel"])),
        ("breaker", f"{shown(state['breaker']['state'])}{why(state['breaker'])}"),
    ]
    halted = state["halted"]
    if halted["halted"]:
        cause = f"{shown(halted['code'])} {shown(halted['reason'])}"
        parts.append(
            ("HALTED", f"since {shown(halted['since'])} by {shown(halted['by'])}: {cause}")
        )
        parts.append(("", "resume with: manage.py resume_trading --reason '...'"))
    return [f"{name:<10} {text}" for name, text in parts]


def statistics(run: dict[str, Any]) -> list[str]:
    """Return what a run of the engine amounted to."""
    counts = [f"{count} {name}" for name, count in run["funnel"]["stages"].items()]
    refusals = [f"{item['count']} {item['code']}" for item in run["funnel"]["refusals"][:3]]
    money = Money(run["money"]).words
    cause = f" ({run['reason']})" if run["reason"] else ""
    p50, p99 = shown(run["p50_us"]), shown(run["p99_us"])
    ended = f"{run['state']} after {age(run['lasted_ms'])}{cause}"
    lines = [
        f"run {run['session']} on {run['feed']}: {ended}",
        f"  {shown(run['frames'])} frames; gaps: {', '.join(counts)}",
        f"  realised {dollars(run['realised_micro'])} {money}",
        f"  decisions p50 {p50} µs, p99 {p99} µs at the end",
    ]
    return [*lines, f"  refused: {', '.join(refusals)}"] if refusals else lines


def shown(value: Any) -> str:
    """Return a value, - when it is not known."""
    return UNKNOWN if value is None or value == "" else str(value)


def limits(texts: dict[str, str]) -> list[str]:
    """Return a profile's values, a line each."""
    return [f"  {name:<32} {value}" for name, value in texts.items()]


def why(part: dict[str, Any]) -> str:
    """Return the reason of a part in brackets, nothing when there is none."""
    return f"  ({part['reason']})" if part.get("reason") else ""


def _phase(phase: dict[str, Any]) -> str:
    return f"{shown(phase['number'])} {shown(phase['name'])}{why(phase)}"


def _profile(profile: dict[str, Any]) -> str:
    applied = f"{profile['name']} r{profile['revision']}" if profile["name"] else UNKNOWN
    return f"{applied}{why(profile)}"


def _engine(engine: dict[str, Any]) -> str:
    return f"{engine['state']}, heartbeat {age(engine['heartbeat_age_ms'])}{why(engine)}"


def _feed(feed: dict[str, Any]) -> str:
    return f"{shown(feed['name'])}, last frame {age(feed['age_ms'])}{why(feed)}"


def _decisions(decision: dict[str, Any]) -> str:
    return f"p50 {shown(decision['p50_us'])} µs, p99 {shown(decision['p99_us'])} µs{why(decision)}"


def _money(money: dict[str, Any]) -> str:
    amounts = {
        "today": money["realised_today_micro"],
        "in this phase": money["realised_phase_micro"],
        "exposed": money["exposure_micro"],
        "daily limit": money["limit_micro"],
    }
    texts = [f"{name} {dollars(micro)}" for name, micro in amounts.items()]
    kind = f", {Money(money['kind']).words}" if money["kind"] else ""
    return f"{', '.join(texts)}{kind}{why(money)}"


def _today(found: dict[str, Any]) -> str:
    names = ("seen", "confirmed", "allowed", "submitted", "completed")
    counts = ", ".join(f"{name} {shown(found[name])}" for name in names)
    return f"{counts}, mostly refused: {shown(found['commonest_refusal'])}{why(found)}"
