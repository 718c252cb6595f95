"""Configuration as it lies on the disk and in the database, held against the schema and a phase."""

from django.conf import settings

from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.config.keys import KEYS, SHADOW
from trading.config.profiles import sha256
from trading.config.schema import (
    ConfigProblems,
    ParsedConfig,
    parse,
    phase_problems,
    play_problems,
)
from trading.config.values import write
from trading.config.venues import VenuesError, venue_settings
from trading.models import Profile
from trading.services.refusals import ServiceRefused
from trading.services.revisions import base_config, config_of

SHOWN = ("TRADE_SIZE", "MAX_POSITION_SIZE", "MAX_DAILY_LOSS", "MAX_SLIPPAGE", "MAX_GAS_COST")


def configuration_problems() -> tuple[list[str], list[str]]:
    """Return what is wrong with our configuration files, and which files were read."""
    problems: list[str] = []
    files = ["config.yaml"]
    try:
        base = base_config().texts()
    except ServiceRefused as refused:
        problems.append(refused.message)
        base = {}
    for path in sorted((settings.CONFIG_DIR / "profiles").glob("*.yaml")):
        files.append(f"profiles/{path.name}")
        try:
            parse({**base, **read_yaml(path)}, strict=True)
        except ConfigError as error:
            problems.append(str(error))
        except ConfigProblems as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
    if len(files) == 1:
        problems.append("there is no profile in config/profiles")
    for name in ("venues.yaml", "phases.yaml"):
        files.append(name)
        try:
            content = read_yaml(settings.CONFIG_DIR / name)
            if name == "venues.yaml":
                venue_settings(content)
        except ConfigError as error:
            problems.append(str(error))
        except VenuesError as error:
            problems.append(f"{name}: {error}")
    return problems, files


def profile_problems(profile: Profile) -> list[str]:
    """Return what is wrong with a stored revision: not of this version, or changed in place."""
    try:
        config = config_of(profile)
    except ServiceRefused as refused:
        return [refused.message]
    if sha256(config) != profile.sha256:
        return [f"{profile} is not what it was when it was saved: its hash differs"]
    return []


def readable(profile: Profile | None) -> ParsedConfig | None:
    """Return the configuration of a revision, None when this version cannot read it."""
    if profile is None:
        return None
    try:
        return config_of(profile)
    except ServiceRefused:
        return None


def limit_problems(config: ParsedConfig, phase: int) -> list[str]:
    """Return each value of a configuration that a phase does not allow; its mode is not judged.

    Play money in phase 0 has ceilings of its own.
    """
    rehearsal = phase == SHADOW and not config.dry_run and config.switch("PLAY_MONEY")
    found = play_problems(config) if rehearsal else phase_problems(config, phase)
    return [str(problem) for problem in found if problem.field != "DRY_RUN"]


def limits_shown(config: ParsedConfig) -> dict[str, str]:
    """Return the values that a phase bounds, as people read them."""
    return {name: write(KEYS[name].kind, config.values[name]) for name in SHOWN}


def chain_id() -> int:
    """Return the chain that config/venues.yaml names. Raises ValueError for a file that is bad."""
    try:
        return venue_settings(read_yaml(settings.CONFIG_DIR / "venues.yaml")).chain_id
    except ConfigError as error:
        raise ValueError(str(error)) from error
