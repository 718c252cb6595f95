"""Halting, which nobody and nothing can refuse, and resuming, which is the hard way.

There are two locks, and each alone halts: the kill file, which needs no database, and the mandate,
which is audited and reaches every machine. Halting closes the file first. Resuming opens the
mandate first and removes the file when that is committed, so that every failure in between
leaves trading halted.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F

from polyarb_site.audit.recorder import record
from polyarb_site.clock import SystemClock
from polyarb_site.live.send import publish
from trading import kill_file
from trading.kill_file import KillNote
from trading.models import Mandate
from trading.services.changes import actor_text, change, facts, find_mandate, kept, mandate_target
from trading.services.incidents import refuse_unreconciled
from trading.services.mandates import ensure_mandate
from trading.services.refusals import ServiceRefused, require, require_reason

logger = logging.getLogger(__name__)

LOCK_WAIT_MS = 5_000


class HaltFailed(Exception):  # noqa: N818 - said to a person
    """Neither the file nor the database could be written. Trading may go on: act outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltResult:
    """What a halt achieved. Engines of this machine stop by the file, all others by the mandate."""

    file_written: bool
    recorded: bool  # in the mandate and the audit
    already_halted: bool
    mandate: Mandate | None
    message: str


def halt(
    account: str,
    *,
    by: User | None,
    by_name: str = "",
    code: str = "MANUAL",
    reason: str = "",
    at: datetime | None = None,
) -> HaltResult:
    """Stop trading now. Never refused: not for a role, a repetition, or a database that is down.

    The first halt's cause stays in the mandate until somebody resumes; later ones are audited.
    Raises HaltFailed only when neither of the two locks could be closed.
    """
    now = at or SystemClock().now()
    who, why = actor_text(by, by_name), kept(reason, 500)
    # While the database is away an account is only a name, and the name is what is kept.
    known = by if isinstance(by, User) else None
    file_problem = _close_file(who=who, code=code, reason=why, at=now)
    try:
        mandate, already = _close_mandate(
            account, by=known, by_name=who, code=code, reason=why, at=now
        )
    except (DatabaseError, InterfaceError) as error:
        if file_problem:
            raise HaltFailed(
                f"nothing was halted: the kill file {settings.KILL_FILE} ({file_problem}) and the "
                f"database ({error}) both failed; end the engine's processes by hand"
            ) from error
        logger.exception("halted by file only, the database does not answer")
        return HaltResult(
            file_written=True,
            recorded=False,
            already_halted=False,
            mandate=None,
            message=(
                "trading is halted on this machine by its kill file; the database does not "
                "answer, so engines on other machines are not told and nothing is recorded"
            ),
        )
    message = (
        "trading was halted already; this was recorded too" if already else "trading is halted"
    )
    if file_problem:
        message = f"{message} in the database, but the kill file failed ({file_problem})"
    return HaltResult(
        file_written=not file_problem,
        recorded=True,
        already_halted=already,
        mandate=mandate,
        message=message,
    )


def resume(
    account: str,
    *,
    by: User | None,
    reason: str,
    by_name: str = "",
    at: datetime | None = None,
) -> Mandate:
    """End a halt: the mandate's in the database, and the kill file after the commit.

    Raises ServiceRefused without a reason, without the role, when nothing is halted, while the
    books are not known to be true, and when the file cannot be removed, in which case this machine
    stays halted.
    """
    require(by, "trading.resume_trading")
    why = require_reason(reason, "resuming")
    mandate = find_mandate(account)
    note = kill_file.read(settings.KILL_FILE)
    if not mandate.halted and note is None:
        raise ServiceRefused("NOT_HALTED", "trading is not halted", "nothing has to be resumed")
    refuse_unreconciled(mandate)
    with transaction.atomic():
        resumed = change(
            mandate,
            {
                "halted": False,
                "halt_code": "",
                "halt_reason": "",
                "halted_by": "",
                "halted_at": None,
            },
            action="mandate.resume",
            by=by,
            by_name=by_name,
            reason=why,
            at=at or SystemClock().now(),
            more={"kill_file": _note_facts(note)},
        )
        transaction.on_commit(_open_file)
    return resumed


def _close_file(*, who: str, code: str, reason: str, at: datetime) -> str:
    """Write the kill file. Return what went wrong, empty when nothing did."""
    try:
        kill_file.halt_by_file_only(
            settings.KILL_FILE, by_name=who, code=code, reason=reason, at=at
        )
    except OSError as error:
        logger.exception("the kill file cannot be written")
        return error.strerror or str(error)
    return ""


def _close_mandate(
    account: str, *, by: User | None, by_name: str, code: str, reason: str, at: datetime
) -> tuple[Mandate, bool]:
    """Halt the mandate without comparing anything: whatever it was, now it is halted."""
    with transaction.atomic():
        _wait_briefly()
        before = ensure_mandate(account, by_name=by_name, at=at)
        rows = Mandate.objects.filter(pk=before.pk)
        rows.update(halted=True, revision=F("revision") + 1, changed_at=at)
        first = rows.filter(halted_at=None).update(
            halt_code=kept(code, 60), halt_reason=reason, halted_by=by_name, halted_at=at
        )
        now = find_mandate(account)
        told = {"account": account, "what": "mandate.halt", "revision": now.revision}
        publish("state", told, at=at)
        record(
            "mandate.halt",
            actor=by,
            actor_name=by_name,
            target=mandate_target(account),
            reason=reason,
            before=facts(before),
            after={**facts(now), "code": kept(code, 60)},
            at=at,
        )
    return now, not first


def _wait_briefly() -> None:
    """Wait for a lock that somebody holds as long as SQLite does, and not for ever."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_MS}ms"])


def _open_file() -> None:
    try:
        kill_file.remove(settings.KILL_FILE)
    except OSError as error:
        raise ServiceRefused(
            "KILL_FILE_STAYS",
            f"resumed in the database, but the kill file cannot be removed ({error.strerror}); "
            "this machine stays halted",
            f"remove {settings.KILL_FILE} by hand",
        ) from error


def _note_facts(note: KillNote | None) -> dict[str, str] | None:
    if note is None:
        return None
    return {"by": note.by_name, "code": note.code, "reason": note.reason, "at": note.at}
