"""What is still open of an account's trading on one venue, and who looks after it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from trading import kill_file
from trading.config.schema import to_limits
from trading.engine.codes import OrderState, SetState
from trading.engine.legs import SET_ENDS
from trading.engine.limits import Limits
from trading.models import ArbitrageSet, EngineSession, Mandate, Order
from trading.selectors.runs import open_session
from trading.services.refusals import ServiceRefused
from trading.services.revisions import config_of

SILENT_AFTER = timedelta(seconds=15)  # without a heartbeat nobody counts on an engine
SHOWN_MAX = 20
# What may still wait at the venue. A part that was matched may have a rest in the book.
MAY_BE_OPEN = (
    *(OrderState.INTENT, OrderState.SUBMITTED, OrderState.RESTING),
    *(OrderState.PARTIAL, OrderState.UNKNOWN),
)
WHOLE = (SetState.SETTLED, SetState.MERGING)  # every leg is there: nothing can be lost by waiting
LIVE = "LIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSeen:
    """Whether an engine runs for an account, as its newest session tells."""

    session: str  # key; empty when none is open
    alive: bool  # its heartbeat is fresh
    halted: bool  # it says so itself, and so sends no order of a new set
    heartbeat_at: datetime | None

    @property
    def text(self) -> str:
        """Return it in a sentence."""
        if not self.session:
            return "no engine runs"
        if self.alive:
            return f"session {self.session} runs"
        beat = f"{self.heartbeat_at:%H:%M:%S} UTC" if self.heartbeat_at else "never"
        return f"session {self.session} is silent (last heartbeat {beat})"


def engine_seen(account: str, now: datetime) -> EngineSeen:
    """Return whether an engine runs for an account."""
    session = open_session(account)
    if session is None:
        return EngineSeen(session="", alive=False, halted=False, heartbeat_at=None)
    return EngineSeen(
        session=session.key,
        alive=now - session.heartbeat_at <= SILENT_AFTER,
        halted=session.state == EngineSession.State.HALTED,
        heartbeat_at=session.heartbeat_at,
    )


def halted_by_both(account: str) -> str:
    """Return since when and by whom both locks are closed, the mandate's and the kill file's.

    Empty while one of them is open.
    """
    row = Mandate.objects.filter(account=account, halted=True).first()
    if row is None or not kill_file.is_set(settings.KILL_FILE):
        return ""
    since = f" at {row.halted_at:%H:%M:%S} UTC" if row.halted_at else ""
    return f"trading is halted: {row.halt_code or 'HALTED'} by {row.halted_by or 'nobody'}{since}"


def open_orders(account: str, venue: str) -> tuple[int, list[dict[str, Any]]]:
    """Return how many live orders may still be open at a venue, and the first of them."""
    rows = Order.objects.filter(
        session__account=account,
        session__feed=venue,
        session__mode=LIVE,
        state__in=MAY_BE_OPEN,
    )
    shown = rows.order_by("id").values("order_id", "order_hash", "set_id", "state", "side")
    return rows.count(), [{**row} for row in shown[:SHOWN_MAX]]


def open_sets(account: str, venue: str) -> tuple[int, int, list[dict[str, str]]]:
    """Return how many live sets have not ended on a venue, how many of them lack a leg or may, and
    the first of those.
    """
    rows = _sets(account, venue).exclude(state__in=SET_ENDS)
    half = rows.exclude(state__in=WHOLE)
    shown = half.order_by("id").values("set_id", "state", "reason")
    return rows.count(), half.count(), list(shown[:SHOWN_MAX])


def sets_ended_since(account: str, venue: str, since: datetime) -> list[dict[str, Any]]:
    """Return the live sets that ended on a venue since a moment, with what came of each."""
    rows = _sets(account, venue).filter(state__in=SET_ENDS, moved_at__gte=since).order_by("id")
    return list(rows.values("set_id", "state", "realised_micro")[:SHOWN_MAX])


def limits_of(mandate: Mandate) -> Limits:
    """Return the bounds of the profile in force; of a profile that cannot be read the tightest."""
    if mandate.profile is None:
        return Limits()
    try:
        return to_limits(config_of(mandate.profile), phase=mandate.phase)
    except ServiceRefused:
        return Limits()


def legs_end_after(limits: Limits) -> timedelta:
    """Return how long after a halt every leg is completed, sold back, or held as exposed."""
    deadlines = (
        limits.submit_deadline_ms,
        limits.settle_deadline_ms,
        limits.complete_deadline_ms,
        limits.unwind_deadline_ms,
    )
    return timedelta(milliseconds=sum(deadlines))


def ran_in_phase(mandate: Mandate) -> bool:
    """Return whether a session ran in the present stay in the phase, on the venue of now."""
    rows = EngineSession.objects.filter(
        account=mandate.account, phase=mandate.phase, feed=mandate.feed
    )
    if mandate.phase_since is not None:
        rows = rows.filter(started_at__gte=mandate.phase_since)
    return rows.exists()


def _sets(account: str, venue: str) -> Any:
    return ArbitrageSet.objects.filter(
        session__account=account, session__feed=venue, session__mode=LIVE
    )
