"""What a check run, a criterion or a promotion is about: an account in a phase on a venue."""

from dataclasses import dataclass

from trading.selectors.phases import Mandate, Phase
from trading.services.changes import find_mandate
from trading.services.grants import running_of
from trading.services.live import LIVE_VENUES, PHASE_PROFILES
from trading.services.refusals import Invalid, ServiceRefused
from trading.services.revisions import newest

PAPER_VENUES = ("recorded", *LIVE_VENUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What would run. `would` is the mandate as it would be, and is in no database.

    The hashes are empty when there is no profile that can be read or a file of the configuration is
    missing, and `problem` then says which.
    """

    would: Mandate
    profile_sha256: str = ""
    config_sha256: str = ""
    problem: str = ""

    @property
    def profile(self) -> str:
        """Return the revision as people read it, empty without one."""
        return str(self.would.profile or "")


def target_of(account: str, *, phase: int | None = None, venue: str | None = None) -> Target:
    """Return what would run in a phase, the present one by default.

    The profile is the one in force for the present phase on the present feed, else the newest
    revision of that phase's own. The venue is by default the feed of the account; live trading has
    no other than the real one where that feed cannot be traded on. Raises ServiceRefused.
    """
    mandate = find_mandate(account)
    wanted = mandate.phase if phase is None else phase
    if wanted not in Phase.values:
        raise Invalid("PHASE_UNKNOWN", f"there is no phase {wanted}", "choose 0, 1, 2 or 3")
    place = venue or _venue(mandate, wanted)
    possible = LIVE_VENUES if wanted else PAPER_VENUES
    if place not in possible:
        raise Invalid(
            "VENUE_UNKNOWN",
            f"phase {wanted} cannot trade on the venue {place[:20]!r}",
            f"choose {' or '.join(possible)}",
        )
    as_now = wanted == mandate.phase and place == mandate.feed
    profile = mandate.profile if as_now else None
    profile = profile or newest(PHASE_PROFILES[wanted])
    would = Mandate(
        pk=mandate.pk,
        account=mandate.account,
        phase=wanted,
        feed=place,
        profile=profile,
        mode="LIVE" if wanted else "SHADOW",
    )
    if profile is None:
        return Target(would=would, problem="no profile was imported for this phase")
    try:
        running = running_of(mandate.account, phase=wanted, venue=place, profile=profile)
    except ServiceRefused as refused:
        return Target(would=would, problem=refused.message)
    except OSError as error:
        problem = f"the configuration cannot be read ({error.strerror or error})"
        return Target(would=would, problem=problem)
    return Target(
        would=would, profile_sha256=running.profile_sha256, config_sha256=running.config_sha256
    )


def _venue(mandate: Mandate, phase: int) -> str:
    if not phase or mandate.feed in LIVE_VENUES:
        return mandate.feed
    return LIVE_VENUES[0]
