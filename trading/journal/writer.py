"""Writes a session's journal from a thread of its own, so that a slow disk never holds a frame.

Theory of operation. The loop appends to a bounded buffer and gets the record's number at once. The
thread takes what is there at least every 100 ms, or earlier when a chunk's worth has gathered, and
writes it as chunks. An input and the commands that were given for it are one group, and no group is
ever cut: after a crash it is there with all its consequences, or not at all. `written_sequence`
says how far the file is: facts may be committed to the database up to there and no further, so that
the journal is never behind the database. A full buffer, a full disk or a disk that does not answer
is JournalFailed, for ever: the session ends.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from polyarb_site.clock import Clock
from trading.journal import format as fmt
from trading.journal.files import (
    JournalFailed,
    JournalLimits,
    check_room,
    read_seal,
    segment_path,
    sync_directory,
)

MS_NS = 1_000_000


class SegmentFile(Protocol):
    """What the writer needs of a file; tests give it one that fails."""

    def write(self, data: bytes) -> int:
        """Write some of `data` and return how many bytes."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        ...

    def sync(self) -> None:
        """Bring everything to the disk."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class DiskFile:
    """A new file, appended to without a buffer. An existing one is never written over."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._descriptor = os.open(path, flags, 0o640)

    def write(self, data: bytes) -> int:
        """Write some of `data` and return how many bytes."""
        return os.write(self._descriptor, data)

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        """Bring everything to the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class JournalWriter:
    """The journal of one session. One thread appends, another writes.

    `may_write` returns why this process may not write now ("" when it may): it lost its lease.
    """

    def __init__(
        self,
        directory: Path,
        session_key: str,
        *,
        clock: Clock,
        limits: JournalLimits | None = None,
        may_write: Callable[[], str] = lambda: "",
        open_file: Callable[[Path], SegmentFile] = DiskFile,
    ) -> None:
        self.directory = directory
        self.session_key = session_key
        self.limits = limits or JournalLimits()
        self._clock = clock
        self._may_write = may_write
        self._open_file = open_file
        self._pending: deque[tuple[fmt.Entry, ...]] = deque()
        self._appended_bytes = 0  # by the loop alone
        self._taken_bytes = 0  # by the thread alone
        self._packer = fmt.ChunkPacker()
        self._file: SegmentFile | None = None
        self._segment = 0
        self._segment_bytes = 0
        self._unsynced = False
        self._synced_ns = clock.monotonic_ns()
        self._progress_ns = clock.monotonic_ns()
        self._wake = threading.Event()
        self._hurried = False
        self._closing = False
        self._failure: JournalFailed | None = None
        self.next_sequence = 1
        self.written_sequence = 0
        self.synced_sequence = 0  # a power cut loses nothing up to here
        self.written_bytes = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    @property
    def failure(self) -> JournalFailed | None:
        """Why nothing is written any more, None while all is well."""
        return self._failure

    @property
    def buffered_bytes(self) -> int:
        """How much waits for the disk."""
        return self._appended_bytes - self._taken_bytes

    def start(self) -> None:
        """Make room and the directory, and start the thread. Raises JournalFailed."""
        try:
            self.directory.mkdir(parents=True, mode=0o750)
            check_room(self.directory.parent.parent, self.limits)
            sync_directory(self.directory.parent)
        except OSError as error:
            self._fail(f"the journal cannot be made: {error.strerror or error}")
        except JournalFailed as error:
            self._failure = error
        if self._failure is not None:
            raise self._failure
        self._thread.start()

    def append(
        self,
        kind: int,
        now_ns: int,
        body: bytes = b"",
        connection: int = 0,
        commands: Sequence[bytes] = (),
    ) -> int:
        """Take one record, and the commands that it led to; return its sequence number.

        The commands have the numbers that follow. Raises JournalFailed.
        """
        if self._failure is not None:
            raise self._failure
        size = len(body) + fmt.RECORD_HEADER_BYTES
        group: tuple[fmt.Entry, ...] = (fmt.Entry(kind, connection, now_ns, body),)
        if commands:
            group += tuple(fmt.Entry(fmt.COMMAND, 0, now_ns, data) for data in commands)
            size += sum(len(data) + fmt.RECORD_HEADER_BYTES for data in commands)
        waiting = self._appended_bytes - self._taken_bytes + size
        if waiting > self.limits.buffer_bytes_max:
            raise self._fail(f"the disk is too slow: {waiting // 1_048_576} MiB wait to be written")
        sequence = self.next_sequence
        self.next_sequence = sequence + len(group)
        self._appended_bytes += size
        self._pending.append(group)
        if waiting >= self.limits.chunk_bytes_max and not self._wake.is_set():
            self._wake.set()
        return sequence

    def hurry(self) -> None:
        """Bring everything taken so far to the disk now: somebody waits for `synced_sequence`."""
        self._hurried = True
        self._wake.set()

    def check(self) -> None:
        """Raise JournalFailed when it has failed, or when the disk has not answered for long."""
        if self._failure is None and self._pending:
            waited_ms = (self._clock.monotonic_ns() - self._progress_ns) // MS_NS
            if waited_ms > self.limits.stall_ms_max:
                self._fail(f"the disk has not answered for {waited_ms} ms")
        if self._failure is not None:
            raise self._failure

    def close(self, now_ns: int, *, timeout_s: float = 10.0) -> None:
        """Write what is left and the closing record, and end the thread. Raises JournalFailed."""
        if self._failure is None:
            self.append(fmt.CLOSED, now_ns)
        self.stop(timeout_s=timeout_s)
        if self._failure is not None:
            raise self._failure

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """End the thread without a closing record: the session did not end in order."""
        self._closing = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                self._fail(f"the disk has not answered for {timeout_s:g} s at the end")

    def _fail(self, text: str) -> JournalFailed:
        if self._failure is None:
            self._failure = JournalFailed(text)
        return self._failure

    def _run(self) -> None:
        finished = False
        try:
            while not finished:
                self._wake.wait(self.limits.write_every_ms / 1_000)
                self._wake.clear()
                finished = self._closing
                hurried, self._hurried = self._hurried, False
                self._write_pending()
                now_ns = self._clock.monotonic_ns()
                self._progress_ns = now_ns
                due = now_ns - self._synced_ns >= self.limits.sync_every_ms * MS_NS
                if self._unsynced and (due or finished or hurried):
                    self._sync()
        except JournalFailed as error:
            self._failure = self._failure or error
        except OSError as error:
            self._fail(f"the journal cannot be written: {error.strerror or error}")
        finally:
            if not finished:
                self._fail("the journal's thread died")
            self._close_file()

    def _write_pending(self) -> None:
        while self._pending:
            entries: list[fmt.Entry] = []
            size = 0
            while self._pending and size < self.limits.chunk_bytes_max:
                group = self._pending.popleft()
                size += sum(len(entry.body) + fmt.RECORD_HEADER_BYTES for entry in group)
                entries += group
            self._write_chunk(entries)
            self._taken_bytes += size
            self._progress_ns = self._clock.monotonic_ns()

    def _write_chunk(self, entries: list[fmt.Entry]) -> None:
        reason = self._may_write()
        if not reason and read_seal(self.directory) is not None:
            reason = "another process has sealed this journal"
        if reason:
            raise JournalFailed(reason)
        first = self.written_sequence + 1
        chunk = self._packer.pack(first, entries)
        if self._file is None or self._segment_bytes + len(chunk) > self.limits.segment_bytes_max:
            self._next_segment(first)
        self._write_whole(chunk)
        self.written_sequence += len(entries)

    def _next_segment(self, first_sequence: int) -> None:
        if self._file is not None:
            self._sync()
            self._close_file()
            check_room(self.directory.parent.parent, self.limits)
        self._segment += 1
        self._file = self._open_file(segment_path(self.directory, self._segment))
        self._segment_bytes = 0
        sync_directory(self.directory)
        self._write_whole(fmt.segment_header(self.session_key, self._segment, first_sequence))

    def _write_whole(self, data: bytes) -> None:
        """Write all of `data` or nothing: a half chunk is cut off again."""
        file = self._file
        if file is None:
            raise JournalFailed("no segment is open")
        try:
            done = 0
            while done < len(data):
                done += file.write(data[done:] if done else data)
        except OSError:
            file.truncate(self._segment_bytes)
            raise
        self._segment_bytes += len(data)
        self.written_bytes += len(data)
        self._unsynced = True

    def _sync(self) -> None:
        if self._file is not None:
            self._file.sync()
        self._unsynced = False
        self.synced_sequence = self.written_sequence
        self._synced_ns = self._clock.monotonic_ns()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
