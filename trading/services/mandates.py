"""Starting and stopping the engine, and closing its breaker: what people want of an account."""

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.preflight import check_data_dir, check_disk
from trading import kill_file
from trading.config.schema import phase_problems, play_problems
from trading.models import PLAY_FEED, Mandate, Phase, Profile
from trading.services.changes import (
    change,
    facts,
    find_mandate,
    hold_mandate,
    mandate_target,
)
from trading.services.incidents import may_start_to_compare
from trading.services.refusals import Invalid, NotFound, ServiceRefused, require, require_reason
from trading.services.revisions import config_of, newest

SHADOW_PROFILE = "live_shadow_atomic_v1"
SIMULATED_PROFILE = "simulated_atomic_v1"
FEED_OPTIONS = {"recorded": ("recording", "speed"), "polymarket": (), "simulator": ()}
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}", re.ASCII)


def ensure_mandate(account: str, *, by_name: str = "portal", at: datetime | None = None) -> Mandate:
    """Return the mandate of an account, and make one that trades nothing if there is none."""
    if not _ACCOUNT.fullmatch(account):
        raise Invalid(
            "ACCOUNT_NAME",
            f"{account[:60]!r} is not the name of an account",
            "use up to 60 lower-case letters, digits, '-' or '_'",
        )
    now = at or SystemClock().now()
    with transaction.atomic():
        mandate, created = Mandate.objects.select_related("profile").get_or_create(
            account=account, defaults={"changed_at": now, "phase_since": now}
        )
        if created:
            record(
                "mandate.create",
                actor=None,
                actor_name=by_name,
                target=mandate_target(account),
                after=facts(mandate),
                at=now,
            )
    return mandate


