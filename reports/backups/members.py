"""One file of a backup: compressed, encrypted when that is wanted, hashed in both forms.

What is hashed while it is written says what should be on the disk; whether it is there is found out
by reading it again, which is what verifying does.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import pyrage
import zstandard

from reports.backups.faults import BackupFailed, Fault, disk_trouble

CHUNK_BYTES = 1_048_576
SYNC_EVERY_BYTES = 32 * 1_048_576  # so that the disk never has to take all of it at once
ZSTD_LEVEL = 3
ENCRYPTED_SUFFIX = ".age"


class Writer(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file as it is stored, and what is in it."""

    file: str
    size_bytes: int
    sha256: str
    plain_bytes: int
    plain_sha256: str


class Tally:
    """Passes bytes on, counts and hashes them, and brings them to the disk bit by bit."""

    def __init__(self, out: Any, *, check: Callable[[], None], sync: bool = False) -> None:
        self._out = out
        self._check = check
        self._sync = sync
        self._unsynced = 0
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        """Pass `data` on; raises BackupFailed when it was asked to stop."""
        self._check()
        view = memoryview(data)
        done = 0
        while done < len(view):
            done += self._out.write(view[done:])
        self._hash.update(view)
        self.size += len(view)
        self._unsynced += len(view)
        if self._sync and self._unsynced >= SYNC_EVERY_BYTES:
            os.fdatasync(self._out.fileno())
            self._unsynced = 0
        return len(view)

    def flush(self) -> None:
        """Do what compressors and ciphers ask for."""
        self._out.flush()

    @property
    def sha256(self) -> str:
        """Return the hash of what has passed."""
        return self._hash.hexdigest()


def pack(
    path: Path,
    fill: Callable[[Writer], None],
    *,
    recipients: Sequence[Any] = (),
    check: Callable[[], None] = lambda: None,
) -> Member:
    """Write one file; `fill` is given where to write its plain content.

    `path` gets the suffix .age when there are recipients. `check` is asked all the time and raises
    to stop. Raises BackupFailed.
    """
    compressed = path.with_name(f".{path.name}") if recipients else path
    try:
        plain, stored = _compress(compressed, fill, check)
        if recipients:
            path = path.with_name(path.name + ENCRYPTED_SUFFIX)
            stored = _encrypt(compressed, path, recipients, check)
            compressed.unlink()
    except pyrage.EncryptError as error:
        raise BackupFailed(Fault.DISK, f"writing {path.name}: {error}") from error
    except OSError as error:
        raise disk_trouble(f"writing {path.name}", error) from error
    return Member(
        file=path.name,
        size_bytes=stored.size,
        sha256=stored.sha256,
        plain_bytes=plain.size,
        plain_sha256=plain.sha256,
    )


def _compress(
    path: Path, fill: Callable[[Writer], None], check: Callable[[], None]
) -> tuple[Tally, Tally]:
    with _new(path) as raw:
        stored = Tally(raw, check=check, sync=True)
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        with compressor.stream_writer(cast(IO[bytes], stored), closefd=False) as stream:
            plain = Tally(stream, check=check)
            fill(plain)
        os.fsync(raw.fileno())
    return plain, stored


def _encrypt(
    source: Path, target: Path, recipients: Sequence[Any], check: Callable[[], None]
) -> Tally:
    with source.open("rb") as plain, _new(target) as raw:
        stored = Tally(raw, check=check, sync=True)
        pyrage.encrypt_io(plain, stored, list(recipients))
        os.fsync(raw.fileno())
    check()
    return stored


