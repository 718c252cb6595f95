"""What tests of real shifts share."""

import functools

import pytest


@pytest.fixture
def place(settings, tmp_path, monkeypatch):
    """Directories of this test alone, and a paper venue that does not dawdle."""
    from trading.engine.paper import PaperSettings

    settings.RUN_DIR = tmp_path / "run"
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.KILL_FILE = tmp_path / "KILL"
    quick = functools.partial(PaperSettings, latency_ms=20, settle_ms=60, merge_ms=60)
    monkeypatch.setattr("trading.runtime.mandate.PaperSettings", quick)
    return tmp_path


@pytest.fixture
def wanted(place, mandate, profile):
    """The account's engine shall run, in directories of this test alone."""
    from trading.models import Mandate

    Mandate.objects.update(desired="RUN", profile=profile)
    return mandate
