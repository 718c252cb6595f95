"""A portal with something in it, and folders of its own for backups and reports."""

import pytest

from tests.helpers.audit import note


@pytest.fixture
def place(tmp_path, settings):
    """Folders for backups, journals and configuration; the configuration is a copy of ours."""
    import shutil

    shutil.copytree(settings.CONFIG_DIR, tmp_path / "config")
    settings.CONFIG_DIR = tmp_path / "config"
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_COPY_DIR = None
    settings.BACKUP_RECIPIENT = ""
    settings.BACKUP_IDENTITY_FILE = None
    settings.RUN_DIR = tmp_path / "run"
    settings.AFTER_RESTORE = []  # the checks have tests of their own
    session = settings.JOURNAL_DIR / "main" / "main-7"
    session.mkdir(parents=True)
    (session / "000001.journal").write_bytes(b"frames of a session " * 200)
    return tmp_path


@pytest.fixture
def portal(place, transactional_db, mandate, profile):
    """The same with rows that are committed: a backup reads over a connection of its own."""
    from django.db import transaction

    with transaction.atomic():
        for number in range(5):
            note(after={"n": number})
    return place


@pytest.fixture(autouse=True)
def reports_dir(settings, tmp_path):
    settings.REPORTS_DIR = tmp_path / "reports"
    return settings.REPORTS_DIR
