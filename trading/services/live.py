"""Starting live as a promotion allows it, and going down a phase, which nothing refuses."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.config.grants import Grant, grant_json, grant_sha256
from trading.config.schema import phase_problems
from trading.models import PLAY_FEED, REAL_FEED, Mandate, Phase, Profile
from trading.services.changes import actor_text, change, facts, find_mandate, kept, mandate_target
from trading.services.grants import broken_grant
from trading.services.mandates import SHADOW_PROFILE, refuse_start
from trading.services.refusals import Invalid, ServiceRefused, require, require_reason
from trading.services.revisions import config_of, newest

LIVE_VENUES = (REAL_FEED, PLAY_FEED)
PHASE_PROFILES: Mapping[int, str] = {
    Phase.SHADOW: SHADOW_PROFILE,
    Phase.MICRO_LIVE: "live_safe_atomic_v1",
    Phase.CONSTRAINED_LIVE: "live_constrained_atomic_v1",
    Phase.SCALED_LIVE: "live_scaled_atomic_v1",
}


def start_live(
    account: str,
    *,
    grant: Grant | None = None,
    profile: Profile | None = None,
    by: User | None,
    by_name: str = "",
    reason: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Ask for the engine to trade live, as a new grant or the one in force allows.

    A new grant moves the account into its phase, with its profile and on its venue, in the same
    change as the start; `profile` is then the revision that it names. Without one the engine starts
    again as it was. Raises ServiceRefused when the account is halted or running, when the grant is
    for anything else than what would run, and when the machine is not fit.
    """
    require(by, "trading.start_live")
    mandate = find_mandate(account)
    refuse_start(mandate)
    wanted: dict[str, Any] = {"desired": Mandate.Desired.RUN, "mode": "LIVE", "feed_options": {}}
    now = at or SystemClock().now()
    if grant is not None:
        if profile is None:
            raise ValueError("a new grant comes with its profile")
        _refuse_move(mandate, grant.phase)
        stored = grant_json(grant)
        wanted |= {
            "phase": grant.phase,
            "profile": profile,
            "feed": grant.venue,
            "grant": stored,
            "grant_sha256": grant_sha256(stored),
        }
        if grant.phase != mandate.phase:
            wanted["phase_since"] = now
    _refuse_unfit(mandate, wanted)
    return change(
        mandate,
        wanted,
        action="engine.start_live",
        by=by,
        by_name=by_name,
        reason=reason.strip(),
        at=now,
    )


def step_down(
    account: str,
    *,
    to: int | None = None,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Move to a lower phase, by default the one before, with the grant taken back and on paper.

    Needs no approval and is not refused for what the account does or is: the engine is asked to
    end, whatever it trades with, and cannot go on in the phase that it has left. Raises Invalid for
    a phase that is not lower.
    """
    require(by, "checks.roll_back")
    why = require_reason(reason, "going down a phase")
    now, who = at or SystemClock().now(), actor_text(by, by_name)
    with transaction.atomic():
        before = Mandate.objects.select_for_update().get(pk=find_mandate(account).pk)
        target = before.phase - 1 if to is None else to
        if not Phase.SHADOW <= target < before.phase:
            raise Invalid(
                "NOT_DOWN",
                f"phase {target} is not below the present phase {before.phase}",
                "choose a lower phase, or halt, which is always possible",
            )
        profile = newest(PHASE_PROFILES[target]) or before.profile
        Mandate.objects.filter(pk=before.pk).update(
            phase=target,
            phase_since=now,
            grant={},
            grant_sha256="",
            desired=Mandate.Desired.STOP,
            mode="SHADOW",
            profile=profile,
            revision=before.revision + 1,
            changed_at=now,
        )
        after = find_mandate(account)
        told = {"account": account, "what": "mandate.step_down", "revision": after.revision}
        publish("state", told, at=now)
        record(
            "mandate.step_down",
            actor=by,
            actor_name=who,
            target=mandate_target(account),
            reason=kept(why, 500),
            before=facts(before),
            after=facts(after),
            at=now,
        )
    return after


def set_dry_run(
    account: str,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Mandate:
    """Ask the engine to end, and let nothing but paper start after it; the phase stays.

    Is not refused for what the account does or is. Where it is so already nothing is written.
    """
    require(by, "checks.roll_back")
    why = require_reason(reason, "setting DRY_RUN")
    now = at or SystemClock().now()
    with transaction.atomic():
        before = Mandate.objects.select_for_update().get(pk=find_mandate(account).pk)
        if before.desired == Mandate.Desired.STOP and before.mode == "SHADOW":
            return find_mandate(account)
        Mandate.objects.filter(pk=before.pk).update(
            desired=Mandate.Desired.STOP,
            mode="SHADOW",
            revision=before.revision + 1,
            changed_at=now,
        )
        after = find_mandate(account)
        told = {"account": account, "what": "mandate.dry_run", "revision": after.revision}
        publish("state", told, at=now)
        record(
            "mandate.dry_run",
            actor=by,
            actor_name=actor_text(by, by_name),
            target=mandate_target(account),
            reason=kept(why, 500),
            before=facts(before),
            after=facts(after),
            at=now,
        )
    return after


def live_problems(mandate: Mandate) -> list[str]:
    """Return why this mandate, as it is or would be, may not open sets live; nothing if it may."""
    if mandate.profile is None:
        return ["no profile is applied"]
    try:
        config = config_of(mandate.profile)
    except ServiceRefused as refused:
        return [str(refused)]
    unfit = [str(problem) for problem in phase_problems(config, mandate.phase)]
    return [*unfit, *broken_grant(mandate)]


def _refuse_move(mandate: Mandate, phase: int) -> None:
    if phase not in (mandate.phase, mandate.phase + 1):
        raise ServiceRefused(
            "NOT_THE_NEXT_PHASE",
            f"{mandate.account} is in phase {mandate.phase}, and the promotion is to phase {phase}",
            "ask for the promotion to the next phase",
        )


def _refuse_unfit(mandate: Mandate, wanted: Mapping[str, Any]) -> None:
    """Raise ServiceRefused for a start that the engine would refuse anyway, before it is asked."""
    would = Mandate(pk=mandate.pk, account=mandate.account)
    for field in ("phase", "profile", "feed", "grant", "grant_sha256", "mode"):
        setattr(would, field, wanted.get(field, getattr(mandate, field)))
    if would.feed not in LIVE_VENUES:
        raise ServiceRefused(
            "NO_LIVE_VENUE",
            f"nothing can be traded live on the feed {would.feed}",
            f"ask for a promotion on {' or '.join(LIVE_VENUES)}",
        )
    if would.phase == Phase.SHADOW:
        raise ServiceRefused(
            "NOT_PROMOTED",
            f"{mandate.account} is in phase 0, which is paper",
            "ask for the promotion to phase 1 on the page Phases",
        )
    if problems := live_problems(would):
        raise ServiceRefused(
            "NO_VALID_PROMOTION",
            f"no promotion allows this: {'; '.join(problems)}",
            "ask for a promotion on the page Phases; it takes in what is there now",
        )
