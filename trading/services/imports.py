"""Importing configuration files as revisions: our own, strictly, and those of PolyArb-X."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from polyarb_site.audit.masking import find_secrets
from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from polyarb_site.yaml_files import ConfigError, Value, read_named, read_yaml
from trading.config.keys import KEYS
from trading.config.profiles import sha256
from trading.config.schema import ConfigProblems, ParsedConfig, parse
from trading.models import Profile
from trading.services.changes import actor_text, profile_facts
from trading.services.refusals import Invalid, NotFound, require
from trading.services.revisions import add_revision, base_config, checked_name, newest

FILES_MAX = 200


@dataclass(slots=True)
class ImportReport:
    """What became of each file. The texts name file, field and remedy, and never a secret."""

    created: list[Profile] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def import_profiles(
    directory: Path,
    *,
    by: User | None = None,
    by_name: str = "",
    strict: bool = True,
    source_prefix: str = "",
    at: datetime | None = None,
) -> ImportReport:
    """Import `profiles/*.yaml` of a configuration directory over its `config.yaml`.

    A file makes a new revision only when its content differs from the newest revision and from what
    the same file said the last time: importing twice adds nothing, and an unchanged file does not
    undo a rollback. `strict` is for our own files: one problem anywhere refuses them all (Invalid).
    Otherwise, for a PolyArb-X folder, each file stands for itself. `source_prefix` keeps files of
    another folder apart from ours of the same name: what each said the last time is its own.
    """
    require(by, "trading.save_profile")
    report = ImportReport()
    base = base_config(directory / "config.yaml") if strict else _foreign_base(directory, report)
    configs = _read_all(directory / "profiles", base, report, strict=strict)
    if strict and report.refused:
        problems = tuple(report.refused)
        raise Invalid(
            "CONFIG_INVALID",
            "; ".join(problems),
            f"correct the files in {directory / 'profiles'}; nothing was imported",
            problems,
        )
    now = at or SystemClock().now()
    who = actor_text(by, by_name)
    with transaction.atomic():
        for name, config in configs.items():
            source = f"{source_prefix}{name}.yaml"
            _import_one(
                name, config, base, report, author=by, author_name=who, source=source, at=now
            )
        if report.created:
            publish("state", {"what": "profile.import"}, at=now)
            record(
                "profile.import",
                actor=by,
                actor_name=by_name,
                target=f"directory:{directory.name}",
                reason="files differ from what was imported before",
                after={
                    "revisions": [
                        {**(profile_facts(profile) or {}), "values": profile.values}
                        for profile in report.created
                    ],
                    "left_out": report.warnings[:FILES_MAX],
                },
                at=now,
            )
    return report


def _import_one(
    name: str,
    config: ParsedConfig,
    base: ParsedConfig,
    report: ImportReport,
    *,
    author: User | None,
    author_name: str,
    source: str,
    at: datetime,
) -> None:
    last = newest(name)
    imported = Profile.objects.filter(name=name, source=source).order_by("-revision").first()
    if sha256(config) in {row.sha256 for row in (last, imported) if row is not None}:
        report.unchanged.append(name)
        return
    report.created.append(
        add_revision(
            name,
            config,
            after=last,
            base_values=base.texts(),
            author=author,
            author_name=author_name,
            reason="imported from file",
            source=source,
            at=at,
        )
    )


def _read_all(
    directory: Path, base: ParsedConfig, report: ImportReport, *, strict: bool
) -> dict[str, ParsedConfig]:
    """Return the configuration of each good file, and name the bad ones in the report."""
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise NotFound("NO_FILES", f"there is no .yaml file in {directory}", "check the directory")
    if len(files) > FILES_MAX:
        raise Invalid("TOO_MANY_FILES", f"more than {FILES_MAX} files", "import them in parts")
    configs = {}
    for file in files:
        try:
            configs[checked_name(file.stem)] = _read_profile(file, base, report, strict=strict)
        except Invalid as error:
            report.refused += [f"{file.name[:100]}: {problem}" for problem in _texts(error)]
    return configs


def _read_profile(
    file: Path, base: ParsedConfig, report: ImportReport, *, strict: bool
) -> ParsedConfig:
    try:
        raw = read_named(file.parent, file.stem, decimals_as_text=not strict)
    except ConfigError as error:
        raise Invalid("CONFIG_INVALID", str(error), "correct the file") from error
    refuse_secrets(raw)
    try:
        config = parse({**base.texts(), **raw}, strict=strict)
    except ConfigProblems as error:
        problems = tuple(str(problem) for problem in error.problems)
        raise Invalid("CONFIG_INVALID", problems[0], "correct it", problems) from error
    report.warnings += [f"{file.name}: {warning}" for warning in config.warnings]
    return config


def refuse_secrets(raw: dict[str, Value]) -> None:
    """Raise Invalid for a file with a key, a seed phrase or a password in it, naming only where."""
    found = find_secrets(raw)
    if found:
        problems = tuple(
            f"{where} holds a secret; remove the line, and treat what it held as exposed"
            for where in found
        )
        raise Invalid("SECRET_IN_FILE", problems[0], "keep keys out of configuration", problems)


def _foreign_base(directory: Path, report: ImportReport) -> ParsedConfig:
    """Return our base with what a PolyArb-X config.yaml says of the same keys, and always paper."""
    ours = base_config()
    file = directory / "config.yaml"
    if not file.exists():
        return ours
    try:
        raw = read_yaml(file, decimals_as_text=True)
        refuse_secrets(raw)
        known = {name: value for name, value in raw.items() if name in KEYS}
        config = parse({**ours.texts(), **known, "DRY_RUN": True}, strict=False)
    except ConfigError as error:
        raise Invalid("CONFIG_INVALID", str(error), "correct the file", (str(error),)) from error
    except ConfigProblems as error:
        problems = tuple(f"config.yaml: {problem}" for problem in error.problems)
        raise Invalid("CONFIG_INVALID", problems[0], "correct the file", problems) from error
    unknown = [name[:60] for name in raw if name not in KEYS]
    if unknown:
        report.warnings.append(f"config.yaml: not keys of this portal, left out: {unknown}")
    if known.get("DRY_RUN", True) is not True:
        report.warnings.append("config.yaml: DRY_RUN was taken as true; only a profile may be live")
    return config


def _texts(error: Invalid) -> tuple[str, ...]:
    return error.problems or (f"{error.message}; {error.remedy}",)
