"""The lease: who runs the engine of an account. One owner at a time, each with a higher token.

Theory of operation. The row in the database is the only truth. It is taken, renewed and released by
one UPDATE each, which names what was seen before and so fails when anybody was faster. The token in
it grows with every taking; each transaction of the engine compares it (check_fence), so whatever a
former owner still does is refused.

When is an owner dead? Wall clocks jump: comparing "expires" with the time of day would let a clock
that was set forward steal from a healthy owner, and one that was set back keep a dead owner for
ever. So a contender trusts no wall clock. It watches the row, and only when the row did not change
for a whole TTL of the contender's own monotonic clock is the owner taken for dead. The owner counts
from before its renewal was sent and stops working a quarter of the TTL before the end: it is always
first to stop. `expires_ns` is what pages show; for contenders it is just a value that changes.

On the same host there is a shortcut: a contender that gets the account's file lock and sees that
the owner's process is gone takes over at once. Never from another host, whose processes it cannot
see, and never from a frozen process, which still holds its file lock.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from secrets import token_hex

from django.db import connection, transaction
from django.db.models import F

from polyarb_site.clock import Clock
from polyarb_site.locks import FileLock, host_identity, process_is_gone, process_stat
from trading.models import EngineLease

MS_NS = 1_000_000
LOCK_WAIT_MS = 500  # a lease statement that waits longer for a lock gives up and is tried again


class Fenced(Exception):  # noqa: N818 - the word that session states use
    """This process is no longer the owner of the account. Nothing that it does may count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """The same for every process that contends for one account."""

    ttl_ms: int = 4_000
    renew_every_ms: int = 500
    read_every_ms: int = 250  # how often a contender looks at the row
    guard_percent: int = 25  # of the TTL, before its end: no work any more


@dataclass(frozen=True, slots=True)
class Owner:
    """A process as a lease owner."""

    host: str
    pid: int
    started_ticks: int
    nonce: str

    @property
    def text(self) -> str:
        """The owner column: host, process, its start, and a nonce: one process may try twice."""
        return f"{host_name()}:{self.pid}:{self.started_ticks}:{self.nonce}"


def host_name() -> str:
    """Return this host as owners are called by it."""
    return socket.gethostname()[:60]


def this_process() -> Owner:
    """Return this process as an owner, with a new nonce."""
    stat = process_stat(os.getpid())
    started_ticks = stat.started_ticks if stat is not None else 0
    return Owner(host_identity(), os.getpid(), started_ticks, token_hex(4))


class Taken(StrEnum):
    """Why the lease could be taken."""

    FREE = "FREE"  # released, or never held
    DEAD_LOCAL = "DEAD_LOCAL"  # the owner's process is gone
    EXPIRED = "EXPIRED"  # not renewed for a whole TTL


@dataclass(frozen=True, slots=True)
class _Seen:
    owner: str
    host: str
    pid: int
    token: int
    expires_ns: int

    @property
    def started_ticks(self) -> int:
        """When the owner's process began, by its own word; 0 when the text is not one of ours."""
        parts = self.owner.rsplit(":", 2)
        return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


