"""Whether what a mandate would run live is what a promotion allowed."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from polyarb_site.software import software
from trading.config.grants import Running, grant_problems
from trading.config.profiles import sha256
from trading.models import Mandate, Money, Phase, Profile, money_of
from trading.services.revisions import config_of

# The files that say where money goes and when it has to stop: a grant is for these too.
BOUND_FILES = ("phases.yaml", "venues.yaml")
# Called with account and stored grant; returns why it does not hold any more, "" for no reason.
Guard: TypeAlias = Callable[[str, Mapping[str, Any]], str]


def config_files_sha256() -> str:
    """Return one hash of the bound files as they are on this machine's disk now.

    Raises OSError for one that cannot be read.
    """
    total = hashlib.sha256()
    for name in BOUND_FILES:
        content = hashlib.sha256((settings.CONFIG_DIR / name).read_bytes()).hexdigest()
        total.update(f"{name}\n{content}\n".encode())
    return total.hexdigest()


def running_of(account: str, *, phase: int, venue: str, profile: Profile) -> Running:
    """Return what would run. Its hashes are of what is there, not of what a row says of itself.

    Raises ServiceRefused for a profile that this version cannot read, OSError for a file.
    """
    return Running(
        account=account,
        phase=phase,
        venue=venue,
        profile=profile.name,
        profile_revision=profile.revision,
        profile_sha256=sha256(config_of(profile)),
        config_sha256=config_files_sha256(),
        software=software(),
    )


def needs_grant(mandate: Mandate) -> bool:
    """Return whether this mandate trades only as a promotion allows: live, but for rehearsing in
    phase 0 with play money.
    """
    money = money_of(mandate.mode, mandate.feed)
    return money is Money.REAL or (money is Money.PLAY and mandate.phase != Phase.SHADOW)


def broken_grant(mandate: Mandate) -> list[str]:
    """Return why the mandate's grant does not allow what it would run; nothing when it does."""
    if mandate.profile is None:
        return ["no profile is applied"]
    try:
        running = running_of(
            mandate.account, phase=mandate.phase, venue=mandate.feed, profile=mandate.profile
        )
    except OSError as error:
        return [f"the configuration cannot be read ({error.strerror or error})"]
    problems = grant_problems(mandate.grant, mandate.grant_sha256, running)
    if problems:
        return problems
    guards: list[Guard] = [import_string(path) for path in settings.GRANT_GUARDS]
    return [said for guard in guards if (said := guard(mandate.account, mandate.grant))]
