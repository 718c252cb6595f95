"""The mandate as a running engine sees it, and the thread that looks for a newer one."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection

from trading.config.schema import to_limits
from trading.engine.limits import Limits
from trading.engine.paper import PaperSettings
from trading.models import Mandate
from trading.services import ServiceRefused, config_of

logger = logging.getLogger(__name__)


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

    @property
    def may_trade(self) -> bool:
        """Whether new sets may be opened."""
        return self.wanted and not self.halted and not self.problem


def read_mandate(account: str) -> MandateView | None:
    """Return the mandate of an account, None when there is none.

    A profile that this version cannot read permits nothing, and says why.
    """
    row = Mandate.objects.select_related("profile").filter(account=account).first()
    if row is None:
        return None
    limits, problem = Limits(), ""
    if row.profile is None:
        problem = "no profile is applied"
    else:
        try:
            limits = to_limits(config_of(row.profile), phase=row.phase)
        except ServiceRefused as refused:
            problem = str(refused)
    if row.mode != "SHADOW":
        problem = f"this engine runs on paper only, and the mandate says {row.mode}"
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
    )


class MandateWatch:
    """Looks for another revision of the mandate, from a thread: the loop never waits for it."""

    def __init__(
        self,
        account: str,
        *,
        every_ms: int,
        revision: int,
        on_change: Callable[[MandateView | None], None],
    ) -> None:
        self._account = account
        self._every_s = every_ms / 1_000
        self._revision: int | None = revision
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
        revision = rows.values_list("revision", flat=True).first()
        if revision != self._revision:
            self._on_change(read_mandate(self._account))
            self._revision = revision
