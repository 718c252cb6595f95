"""Verify the audit, record by record."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from polyarb_site.audit.models import ChainCheck
from polyarb_site.commands import REFUSED
from reports.management.base import BackupCommand
from reports.services import verify_audit_chain

NO_ANCHOR = "no head was noted elsewhere yet: records cut off at the end could not be seen"


class Command(BackupCommand):
    """Ends with 0 when every record is as it was written, with 1 when not, with 2 when unknown."""

    help = "Verify the audit's hash chain. 0: whole, 1: broken, 2: it could not be read."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form."""
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, and name the first broken record."""
        del args
        check = verify_audit_chain()
        if options["json"]:
            self.stdout.write(json.dumps(_told(check), indent=2))
        else:
            self.stdout.write(f"records    {check.checked:,} hold")
            self.stdout.write(f"head       {check.head_sha256 or '-'}")
            self.stdout.write(f"compared   with {check.anchors:,} heads noted elsewhere")
            if check.set_aside:
                self.stdout.write(f"set aside  {check.set_aside:,} heads from before a restore")
            if not check.anchors:
                self.stdout.write(NO_ANCHOR)
        if not check.whole:
            raise CommandError(
                f"record {check.broken_sequence}: {check.fault}: {check.text}\n"
                "  compare with a verified backup; nothing repairs a record",
                returncode=REFUSED,
            )


def _told(check: ChainCheck) -> dict[str, Any]:
    return {
        "whole": check.whole,
        "records": check.checked,
        "head_sha256": check.head_sha256,
        "anchors": check.anchors,
        "set_aside": check.set_aside,
        "broken": None
        if check.whole
        else {
            "sequence": check.broken_sequence,
            "fault": check.fault,
            "text": check.text,
        },
        "took_ms": check.took_ms,
    }
