"""Parts that apps above trading add to the live state."""

import pytest

from polyarb_site.live import parts


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(parts, "_READERS", {})


READER = "tests.site.test_live_parts.reader"


def reader(account, now):
    return {"account": account, "as_of": now.isoformat(), "reason": None}


def test_a_registered_part_is_read_for_an_account_and_a_moment(registry, noon):
    parts.register("backups", READER)

    assert parts.read("main", noon) == {
        "backups": {"account": "main", "as_of": noon.isoformat(), "reason": None}
    }


def test_the_same_reader_may_come_again_and_another_one_not(registry):
    parts.register("backups", READER)
    parts.register("backups", READER)

    with pytest.raises(ValueError, match="backups"):
        parts.register("backups", "tests.site.test_live_parts.another")


def test_alerts_gates_and_the_backup_are_parts_of_the_live_state(db, noon):
    assert set(parts.read("main", noon)) == {"alerts", "gates", "backup"}


def test_who_loads_them_early_hears_of_a_path_that_leads_nowhere(registry):
    parts.register("backups", READER)
    parts.load()
    parts.register("weather", "tests.site.test_live_parts.nobody")

    with pytest.raises(ImportError, match="nobody"):
        parts.load()
