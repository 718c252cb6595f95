"""Take a backup of everything, and prove it by restoring it."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from polyarb_site.commands import FAILED, shell_name
from reports.management.base import BackupCommand, lines, told
from reports.models import BackupRun
from reports.services import take_backup

WAIT_S = 3_600.0


class Command(BackupCommand):
    """Ends with 0 when the backup is verified, with 1 when refused, with 2 when it failed."""

    help = "Take a backup while everything runs, restore it into a scratch database, compare."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the kind, a reason and the form."""
        parser.add_argument(
            "--kind",
            default=BackupRun.Kind.MANUAL.value.lower(),
            choices=[kind.lower() for kind in BackupRun.Kind.values],
            help="pre_live and incident are pinned: kept until somebody releases them",
        )
        parser.add_argument("--reason", default="")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take it, and say what became of it."""
        del args
        row = take_backup(
            options["kind"].upper(),
            by=None,
            by_name=shell_name(),
            reason=options["reason"],
            wait_s=WAIT_S,
        )
        if options["json"]:
            self.stdout.write(json.dumps(told(row), indent=2))
        else:
            for text in lines(row):
                self.stdout.write(text)
        if row.state != BackupRun.State.VERIFIED:
            raise CommandError(row.problem, returncode=FAILED)
