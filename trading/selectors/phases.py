"""The phases by number, for the apps above, and how an account stands in its own."""

from dataclasses import dataclass
from datetime import datetime

from trading.models import PLAY_FEED, Mandate, Money, Phase, Profile, money_of
from trading.selectors.figures import phase_start
from trading.services.live import LIVE_VENUES, PHASE_PROFILES

__all__ = [
    "LIVE_VENUES",
    "PHASE_PROFILES",
    "PLAY_FEED",
    "Mandate",
    "Money",
    "Phase",
    "PhaseStay",
    "money_of",
    "phase_stay",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStay:
    """The phase that an account is in. `since` is None when that is not known."""

    account: str
    phase: int
    since: datetime | None
    feed: str
    profile: Profile | None


def phase_stay(account: str) -> PhaseStay | None:
    """Return the phase that an account is in and since when, None when there is no such account.

    An account that is older than the record of its phase is in shadow since its first run there.
    """
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    if mandate is None:
        return None
    since = mandate.phase_since
    if since is None and mandate.phase == Phase.SHADOW:
        since = phase_start(account, Phase.SHADOW)
    return PhaseStay(
        account=account,
        phase=mandate.phase,
        since=since,
        feed=mandate.feed,
        profile=mandate.profile,
    )
