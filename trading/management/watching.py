"""Following a run from a terminal, and waiting for its end."""

import time
from collections.abc import Callable
from datetime import timedelta

from polyarb_site.clock import Clock
from trading.models import Mandate
from trading.selectors import live_state, report
from trading.selectors.runs import open_session, run_summary

Write = Callable[[str], object]
Pause = Callable[[float], None]

LINE_SECONDS = 3.0
LOOK_SECONDS = 0.5
NO_ENGINE_AFTER = timedelta(seconds=15)


def follow(
    account: str, after_token: int, *, clock: Clock, write: Write, pause: Pause = time.sleep
) -> None:
    """Write a line every few seconds until the engine was told to stop and has, then its figures.

    `after_token` is the newest session from before the start: the run is everything after it.
    """
    started = clock.now()
    while _wanted(account) or open_session(account) is not None:
        state = live_state(account, clock.now())
        write(report.line(state))
        waiting = state["engine"]["state"] == "WAITING"
        if waiting and clock.now() - started > NO_ENGINE_AFTER:
            write("  no engine has taken the work: is `manage.py up` running on this machine?")
        pause(LINE_SECONDS)
    summary = run_summary(account, after_token, clock.now())
    if summary is None:
        write("stopped before an engine had started")
        return
    for text in report.statistics(summary):
        write(text)


def wait_for_end(account: str, *, seconds: int, clock: Clock, pause: Pause = time.sleep) -> str:
    """Wait until no session of the account is open. Return why one still is, empty when none is."""
    deadline_ns = clock.monotonic_ns() + seconds * 1_000_000_000
    while (session := open_session(account)) is not None:
        if clock.monotonic_ns() >= deadline_ns:
            state = live_state(account, clock.now(), with_funnel=False)
            engine, exposed = state["engine"], state["money"]["exposure_micro"]
            held = f"; it holds sets for {report.dollars(exposed)}" if exposed else ""
            return (
                f"after {seconds} s {session.key} is still {engine['state']}{report.why(engine)}, "
                f"last heartbeat {report.age(engine['heartbeat_age_ms'])} ago{held}"
            )
        pause(LOOK_SECONDS)
    return ""


def _wanted(account: str) -> bool:
    return Mandate.objects.filter(account=account, desired=Mandate.Desired.RUN).exists()
