"""Which profile an account would trade with in a phase, and what one set of it may cost."""

from dataclasses import dataclass

from trading.models import Mandate, Profile
from trading.services.live import PHASE_PROFILES
from trading.services.revisions import config_of, newest


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeOfPhase:
    """The most that one set may cost, by which revision."""

    profile: str  # name rN
    trade_size_micro: int


def profile_of_phase(account: str, phase: int) -> Profile | None:
    """Return the revision in force in the account's own phase, else the newest of that phase."""
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    if mandate is not None and mandate.phase == phase and mandate.profile is not None:
        return mandate.profile
    name = PHASE_PROFILES.get(phase)
    return newest(name) if name is not None else None


def size_of_phase(account: str, phase: int) -> SizeOfPhase | None:
    """Return the trade size of a phase, None without a profile for it.

    Raises ServiceRefused for a revision that this version cannot read.
    """
    profile = profile_of_phase(account, phase)
    if profile is None:
        return None
    return SizeOfPhase(
        profile=str(profile), trade_size_micro=config_of(profile).number("TRADE_SIZE")
    )


def feed_options_of(account: str, venue: str) -> dict[str, str]:
    """Return how the account plays a feed: which recording, for one; empty for another feed."""
    mandate = Mandate.objects.filter(account=account, feed=venue).first()
    options = mandate.feed_options if mandate is not None else {}
    return {name: str(value) for name, value in options.items()}
