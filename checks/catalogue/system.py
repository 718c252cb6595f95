"""Configuration, profile, alert rules and chain are what the phase asked about needs."""

from typing import Any

from django.conf import settings

from alerts.selectors.completeness import rule_problems
from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    everywhere,
    failed,
    passed,
    unknown,
    when_live,
)
from checks.catalogue.security_wallet import TIME_MS, judged, wallet_lines
from checks.selectors.targets import target_of
from trading.selectors.configuring import (
    chain_id,
    configuration_problems,
    limit_problems,
    limits_shown,
    profile_problems,
    readable,
)

RULES_FILE = "alerts.production.yaml"
POLYGON = 137
REAL_VENUE, PLAY_VENUE = "polymarket", "simulator"


def configuration(scene: Scene) -> Seen:
    """Read every file as an import would, and the revision that would run as it is stored."""
    target = target_of(scene.account, phase=scene.phase, venue=scene.venue)
    problems, files = configuration_problems()
    if target.would.profile is None:
        problems.append(target.problem)
    else:
        problems += profile_problems(target.would.profile)
        if target.problem:
            problems.append(target.problem)
    seen: dict[str, Any] = {"files": files, "profile": target.profile}
    if problems:
        return failed("; ".join(problems[:2]), problems=problems[:20], **seen)
    return passed(f"{len(files)} files and {target.profile} match the schema", **seen)


def profile_limits(scene: Scene) -> Seen:
    """Judge the profile that the phase asked about would run by that phase's ceilings."""
    target = target_of(scene.account, phase=scene.phase, venue=scene.venue)
    config = readable(target.would.profile)
    if config is None:
        return unknown(target.problem or "the profile of the phase cannot be read")
    problems = limit_problems(config, scene.phase)
    seen: dict[str, Any] = {
        "profile": target.profile,
        "phase": scene.phase,
        "limits": limits_shown(config),
    }
    if problems:
        return failed(f"{target.profile}: {problems[0]}", problems=problems, **seen)
    return passed(f"{target.profile} is within the limits of phase {scene.phase}", **seen)


def dry_run(scene: Scene) -> Seen:
    """Compare DRY_RUN of that profile with the phase: true in phase 0, false in all others.

    Phase 0 may also rehearse with play money on the local venue: nobody can lose any.
    """
    target = target_of(scene.account, phase=scene.phase, venue=scene.venue)
    config = readable(target.would.profile)
    if config is None:
        return unknown(target.problem or "the profile of the phase cannot be read")
    seen: dict[str, Any] = {
        "profile": target.profile,
        "dry_run": config.dry_run,
        "play_money": config.switch("PLAY_MONEY"),
        "phase": scene.phase,
    }
    said = f"DRY_RUN is {str(config.dry_run).lower()} in {target.profile}"
    if not scene.live and not config.real_money and (config.dry_run or scene.venue == PLAY_VENUE):
        rehearsal = "" if config.dry_run else ": play money on the local venue"
        return passed(f"{said}{rehearsal}, and phase 0 moves no money", **seen)
    if config.dry_run is scene.live or not scene.live:
        needed = "false" if scene.live else "true"
        return failed(f"{said}, and phase {scene.phase} needs {needed}", **seen)
    return passed(f"{said}, as phase {scene.phase} needs", **seen)


def alert_rules(_scene: Scene) -> Seen:
    """Compare the rules in force with those of the file of this version, one by one."""
    found = rule_problems(settings.CONFIG_DIR / RULES_FILE)
    seen: dict[str, Any] = {
        "in_file": found.in_file,
        "in_force": found.in_force,
        "critical": found.critical,
    }
    if found.problems:
        return failed("; ".join(found.problems[:2]), problems=found.problems[:30], **seen)
    return passed(
        f"{found.in_force} rules are in force, all {found.in_file} of {RULES_FILE} among them, "
        f"and {found.critical} CRITICAL ones stop trading",
        **seen,
    )


def chain(scene: Scene) -> Seen:
    """Ask the endpoints and the signer which chain they are on."""
    try:
        configured = chain_id()
    except ValueError as error:
        return failed(f"venues.yaml: {error}")
    if scene.venue == REAL_VENUE and configured != POLYGON:
        return failed(f"venues.yaml names chain {configured}, Polygon is {POLYGON}")
    lines = wallet_lines(scene)
    if isinstance(lines, str):
        return unknown(lines)
    endpoints = [line for line in lines if line["id"].startswith("rpc:")]
    failed_ones = [line for line in endpoints if line["status"] == "failed"]
    wrong = [line for line in failed_ones if line["seen"].startswith("chain")]
    if wrong:
        return judged(wrong, of="the chain")
    # How many endpoints answer is asked elsewhere: one that is silent names no wrong chain.
    ids = ("rpc_count", "chain", "signer_terms")
    answering = [line for line in endpoints if line["status"] == "ok"]
    others = [line for line in lines if line["id"] in ids and line["status"] != "failed"]
    if endpoints and not answering:
        return unknown("no endpoint says which chain it is on")
    missing = [one for one in lines if one["id"] == "signer_terms" and one["status"] == "failed"]
    return judged([*answering, *others, *missing], of="the chain")


CHECKS: tuple[Check, ...] = (
    Check(
        id="system.configuration",
        category=Category.SYSTEM,
        title="Configuration and profile match the schema",
        needed="config.yaml, profiles, venues.yaml and phases.yaml are read without a problem",
        remedy="Correct the file that is named, and import it: manage.py seed.",
        runbook="configuration",
        priorities=everywhere(Priority.P0),
        look=configuration,
    ),
    Check(
        id="system.profile_limits",
        category=Category.SYSTEM,
        title="The profile fits the limits of the phase",
        needed="no value above the ceiling of the phase that is asked about",
        remedy="Lower what is named, as a new revision of the profile: page Profiles.",
        runbook="configuration",
        priorities=everywhere(Priority.P0),
        look=profile_limits,
    ),
    Check(
        id="system.dry_run",
        category=Category.SYSTEM,
        title="DRY_RUN fits the phase",
        needed="true in phase 0, or play money on the local venue; false in phases 1 to 3",
        remedy="Apply the profile of the phase: page Profiles.",
        runbook="configuration",
        priorities=everywhere(Priority.P0),
        look=dry_run,
    ),
    Check(
        id="system.alert_rules",
        category=Category.SYSTEM,
        title="The alert rules are loaded and complete",
        needed=f"every rule of {RULES_FILE} in force, each CRITICAL one with stop_trading",
        remedy="Import what is missing with manage.py seed, and switch on again what is off.",
        runbook="alert-rules",
        priorities=everywhere(Priority.P0),
        look=alert_rules,
    ),
    Check(
        id="system.chain_id",
        category=Category.SYSTEM,
        title="The chain is the right one",
        needed="chain 137; on the local venue the chain that it names",
        remedy="Correct chain_id or hosts.polygon_rpcs in venues.yaml: manage.py wallet_check.",
        runbook="rpc",
        priorities=when_live(Priority.P0),
        look=chain,
        time_ms_max=TIME_MS,
    ),
)
