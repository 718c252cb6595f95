"""Import a file of alert rules."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from alerts.management.base import AlertsCommand
from alerts.services import RuleImport, import_rules
from polyarb_site.clock import SystemClock
from polyarb_site.commands import REFUSED, shell_name


class Command(AlertsCommand):
    """Says of each rule whether it was taken, and of all else why it was not."""

    help = (
        "Import alert rules. A file of ours is strict: one problem refuses it all. With --polyarb "
        "it is one of PolyArb-X: each rule stands for itself. Ends with 1 when a rule was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, whose it is, and the form."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--polyarb", action="store_true", help="a file of PolyArb-X")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and say what became of each rule."""
        del args
        report = import_rules(
            options["file"],
            by_name=shell_name(),
            strict=not options["polyarb"],
            at=SystemClock().now(),
        )
        if options["json"]:
            self.stdout.write(json.dumps(_told(report), indent=2))
        else:
            self._show(report)
        if report.refused:
            raise CommandError(f"{len(report.refused)} refused", returncode=REFUSED)

    def _show(self, report: RuleImport) -> None:
        for row in report.created:
            self.stdout.write(f"imported   {row.rule_id} r{row.revision}")
        for rule_id in report.unchanged:
            self.stdout.write(f"unchanged  {rule_id}")
        for warning in report.warnings:
            self.stdout.write(f"note       {warning}")
        for problem in report.refused:
            self.stdout.write(f"refused    {problem}")


def _told(report: RuleImport) -> dict[str, Any]:
    return {
        "imported": [{"rule_id": row.rule_id, "revision": row.revision} for row in report.created],
        "unchanged": report.unchanged,
        "notes": report.warnings,
        "refused": report.refused,
    }
