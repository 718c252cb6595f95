"""Put a backup back, after showing what that would change."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from polyarb_site.commands import REFUSED, shell_name
from reports.backups.steps import Progress
from reports.management.base import BackupCommand
from reports.services.previewing import Preview, find_folder, obstacles, preview, unfinished
from reports.services.restoring import (
    MayStart,
    ask_after_restore,
    begin_restore,
    carry_out,
    told,
)

SHOWN_MAX = 40
RESTORED_NO_GO = 3


class Command(BackupCommand):
    """Ends with 0 when it is done, with 1 when refused or declined, with 2 when it failed.

    With 3 when it is done, and trading may not start on what was put back.
    """

    help = "Show what a backup would change, ask, and put it back. What is replaced is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name and how far to go."""
        parser.add_argument("name", nargs="?", help="YYYYMMDD_HHMM, or the path of its folder")
        parser.add_argument("--preview", action="store_true", help="only show")
        parser.add_argument("--go-on", action="store_true", help="finish one that was begun")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--reason", default="", help="kept in the audit")
        parser.add_argument("--identity", type=Path, help="file with the age key that opens it")
        parser.add_argument("--keep-config", action="store_true", help="leave config/ as it is")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show, ask, do."""
        del args
        if options["go_on"]:
            self._go_on(options)
            return
        if not options["name"]:
            raise CommandError("which backup? give its name\n  ls the folder of the backups")
        folder = find_folder(options["name"])
        seen = preview(folder)
        if options["preview"]:
            self._show(seen, options)
            return
        progress = begin_restore(
            folder,
            by_name=shell_name(),
            reason=options["reason"],
            with_config=not options["keep_config"],
        )
        if not options["json"]:
            self._show(seen, options)
        if not options["yes"] and not self._agreed(seen):
            raise CommandError("nothing was changed", returncode=REFUSED)
        self._carry_out(progress, options)

    def _go_on(self, options: dict[str, Any]) -> None:
        progress = unfinished()
        if progress is None:
            raise CommandError("no restore was begun\n  nothing is left to do", returncode=REFUSED)
        self._carry_out(progress, options)

    def _carry_out(self, progress: Progress, options: dict[str, Any]) -> None:
        say = self.stderr.write if options["json"] else self.stdout.write
        done = carry_out(progress, identity_file=options["identity"], say=say)
        may_start = self._may_start()
        if options["json"]:
            shown = {**told(done), "go_no_go": [asdict(one) for one in may_start]}
            self.stdout.write(json.dumps(shown, indent=2))
        else:
            self._tell(done, may_start)
        if any(one.decision != "GO" for one in may_start):
            raise CommandError(
                "it is restored, and nothing may be started yet\n"
                "  put right what the go/no-go names: manage.py go_no_go",
                returncode=RESTORED_NO_GO,
            )

    def _tell(self, done: Progress, may_start: list[MayStart]) -> None:
        kept = (done.facts or {}).get("kept_database", "")
        self.stdout.write(f"restored {done.name}; the replaced database is {kept}")
        self.stdout.write("everything is halted. Compare with venue and wallet, then resume:")
        self.stdout.write("  manage.py up, then manage.py resume_trading --reason '...'")
        for one in may_start:
            whose = f" of {one.account}" if one.account else ""
            decision = one.decision.replace("_", "-")
            self.stdout.write(f"go/no-go{whose}: {decision}, {one.sentence}")

    def _may_start(self) -> list[MayStart]:
        """Return what is said about starting. The restore is done, whatever happens here."""
        try:
            return ask_after_restore()
        except Exception as error:  # noqa: BLE001 - unknown is what it comes to
            why = f"it could not be run ({type(error).__name__}: {error})"
            return [MayStart("", "UNKNOWN", why)]

    def _agreed(self, seen: Preview) -> bool:
        if not sys.stdin.isatty():
            raise CommandError("nobody can be asked here\n  say --yes", returncode=REFUSED)
        answer = input(f"put {seen.told.name} in the place of what is here now? [yes/no] ")
        return answer.strip().lower() == "yes"

    def _show(self, seen: Preview, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(seen), indent=2))
            return
        for text in _lines(seen):
            self.stdout.write(text)


def _as_json(seen: Preview) -> dict[str, Any]:
    return {
        "name": seen.told.name,
        "taken_at": seen.told.taken_at,
        "version": seen.told.version,
        "commit": seen.told.commit,
        "rows_now": seen.rows_now,
        "rows_then": seen.rows_then,
        "audit_now": seen.audit_now,
        "audit_then": seen.told.audit_sequence,
        "tables": seen.tables,
        "config": seen.config,
        "journals": seen.journals,
        "encrypted": seen.encrypted,
        "problem": seen.problem or None,
        "obstacles": [
            {"code": one.code, "message": one.message, "remedy": one.remedy} for one in obstacles()
        ],
    }


def _lines(seen: Preview) -> list[str]:
    told = seen.told
    hours = seen.age_s / 3600
    found = [
        f"backup     {told.name} of {told.kind.lower()}, taken {seen.taken_at:%Y-%m-%d %H:%M} UTC",
        f"age        {hours:,.1f} h: everything since then is set aside",
        f"made by    version {told.version}, commit {told.commit[:12] or '-'}, on {told.host}",
        f"rows       {_count(seen.rows_now)} now, {seen.rows_then:,} then",
        f"audit      {_count(seen.audit_now)} records now, {told.audit_sequence:,} then",
    ]
    found += _some(
        "tables",
        [f"{one['table']}: {_count(one['now'])} -> {_count(one['then'])}" for one in seen.tables],
    )
    found += _some("config", [f"{one['file']} {one['text']}" for one in seen.config])
    found += _some("journals", [f"{one['journal']} {one['text']}" for one in seen.journals])
    if seen.encrypted:
        found.append("encrypted  it needs --identity FILE")
    if seen.problem:
        found.append(f"REFUSED    {seen.problem}")
    for one in obstacles():
        found += [f"STOP FIRST {one.message}", f"           {one.remedy}"]
    return found


def _some(title: str, texts: list[str]) -> list[str]:
    if not texts:
        return [f"{title:<10} no difference"]
    shown = [f"{title if index == 0 else '':<10} {text}" for index, text in enumerate(texts)]
    more = [f"{'':<10} and {len(texts) - SHOWN_MAX} more"] if len(texts) > SHOWN_MAX else []
    return [*shown[:SHOWN_MAX], *more]


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
