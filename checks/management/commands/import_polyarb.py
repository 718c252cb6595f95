"""Bring in an existing PolyArb-X folder."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from checks.services.foreign_files import FileReport, Kind, Outcome
from checks.services.importing import FolderReport, import_folder
from polyarb_site.clock import SystemClock
from polyarb_site.commands import REFUSED, PortalCommand, shell_name
from trading.services import ServiceRefused

OTHERS_SHOWN_MAX = 20


class Command(PortalCommand):
    """Says of each file what was taken, what was not, and why."""

    help = (
        "Import profiles, alert rules, the log of changes and known markets of a PolyArb-X folder."
        " Nothing is applied, no secret is taken. Ends with 1 when a file was refused."
    )
    refusals = (ServiceRefused,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the folder and the form."""
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--dry-run", action="store_true", help="say it, and keep nothing")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and say what became of each file."""
        del args
        report = import_folder(
            options["directory"],
            by_name=shell_name(),
            dry_run=options["dry_run"],
            at=SystemClock().now(),
        )
        if options["json"]:
            self.stdout.write(json.dumps(_told(report), indent=2))
        else:
            self._show(report)
        if report.refused:
            raise CommandError(
                f"{len(report.refused)} of {len(report.files)} files were refused",
                returncode=REFUSED,
            )

    def _show(self, report: FolderReport) -> None:
        others = [one for one in report.files if one.kind is Kind.OTHER]
        for one in report.files:
            if one.kind is not Kind.OTHER:
                self._show_file(one)
        for one in others[:OTHERS_SHOWN_MAX]:
            self._show_file(one)
        if len(others) > OTHERS_SHOWN_MAX:
            self.stdout.write(f"{'left':<10} {len(others) - OTHERS_SHOWN_MAX} more files; --json")
        if report.dry_run:
            self.stdout.write("a dry run: nothing was kept")

    def _show_file(self, one: FileReport) -> None:
        self.stdout.write(f"{one.outcome.lower():<10} {one.path}  ({one.kind})")
        for text in one.taken:
            self.stdout.write(f"{'':<10}   + {text}")
        for text in one.not_taken:
            self.stdout.write(f"{'':<10}   - {text}")


def _told(report: FolderReport) -> dict[str, Any]:
    counts = {
        outcome.lower(): sum(one.outcome is outcome for one in report.files) for outcome in Outcome
    }
    return {
        "dry_run": report.dry_run,
        "counts": counts,
        "files": [
            {
                "path": one.path,
                "kind": one.kind.value,
                "outcome": one.outcome.value,
                "taken": one.taken,
                "not_taken": one.not_taken,
            }
            for one in report.files
        ],
    }
