"""The state of one account as every door shows it: header, API, live push, phase_status.

Each part says from when it is (`as_of`). What is not known is None and the part's `reason` says
why: a zero in here is always a counted or measured zero.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from polyarb_site.live import parts
from trading import kill_file
from trading.config.schema import ParsedConfig
from trading.halt_words import halt_text
from trading.models import EngineSession, Mandate, MetricSample, Money, Phase, money_of
from trading.reconciling.code_words import finding_text
from trading.reconciling.verdicts import Verdict
from trading.selectors.access import NO_FIGURES, access_state, orders_state, progress_state
from trading.selectors.exposed import exposed_state
from trading.selectors.figures import day_start, funnel, phase_start, ran_since, realised_micro
from trading.selectors.reconciliations import reconciliation_state
from trading.services.refusals import ServiceRefused
from trading.services.revisions import config_of

STALE_AFTER = timedelta(seconds=15)  # a heartbeat is due every second
SAMPLE_AGE_MAX = timedelta(seconds=15)
ENDED = (EngineSession.State.STOPPED, EngineSession.State.CRASHED, EngineSession.State.FENCED)
NOT_RUN = "the engine has not run yet"
NOT_RUNNING = "the engine is not running"
AGREE = "ledger, venue and chain agree"
MILLISECOND = timedelta(milliseconds=1)


def live_state(account: str, now: datetime, *, with_funnel: bool = True) -> dict[str, Any]:
    """Return everything that a page shows of an account, as plain JSON data.

    The day's funnel is by far its dearest part: who does not show it leaves it out, and it is None.
    `now` is in UTC. An account that does not exist has None in every part, and says so.
    """
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    runs = EngineSession.objects.filter(account=account)
    session = runs.select_related("profile").order_by("-token").first()
    sample = None
    if session is not None:
        sample = MetricSample.objects.filter(session=session).order_by("-at").first()
    alive = session is not None and _is_alive(session, now)
    fresh = sample if alive and sample and now - sample.at <= SAMPLE_AGE_MAX else None
    silent = "" if alive else NOT_RUNNING
    reconciliation = reconciliation_state(account, now)
    return {
        "account": account,
        "as_of": now.isoformat(),
        "label": _label(mandate, session if alive else None),
        "mode": session.mode if alive and session else (mandate.mode if mandate else None),
        "phase": _phase(mandate, now),
        "profile": _profile(mandate, now),
        "engine": _engine(mandate, session, now),
        "feed": _feed(mandate, session, fresh, now, alive=alive),
        "decision": _decision(fresh, alive=alive),
        "access": access_state(session, fresh, silent=silent),
        "progress": progress_state(fresh, silent=silent),
        "orders": orders_state(session, fresh, silent=silent),
        "money": _money(mandate, session, sample, now),
        "funnel": _funnel_today(account, session, now) if with_funnel else None,
        "exposed": exposed_state(account, _money_of(session), now),
        "breaker": _breaker(sample),
        "halted": _halted(mandate, reconciliation, now),
        "reconciliation": reconciliation,
        **parts.read(account, now),
    }


def label_of(mode: str, feed: str) -> str:
    """Return the badge: LIVE is real money, SHADOW the real market on paper.

    What is traded live on the local venue is play money, and its badge the same as on paper there.
    """
    if money_of(mode, feed) is Money.REAL:
        return "LIVE"
    return {"recorded": "RECORDED", "simulator": "SIMULATED"}.get(feed, "SHADOW")


def _is_alive(session: EngineSession, now: datetime) -> bool:
    return session.state not in ENDED and now - session.heartbeat_at <= STALE_AFTER


def _label(mandate: Mandate | None, running: EngineSession | None) -> str | None:
    if running is not None:
        return running.label
    return label_of(mandate.mode, mandate.feed) if mandate is not None else None


def _phase(mandate: Mandate | None, now: datetime) -> dict[str, Any]:
    if mandate is None:
        return {"number": None, "name": None, "reason": _no_account(), "as_of": now.isoformat()}
    return {
        "number": mandate.phase,
        "name": Phase(mandate.phase).label,
        "reason": None,
        "as_of": now.isoformat(),
    }


def _profile(mandate: Mandate | None, now: datetime) -> dict[str, Any]:
    profile = mandate.profile if mandate is not None else None
    known = profile is not None
    return {
        "name": profile.name if profile else None,
        "revision": profile.revision if profile else None,
        "sha256": profile.sha256 if profile else None,
        "reason": None if known else "no profile is applied",
        "as_of": now.isoformat(),
    }


def _engine(
    mandate: Mandate | None, session: EngineSession | None, now: datetime
) -> dict[str, Any]:
    wanted = mandate is not None and mandate.desired == Mandate.Desired.RUN
    if session is None:
        return {
            "state": "WAITING" if wanted else "STOPPED",
            "since": _iso(mandate.changed_at if wanted and mandate else None),
            "reason": "told to run, and no engine has started yet" if wanted else NOT_RUN,
            "heartbeat_age_ms": None,
            "session": None,
            "token": None,
            "standby": None,
            "desired": mandate.desired if mandate is not None else None,
            "as_of": now.isoformat(),
        }
    state, since, reason = _engine_state(session, now, wanted=wanted)
    return {
        "state": state,
        "since": since.isoformat(),
        "reason": reason,
        "heartbeat_age_ms": _age_ms(session.heartbeat_at, now),
        "session": session.key,
        "token": session.token,
        "standby": session.stats.get("standby"),
        "desired": mandate.desired if mandate is not None else None,
        "as_of": session.heartbeat_at.isoformat(),
    }


def _engine_state(
    session: EngineSession, now: datetime, *, wanted: bool
) -> tuple[str, datetime, str]:
    """Return the state, since when, and why. What a silent engine last said is not its state."""
    if session.state in ENDED:
        if not wanted:
            return session.state, session.state_since, session.state_reason
        since = session.ended_at or session.state_since
        return "WAITING", since, f"told to run; the last engine ended: {session.state_reason}"
    if _is_alive(session, now):
        return session.state, session.state_since, session.state_reason
    silent_s = _age_ms(session.heartbeat_at, now) // 1000
    reason = f"no heartbeat for {silent_s} s; it last said {session.state}"
    return "STALE", session.heartbeat_at, reason


def _feed(
    mandate: Mandate | None,
    session: EngineSession | None,
    fresh: MetricSample | None,
    now: datetime,
    *,
    alive: bool,
) -> dict[str, Any]:
    name = session.feed if alive and session else (mandate.feed if mandate else None)
    if fresh is None:
        reason = NO_FIGURES if alive else NOT_RUNNING
        return {"name": name, "connected": None, "age_ms": None, "reason": reason, "as_of": None}
    age_ms = None
    if fresh.feed_age_ms is not None:
        age_ms = fresh.feed_age_ms + _age_ms(fresh.at, now)
    return {
        "name": name,
        "connected": fresh.values.get("feed_connected"),
        "age_ms": age_ms,
        "reason": None if age_ms is not None else "no frame has come yet",
        "as_of": fresh.at.isoformat(),
    }


def _decision(fresh: MetricSample | None, *, alive: bool) -> dict[str, Any]:
    measured = fresh is not None and fresh.decision_p50_us is not None
    reason = None
    if not measured:
        reason = "nothing was decided in the last second" if fresh else NO_FIGURES
        reason = reason if alive else NOT_RUNNING
    return {
        "p50_us": fresh.decision_p50_us if fresh else None,
        "p99_us": fresh.decision_p99_us if fresh else None,
        "reason": reason,
        "as_of": _iso(fresh.at if fresh else None),
    }


def _money(
    mandate: Mandate | None,
    session: EngineSession | None,
    sample: MetricSample | None,
    now: datetime,
) -> dict[str, Any]:
    config = _config(mandate)
    part: dict[str, Any] = {
        "realised_today_micro": None,
        "realised_phase_micro": None,
        "exposure_micro": None,
        "worst_case_micro": None,
        "limit_micro": config.number("MAX_DAILY_LOSS") if config else None,
        "position_limit_micro": config.number("MAX_POSITION_SIZE") if config else None,
        "paper": None,
        "kind": None,
        "reason": NOT_RUN,
        "as_of": now.isoformat(),
        "exposure_as_of": None,
    }
    if mandate is None or session is None:
        return part
    money = money_of(session.mode, session.feed)
    start = phase_start(mandate.account, mandate.phase)
    part["paper"], part["kind"] = money is Money.PAPER, money.value
    part["realised_today_micro"] = realised_micro(mandate.account, day_start(now), money=money)
    if start is not None:
        part["realised_phase_micro"] = realised_micro(mandate.account, start, money=money)
    if sample is not None:
        part["exposure_micro"] = sample.exposure_micro
        part["worst_case_micro"] = sample.values.get("worst_case_micro")
        part["exposure_as_of"] = sample.at.isoformat()
    part["reason"] = None if sample is not None else NO_FIGURES
    return part


def _money_of(session: EngineSession | None) -> Money | None:
    return money_of(session.mode, session.feed) if session is not None else None


def _config(mandate: Mandate | None) -> ParsedConfig | None:
    """Return the configuration in force, None without one or with one of another version."""
    if mandate is None or mandate.profile is None:
        return None
    try:
        return config_of(mandate.profile)
    except ServiceRefused:
        return None


def _funnel_today(account: str, session: EngineSession | None, now: datetime) -> dict[str, Any]:
    start = day_start(now)
    if session is None or not ran_since(account, start):
        unknown = dict.fromkeys(("seen", "confirmed", "allowed", "submitted", "completed"))
        reason = "the engine has not run today"
        return {
            **unknown,
            "commonest_refusal": None,
            "reason": reason,
            "as_of": now.isoformat(),
        }
    # A row's time is the engine's clock, which may be a little ahead of ours.
    money = money_of(session.mode, session.feed)
    counted = funnel(account, start, start + timedelta(days=1), money=money)
    return {
        **counted["stages"],
        "commonest_refusal": counted["commonest_refusal"],
        "reason": None,
        "as_of": now.isoformat(),
    }


def _breaker(sample: MetricSample | None) -> dict[str, Any]:
    state = sample.values.get("breaker") if sample is not None else None
    return {
        "state": state,
        "reason": None if state else NO_FIGURES,
        "as_of": _iso(sample.at if sample else None),
    }


def _halted(
    mandate: Mandate | None, reconciliation: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Return whether trading is halted, by the mandate or the file, since when and by whom.

    `remedy` is what has to be done before trading can go on, `incident` the one that is open.
    """
    note = kill_file.read(settings.KILL_FILE)
    part: dict[str, Any] = {
        "halted": note is not None or (mandate.halted if mandate is not None else None),
        "code": None,
        "label": None,
        "reason": None,
        "told": None,
        "since": None,
        "by": None,
        "by_file": note is not None,
        "incident": reconciliation["incident"],
        "remedy": None,
        "as_of": now.isoformat(),
    }
    if part["halted"]:
        part["remedy"] = _before_resuming(mandate, reconciliation)
    if mandate is not None and mandate.halted:
        part["code"] = mandate.halt_code
        part["reason"] = mandate.halt_reason
        part["since"] = _iso(mandate.halted_at)
        part["by"] = mandate.halted_by
    elif note is not None:
        part["code"] = note.code or "KILL_FILE"
        part["reason"] = note.reason or f"the file {settings.KILL_FILE.name} is there"
        part["since"] = note.at or None
        part["by"] = note.by_name or None
    if part["code"]:
        part["label"], part["told"] = halt_text(part["code"]).label, finding_text(part["reason"])
    return part


def _before_resuming(mandate: Mandate | None, reconciliation: dict[str, Any]) -> str:
    """Return what resuming will ask for, as trading.services.incidents does."""
    if reconciliation["incident"] is not None:
        return (
            f"find out what incident {reconciliation['incident']} is about, put it right, resolve "
            f"it with a note; once {AGREE}, resume with a reason"
        )
    unmatched = reconciliation["verdict"] not in (None, Verdict.MATCH)
    if mandate is not None and mandate.mode == "LIVE" and unmatched:
        if mandate.desired == Mandate.Desired.STOP:
            return (
                "start the engine with play money: while it is halted it only compares; once "
                f"{AGREE}, resume with a reason"
            )
        return f"wait until {AGREE}, which is looked at each minute; then resume with a reason"
    return "find out why, put it right, then resume with a reason"


def _age_ms(then: datetime, now: datetime) -> int:
    """Return how long ago, 0 for a moment that our clock has not reached yet."""
    return max(0, (now - then) // MILLISECOND)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _no_account() -> str:
    return "there is no such account; run manage.py seed"
