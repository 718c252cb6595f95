"""The two kinds of database behind one face: dump it, and restore a dump beside it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reports.backups import disk, postgres, sqlite
from reports.backups.faults import BackupFailed
from reports.backups.members import CHUNK_BYTES, Writer
from reports.backups.moment import Moment

Check = Callable[[], None]


class Restored(Protocol):
    """A dump that was restored into a scratch place, while that is there."""

    @property
    def name(self) -> str:
        """What Django calls its name: a path, or the name of a database."""
        ...

    def look(self) -> Moment:
        """Count it."""
        ...

    def check_integrity(self) -> None:
        """Let it look at itself. Raises BackupFailed."""
        ...


class Database(Protocol):
    """The portal's database as something to back up."""

    @property
    def vendor(self) -> str:
        """sqlite or postgresql: a dump of one does not fit the other."""
        ...

    @property
    def file(self) -> str:
        """The name of its file in a backup."""
        ...

    def size_bytes(self) -> int:
        """Return about how much room its dump takes, uncompressed; 0 when nobody knows."""
        ...

    def dump(self, out: Writer, *, left_out: Iterable[str], scratch: Path, check: Check) -> Moment:
        """Write a dump of one moment, and return what it was then."""
        ...

    def restored(
        self, source: Path, *, scratch: Path, check: Check
    ) -> AbstractContextManager[Restored]:
        """Restore a dump into a scratch place for as long as the context lasts."""
        ...

    def sweep(self) -> list[str]:
        """Remove the scratch places that killed processes left behind."""
        ...

    def stage(self, source: Path, mark: str, *, scratch: Path, check: Check) -> Restored:
        """Restore a dump beside the database, under a name with this mark, anew when it is there.

        It stays there for `exchange`.
        """
        ...

    def unstage(self, mark: str) -> None:
        """Remove what was staged; harmless when it is not there."""
        ...

    def exchange(self, mark: str) -> str:
        """Put what was staged in the database's place; return the name that the old one has now.

        Harmless when it was done before. Raises BackupFailed while somebody uses the database.
        """
        ...

    def in_use(self) -> list[str]:
        """Return who uses the database besides us, as far as that can be seen from here."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database in a file."""

    path: Path
    vendor: str = "sqlite"
    file: str = "database.sqlite3.zst"

    def size_bytes(self) -> int:
        """Return the size of the file and its log."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return sum(one.stat().st_size for one in (self.path, log) if one.is_file())

    def dump(self, out: Writer, *, left_out: Iterable[str], scratch: Path, check: Check) -> Moment:
        """Copy it beside, and write out the copy."""
        copy = scratch / "copy.sqlite3"
        try:
            seen = sqlite.snapshot(self.path, copy, left_out=left_out, check=check)
            with copy.open("rb") as stream:
                while data := stream.read(CHUNK_BYTES):
                    out.write(data)
        finally:
            copy.unlink(missing_ok=True)
        return seen

    @contextmanager
    def restored(self, source: Path, *, scratch: Path, check: Check) -> Iterator[Restored]:
        """Take the file as it is: it is in a scratch folder already."""
        del scratch, check
        yield _RestoredFile(source)

    def sweep(self) -> list[str]:
        """Do nothing: scratch files go with their folder."""
        return []

    def stage(self, source: Path, mark: str, *, scratch: Path, check: Check) -> Restored:
        """Bring the file to the disk of the database, beside it."""
        del scratch
        staged = self._beside(f"restoring-{mark}")
        staged.unlink(missing_ok=True)
        staged.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        disk.copy_file(source, staged, check)
        return _RestoredFile(staged)

    def unstage(self, mark: str) -> None:
        """Remove the file."""
        self._beside(f"restoring-{mark}").unlink(missing_ok=True)

    def exchange(self, mark: str) -> str:
        """Exchange the files."""
        kept = self._beside(f"replaced-{mark}")
        sqlite.exchange(self.path, self._beside(f"restoring-{mark}"), kept)
        return str(kept)

    def in_use(self) -> list[str]:
        """Return the processes of this host that have the file open."""
        if not self.path.exists():
            return []
        try:
            with sqlite.alone(self.path):
                return []
        except BackupFailed as failure:
            return disk.who_has_open(self.path) or [failure.text]

    def _beside(self, end: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{end}")


@dataclass(frozen=True, slots=True)
class _RestoredFile:
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def look(self) -> Moment:
        return sqlite.look(self.path)

    def check_integrity(self) -> None:
        sqlite.check_integrity(self.path)


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database on a server."""

    server: postgres.Server
    name: str
    vendor: str = "postgresql"
    file: str = "database.pgdump.zst"

    def size_bytes(self) -> int:
        """Return 0: a dump holds no indexes, so the size of the database says little."""
        return 0

    def dump(self, out: Writer, *, left_out: Iterable[str], scratch: Path, check: Check) -> Moment:
        """Let pg_dump write it."""
        return postgres.dump(
            self.server, self.name, out, left_out=left_out, folder=scratch, check=check
        )

    @contextmanager
    def restored(self, source: Path, *, scratch: Path, check: Check) -> Iterator[Restored]:
        """Restore it into a database of its own, which is dropped afterwards."""
        name = postgres.scratch_name(self.name)
        postgres.create(self.server, name, beside=self.name)
        try:
            postgres.restore(self.server, name, source, folder=scratch, check=check)
            yield _RestoredDatabase(self.server, name)
        finally:
            postgres.drop(self.server, name, beside=self.name)

    def sweep(self) -> list[str]:
        """Drop scratch databases."""
        return postgres.drop_scratch(self.server, self.name)

    def stage(self, source: Path, mark: str, *, scratch: Path, check: Check) -> Restored:
        """Restore it into a database with the mark in its name."""
        name = self._marked("restoring", mark)
        postgres.drop(self.server, name, beside=self.name)
        postgres.create(self.server, name, beside=self.name)
        postgres.restore(self.server, name, source, folder=scratch, check=check)
        return _RestoredDatabase(self.server, name)

    def unstage(self, mark: str) -> None:
        """Drop the database."""
        postgres.drop(self.server, self._marked("restoring", mark), beside=self.name)

    def exchange(self, mark: str) -> str:
        """Rename both databases."""
        kept = self._marked("replaced", mark)
        staged = self._marked("restoring", mark)
        postgres.exchange(self.server, self.name, staged=staged, kept=kept)
        return kept

    def in_use(self) -> list[str]:
        """Return who is connected to it."""
        return postgres.others(self.server, self.name)

    def _marked(self, what: str, mark: str) -> str:
        return f"{self.name[:30]}_{what}_{mark}"


@dataclass(frozen=True, slots=True)
class _RestoredDatabase:
    server: postgres.Server
    name: str

    def look(self) -> Moment:
        return postgres.look(self.server, self.name)

    def check_integrity(self) -> None:
        """Nothing is left to ask: restoring built every index and checked every constraint."""