def start_shadow(
    account: str,
    *,
    profile_name: str = SHADOW_PROFILE,
    feed: str = "recorded",
    feed_options: Mapping[str, Any] | None = None,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Ask for the engine to run on paper, with the newest revision of the profile.

    Raises ServiceRefused when it is halted, running, in a live phase, when the profile is live or
    missing, or when the data directory cannot be written.
    """
    require(by, "trading.start_shadow")
    mandate = find_mandate(account)
    options = checked_feed_options(feed, feed_options or {}, anywhere=by is None)
    _refuse_outside_phase_0(mandate, "shadow")
    refuse_start(mandate)
    profile = paper_profile(profile_name)
    return change(
        mandate,
        {
            "desired": Mandate.Desired.RUN,
            "mode": "SHADOW",
            "profile": profile,
            "feed": feed,
            "feed_options": options,
        },
        action="engine.start_shadow",
        by=by,
        by_name=by_name,
        reason=reason.strip(),
        at=at or SystemClock().now(),
    )


def start_simulated(
    account: str,
    *,
    profile_name: str = SIMULATED_PROFILE,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Ask for the engine to trade live on the local venue, with play money.

    Mode LIVE exists on that feed alone. Raises ServiceRefused when it is halted, running, in a live
    phase, when the profile is paper, above the bounds of play money or missing, or when the data
    directory cannot be written. A halt is no obstacle while resuming waits for a match: the engine
    then starts halted, and compares.
    """
    require(by, "trading.start_shadow")
    mandate = find_mandate(account)
    _refuse_outside_phase_0(mandate, "play money")
    refuse_start(mandate, while_halted=may_start_to_compare(mandate))
    profile = play_profile(profile_name)
    return change(
        mandate,
        {
            "desired": Mandate.Desired.RUN,
            "mode": "LIVE",
            "profile": profile,
            "feed": PLAY_FEED,
            "feed_options": {},
        },
        action="engine.start_simulated",
        by=by,
        by_name=by_name,
        reason=reason.strip(),
        at=at or SystemClock().now(),
    )


def start_command(mandate: Mandate) -> str:
    """Return the command that starts the engine again as the mandate had it run."""
    if mandate.phase != Phase.SHADOW:
        return "manage.py start_live"
    if mandate.mode == "LIVE":
        return "manage.py start_simulated"
    return f"manage.py start_shadow --feed {mandate.feed or 'recorded'}"


def stop_engine(
    account: str,
    *,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Ask for the engine to end: it finishes or sells back what it holds, then stops.

    Raises ServiceRefused when it was not asked to run.
    """
    require(by, "trading.stop_engine")
    with transaction.atomic():
        mandate = hold_mandate(account)
        if mandate.desired == Mandate.Desired.STOP:
            raise ServiceRefused(
                "NOT_RUNNING", "the engine is not asked to run", "nothing has to be stopped"
            )
        return change(
            mandate,
            {"desired": Mandate.Desired.STOP},
            action="engine.stop",
            by=by,
            by_name=by_name,
            reason=reason.strip(),
            at=at or SystemClock().now(),
        )


def reset_breaker(
    account: str,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Close the circuit breaker by hand. Raises ServiceRefused without a reason."""
    require(by, "trading.reset_breaker")
    why = require_reason(reason, "closing the breaker")
    with transaction.atomic():
        mandate = hold_mandate(account)
        return change(
            mandate,
            {"breaker_resets": mandate.breaker_resets + 1},
            action="breaker.reset",
            by=by,
            by_name=by_name,
            reason=why,
            at=at or SystemClock().now(),
        )


def paper_profile(name: str) -> Profile:
    """Return the newest revision of a profile that shadow may run, or raise ServiceRefused."""
    profile = _newest_profile(name)
    config = config_of(profile)
    if phase_problems(config, Phase.SHADOW):
        kind = "real" if config.real_money else "play"
        raise ServiceRefused(
            "PROFILE_IS_LIVE",
            f"{profile} trades with {kind} money (DRY_RUN is false)",
            f"choose a profile for paper, such as {SHADOW_PROFILE}",
        )
    return profile


def play_profile(name: str) -> Profile:
    """Return the newest revision of a profile that may trade with play money, or raise
    ServiceRefused.
    """
    profile = _newest_profile(name)
    if problems := play_problems(config_of(profile)):
        raise ServiceRefused(
            "PROFILE_NOT_FOR_PLAY_MONEY",
            f"{profile} cannot trade with play money: {'. '.join(map(str, problems))}",
            f"choose another, such as {SIMULATED_PROFILE}",
        )
    return profile


def _newest_profile(name: str) -> Profile:
    profile = newest(name)
    if profile is None:
        raise NotFound(
            "NO_PROFILE",
            f"there is no profile {name[:80]!r}",
            "run manage.py seed to import config/profiles, or choose another",
        )
    return profile


def checked_feed_options(
    feed: str, options: Mapping[str, Any], *, anywhere: bool
) -> dict[str, str]:
    """Return the options as they are stored, all texts, or raise Invalid.

    `anywhere` lets a recording lie outside the portal's own directories: for who is on the host
    already. Over the web that would tell which files there are.
    """
    if feed not in FEED_OPTIONS:
        raise Invalid(
            "FEED_UNKNOWN",
            f"there is no feed {str(feed)[:40]!r}",
            f"choose one of {', '.join(FEED_OPTIONS)}",
        )
    unknown = sorted(set(map(str, options)) - set(FEED_OPTIONS[feed]))
    if unknown:
        known = ", ".join(FEED_OPTIONS[feed]) or "none"
        raise Invalid(
            "FEED_OPTION_UNKNOWN",
            f"the feed {feed} has no option {unknown[0][:40]!r}",
            f"its options: {known}",
        )
    checked = {}
    if options.get("recording"):
        checked["recording"] = _recording(str(options["recording"]), anywhere=anywhere)
    if options.get("speed"):
        checked["speed"] = _speed(str(options["speed"]))
    return checked


def _recording(text: str, *, anywhere: bool) -> str:
    """Return the whole path of a recording; a bare name is one that came with the portal."""
    homes = (settings.RECORDINGS_DIR, settings.DATA_DIR)
    candidates = [home / text for home in homes] + [Path(text).absolute()]
    for candidate in [] if "\0" in text else candidates:
        path = Path(os.path.normpath(candidate))
        if (anywhere or any(path.is_relative_to(home) for home in homes)) and path.exists():
            return str(path)
    raise Invalid(
        "RECORDING_MISSING",
        f"there is no recording {text[:200]!r}",
        "give the path of a file of frames, or leave it out for the one that came along",
    )


def _speed(text: str) -> str:
    # Late: the adapters load an HTTP client, and halting does not wait for that.
    from trading.adapters.player import parse_speed  # noqa: PLC0415

    try:
        parse_speed(text)
    except ValueError as error:
        remedy = "give how many times faster than it was recorded, such as 10, or max"
        raise Invalid("SPEED_INVALID", str(error), remedy) from error
    return text


def refuse_start(mandate: Mandate, *, while_halted: bool = False) -> None:
    """Raise ServiceRefused when a halt, a running engine or the machine forbids any start."""
    note = kill_file.read(settings.KILL_FILE)
    if (mandate.halted or note is not None) and not while_halted:
        cause = mandate.halt_reason or (note.reason if note else "") or "no reason was given"
        raise ServiceRefused(
            "HALTED",
            f"trading is halted ({cause})",
            "find out why, then resume: manage.py resume_trading --reason '...'",
        )
    if mandate.desired == Mandate.Desired.RUN:
        raise ServiceRefused(
            "ALREADY_RUNNING",
            f"the engine is asked to run already, with {mandate.profile} on {mandate.feed}",
            "stop it first: manage.py stop_engine --reason '...'",
        )
    for problem in (*check_data_dir(settings.DATA_DIR), *check_disk(settings.DATA_DIR)):
        raise ServiceRefused(problem.code, problem.message, problem.remedy)


def _refuse_outside_phase_0(mandate: Mandate, what: str) -> None:
    if mandate.phase != Phase.SHADOW:
        raise ServiceRefused(
            "WRONG_PHASE",
            f"{mandate.account} is in phase {mandate.phase}, and {what} is phase 0",
            "roll back to phase 0 first",
        )
