"""What the clusters run: shifts of the engine, and the trading app's regular jobs."""

import logging
import signal
from contextlib import ExitStack
from datetime import timedelta
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils.module_loading import import_string

from polyarb_site.clock import SystemClock
from polyarb_site.cluster import STOP
from polyarb_site.live.send import prune
from trading import ledger, schedules, services, shifts
from trading.feeds import feed_factory
from trading.live_ports import live_ports
from trading.reconciling import thinning
from trading.runtime import run_shift
from trading.services import replays, wallet

logger = logging.getLogger(__name__)

OUTBOX_KEPT = timedelta(minutes=30)


class _Stop:
    """Asked by the cluster, or by the kernel when the cluster died."""

    def __init__(self) -> None:
        self.signalled = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Remember that this process shall end."""
        self.signalled = True

    def is_set(self) -> bool:
        """Return whether the shift shall end."""
        return self.signalled or STOP.is_set()


def engine_shift(account: str) -> str:
    """Run one shift of an account's engine, or stand by for it; return how it ended.

    Asks for the next shift as soon as this one has the lease, so that somebody always stands by.
    """
    clock = SystemClock()
    stop = _Stop()
    if stop.is_set():
        return "PROCESS_STOPPED"
    before = signal.signal(signal.SIGTERM, stop.on_signal)
    try:
        with ExitStack() as around:
            result = run_shift(
                account,
                clock=clock,
                feed_factory=feed_factory(clock),
                live_ports=live_ports(clock),
                # Named in the settings: trading knows none of those that watch it.
                observers=[
                    around.enter_context(import_string(path)(account, clock))
                    for path in settings.ENGINE_OBSERVERS
                ],
                shift_seconds=settings.SHIFT_SECONDS,
                stop=stop,
                on_active=lambda: _ask_for_successor(account, stop),
            )
    finally:
        signal.signal(signal.SIGTERM, before)
    return f"{result.ending}: {result.reason}"


def _ask_for_successor(account: str, stop: _Stop) -> None:
    if stop.is_set():
        return
    try:
        shifts.ask_for_shift(account)
    except (DatabaseError, InterfaceError) as error:
        # The minute's look will see that nobody stands by.
        logger.warning("the next shift of %s could not be asked for: %s", account, error)
        connection.close()


def ensure_engines() -> str:
    """See that each account that should run has an engine and a standby."""
    return ", ".join(shifts.ensure_engines(SystemClock())) or "nothing to do"


def keep_schedules() -> int:
    """Register the regular jobs."""
    return schedules.keep_schedules(SystemClock())


def thin_samples() -> int:
    """Thin metric samples with age."""
    return ledger.thin_samples(SystemClock().now())


def remove_old_journals() -> str:
    """Remove journals that are too old or too much, and that nothing holds back."""
    return services.remove_old_journals(SystemClock().now()).text


def ask_for_replays() -> str:
    """See that the sessions of yesterday are replayed, from 00:20 UTC on."""
    return replays.ask_for_replays(SystemClock().now())


def replay_days() -> str:
    """Replay what is due and keep the verdicts. Takes long, and ends when the cluster stops."""
    return replays.replay_due(SystemClock(), STOP.is_set)


def thin_reconciliations() -> int:
    """Remove old reconciliations that agreed."""
    return thinning.thin_reconciliations(SystemClock().now())


def check_wallets() -> str:
    """Ask for a check of each wallet that shall trade."""
    return ", ".join(services.ask_for_regular_checks()) or "nothing to do"


def check_wallet(account: str, by_name: str) -> str:
    """Check an account's wallet and keep what was seen; return in a few words what came of it."""
    try:
        check = wallet.check_wallet(account, by_name=by_name)
    except services.ServiceRefused as refused:
        logger.warning("the wallet of %s was not checked: %s", account, refused)
        return f"{refused.code}: {refused.message}"
    missing = [line["id"] for line in check.lines if line["status"] != "ok"]
    return f"not ready: {', '.join(missing)}" if missing else "ready"


def thin_wallet_checks() -> int:
    """Thin old checks of wallets to one a day."""
    return services.thin_wallet_checks(SystemClock().now())


def prune_outbox() -> int:
    """Remove messages that no open page can still ask for."""
    return prune(SystemClock().now() - OUTBOX_KEPT)


def canary(cluster: str) -> str:
    """Show that a cluster works: whoever sent this waits for its result."""
    return cluster
