"""Read journals in full and name whatever is wrong with them."""

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from polyarb_site.clock import SystemClock
from trading.management.base import FAILED, REFUSED, PortalCommand
from trading.selectors.journals import (
    NOT_HERE,
    WELL,
    JournalCheck,
    check_journal,
    sessions_with_journal,
)
from trading.services.journals import find_session


class Command(PortalCommand):
    """Verifies the journal of one session, of the newest one, or of all of an account."""

    help = "Verify journals: no gap, no flipped bit, no missing end. 0: whole, 1: damaged."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the session, the account and the form."""
        parser.add_argument("session", nargs="?", help="its key; default: the newest session")
        parser.add_argument("--all", action="store_true", help="every session of the account")
        parser.add_argument("--account", default=settings.ACCOUNT)
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, say what was found, and exit with 1 when something is damaged or missing."""
        del args
        if options["session"] and options["all"]:
            raise CommandError("give a session or --all, not both", returncode=REFUSED)
        if options["session"]:
            sessions = [find_session(options["session"])]
        else:
            sessions = sessions_with_journal(options["account"])
            if not sessions:
                raise CommandError(
                    f"account {options['account']} has no session with a journal\n"
                    "  start the engine, or name another --account",
                    returncode=REFUSED,
                )
            sessions = sessions if options["all"] else sessions[:1]
        clock = SystemClock()
        checks = []
        try:
            for session in sessions:
                check = check_journal(session, clock)
                checks.append(check)
                if not options["json"]:
                    self.stdout.write("\n".join(_lines(check)))
        except OSError as error:
            raise CommandError(
                f"the journal cannot be read: {error}\n  run this as the engine's user",
                returncode=FAILED,
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps([_facts(check) for check in checks], indent=2))
        bad = [check.session_key for check in checks if check.state not in (*WELL, *NOT_HERE)]
        if bad:
            raise CommandError(
                f"{len(bad)} of {len(checks)} journals are not whole: {', '.join(bad[:5])}\n"
                "  restore them from a backup; what is lost cannot be replayed",
                returncode=REFUSED,
            )


def _lines(check: JournalCheck) -> list[str]:
    report = check.report
    lines = [f"{check.session_key:<24} {check.state:<9} {check.text}"]
    if report is not None:
        running = ", running" if check.running else ""
        lines.append(
            f"  {report.records:,} records, {report.segments} segments,"
            f" {report.size_bytes:,} bytes, {check.took_ms:,} ms{running}"
        )
    lines += [f"  {damage}" for damage in check.damage]
    return lines


def _facts(check: JournalCheck) -> dict[str, Any]:
    report = check.report
    return {
        "session": check.session_key,
        "state": check.state.value,
        "text": check.text,
        "running": check.running,
        "known_sequence": check.known_sequence,
        "took_ms": check.took_ms,
        **({} if report is None else {**asdict(report), "torn_only": report.torn_only}),
    }
