"""Bringing in a folder of PolyArb-X: profiles, alert rules, the log of changes, known markets.

The folder is trusted with nothing. Each file is read once, below the folder, and what is imported
is that copy. A file is taken as a whole or refused with a reason, and the others are taken all the
same; a second import of the same folder changes nothing. No secret is taken, repeated or kept.
"""

import json
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from alerts.selectors.rules import rule_history
from alerts.services import import_rules
from checks.services.foreign_audit import import_audit
from checks.services.foreign_files import (
    FileReport,
    Kind,
    NotReadable,
    Outcome,
    clean,
    kinds,
    parse_json,
    profile_name,
    secret_names,
)
from polyarb_site.audit.masking import find_secrets
from polyarb_site.clock import SystemClock
from polyarb_site.foreign_folder import FolderProblem, entries, read_bytes
from polyarb_site.yaml_files import SIZE_BYTES_MAX, ConfigError, Value, parse_yaml
from trading.services import ImportReport, Invalid, ServiceRefused, import_profiles
from trading.services.foreign_markets import import_markets
from trading.services.live import PHASE_PROFILES
from trading.services.refusals import require
from trading.services.revisions import checked_name

PERMISSIONS = ("trading.save_profile", "alerts.save_rule")
SOURCE = "polyarb_x/"  # keeps their files apart from ours of the same name
MIB = 1_048_576
AUDIT_BYTES_MAX, MARKETS_BYTES_MAX = 32 * MIB, 16 * MIB
PROFILES_MAX, MARKETS_MAX = 200, 5_000
NOTES_MAX = 20
RULES_FILE = "alerts.production.yaml"


@dataclass(slots=True)
class FolderReport:
    """What became of each file of a folder, by path. With `dry_run` nothing was kept."""

    dry_run: bool
    files: list[FileReport] = field(default_factory=list)

    def of(self, kind: Kind) -> list[FileReport]:
        """Return the files of one kind that can still be taken."""
        return [one for one in self.files if one.kind is kind and one.outcome is Outcome.LEFT]

    @property
    def refused(self) -> list[FileReport]:
        """The files that were refused."""
        return [one for one in self.files if one.outcome is Outcome.REFUSED]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """One import: where from, a place for the copies, who asks, and when."""

    folder: Path
    stage: Path
    by: User | None
    by_name: str
    at: datetime
    originals: dict[str, str] = field(default_factory=dict)  # path as it is, by path as shown

    def plain(self, text: str) -> str:
        """Return a text that names files of the stage as those of the folder."""
        return text.replace(f"{self.stage}/", "")

    def content(self, one: FileReport, bytes_max: int) -> bytes | None:
        """Return what a file holds; None when it was refused."""
        try:
            return read_bytes(self.folder, self.originals[one.path], bytes_max=bytes_max)
        except FolderProblem as problem:
            one.refuse(str(problem))
            return None

    def said(self, one: FileReport) -> dict[str, Value] | None:
        """Return what a YAML file says; None when it was refused."""
        data = self.content(one, SIZE_BYTES_MAX)
        if data is None:
            return None
        try:
            told = parse_yaml(data, one.path, decimals_as_text=True)
        except ConfigError as error:
            one.refuse(f"{error.field}: {error.problem}")
            return None
        if secret_names(told):
            one.refuse("a name in it looks like a key; remove it, and treat it as exposed")
            return None
        return told

    def staged(self, one: FileReport, told: dict[str, Value] | None, name: str) -> bool:
        """Put what is to be taken of a file on the stage, unless a secret is in it.

        What is written there is what was read, without comments: JSON, which is YAML too.
        """
        if told is None:
            return False
        if found := find_secrets(told):
            one.refuse(f"{found[0]} holds a secret; remove it, and treat what it held as exposed")
            return False
        place = self.stage / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        return True


