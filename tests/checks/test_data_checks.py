"""Checks of the disk, of alerts, replays, reconciliations and incidents."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from alerts.models import RuleRevision, Watch
from alerts.services import import_rules
from tests.checks.looking import look, ran, replayed, status
from tests.conftest import NOON
from trading.models import Incident, ReconciliationRun

GB = 1_000_000_000


@pytest.fixture
def place(settings, tmp_path):
    """Directories of this test alone."""
    settings.DATA_DIR = tmp_path
    settings.JOURNAL_DIR = tmp_path / "journal"
    settings.BACKUP_DIR = tmp_path / "backups"
    settings.BACKUP_COPY_DIR = None
    settings.RUN_DIR = tmp_path / "run"
    return tmp_path


class TestDisk:
    """G4: it printed INFO, however full the disk was."""

    CHECK = "data.disk_free"

    @pytest.mark.parametrize(
        ("free_bytes", "word"), [(GB + 1, "PASS"), (GB, "FAIL"), (0, "FAIL"), (90 * GB, "PASS")]
    )
    def test_needs_more_than_one_gigabyte(self, place, monkeypatch, free_bytes, word):
        usage = SimpleNamespace(free=free_bytes)
        monkeypatch.setattr("checks.catalogue.data.shutil.disk_usage", lambda _: usage)

        assert status(self.CHECK)[0] == word

    def test_the_fullest_of_all_disks_counts(self, place, monkeypatch, settings):
        settings.BACKUP_DIR.mkdir()
        free = {settings.BACKUP_DIR: GB // 2}
        monkeypatch.setattr(
            "checks.catalogue.data.shutil.disk_usage",
            lambda where: SimpleNamespace(free=free.get(where, 50 * GB)),
        )

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "only 0.50 GB are free on the disk of backups" in reason

    def test_is_asked_for_real(self, place):
        assert look(self.CHECK).evidence["free_bytes"][str(place)] > 0


@pytest.mark.django_db
class TestAlerts:
    CHECK = "data.alerts_readable"

    @pytest.fixture
    def rules(self, settings):
        path = settings.CONFIG_DIR / "alerts.production.yaml"
        import_rules(path, by_name="test", at=NOON)

    def judged(self, at):
        Watch.objects.create(name="JUDGE", beat_at=at)

    def test_that_are_judged_pass(self, rules):
        self.judged(NOON)
        word, reason = status(self.CHECK)

        assert word == "PASS"
        assert "0 critical and 0 warnings fire" in reason

    def test_that_nobody_judges_fail(self, rules):
        self.judged(NOON - timedelta(minutes=5))
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "watch silent 5 min" in reason

    def test_without_rules_fail(self):
        self.judged(NOON)

        assert status(self.CHECK) == ("FAIL", "there are no alert rules")

    def test_with_a_rule_of_another_version_fail(self, rules):
        self.judged(NOON)
        RuleRevision.objects.filter(rule_id="WS_DISCONNECTED").update(values={"id": "?"})

        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "WS_DISCONNECTED" in reason


@pytest.mark.django_db
class TestReplay:
    CHECK = "data.replay_equal"

    def test_that_came_out_the_same_passes(self, profile):
        replayed(ran(profile))

        assert status(self.CHECK)[0] == "PASS"

    def test_that_came_out_different_fails(self, profile):
        replayed(ran(profile), verdict="DIFFERENT", problem="an order more")
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "an order more" in reason

    def test_that_is_old_is_unknown(self, profile):
        replayed(ran(profile), at=NOON - timedelta(days=3))

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_of_another_feed_is_unknown(self, profile):
        replayed(ran(profile, feed="recorded"))

        assert status(self.CHECK)[0] == "UNKNOWN"


@pytest.mark.django_db
class TestReconciliation:
    CHECK = "data.reconciled"

    def compared(self, session, verdict="MATCH", at=NOON, **values):
        return ReconciliationRun.objects.create(
            account="main",
            session_key=session.key,
            at=at,
            at_start=True,
            verdict=verdict,
            ledger_sequence=1,
            order_count=0,
            trade_count=0,
            took_ms=1,
            **values,
        )

    def test_that_matches_passes(self, profile):
        self.compared(ran(profile, mode="LIVE"))

        assert status(self.CHECK, phase=2)[0] == "PASS"

    @pytest.mark.parametrize("verdict", ["MISMATCH", "INCOMPLETE"])
    def test_that_does_not_match_fails(self, profile, verdict):
        self.compared(
            ran(profile, mode="LIVE"), verdict, differences=[{"text": "5 shares are missing"}]
        )
        word, reason = status(self.CHECK, phase=1)

        assert word == "FAIL"
        assert "5 shares are missing" in reason

    def test_of_two_days_ago_is_unknown(self, profile):
        self.compared(ran(profile, mode="LIVE"), at=NOON - timedelta(days=2))

        assert status(self.CHECK, phase=2)[0] == "UNKNOWN"

    def test_on_play_money_proves_nothing_for_the_real_venue(self, profile):
        self.compared(ran(profile, mode="LIVE"))
        ran(profile, token=8, mode="LIVE", feed="polymarket")

        assert status(self.CHECK, phase=1, venue="polymarket")[0] == "UNKNOWN"

    def test_is_not_asked_for_before_the_first_order(self, profile):
        """Only an engine that trades compares: else nobody could ever begin."""
        ran(profile, feed="polymarket")
        word, reason = status(self.CHECK, phase=1, venue="polymarket")

        assert word == "PASS"
        assert "no engine has sent an order to polymarket yet" in reason

    def test_is_asked_for_in_the_second_phase_whatever_ran(self, profile):
        ran(profile, feed="polymarket")

        assert status(self.CHECK, phase=2, venue="polymarket")[0] == "UNKNOWN"


@pytest.mark.django_db
class TestIncidents:
    CHECK = "data.no_open_incident"

    def opened(self, **values):
        return Incident.objects.create(
            account="main",
            kind="SECURITY",
            title="a key was seen",
            opened_at=NOON,
            last_seen_at=NOON,
            **values,
        )

    def test_that_are_open_fail(self):
        number = self.opened().pk
        assert status(self.CHECK, phase=1) == (
            "FAIL",
            f"open: incident {number} (a key was seen)",
        )

    def test_that_are_resolved_pass(self):
        self.opened(state="RESOLVED")

        assert status(self.CHECK, phase=1) == ("PASS", "no incident is open")
