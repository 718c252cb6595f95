"""A backup as a folder: taken under another name, synced, and renamed when it is whole.

    NAME/metadata.json            what it holds, with every hash
    NAME/database.sqlite3.zst     or database.pgdump.zst
    NAME/config.tar.zst           the files of the configuration: base, profiles, alert rules
    NAME/journal-ACCOUNT~SESSION.tar.zst   one for each of the engine's journals

A journal that is in the backup before, unchanged, is not written again: both share one file (a hard
link), and each compares it with its checksum. Encrypted files end in .age; metadata.json stays
readable, so that a backup can be found and its checksums compared without the key. The database
comes first and the journals after it: the journal is never behind the database, and so it is not in
a backup either.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.backups import disk, metadata, trees
from reports.backups.databases import Check, Database
from reports.backups.faults import BackupFailed, Fault, disk_trouble
from reports.backups.members import (
    Member,
    check_stored,
    new_identity,
    pack,
    recipient_of,
    unpack,
)
from reports.backups.metadata import Journal, Metadata
from reports.backups.moment import Moment

CONFIG_FILE = "config.tar.zst"
PARTIAL_SUFFIX = ".partial"
SCRATCH_PREFIX = ".scratch-"
FREE_BYTES_MIN = 64 * 1_048_576
COPIES = 3  # of the database, at most, while it is taken: pages, written anew, compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What there is to back up."""

    database: Database
    config_dir: Path
    journal_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which backup to take; `recipient` is a public key, empty for none."""

    name: str
    kind: str
    taken_at: str
    host: str
    version: str
    commit: str
    left_out: tuple[str, ...]
    recipient: str = ""
    previous: Path | None = None  # a verified backup, whose journals may be shared


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A backup that is on the disk.

    `identities` open it: keys made for this one backup, that only this process ever has. They let
    the encrypted files themselves be proven, on a machine that cannot read any older backup.
    """

    folder: Path
    metadata: Metadata
    sha256: str
    identities: tuple[Any, ...]
    sealed: frozenset[str]  # shared files that were encrypted for an earlier backup


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The contents of a backup, each compared with its hash."""

    database: Path
    config_dir: Path
    journal_dir: Path


def take(
    order: Order,
    source: Source,
    folder: Path,
    *,
    facts: Callable[[], dict[str, Any]] = dict,
    check: Check = lambda: None,
) -> Taken:
    """Write a backup and return it. Raises BackupFailed, and then nothing of it is left.

    `facts` is asked after the copy, for what the caller wants to compare later.
    """
    partial = folder / f".{order.name}{PARTIAL_SUFFIX}"
    scratch = folder / f"{SCRATCH_PREFIX}{order.name}"
    try:
        for made in (folder, partial, scratch):
            made.mkdir(parents=True, mode=0o700, exist_ok=made == folder)
        _refuse_no_room(source, folder)
        recipients, identities = _keys(order.recipient)
        written, shared = _write(order, source, (partial, scratch), recipients, facts, check)
        disk.write_whole(partial / metadata.FILE, metadata.render(written))
        disk.rename_folder(partial, folder / order.name)
        _, sha256 = metadata.read(folder / order.name)
    except OSError as error:
        raise disk_trouble(f"writing the backup {order.name}", error) from error
    finally:
        for leftover in (partial, scratch):
            disk.remove_folder(leftover)
    return Taken(
        folder=folder / order.name,
        metadata=written,
        sha256=sha256,
        identities=identities,
        sealed=shared if identities else frozenset(),
    )


def _keys(recipient: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if not recipient:
        return (), ()
    identity, own = new_identity()
    return (recipient_of(recipient), own), (identity,)


def _write(
    order: Order,
    source: Source,
    folders: tuple[Path, Path],
    recipients: tuple[Any, ...],
    facts: Callable[[], dict[str, Any]],
    check: Check,
) -> tuple[Metadata, frozenset[str]]:
    partial, scratch = folders
    seen: list[Moment] = []
    config: dict[str, Any] = {}

    def database(out: Any) -> None:
        seen.append(
            source.database.dump(out, left_out=order.left_out, scratch=scratch, check=check)
        )

    def config_tree(out: Any) -> None:
        files = trees.find(source.config_dir, trees.CONFIG_PATTERNS)
        config.update(trees.write_tree(out, source.config_dir, files, check=check))

    def packed(file: str, fill: Callable[[Any], None]) -> Member:
        return pack(partial / file, fill, recipients=recipients, check=check)

    members = {
        "database": packed(source.database.file, database),
        "config_files": packed(CONFIG_FILE, config_tree),
    }
    journals = _Journals(order, source.journal_dir, partial, recipients, check)
    journals.write()
    moment = seen[0]
    told = Metadata(
        name=order.name,
        kind=order.kind,
        taken_at=order.taken_at,
        host=order.host,
        version=order.version,
        commit=order.commit,
        vendor=source.database.vendor,
        rows=moment.rows,
        left_out=list(order.left_out),
        migrations=moment.migrations,
        audit_sequence=moment.audit_sequence,
        audit_sha256=moment.audit_sha256,
        config=config,
        journals=journals.told,
        encrypted_to=[order.recipient] if order.recipient else [],
        facts=facts(),
        **members,
    )
    return told, frozenset(journals.shared)


class _Journals:
    """Writes the journals, or shares them with the backup before."""

    def __init__(
        self, order: Order, root: Path, partial: Path, recipients: tuple[Any, ...], check: Check
    ) -> None:
        self.told: dict[str, Journal] = {}
        self.shared: set[str] = set()
        self._root, self._partial = root, partial
        self._recipients, self._check = recipients, check
        self._previous_folder = order.previous
        self._previous: dict[str, Journal] = {}
        if order.previous is not None:
            with contextlib.suppress(BackupFailed):
                before, _ = metadata.read(order.previous)
                if before.encrypted_to == ([order.recipient] if order.recipient else []):
                    self._previous = before.journals

    def write(self) -> None:
        """Do it for each session that there is."""
        found = trees.by_folder(self._root, trees.find(self._root, trees.JOURNAL_PATTERNS))
        for name, files in found.items():
            old = self._previous.get(name)
            if old is not None and self._share(old, files):
                self.told[name] = old
                self.shared.add(old.member.file)
            else:
                self.told[name] = self._pack(name, files)

    def _pack(self, name: str, files: list[Path]) -> Journal:
        told: dict[str, Any] = {}

        def fill(out: Any) -> None:
            told.update(trees.write_tree(out, self._root, files, check=self._check))

        path = self._partial / f"journal-{name.replace('/', '~')}.tar.zst"
        member = pack(path, fill, recipients=self._recipients, check=self._check)
        return Journal(member=member, files=told)

    def _share(self, old: Journal, files: list[Path]) -> bool:
        """Link the earlier file if it is whole, and holds what the journal is now."""
        folder = self._previous_folder
        try:
            same = trees.told_of(self._root, files, check=self._check) == old.files
            if folder is None or not same:
                return False
            check_stored(folder, old.member, check=self._check)
            (self._partial / old.member.file).hardlink_to(folder / old.member.file)
        except BackupFailed as failure:
            if failure.fault is Fault.STOPPED:
                raise
            return False  # it is damaged there: it is written anew
        except OSError:
            return False  # removed meanwhile, or on another disk
        return True


def _refuse_no_room(source: Source, folder: Path) -> None:
    needed = FREE_BYTES_MIN + COPIES * source.database.size_bytes()
    free = disk.free_bytes(folder)
    if free < needed:
        text = f"{needed // 1_048_576:,} MiB are needed and {free // 1_048_576:,} MiB are free"
        raise BackupFailed(Fault.DISK, text)


def check_files(folder: Path, *, check: Check = lambda: None) -> tuple[Metadata, str]:
    """Read a backup from the disk and compare every checksum; return what it says of itself.

    Raises BackupFailed, which names the file.
    """
    told, sha256 = metadata.read(folder)
    allowed = {metadata.FILE, *(member.file for member in told.members)}
    if any("/" in name for name in allowed):
        raise BackupFailed(Fault.METADATA, f"{metadata.FILE} names a file outside of the backup")
    try:
        strange = sorted({path.name for path in folder.iterdir()} - allowed)
    except OSError as error:
        raise disk_trouble(f"reading {folder.name}", error) from error
    if strange:
        text = f"{folder.name} holds {strange[0]}, which is not part of it"
        raise BackupFailed(Fault.STRANGE_FILE, text)
    for member in told.members:
        check_stored(folder, member, check=check)
    return told, sha256


def unpack_all(
    folder: Path,
    told: Metadata,
    scratch: Path,
    *,
    identities: tuple[Any, ...] = (),
    sealed: frozenset[str] = frozenset(),
    keep_journals: bool = True,
    check: Check = lambda: None,
) -> Unpacked:
    """Unpack everything into a new folder and compare it with its hashes. Raises BackupFailed.

    Journals can be compared without being kept: one at a time, so that it takes little room. Those
    that are sealed, of which only an earlier run had the key, are left to their checksum.
    """
    try:
        scratch.mkdir(parents=True, mode=0o700)
        config_tar, journal_tar = scratch / "config.tar", scratch / "journal.tar"
        found = Unpacked(
            database=scratch / "database",
            config_dir=scratch / "config",
            journal_dir=scratch / "journal",
        )
        for member, target in (
            (told.database, found.database),
            (told.config_files, config_tar),
        ):
            unpack(folder, member, target, identities=identities, check=check)
        for made in (found.config_dir, found.journal_dir):
            made.mkdir(mode=0o750)
        trees.read_tree(config_tar, found.config_dir, told.config, what=CONFIG_FILE)
        config_tar.unlink()
        for journal in told.journals.values():
            member = journal.member
            if member.file in sealed:
                continue
            unpack(folder, member, journal_tar, identities=identities, check=check)
            kept = found.journal_dir if keep_journals else None
            trees.read_tree(journal_tar, kept, journal.files, what=member.file)
            journal_tar.unlink()
    except OSError as error:
        raise disk_trouble(f"unpacking {folder.name}", error) from error
    return found


def sweep(folder: Path) -> list[str]:
    """Remove what killed processes left behind in the folder of the backups; return the names.

    Only whoever holds the lock of backups may call this.
    """
    if not folder.is_dir():
        return []
    left = [path for path in folder.iterdir() if path.name.startswith(".") and path.is_dir()]
    for path in left:
        disk.remove_folder(path)
    return sorted(path.name for path in left)


def names(folder: Path) -> list[str]:
    """Return the names that are taken on the disk, whatever is behind them."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def copy_to(folder: Path, target: Path, told: Metadata, *, check: Check = lambda: None) -> None:
    """Copy a whole backup into a second place and compare it there. Raises BackupFailed."""
    partial = target / f".{folder.name}{PARTIAL_SUFFIX}"
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        disk.remove_folder(partial)
        disk.copy_folder(folder, partial, check)
        for member in told.members:
            check_stored(partial, member, check=check)
        disk.rename_folder(partial, target / folder.name)
    except OSError as error:
        raise disk_trouble(f"copying {folder.name} to {target}", error) from error
    finally:
        disk.remove_folder(partial)
