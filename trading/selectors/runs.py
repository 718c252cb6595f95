"""What one run of the engine amounted to, over all the shifts that it took."""

from datetime import datetime
from typing import Any

from django.db.models import Max

from trading.models import EngineLease, EngineSession, Mandate, MetricSample, Money, money_of
from trading.selectors.figures import funnel, realised_micro
from trading.selectors.status import ENDED

SESSIONS_MAX = 1_000


def last_token(account: str) -> int:
    """Return the token of the newest session, 0 when there is none."""
    newest = EngineSession.objects.filter(account=account).aggregate(token=Max("token"))
    return newest["token"] or 0


def accounts() -> list[str]:
    """Return the accounts that there are."""
    return list(Mandate.objects.order_by("account").values_list("account", flat=True))


def leases_held(now_ns: int) -> list[tuple[str, str]]:
    """Return (account, owner) of each lease that has not run out, by the wall clock.

    Good enough to say whom to stop; who may take a lease is decided by watching it.
    """
    held = EngineLease.objects.exclude(owner="").filter(expires_ns__gt=now_ns)
    return list(held.order_by("account").values_list("account", "owner"))


def open_session(account: str) -> EngineSession | None:
    """Return the newest session that has not ended, None when there is none."""
    rows = EngineSession.objects.filter(account=account, ended_at=None)
    return rows.exclude(state__in=ENDED).order_by("-token").first()


def run_summary(account: str, after_token: int, now: datetime) -> dict[str, Any] | None:
    """Return the figures of all sessions after a token together, None when there was none.

    Figures that nobody measured are None.
    """
    sessions = list(
        EngineSession.objects.filter(account=account, token__gt=after_token).order_by("token")[
            :SESSIONS_MAX
        ]
    )
    if not sessions:
        return None
    first, last = sessions[0], sessions[-1]
    ids = MetricSample.objects.filter(session__in=sessions).order_by().values("session")
    samples = list(
        MetricSample.objects.filter(pk__in=ids.annotate(last=Max("pk")).values("last")).order_by(
            "session_id"
        )
    )
    frames = [sample.values.get("frames") for sample in samples]
    newest = samples[-1] if samples else None
    end = last.ended_at or now
    money = money_of(last.mode, last.feed)
    return {
        "session": last.key if len(sessions) == 1 else f"{first.key} to {last.key}",
        "feed": last.feed,
        "state": last.state,
        "reason": last.state_reason,
        "lasted_ms": int((end - first.started_at).total_seconds() * 1000),
        "frames": sum(frames) if frames and None not in frames else None,
        "funnel": funnel(account, first.started_at, now, money=money),
        "realised_micro": realised_micro(account, first.started_at, money=money),
        "paper": money is Money.PAPER,
        "money": money.value,
        "p50_us": newest.decision_p50_us if newest else None,
        "p99_us": newest.decision_p99_us if newest else None,
    }