def import_folder(
    directory: Path,
    *,
    by: User | None = None,
    by_name: str = "",
    dry_run: bool = False,
    at: datetime | None = None,
) -> FolderReport:
    """Import a PolyArb-X folder and say of each file what became of it.

    With `dry_run` everything is done and then taken back. Raises NotPermitted, and Invalid for what
    is no folder.
    """
    for permission in PERMISSIONS:
        require(by, permission)
    now, report = at or SystemClock().now(), FolderReport(dry_run=dry_run)
    try:
        found = entries(directory)
    except FolderProblem as problem:
        raise Invalid(
            "NO_FOLDER", f"the folder cannot be imported: {problem}", "name a PolyArb-X folder"
        ) from problem
    told = kinds(found)
    if not set(told.values()) - {Kind.OTHER, Kind.SECRET}:
        raise Invalid(
            "NO_POLYARB_FOLDER",
            "nothing in it is what a PolyArb-X folder has",
            "name the folder that has config/profiles and data in it",
        )
    originals: dict[str, str] = {}
    for entry in found:
        one = FileReport(path=entry.shown, kind=told[entry.path])
        if entry.passed_over:
            one.note(entry.problem)
        elif entry.problem:
            one.refuse(entry.problem)
        if one.path in originals and one.outcome is Outcome.LEFT:
            one.refuse("another file has the same name once it is written plainly")
        originals.setdefault(one.path, entry.path)
        report.files.append(one)
    with tempfile.TemporaryDirectory(prefix="polyarb-import-") as place:
        stage = Path(place) / "polyarb_x"
        stage.mkdir()
        work = _Import(
            folder=directory,
            stage=stage,
            by=by,
            by_name=by_name,
            at=now,
            originals=originals,
        )
        if dry_run:
            with transaction.atomic():
                _import_all(work, report)
                transaction.set_rollback(True)
        else:
            _import_all(work, report)
    return report


def _import_all(work: _Import, report: FolderReport) -> None:
    for one in report.of(Kind.SECRET):
        one.note("was not opened: such files hold keys")
    _profiles(work, report)
    _alerts(work, report)
    for one in report.of(Kind.AUDIT):
        data = work.content(one, AUDIT_BYTES_MAX)
        if data is not None:
            import_audit(data, one, by=work.by, by_name=work.by_name, at=work.at)
    for one in report.of(Kind.MARKETS):
        _markets(work, one)


def _profiles(work: _Import, report: FolderReport) -> None:
    files: dict[str, FileReport] = {}
    for one in report.of(Kind.PROFILE):
        try:
            name = checked_name(profile_name(work.originals[one.path]))
        except Invalid as refused:
            one.refuse(f"its name is none of a profile: {refused.remedy}")
            continue
        if len(files) == PROFILES_MAX or name in files:
            why = "another file has that name" if name in files else "too many profiles"
            one.refuse(why)
        elif work.staged(one, work.said(one), f"profiles/{name}.yaml"):
            files[name] = one
    base = next(iter(report.of(Kind.BASE)), None)
    if base is not None and not work.staged(base, work.said(base), "config.yaml"):
        base = None
    if not files:
        if base is not None:
            base.note("it counts below the profiles, and there are none")
        return
    _import_profiles(work, files, base)


def _import_profiles(work: _Import, files: dict[str, FileReport], base: FileReport | None) -> None:
    """Import what was copied. A base that cannot be used is left away: ours stands in for it."""
    try:
        found = _imported(work)
    except Invalid as refused:
        if base is None:
            raise
        base.refuse(work.plain("; ".join(refused.problems or (refused.message,))))
        (work.stage / "config.yaml").unlink()
        base, found = None, _imported(work)
    for profile in found.created:
        one = files[profile.name]
        one.outcome = Outcome.TAKEN
        one.taken.append(f"profile {profile}, which is in force once somebody applies it")
        if profile.name in PHASE_PROFILES.values():
            one.note("it is the profile of a phase here: look at what differs before you apply it")
    for name in found.unchanged:
        files[name].outcome = Outcome.UNCHANGED
    for text in found.refused:
        _told(files, text).refuse(work.plain(text).partition(": ")[2])
    for text in found.warnings:
        where = text.partition(": ")
        if where[0] == "config.yaml":
            if base is not None:
                base.note(where[2])
        else:
            _told(files, text).note(where[2])
    if base is not None:
        changed = any(one.outcome is Outcome.TAKEN for one in files.values())
        base.outcome = Outcome.TAKEN if changed else Outcome.UNCHANGED
        base.taken.append("counts below each profile, always as paper")