class LeaseHolder:
    """One process that holds the lease of an account, or wants to."""

    def __init__(
        self,
        account: str,
        *,
        clock: Clock,
        run_dir: Path,
        times: LeaseTimes | None = None,
        owner: Owner | None = None,
    ) -> None:
        self.account = account
        self.times = times or LeaseTimes()
        self.owner = owner or this_process()
        self.token = 0
        self.holder_text = ""  # who is in the way, for people
        self._clock = clock
        self._lock = FileLock(run_dir / f"engine-{account}.lock")
        self._seen: _Seen | None = None
        self._seen_ns = 0  # when the row was first seen as it is
        self._read_ns = 0
        self._deadline_ns = 0
        self._expires_ns = 0

    # Taking

    def poll(self) -> Taken | None:
        """Take the lease if that is allowed now, and say why it was. Call every 50 ms or so.

        Looks at the database every `read_every_ms`, or at once when the file lock became free.
        Raises DatabaseError when the database does not answer.
        """
        had_lock = self._lock.held
        has_lock = self._lock.acquire()
        now_ns = self._clock.monotonic_ns()
        due = now_ns - self._read_ns >= self.times.read_every_ms * MS_NS
        gone = has_lock and self._seen is not None and self._is_dead_local(self._seen)
        if self._seen is not None and not due and not gone and has_lock == had_lock:
            return None
        seen = self._read()
        why = self._why_free(seen, has_lock=has_lock)
        if why is not None and self._take(seen):
            return why
        return None

    def observe(self) -> bool | None:
        """Return True if the owner renewed since the last look, False if it is dead, else None."""
        first = self._seen
        seen = self._read()
        if self._why_free(seen, has_lock=self._lock.held) is not None:
            return False
        return True if first is not None and first != seen else None

    def _read(self) -> _Seen:
        fields = ("owner", "host", "pid", "token", "expires_ns")
        row = EngineLease.objects.filter(account=self.account).values_list(*fields).first()
        if row is None:
            EngineLease.objects.get_or_create(account=self.account)
            row = EngineLease.objects.values_list(*fields).get(account=self.account)
        seen = _Seen(*row)
        now_ns = self._clock.monotonic_ns()  # after the answer: never younger than the row
        self._read_ns = now_ns
        if seen != self._seen:
            self._seen = seen
            self._seen_ns = now_ns
        self.holder_text = seen.owner
        return seen

    def _why_free(self, seen: _Seen, *, has_lock: bool) -> Taken | None:
        if not seen.owner:
            return Taken.FREE
        if has_lock and self._is_dead_local(seen):
            return Taken.DEAD_LOCAL
        if self._unchanged_for_ttl():
            return Taken.EXPIRED
        return None

    def _is_dead_local(self, seen: _Seen) -> bool:
        if not seen.owner or seen.host != self.owner.host:
            return False
        return process_is_gone(seen.pid, seen.started_ticks)

    def _unchanged_for_ttl(self) -> bool:
        return self._clock.monotonic_ns() - self._seen_ns >= self.times.ttl_ms * MS_NS

    def _take(self, seen: _Seen) -> bool:
        sent_ns = self._clock.monotonic_ns()
        expires_ns = self._next_expiry(seen.expires_ns)
        with _impatient():
            count = EngineLease.objects.filter(
                account=self.account,
                owner=seen.owner,
                token=seen.token,
                expires_ns=seen.expires_ns,
            ).update(
                owner=self.owner.text,
                host=self.owner.host,
                pid=self.owner.pid,
                token=F("token") + 1,
                expires_ns=expires_ns,
                renewed_at=self._clock.now(),
            )
        if count != 1:
            return False  # the owner renewed, or another contender was faster
        self.token = seen.token + 1
        self._expires_ns = expires_ns
        self._deadline_ns = sent_ns + self.times.ttl_ms * MS_NS
        return True

    def kill_frozen_owner(self) -> bool:
        """Kill the owner if it is a stopped process of this host whose lease has run out.

        For the case that it was frozen inside a transaction: on SQLite it then holds the only
        write lock for ever, and nobody can take anything over. It may not work any more anyway.
        """
        seen = self._seen
        if seen is None or not seen.owner or seen.host != self.owner.host:
            return False
        stat = process_stat(seen.pid)
        if stat is None or stat.started_ticks != seen.started_ticks or stat.state not in "Tt":
            return False
        if not self._unchanged_for_ttl():
            return False
        os.kill(seen.pid, signal.SIGKILL)
        return True

    # Holding

    def renew(self) -> None:
        """Prove to all contenders that this process lives.

        Raises Fenced when the lease is another's, DatabaseError when the database does not answer
        in time: then it is unknown, the deadline stands, and the renewal is tried again.
        """
        sent_ns = self._clock.monotonic_ns()
        expires_ns = self._next_expiry(self._expires_ns)
        with _impatient():
            count = EngineLease.objects.filter(
                account=self.account, owner=self.owner.text, token=self.token
            ).update(expires_ns=expires_ns, renewed_at=self._clock.now())
        if count != 1:
            raise Fenced(f"the lease of {self.account} with token {self.token} was taken over")
        self._expires_ns = expires_ns
        self._deadline_ns = sent_ns + self.times.ttl_ms * MS_NS
        self._lock.acquire()  # free by now if it was a frozen predecessor's

    def may_work(self) -> bool:
        """Return whether the lease is surely ours for a quarter of its TTL. Asks nobody."""
        guard_ns = self.times.ttl_ms * MS_NS * self.times.guard_percent // 100
        return self._clock.monotonic_ns() < self._deadline_ns - guard_ns

    def is_over(self) -> bool:
        """Return whether a contender may have the lease by now."""
        return self._clock.monotonic_ns() >= self._deadline_ns

    def release(self) -> None:
        """Give the lease back, so that the next owner need not wait. Harmless when it was lost."""
        if self.token:
            with _impatient():
                EngineLease.objects.filter(
                    account=self.account, owner=self.owner.text, token=self.token
                ).update(owner="", host="", pid=0, expires_ns=0)
        self.forget()

    def forget(self) -> None:
        """Stop being owner or contender without a word to the database."""
        self._deadline_ns = 0
        self._lock.release()

    def _next_expiry(self, before_ns: int) -> int:
        """Return an expiry that differs from the last one, whatever the wall clock did."""
        expires_ns = self._clock.now_ns() + self.times.ttl_ms * MS_NS
        return expires_ns if expires_ns != before_ns else expires_ns + 1


def check_fence(account: str, token: int) -> None:
    """Raise Fenced unless `token` is still the account's. Part of each transaction of the engine.

    Holds the row until the transaction ends: a lock on PostgreSQL, the write lock that every
    transaction begins with on SQLite. Whoever wants to take the lease waits that long, so call it
    last.
    """
    row = (
        EngineLease.objects.select_for_update()
        .filter(account=account)
        .values_list("owner", "token")
        .first()
    )
    if row is None or row[1] != token or not row[0]:
        raise Fenced(f"token {token} of {account} is not the current one: {row}")


def standby_lock(run_dir: Path, account: str) -> FileLock:
    """Return the lock of the one process of this host that waits for an account's lease."""
    return FileLock(run_dir / f"engine-{account}.standby")


@contextmanager
def _impatient() -> Iterator[None]:
    """Do not wait long for locks: a lease that is late is a lease that is lost."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            usual_ms = int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])
            cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
            try:
                yield
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {usual_ms}")
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_MS}ms'")
        yield
