"""Prove a backup again."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from polyarb_site.commands import REFUSED, shell_name
from reports.management.base import BackupCommand, lines, told
from reports.models import BackupRun
from reports.services import verify_backup

WAIT_S = 3_600.0


class Command(BackupCommand):
    """Ends with 0 when it holds, with 1 when it does not, with 2 when it could not be looked at."""

    help = "Restore a backup into a scratch database and compare. 0: it holds, 1: it does not."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name, a key and the form."""
        parser.add_argument("name", help="YYYYMMDD_HHMM, as the list of backups has it")
        parser.add_argument("--identity", type=Path, help="file with the age key that opens it")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify it, and say what came of it."""
        del args
        row = verify_backup(
            options["name"],
            by=None,
            by_name=shell_name(),
            identity_file=options["identity"],
            wait_s=WAIT_S,
        )
        if options["json"]:
            self.stdout.write(json.dumps(told(row), indent=2))
        else:
            for text in lines(row):
                self.stdout.write(text)
        if row.state != BackupRun.State.VERIFIED:
            raise CommandError(row.problem, returncode=REFUSED)
