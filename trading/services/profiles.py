"""Profiles: importing files, saving, applying and rolling back. Revisions are only ever added."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.models import AuditEvent
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading.config.keys import KEYS
from trading.config.profiles import sha256
from trading.config.schema import (
    ConfigProblems,
    ParsedConfig,
    parse,
    phase_problems,
    play_problems,
)
from trading.models import Mandate, Money, Profile, money_of
from trading.services.changes import (
    actor_text,
    change,
    changed_meanwhile,
    find_mandate,
    mandate_target,
    profile_facts,
)
from trading.services.refusals import Invalid, NotFound, ServiceRefused, require, require_reason
from trading.services.revisions import (
    add_revision,
    base_config,
    checked_name,
    config_of,
    newest,
)

# The records after which another profile was in force. The audit is the only list of them.
APPLYING = (
    *("profile.apply", "profile.rollback"),
    *("engine.start_shadow", "engine.start_simulated", "engine.start_live"),
    "mandate.step_down",
)
HISTORY_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Applied:
    """One step of what was in force: a revision, by name and content."""

    name: str
    revision: int
    sha256: str


def save_profile(
    name: str,
    values: Mapping[str, object],
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    source: str = "portal",
    after_revision: int | None = None,
    at: datetime | None = None,
) -> Profile:
    """Save a new revision: what is not given stays as in the newest one, or as in the base.

    `after_revision` is the revision that the person saw; a newer one then refuses. Saving applies
    nothing. Raises ServiceRefused, naming every bad field.
    """
    require(by, "trading.save_profile")
    why = require_reason(reason, "saving a profile")
    checked_name(name)
    last = newest(name)
    if after_revision is not None and after_revision != (last.revision if last else 0):
        raise changed_meanwhile()
    base = last.base_values if last else base_config().texts()
    # What an older version knew and this one does not is left behind: else nothing could be saved.
    known = last.values if last else base
    known = {key: text for key, text in known.items() if key in KEYS}
    try:
        config = parse({**known, **values}, strict=True)
    except ConfigProblems as error:
        problems = tuple(str(problem) for problem in error.problems)
        raise Invalid(
            "CONFIG_INVALID", f"{name}: {'. '.join(problems)}", "correct these fields", problems
        ) from error
    if last is not None and last.sha256 == sha256(config):
        raise ServiceRefused(
            "NOTHING_CHANGED", f"{last} has exactly these values", "change one, or leave it so"
        )
    now = at or SystemClock().now()
    with transaction.atomic():
        revision = add_revision(
            name,
            config,
            after=last,
            base_values=base,
            author=by,
            author_name=actor_text(by, by_name),
            reason=why,
            source=source,
            at=now,
        )
        publish("state", {"profile": name, "what": "profile.save"}, at=now)
        _record("profile.save", last, revision, by=by, by_name=by_name, reason=why, at=now)
    return revision


def apply_profile(
    name: str,
    revision: int | None = None,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    account: str = "",
    seen_mandate_revision: int | None = None,
    at: datetime | None = None,
) -> Mandate:
    """Put a revision, by default the newest, in force. A running engine takes it over at once.

    `seen_mandate_revision` is what the person saw when deciding; any change since then refuses.
    Raises ServiceRefused when the revision does not fit the phase.
    """
    require(by, "trading.apply_profile")
    why = require_reason(reason, "applying a profile")
    mandate = find_mandate(account or settings.ACCOUNT)
    if seen_mandate_revision is not None and seen_mandate_revision != mandate.revision:
        raise changed_meanwhile()
    profile = find_profile(name, revision)
    if mandate.profile is not None and mandate.profile.pk == profile.pk:
        raise ServiceRefused(
            "ALREADY_APPLIED", f"{profile} is in force already", "nothing has to be done"
        )
    refuse_unfit(profile, config_of(profile), mandate)
    return change(
        mandate,
        {"profile": profile},
        action="profile.apply",
        by=by,
        by_name=by_name,
        reason=why,
        at=at or SystemClock().now(),
    )


def rollback_profile(
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    account: str = "",
    to: tuple[str, int] | None = None,
    at: datetime | None = None,
) -> Mandate:
    """Put what was in force before back in force, as a new revision.

    Each further rollback goes one step further back. `to` is a name and revision to go to instead.
    Raises ServiceRefused when there is nothing earlier, or when it does not fit the phase.
    """
    require(by, "trading.apply_profile")
    why = require_reason(reason, "rolling back")
    mandate = find_mandate(account or settings.ACCOUNT)
    if to is not None:
        earlier = find_profile(*to)
    else:
        steps = steps_in_force(mandate.account)
        if len(steps) < 2:
            raise ServiceRefused(
                "NO_EARLIER_PROFILE",
                "nothing was in force before the present profile",
                "apply a revision by name instead",
            )
        earlier = find_profile(steps[-2].name, steps[-2].revision)
    config = config_of(earlier)
    refuse_unfit(earlier, config, mandate)
    now = at or SystemClock().now()
    with transaction.atomic():
        revision = add_revision(
            earlier.name,
            config,
            after=newest(earlier.name),
            base_values=earlier.base_values,
            author=by,
            author_name=actor_text(by, by_name),
            reason=why,
            source=f"rollback to {earlier.name} r{earlier.revision}",
            at=now,
        )
        return change(
            mandate,
            {"profile": revision},
            action="profile.rollback",
            by=by,
            by_name=by_name,
            reason=why,
            at=now,
            more={"restored": profile_facts(earlier)},
        )


def steps_in_force(account: str) -> list[Applied]:
    """Return what was in force, oldest first; what was rolled back is not among it."""
    events = AuditEvent.objects.filter(target=mandate_target(account), action__in=APPLYING)
    latest = events.order_by("-sequence").values_list("action", "after")[:HISTORY_MAX]
    return fold_steps(reversed(list(latest)))


def fold_steps(events: Iterable[tuple[str, Any]]) -> list[Applied]:
    """Return the steps that a run of audit records leaves: applying adds one, rolling back removes.

    A rollback to a step cuts everything after it; one to something else is a step of its own.
    """
    steps: list[Applied] = []
    for action, after in events:
        now = after.get("profile")
        if now is None:
            continue
        restored = after.get("restored") if action == "profile.rollback" else None
        step = Applied(**(restored or now))
        if restored is not None and step in steps:
            del steps[steps.index(step) + 1 :]
        elif not steps or steps[-1].sha256 != step.sha256 or steps[-1].name != step.name:
            steps.append(step)
    return steps


def find_profile(name: str, revision: int | None = None) -> Profile:
    """Return a revision, by default the newest, or raise NotFound."""
    checked_name(name)
    rows = Profile.objects.filter(name=name)
    if revision is not None:
        rows = rows.filter(revision=revision)
    profile = rows.order_by("-revision").first()
    if profile is None:
        wanted = name if revision is None else f"{name} r{revision}"
        raise NotFound("NO_PROFILE", f"there is no profile {wanted}", "choose one of the list")
    return profile


def refuse_unfit(profile: Profile, config: ParsedConfig, mandate: Mandate) -> None:
    """Raise ServiceRefused for a revision that the mandate does not allow.

    A live one has to fit the phase, or play money while that is what the mandate trades with. Paper
    always fits, but for a run with play money, which never becomes paper under way.
    """
    play = money_of(mandate.mode, mandate.feed) is Money.PLAY
    running = mandate.desired == Mandate.Desired.RUN
    if config.dry_run and not (play and running):
        return
    problems = play_problems(config) if play else phase_problems(config, mandate.phase)
    if problems:
        texts = tuple(str(problem) for problem in problems)
        what = "play money" if play else f"phase {mandate.phase}"
        raise ServiceRefused(
            "PROFILE_DOES_NOT_FIT_PHASE",
            f"{profile} does not fit {what}: {'. '.join(texts)}",
            "choose another revision, or ask for the promotion that allows it",
        )


def _record(
    action: str,
    before: Profile | None,
    after: Profile,
    *,
    by: User | None,
    by_name: str,
    reason: str,
    at: datetime,
) -> None:
    """Record a new revision with its values, after everything else in the transaction."""
    record(
        action,
        actor=by,
        actor_name=by_name,
        target=f"profile:{after.name}",
        reason=reason,
        before={**(profile_facts(before) or {}), "values": before.values} if before else None,
        after={**(profile_facts(after) or {}), "values": after.values},
        at=at,
    )
