"""Whether live orders can go out now and how long they took, for every door that shows the state.

What stands against orders comes as a code; its words are those of the refusal of the same name.
"""

from typing import Any

from trading.models import EngineSession, MetricSample, Money, money_of
from trading.wording import refusal_text

ON_PAPER = "on paper no order is sent"
NOT_SAID = "the engine has not said yet whether orders work"
NO_FIGURES = "the engine has not reported figures yet"
NOTHING_SENT = "this session has sent no order yet"


def access_state(
    session: EngineSession | None, fresh: MetricSample | None, *, silent: str
) -> dict[str, Any]:
    """Return whether orders work and, if not, why and what would change it.

    `works` is None while nobody knows, and `reason` says why. `silent` is the reason of an engine
    that is not alive, empty of one that is.
    """
    unknown = _unknown(session, silent)
    problem, text = ("", "") if unknown or session is None else _problem(session, fresh)
    if not unknown and problem is None:
        unknown = NOT_SAID
    words = refusal_text(problem) if problem else None
    return {
        "works": None if unknown else not problem,
        "problem": problem or None,
        "label": words.label if words else None,
        "meaning": words.meaning if words else None,
        "remedy": words.remedy if words else None,
        "reason": unknown or text or None,
        "as_of": _as_of(session, fresh),
    }


def orders_state(
    session: EngineSession | None, fresh: MetricSample | None, *, silent: str
) -> dict[str, Any]:
    """Return how long this session's orders took to the wire, and how many are being followed."""
    values = fresh.values if fresh is not None else {}
    p50_us = values.get("order_sent_session_p50_us")
    reason = _unknown(session, silent)
    if not reason and p50_us is None:
        reason = NOTHING_SENT if fresh is not None else NOT_SAID
    return {
        "sent_p50_us": p50_us,
        "sent_p99_us": values.get("order_sent_session_p99_us"),
        "batches_sent": values.get("batches_sent"),
        "followed": values.get("orders_followed"),
        "reason": reason or None,
        "as_of": fresh.at.isoformat() if fresh is not None else None,
    }


def progress_state(fresh: MetricSample | None, *, silent: str) -> dict[str, Any]:
    """Return how far this session has come: what a newcomer waits for in the first minute."""
    values = fresh.values if fresh is not None else {}
    counts = ("markets", "gaps_seen", "sets_submitted", "sets_completed")
    reason = silent or ("" if fresh is not None else NO_FIGURES)
    return {
        **{name: values.get(name) for name in counts},
        "reason": reason or None,
        "as_of": fresh.at.isoformat() if fresh is not None else None,
    }


def _unknown(session: EngineSession | None, silent: str) -> str:
    if silent or session is None:
        return silent
    return ON_PAPER if money_of(session.mode, session.feed) is Money.PAPER else ""


def _problem(session: EngineSession, fresh: MetricSample | None) -> tuple[str | None, str]:
    """Return code and words of what stands against orders; None is not known.

    The state of the session is renewed more often than its figures, so it is asked first.
    """
    if session.state == EngineSession.State.NO_ACCESS:
        code, _, text = session.state_reason.partition(": ")
        return code, text
    if session.state == EngineSession.State.TRADING:
        return "", ""
    values = fresh.values if fresh is not None else {}
    return values.get("access_problem"), str(values.get("access_text") or "")


def _as_of(session: EngineSession | None, fresh: MetricSample | None) -> str | None:
    now_said = session is not None and session.state in (
        EngineSession.State.NO_ACCESS,
        EngineSession.State.TRADING,
    )
    if now_said and session is not None:
        return session.heartbeat_at.isoformat()
    return fresh.at.isoformat() if fresh is not None else None