def _imported(work: _Import) -> ImportReport:
    return import_profiles(
        work.stage,
        by=work.by,
        by_name=work.by_name,
        strict=False,
        source_prefix=SOURCE,
        at=work.at,
    )


def _told(files: dict[str, FileReport], text: str) -> FileReport:
    return files[text.partition(".yaml: ")[0]]


def _alerts(work: _Import, report: FolderReport) -> None:
    """Import one file of rules: that for production, if there is one."""
    found = sorted(report.of(Kind.ALERTS), key=lambda one: not one.path.endswith(RULES_FILE))
    for index, one in enumerate(found):
        if index:
            one.note(f"{found[0].path} says the rules that count")
            continue
        said = work.said(one)
        if said is not None and work.staged(one, _to_take(said, one), "rules.yaml"):
            _import_rules(work, one)


def _to_take(said: dict[str, Value], one: FileReport) -> dict[str, Value]:
    """Return of a file of rules what is for us: of an action the type alone.

    An address or a key beside it, or anywhere but in the rules, is left where it is.
    """
    for name in said.keys() - {"rules"}:
        one.note(f"{name}: the portal has no need of it")
    rules = said.get("rules")
    taken: list[Value] = []
    for number, rule in enumerate(rules if isinstance(rules, list) else [], 1):
        plain = _without_addresses(rule)
        if plain != rule:
            one.note(f"rule {number}: what its actions name was left; make a channel with it")
        taken.append(plain)
    return {"rules": taken}


def _without_addresses(rule: Value) -> Value:
    actions = rule.get("actions") if isinstance(rule, dict) else None
    if not isinstance(rule, dict) or not isinstance(actions, list):
        return rule
    types: list[Value] = [
        {"type": item.get("type")} if isinstance(item, dict) else item for item in actions
    ]
    return {**rule, "actions": types}


def _import_rules(work: _Import, one: FileReport) -> None:
    try:
        found = import_rules(
            work.stage / "rules.yaml",
            by=work.by,
            by_name=work.by_name,
            strict=False,
            source=f"{SOURCE}{RULES_FILE}",
            at=work.at,
        )
    except Invalid as refused:
        one.refuse(work.plain(refused.message))
        return
    for row in found.created:
        one.taken.append(f"rule {row.rule_id} r{row.revision}, in force from now on")
        if _stops(row.values) < _stopped_before(row.rule_id):
            one.note(f"{row.rule_id} stopped trading before, and does not any more")
    for text in [*found.refused, *found.warnings][:NOTES_MAX]:
        one.not_taken.append(clean(text.removeprefix("rules.yaml: ")))
    left = len(found.refused) + len(found.warnings) - NOTES_MAX
    if left > 0:
        one.note(f"{left} more notes")
    if found.created:
        one.outcome = Outcome.TAKEN
    elif found.unchanged:
        one.outcome = Outcome.UNCHANGED
    else:
        one.refuse("none of its rules can be used here")


def _stops(values: dict[str, object]) -> bool:
    return "stop_trading" in str(values.get("actions"))


def _stopped_before(rule_id: str) -> bool:
    history = rule_history(rule_id)
    return len(history) > 1 and _stops(history[1].values)


def _markets(work: _Import, one: FileReport) -> None:
    data = work.content(one, MARKETS_BYTES_MAX)
    if data is None:
        return
    try:
        given = parse_json(data)
        if not isinstance(given, list) or len(given) > MARKETS_MAX:
            raise NotReadable(f"is no list of at most {MARKETS_MAX} markets")
        found = import_markets(given, by=work.by, by_name=work.by_name, at=work.at)
    except (NotReadable, ServiceRefused) as problem:
        one.refuse(str(problem))
        return
    if found.created:
        one.outcome = Outcome.TAKEN
        one.taken.append(
            f"the names of {found.created} markets; the venue's feed says by which rules they trade"
        )
    elif found.known:
        one.outcome = Outcome.UNCHANGED
    if found.known:
        one.taken.append(f"{found.known} markets are known already")
    for text in found.refused[:NOTES_MAX]:
        one.note(text)
    if len(found.refused) > NOTES_MAX:
        one.note(f"{len(found.refused) - NOTES_MAX} more markets cannot be used")
    if not found.created and not found.known:
        one.refuse("none of its markets can be used here")
