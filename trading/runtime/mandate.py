"""The mandate as a running engine sees it, and the thread that looks for a newer one.

A live mandate is looked at whole each second, for the rows and files that it is bound to can change
without it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection

from polyarb_site.clock import Clock
from trading.config.schema import play_problems, to_limits
from trading.engine.events import CapitalChanged
from trading.engine.limits import Limits
from trading.engine.paper import PaperSettings
from trading.ledger.capital import waiting_capital
from trading.models import Mandate, Money, Phase, money_of
from trading.services import ServiceRefused, config_of
from trading.services.grants import needs_grant
from trading.services.live import live_problems

logger = logging.getLogger(__name__)

PROMISE_EVERY_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateView:
    """Everything that a mandate says to a running engine."""

    revision: int
    wanted: bool  # the engine shall run
    halted: bool
    halt_code: str
    halt_reason: str
    phase: int
    mode: str
    feed: str
    feed_options: Mapping[str, str]
    profile_id: int | None
    limits: Limits
    paper: PaperSettings
    breaker_resets: int
    problem: str  # why it may not trade although it is wanted, empty for nothing
    capital: tuple[CapitalChanged, ...] = ()  # what people recorded and no ledger has booked yet

    @property
    def may_send(self) -> bool:
        """Whether real orders may be sent at all, to open sets or to end them."""
        money = money_of(self.mode, self.feed)
        return money is Money.PLAY or (money is Money.REAL and self.phase != Phase.SHADOW)

    @property
    def may_trade(self) -> bool:
        """Whether new sets may be opened."""
        return self.wanted and not self.halted and not self.problem


def read_mandate(account: str) -> MandateView | None:
    """Return the mandate of an account, None when there is none.

    A profile that this version cannot read permits nothing, and says why. Nor does a live mandate
    that is not exactly what a promotion was granted for, or play money of phase 0 on a profile that
    is paper or above its bounds.
    """
    row = Mandate.objects.select_related("profile").filter(account=account).first()
    if row is None:
        return None
    limits, problem = Limits(), ""
    money = money_of(row.mode, row.feed)
    if row.profile is None:
        problem = "no profile is applied"
    else:
        try:
            config = config_of(row.profile)
            rehearsal = money is Money.PLAY and row.phase == Phase.SHADOW
            limits = to_limits(config, phase=row.phase, play_money=rehearsal)
            if needs_grant(row):
                problem = "; ".join(live_problems(row))
            elif money is Money.PLAY:
                problem = "; ".join(map(str, play_problems(config)))
        except ServiceRefused as refused:
            problem = str(refused)
    return MandateView(
        revision=row.revision,
        wanted=row.desired == Mandate.Desired.RUN,
        halted=row.halted,
        halt_code=row.halt_code,
        halt_reason=row.halt_reason,
        phase=row.phase,
        mode=row.mode,
        feed=row.feed,
        feed_options=row.feed_options,
        profile_id=row.profile_id,
        limits=limits,
        paper=PaperSettings(gas_micro=limits.gas_per_set_micro),
        breaker_resets=row.breaker_resets,
        problem=problem,
        capital=() if money is Money.PAPER else waiting_capital(account, money),
    )


class MandateWatch:
    """Looks for another revision of the mandate, from a thread: the loop never waits for it."""

    def __init__(
        self,
        account: str,
        *,
        every_ms: int,
        known: MandateView,
        clock: Clock,
        on_change: Callable[[MandateView | None], None],
    ) -> None:
        self._account = account
        self._every_s = every_ms / 1_000
        self._clock = clock
        self._revision: int | None = known.revision
        self._problem: str | None = known.problem
        self._looked_ns = 0
        self._on_change = on_change
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mandate", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._done.set()
        self._thread.join(5)

    def _run(self) -> None:
        try:
            while not self._done.wait(self._every_s):
                try:
                    self._look()
                except (DatabaseError, InterfaceError):
                    # The lease runs out by itself when this lasts, and with it the engine.
                    logger.warning("the mandate of %s cannot be read", self._account)
                    connection.close()
        finally:
            connection.close()

    def _look(self) -> None:
        rows = Mandate.objects.filter(account=self._account)
        seen = rows.values_list("revision", "mode").first()
        revision, mode = seen if seen is not None else (None, "")
        # What a promotion is bound to changes without a word to the mandate.
        due = mode == "LIVE" and self._clock.monotonic_ns() - self._looked_ns >= PROMISE_EVERY_NS
        if revision == self._revision and not due:
            return
        view = read_mandate(self._account)
        self._looked_ns = self._clock.monotonic_ns()
        problem = view.problem if view is not None else None
        if revision != self._revision or problem != self._problem:
            self._on_change(view)
        self._revision, self._problem = revision, problem
