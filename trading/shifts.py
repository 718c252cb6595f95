"""Which engines should run, and asking the engine cluster for them."""

import logging

from django.conf import settings
from django_q.tasks import async_task

from polyarb_site.clock import Clock
from trading.lease import standby_lock
from trading.models import EngineLease, Mandate

logger = logging.getLogger(__name__)

TASK = "trading.tasks.engine_shift"
CLUSTER = "engine"


def ask_for_shift(account: str) -> str:
    """Queue one shift. Harmless when it is one too many: it then ends at once."""
    options = {"cluster": CLUSTER, "group": f"shift {account}", "timeout": -1}
    return str(async_task(TASK, account, **options))  # type: ignore[no-untyped-call]


def ensure_engines(clock: Clock) -> list[str]:
    """Queue a shift for each account that should run and has no live lease, or no standby here.

    The wall clock decides only whether to ask; whether a lease may be taken is decided by watching
    it. Returns the accounts that were asked for.
    """
    wanted = Mandate.objects.filter(desired=Mandate.Desired.RUN)
    asked = []
    for account in wanted.order_by("account").values_list("account", flat=True):
        lease = EngineLease.objects.filter(account=account).first()
        live = lease is not None and bool(lease.owner) and lease.expires_ns > clock.now_ns()
        if live and _has_standby(account):
            continue
        ask_for_shift(account)
        asked.append(account)
    if asked:
        logger.info("asked for shifts of %s", ", ".join(asked))
    return asked


def _has_standby(account: str) -> bool:
    """Return whether a process of this host stands by. Takes its place for an instant."""
    lock = standby_lock(settings.RUN_DIR, account)
    alone = lock.acquire()
    lock.release()
    return not alone