def unpack(
    folder: Path,
    member: Member,
    target: Path,
    *,
    identities: Sequence[Any] = (),
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write what is in a file to `target`, and make sure that it is what was put in.

    The stored file is compared with its checksum first: bytes that nobody wrote are given to no
    decompressor. Raises BackupFailed.
    """
    source = folder / member.file
    check_stored(folder, member, check=check)
    compressed = source
    try:
        if member.file.endswith(ENCRYPTED_SUFFIX):
            compressed = target.with_name(f".{target.name}.zst")
            _decrypt(source, compressed, identities)
        with compressed.open("rb") as raw, _new(target) as out:
            plain = Tally(out, check=check)
            _decompress(raw, plain, member)
        if compressed is not source:
            compressed.unlink()
    except OSError as error:
        raise disk_trouble(f"unpacking {member.file}", error) from error
    if (plain.size, plain.sha256) != (member.plain_bytes, member.plain_sha256):
        text = f"{member.file} does not hold what was put into it"
        raise BackupFailed(Fault.CHECKSUM, text)


def _decrypt(source: Path, target: Path, identities: Sequence[Any]) -> None:
    if not identities:
        text = f"{source.name} is encrypted and the key is not here; give its identity file"
        raise BackupFailed(Fault.IDENTITY, text)
    with source.open("rb") as raw, _new(target) as out:
        try:
            pyrage.decrypt_io(raw, out, list(identities))
        except pyrage.DecryptError as error:
            text = f"{source.name} cannot be opened with this identity: {error}"
            raise BackupFailed(Fault.IDENTITY, text) from error
        except OSError as error:
            if error.errno:
                raise
            # The library says what it dislikes in the content as an OSError without a number.
            text = f"{source.name} cannot be decrypted: {error}"
            raise BackupFailed(Fault.UNREADABLE, text) from error


def _decompress(raw: BinaryIO, plain: Tally, member: Member) -> None:
    try:
        with zstandard.ZstdDecompressor().stream_reader(raw, closefd=False) as stream:
            while data := stream.read(CHUNK_BYTES):
                plain.write(data)
                if plain.size > member.plain_bytes:
                    text = f"{member.file} holds more than was put into it"
                    raise BackupFailed(Fault.CHECKSUM, text)
    except zstandard.ZstdError as error:
        text = f"{member.file} cannot be decompressed: {error}"
        raise BackupFailed(Fault.UNREADABLE, text) from error


def check_stored(folder: Path, member: Member, *, check: Callable[[], None] = lambda: None) -> None:
    """Read a stored file from the disk and compare it with its checksum. Raises BackupFailed."""
    path = folder / member.file
    digest = hashlib.sha256()
    try:
        if path.is_symlink() or not path.is_file():
            raise BackupFailed(Fault.MISSING_FILE, f"{member.file} is missing")
        size = path.stat().st_size
        if size != member.size_bytes:
            text = f"{member.file} has {size:,} bytes instead of {member.size_bytes:,}"
            raise BackupFailed(Fault.SIZE, text)
        with path.open("rb") as stream:
            while data := stream.read(CHUNK_BYTES):
                check()
                digest.update(data)
    except OSError as error:
        raise disk_trouble(f"reading {member.file}", error) from error
    if digest.hexdigest() != member.sha256:
        text = f"{member.file} is not what was written: its checksum differs"
        raise BackupFailed(Fault.CHECKSUM, text)


def new_identity() -> tuple[Any, Any]:
    """Return a key pair (identity, recipient) that lives as long as this process."""
    identity = pyrage.x25519.Identity.generate()
    return identity, identity.to_public()


def recipient_of(text: str) -> Any:
    """Return a public key, or raise BackupFailed."""
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        text = f"the public key for backups cannot be used: {error}"
        raise BackupFailed(Fault.RECIPIENT, text) from error


def identities_of(file: Path | None) -> list[Any]:
    """Return the keys of an identity file, as age-keygen writes it; raises BackupFailed.

    No message repeats anything of the file.
    """
    if file is None:
        return []
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
        found = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise BackupFailed(Fault.IDENTITY, f"{file.name} cannot be read") from error
    except pyrage.IdentityError as error:
        raise BackupFailed(Fault.IDENTITY, f"{file.name} holds no age identity") from error
    if not found:
        raise BackupFailed(Fault.IDENTITY, f"{file.name} holds no age identity")
    return found


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Open a file that only we may read and that was not there before."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as stream:
        yield cast(BinaryIO, stream)
