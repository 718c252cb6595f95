"""Write the documents that are made from the configuration and the catalogue of checks."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from checks.documents import drift, write
from polyarb_site.commands import REFUSED, PortalCommand
from polyarb_site.yaml_files import ConfigError


class Command(PortalCommand):
    """Ends with 0 when they are written or right, with 1 when they have drifted, with 2 else."""

    help = "Write plan, checklist and configuration reference into docs/; --check only compares."
    failures = (ConfigError, OSError)
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to write."""
        parser.add_argument("--check", action="store_true", help="write nothing, name the drift")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write, or compare."""
        del args
        if options["check"]:
            found = drift()
            if found:
                raise CommandError("\n".join(found), returncode=REFUSED)
            self.stdout.write("every document is of this version")
            return
        for name in write():
            self.stdout.write(f"written: docs/{name}")
