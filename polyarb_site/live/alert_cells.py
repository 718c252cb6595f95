"""Cells of what fires: for the header, the sidebar and the dashboard's safety card."""

from polyarb_site import formats
from polyarb_site.live.cell import Cell, Part, cell, missing

_TONES = {"critical": "bad", "warning": "warn", "info": ""}
_SHORT = {"critical": "crit", "warning": "warn"}


def alert_cells(alerts: Part) -> dict[str, Cell]:
    """Return the cells of the state's part "alerts", as alerts.selectors.counts makes it.

    Counts that are old because nobody judges stay, with that as their reason and in another tone.
    """
    reason = alerts.get("reason")
    found = {f"alerts_{level}": _level(alerts, level, reason) for level in _TONES}
    if alerts.get("critical") is None:
        nothing = missing(reason)
        empty = cell("", reason=nothing["reason"])
        return {**found, "alerts": nothing, "alerts_bar": nothing, "alerts_nav": empty,
                "alerts_note": empty}  # fmt: skip
    firing = {level: int(alerts.get(level) or 0) for level in _TONES}
    acked = int(alerts.get("acked") or 0)
    gravest = next((level for level in ("critical", "warning") if firing[level]), "")
    tone = _TONES.get(gravest, "")
    calm = "warn" if reason else "good"
    short = " ".join(f"{firing[level]} {word}" for level, word in _SHORT.items() if firing[level])
    if not short:
        short = f"0 firing, {formats.count(acked)} acked" if acked else "0 firing"
    urgent = firing["critical"] + firing["warning"]
    title = f"Firing: {_words(firing)}; acknowledged: {acked}"
    return {
        **found,
        "alerts": cell(
            _said(firing[gravest], gravest) if gravest else "none",
            tone=tone or calm,
            title=title,
            reason=reason or "",
        ),
        "alerts_bar": cell(
            short, tone=tone or ("warn" if reason else "quiet"), title=title,
            reason=reason or "",
        ),
        "alerts_nav": cell(formats.count(urgent) if urgent else "", tone=tone, title=title),
        "alerts_note": cell(_note(firing, acked, gravest)),
    }  # fmt: skip


def _level(alerts: Part, level: str, reason: str | None) -> Cell:
    number = alerts.get(level)
    if number is None:
        return missing(reason)
    tone = _TONES[level] if number else "quiet"
    return cell(
        formats.count(number),
        tone=tone if number or not reason else "warn",
        title=_said(number, level),
        reason=reason or "",
    )


def _said(number: int, level: str) -> str:
    """Return "2 critical", "1 warning", "3 warnings"."""
    if level == "warning":
        return formats.plural(number, "warning")
    return f"{formats.count(number)} {level}"


def _words(firing: dict[str, int]) -> str:
    return ", ".join(_said(number, level) for level, number in firing.items())


def _note(firing: dict[str, int], acked: int, gravest: str) -> str:
    """Return what stands beside the gravest: the lower levels, and what somebody has already."""
    rest = [_said(n, level) for level, n in firing.items() if n and level != gravest]
    if acked:
        rest.append(f"{formats.count(acked)} acknowledged")
    return f"also {', '.join(rest)}" if rest else ""
