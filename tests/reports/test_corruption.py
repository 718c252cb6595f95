"""A damaged backup is refused with the reason, whatever is damaged and however."""

import random
import shutil
import sqlite3
from dataclasses import replace

import pytest

from reports.backups import archive, disk, metadata, sqlite
from reports.backups.archive import Order, Source
from reports.backups.databases import SqliteFile
from reports.backups.faults import BackupFailed, Fault
from reports.backups.members import Member

ROUNDS = 1_000


def small_database(path, rows=40):
    """Make a database with the tables that a backup looks at, small enough for a thousand tries."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE django_migrations (app TEXT, name TEXT)")
        connection.execute("INSERT INTO django_migrations VALUES ('trading', '0001_initial')")
        connection.execute("CREATE TABLE audit_auditevent (sequence INTEGER, sha256 TEXT)")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany(
            "INSERT INTO orders (text) VALUES (?)", [(f"order {n} " * 9,) for n in range(rows)]
        )
        connection.execute("INSERT INTO audit_auditevent VALUES (1, 'abc')")
    connection.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A whole backup of a small database, made by the same code as a large one."""
    root = tmp_path_factory.mktemp("good")
    small_database(root / "portal.sqlite3")
    (root / "config" / "profiles").mkdir(parents=True)
    (root / "config" / "config.yaml").write_text("TRADE_SIZE: '1'\n" * 20)
    (root / "journal" / "main" / "main-1").mkdir(parents=True)
    (root / "journal" / "main" / "main-1" / "000001.journal").write_bytes(bytes(range(256)) * 8)
    source = Source(
        database=SqliteFile(root / "portal.sqlite3"),
        config_dir=root / "config",
        journal_dir=root / "journal",
    )
    order = Order(
        name="20260302_1200",
        kind="MANUAL",
        taken_at="2026-03-02T12:00:00+00:00",
        host="h",
        version="0.1.0",
        commit="c",
        left_out=(),
    )
    return archive.take(order, source, root / "backups").folder


@pytest.fixture
def copy(good, tmp_path):
    return shutil.copytree(good, tmp_path / good.name)


def prove(folder, scratch):
    """Do what verifying does, as far as it needs no Django."""
    told, _ = archive.check_files(folder)
    unpacked = archive.unpack_all(folder, told, scratch)
    sqlite.check_integrity(unpacked.database)
    seen = sqlite.look(unpacked.database)
    if seen.rows != told.rows:
        raise BackupFailed(Fault.ROWS, "rows differ")


def fault_of(folder, scratch):
    with pytest.raises(BackupFailed) as caught:
        prove(folder, scratch)
    assert caught.value.text
    return caught.value.fault


def test_a_whole_one_is_accepted(good, tmp_path):
    prove(good, tmp_path / "scratch")


def flip_a_bit(path, draw):
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def cut_off(path, draw):
    path.write_bytes(path.read_bytes()[: draw.randrange(path.stat().st_size)])


def append(path, draw):
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randrange(1, 40)))


def zero_a_part(path, draw):
    data = bytearray(path.read_bytes())
    start = draw.randrange(len(data))
    end = min(len(data), start + draw.randrange(1, 600))
    if not any(data[start:end]):
        data[start] ^= 1
    data[start:end] = bytes(end - start) if any(data[start:end]) else b"\1" * (end - start)
    path.write_bytes(data)


def remove(path, draw):
    path.unlink()


def swap_with_another(path, draw):
    other = draw.choice([one for one in path.parent.iterdir() if one != path])
    one, two = path.read_bytes(), other.read_bytes()
    path.write_bytes(two)
    other.write_bytes(one)


DAMAGES = (
    flip_a_bit,
    flip_a_bit,
    flip_a_bit,
    cut_off,
    append,
    zero_a_part,
    remove,
    swap_with_another,
)


@pytest.mark.slow
def test_a_thousand_random_damages_are_all_refused_with_a_reason(good, tmp_path):
    """Bits, cuts, zeros, missing, half-written and exchanged files: 1,000 of 1,000."""
    draw = random.Random(20_261_126)
    accepted = []
    for number in range(ROUNDS):
        folder = shutil.copytree(good, tmp_path / str(number) / good.name)
        path = draw.choice(sorted(folder.iterdir()))
        damage = draw.choice(DAMAGES)
        damage(path, draw)
        try:
            prove(folder, tmp_path / str(number) / "scratch")
            accepted.append(f"{number}: {damage.__name__} of {path.name} was accepted")
        except BackupFailed as failure:
            if not failure.text:
                accepted.append(f"{number}: {damage.__name__} of {path.name} has no reason")
        shutil.rmtree(tmp_path / str(number))

    assert accepted == []


