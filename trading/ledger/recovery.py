"""Brings in what an earlier session knew and could not say: facts of its journal.

A session that ended in order has nothing left. One that was killed, frozen or cut off from the
database has a journal that is ahead of the database, never behind. Reading it from the last
committed number and writing what is found is harmless however often it is done. The journal is then
sealed, so that a process that thaws later adds nothing to it that counts.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from polyarb_site.clock import Clock
from trading.adapters import codec
from trading.engine.commands import RecordFact
from trading.engine.facts import EngineNoted
from trading.journal import (
    COMMAND,
    MARKET,
    DamageKind,
    JournalReader,
    Record,
    journal_directory,
    write_seal,
)
from trading.lease import Taken, check_fence
from trading.ledger.batch import FactBatch
from trading.ledger.columns import clipped, moment
from trading.models import EngineSession

logger = logging.getLogger(__name__)

BATCH_MAX = 2_000
ENDINGS = {
    Taken.DEAD_LOCAL: (EngineSession.State.CRASHED, "its process died"),
    Taken.EXPIRED: (EngineSession.State.FENCED, "it was frozen or cut off and lost its lease"),
    Taken.FREE: (EngineSession.State.CRASHED, "it ended without closing its session"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was found for one session. `damage` is empty when nothing was lost."""

    session_key: str
    facts: int
    last_sequence: int
    damage: str
    torn: bool


def unclosed_sessions(account: str, before_token: int) -> list[EngineSession]:
    """Return the sessions of an account that nobody closed, oldest first."""
    rows = EngineSession.objects.filter(account=account, ended_at=None, token__lt=before_token)
    return list(rows.order_by("token"))


def recover(
    session: EngineSession, *, token: int, taken: Taken, journal_root: Path, clock: Clock
) -> Recovered:
    """Write the facts that are missing and close the session, as the owner with `token`.

    Raises Fenced when the lease is lost meanwhile; then the next owner goes on where this one
    stopped. DatabaseError passes through.
    """
    directory = journal_directory(journal_root, session.account, session.key)
    reader = JournalReader(directory)
    done = session.journal_sequence
    count, last_ns = 0, 0
    batch = FactBatch(session.pk, session.account)
    for record in reader.records(after=done, strict=False):
        last_ns = max(last_ns, record.now_ns)
        for thing in _things(record):
            batch.add(thing)
        if batch.count >= BATCH_MAX and record.kind != COMMAND:
            count += batch.count
            _write(batch, session, record.sequence - 1, token, clock)
            batch = FactBatch(session.pk, session.account)
    if directory.is_dir():
        write_seal(directory, max(done, reader.last_sequence), f"{session.account}-{token}")
    count += batch.count
    recovered = Recovered(
        session_key=session.key,
        facts=count,
        last_sequence=max(done, reader.last_sequence),
        damage=_damage(reader, done),
        torn=any(damage.kind is DamageKind.TORN_TAIL for damage in reader.damage),
    )
    _close(session, batch, recovered, token=token, taken=taken, last_ns=last_ns, clock=clock)
    logger.warning("session %s: %s", session.key, _text(recovered, taken))
    return recovered


def _things(record: Record) -> Iterator[codec.Recordable]:
    """Yield the fact of a journal record, if it is one."""
    if record.kind == MARKET:
        message = codec.from_msgpack(record.body)
        if isinstance(message, codec.MARKET_TYPES):
            yield message
    elif record.kind == COMMAND:
        message = codec.from_msgpack(record.body)
        if isinstance(message, RecordFact):
            yield message.fact


def _write(
    batch: FactBatch, session: EngineSession, through: int, token: int, clock: Clock
) -> None:
    with transaction.atomic():
        batch.write(clock.now())
        EngineSession.objects.filter(pk=session.pk).update(journal_sequence=through)
        check_fence(session.account, token)


def _close(
    session: EngineSession,
    batch: FactBatch,
    recovered: Recovered,
    *,
    token: int,
    taken: Taken,
    last_ns: int,
    clock: Clock,
) -> None:
    now = clock.now()
    state, reason = ENDINGS[taken]
    batch.add(
        EngineNoted(
            note_id=f"{session.key}-recovered",
            at_ns=clock.now_ns(),
            level="CRITICAL" if recovered.damage else "WARNING",
            code="JOURNAL_DAMAGED" if recovered.damage else "RECOVERED",
            text=_text(recovered, taken),
        )
    )
    with transaction.atomic():
        batch.write(now)
        EngineSession.objects.filter(pk=session.pk, ended_at=None).update(
            state=state,
            state_reason=clipped(EngineSession, "state_reason", reason),
            state_since=now,
            ended_at=moment(last_ns) if last_ns else max(session.heartbeat_at, session.started_at),
            journal_sequence=recovered.last_sequence,
        )
        check_fence(session.account, token)


def _damage(reader: JournalReader, done: int) -> str:
    """Return what of the journal is lost, empty for nothing. A torn tail was never anywhere."""
    faults = [str(damage) for damage in reader.damage if damage.kind is not DamageKind.TORN_TAIL]
    if reader.last_sequence < done and not reader.directory.is_dir():
        faults.append("the journal is not there")
    elif reader.last_sequence < done and reader.read_to < done:
        faults.append(f"it ends at record {reader.read_to}, the database knows {done}")
    return "; ".join(faults)


def _text(recovered: Recovered, taken: Taken) -> str:
    _, reason = ENDINGS[taken]
    text = f"{recovered.session_key}: {reason}; {recovered.facts} facts brought in from its journal"
    if recovered.torn:
        text = f"{text}; its last chunk was torn, which is as if it had never happened"
    if recovered.damage:
        text = f"{text}; the journal is damaged: {recovered.damage}"
    return text
