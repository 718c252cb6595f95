"""Reading and adding profile revisions: what the services about profiles share."""

import re
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from polyarb_site.audit.masking import looks_secret
from polyarb_site.yaml_files import ConfigError, read_yaml
from trading.config.profiles import sha256
from trading.config.schema import ConfigProblems, ParsedConfig, parse
from trading.models import Profile
from trading.services.changes import changed_meanwhile, kept
from trading.services.refusals import Invalid, ServiceRefused

_NAME = re.compile(r"[a-z0-9_]{1,80}", re.ASCII)


def checked_name(name: str) -> str:
    """Return the name if a profile may have it, or raise Invalid: it is no path and no key."""
    if not _NAME.fullmatch(name) or looks_secret(name):
        raise Invalid(
            "PROFILE_NAME",
            "this is not a name for a profile",
            "use 1 to 80 of the characters a-z, 0-9 and _",
        )
    return name


def newest(name: str) -> Profile | None:
    """Return the newest revision of a profile."""
    return Profile.objects.filter(name=name).order_by("-revision").first()


def config_of(profile: Profile) -> ParsedConfig:
    """Return the configuration of a revision.

    Raises ServiceRefused for one that another version made and today's schema does not take.
    """
    try:
        return parse(profile.values, strict=True)
    except ConfigProblems as error:
        raise ServiceRefused(
            "PROFILE_OUTDATED",
            f"{profile} does not fit this version: {error.problems[0]}",
            "save it anew with values that do",
        ) from error


def base_config(file: Path | None = None) -> ParsedConfig:
    """Return the base configuration of this installation. Raises Invalid."""
    path = file or settings.CONFIG_DIR / "config.yaml"
    try:
        config = parse(read_yaml(path), strict=True)
    except ConfigError as error:
        raise Invalid("CONFIG_INVALID", str(error), "correct the file", (str(error),)) from error
    except ConfigProblems as error:
        problems = tuple(f"{path.name}: {problem}" for problem in error.problems)
        raise Invalid("CONFIG_INVALID", problems[0], "correct the file", problems) from error
    if not config.dry_run:
        problem = f"{path.name}: DRY_RUN is false; the base configuration is always paper"
        raise Invalid("CONFIG_INVALID", problem, "set it to true", (problem,))
    return config


def add_revision(
    name: str,
    config: ParsedConfig,
    *,
    after: Profile | None,
    base_values: dict[str, str],
    author: User | None,
    author_name: str,
    reason: str,
    source: str,
    at: datetime,
) -> Profile:
    """Add the revision that follows `after`. Raises ServiceRefused when another one came first."""
    try:
        with transaction.atomic():
            return Profile.objects.create(
                name=name,
                revision=after.revision + 1 if after else 1,
                values=config.texts(),
                base_values=base_values,
                sha256=sha256(config),
                author=author,
                author_name=author_name,
                reason=kept(reason, 500),
                source=kept(source, 200),
                created_at=at,
            )
    except IntegrityError as error:
        raise changed_meanwhile() from error
