"""Checks of the wallet that nobody types: asked for by a person or a program, and regular ones.

All of them run in the jobs cluster, beside the signer and as its user. Whoever asks, also over the
web, only puts a task into the queue.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Max
from django.db.models.functions import TruncDate
from django_q.tasks import async_task

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from trading.models import Mandate, WalletCheck
from trading.services.changes import actor_text, find_mandate, kept
from trading.services.refusals import ServiceRefused, require

TASK = "trading.tasks.check_wallet"
BY_JOBS = "jobs"
ASKED = "wallet.check_asked"
ASK_AGAIN_S = 10
EACH_KEPT = timedelta(days=7)
DAYS_PER_RUN = 100


def ask_for_check(
    account: str,
    *,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> None:
    """Queue a check of an account's wallet, with an audit record.

    Whoever may see checks may ask for one: it changes nothing. Raises ServiceRefused without that
    permission, for an account that is not there, and when somebody asked a moment ago.
    """
    require(by, "trading.view_walletcheck")
    mandate = find_mandate(account)
    now = at or SystemClock().now()
    who, target = actor_text(by, by_name), f"wallet:{mandate.account}"
    with transaction.atomic():
        asked = AuditEvent.objects.filter(action=ASKED, target=target)
        if asked.filter(at__gt=now - timedelta(seconds=ASK_AGAIN_S), at__lte=now).exists():
            raise ServiceRefused(
                "CHECK_ASKED_ALREADY",
                f"a check was asked for less than {ASK_AGAIN_S} seconds ago",
                "wait for its result",
            )
        transaction.on_commit(lambda: _queue(mandate.account, who))
        record(ASKED, actor=by, actor_name=who, target=target, reason=kept(reason, 500), at=now)


def ask_for_regular_checks() -> list[str]:
    """Queue a check of each wallet that shall trade, with real or play money; return the accounts.

    An account on paper trades from no wallet; a check of it has to be asked for.
    """
    wanted = Mandate.objects.filter(desired=Mandate.Desired.RUN, mode="LIVE")
    accounts = list(wanted.order_by("account").values_list("account", flat=True))
    for account in accounts:
        _queue(account, BY_JOBS)
    return accounts


def thin_wallet_checks(now: datetime) -> int:
    """Of days more than a week ago keep each account's last check; return how many were removed.

    At most 100 days of an account a call, so that no call holds the database for long.
    """
    old = WalletCheck.objects.filter(at__lt=now - EACH_KEPT).order_by()
    days = (
        old.annotate(day=TruncDate("at"))
        .values("account", "day")
        .annotate(newest_at=Max("at"), total=Count("id"))
        .filter(total__gt=1)
        .order_by("day", "account")[:DAYS_PER_RUN]
    )
    removed = 0
    for day in days:
        last = old.filter(account=day["account"], at=day["newest_at"]).order_by("-id").first()
        if last is not None:
            others = old.filter(account=day["account"], at__date=day["day"]).exclude(pk=last.pk)
            removed += others.delete()[0]
    return removed


def _queue(account: str, by_name: str) -> None:
    async_task(TASK, account, by_name, group=f"wallet {account}")  # type: ignore[no-untyped-call]