class TestReasons:
    @pytest.mark.parametrize(
        ("file", "fault"),
        [
            ("metadata.json", Fault.MISSING_FILE),
            ("database.sqlite3.zst", Fault.MISSING_FILE),
            ("config.tar.zst", Fault.MISSING_FILE),
            ("journal-main~main-1.tar.zst", Fault.MISSING_FILE),
        ],
    )
    def test_a_missing_file_is_named(self, copy, tmp_path, file, fault):
        (copy / file).unlink()

        assert fault_of(copy, tmp_path / "scratch") is fault

    def test_a_file_too_many_is_named(self, copy, tmp_path):
        (copy / "extra").write_text("x")

        assert fault_of(copy, tmp_path / "scratch") is Fault.STRANGE_FILE

    def test_a_link_is_no_file(self, copy, tmp_path):
        (copy / "config.tar.zst").rename(tmp_path / "elsewhere")
        (copy / "config.tar.zst").symlink_to(tmp_path / "elsewhere")

        assert fault_of(copy, tmp_path / "scratch") is Fault.MISSING_FILE

    def test_one_of_another_format_is_told_apart_from_a_damaged_one(self, copy, tmp_path):
        told, _ = metadata.read(copy)
        data = metadata.render(told)
        assert (copy / metadata.FILE).read_bytes() == data
        monkey = metadata.FORMAT
        try:
            metadata.FORMAT = 99
            (copy / metadata.FILE).write_bytes(metadata.render(told))
        finally:
            metadata.FORMAT = monkey

        assert fault_of(copy, tmp_path / "scratch") is Fault.FORMAT

    def test_rows_that_differ_are_found_although_every_checksum_holds(self, copy, tmp_path):
        rewrite(copy, rows={**metadata.read(copy)[0].rows, "orders": 41})

        assert fault_of(copy, tmp_path / "scratch") is Fault.ROWS

    def test_a_folder_of_another_name_is_another_backup(self, copy, tmp_path):
        other = copy.rename(copy.with_name("20260302_1300"))

        assert fault_of(other, tmp_path / "scratch") is Fault.METADATA

    def test_content_that_is_not_what_was_put_in_is_found(self, copy, tmp_path):
        """Somebody packs another database and writes a metadata.json that fits its bytes."""
        told, _ = metadata.read(copy)
        forged = replace(told.config_files, file=told.database.file)
        (copy / told.database.file).write_bytes((copy / told.config_files.file).read_bytes())
        rewrite(copy, database=replace(forged, plain_sha256=told.database.plain_sha256))

        assert fault_of(copy, tmp_path / "scratch") is Fault.CHECKSUM

    def test_a_bomb_stops_at_the_size_that_was_told(self, copy, tmp_path):
        told, _ = metadata.read(copy)
        rewrite(copy, database=replace(told.database, plain_bytes=100))

        assert fault_of(copy, tmp_path / "scratch") is Fault.CHECKSUM

    def test_a_name_that_leads_out_of_the_folder_is_refused(self, copy, tmp_path):
        import io
        import tarfile

        from reports.backups.members import pack

        def fill(out):
            with tarfile.open(fileobj=out, mode="w|") as tar:
                info = tarfile.TarInfo("../outside")
                info.size = 1
                tar.addfile(info, io.BytesIO(b"x"))

        (copy / "config.tar.zst").unlink()
        member = pack(copy / "config.tar.zst", fill)
        rewrite(copy, config_files=member, config={"../outside": {"size_bytes": 1, "sha256": "x"}})

        assert fault_of(copy, tmp_path / "scratch") is Fault.STRANGE_FILE
        assert not (tmp_path / "outside").exists()


def rewrite(folder, **changes):
    """Write a metadata.json that fits itself and says something else."""
    told, _ = metadata.read(folder)
    (folder / metadata.FILE).write_bytes(metadata.render(replace(told, **changes)))


def test_a_member_knows_both_of_its_forms(good):
    told, _ = metadata.read(good)

    assert all(isinstance(member, Member) for member in told.members)
    assert disk.free_bytes(good) > 0
    assert told.size_bytes == sum((good / member.file).stat().st_size for member in told.members)
