"""Checks of the host, of who is told, of the breaker and of the kill switch."""

from collections import namedtuple
from datetime import timedelta
from types import SimpleNamespace

import pytest

from alerts.models import Channel, Watch
from alerts.services import channels
from alerts.services.heartbeat import ping_deadman
from tests.checks.looking import BY_ID, look, status
from tests.conftest import NOON
from tests.helpers.facts import a_session
from tests.helpers.receivers import HttpReceiver
from trading import kill_file
from trading.models import EngineSession, MetricSample

GB = 1_000_000_000
SECRET = "canary0f1e2d3c4b5a"


class TestPython:
    CHECK = "operations.python"

    def test_that_runs_this_passes(self):
        assert status(self.CHECK)[0] == "PASS"

    def test_of_before_fails(self, monkeypatch):
        monkeypatch.setattr("checks.catalogue.operations.sys.version_info", (3, 10, 9))

        assert status(self.CHECK)[0] == "FAIL"


class TestMemory:
    CHECK = "operations.memory"

    @pytest.mark.parametrize(
        ("available", "word"), [(2 * GB + 1, "PASS"), (2 * GB, "FAIL"), (0, "FAIL")]
    )
    def test_needs_more_than_two_gigabytes(self, monkeypatch, available, word):
        seen = SimpleNamespace(available=available, total=8 * GB)
        monkeypatch.setattr("checks.catalogue.operations.psutil.virtual_memory", lambda: seen)

        assert status(self.CHECK)[0] == word

    def test_is_asked_of_this_host(self):
        assert look(self.CHECK).evidence["total_bytes"] > 0


Times = namedtuple("Times", ["user", "system", "idle", "iowait", "guest", "guest_nice"])


class TestProcessor:
    CHECK = "operations.processor"

    @pytest.fixture
    def spent(self, monkeypatch):
        """Return a function that says how 2,000 ms of two cores are spent, and by these checks."""

        def spend(busy_ms, own_ms=0, guest_ms=0):
            moments = [(100, 50, 900, 9), (100 + busy_ms, 50, 2_900 - busy_ms, 9 + own_ms)]
            shown = [
                (Times(user / 1000, system / 1000, idle / 1000, 0.0, guest, 0.0), own / 1000)
                for (user, system, idle, own), guest in zip(
                    moments, (0.0, guest_ms / 1000), strict=True
                )
            ]
            now = iter(shown)
            current = []

            def cpu_times():
                current[:] = [next(now)]
                return current[0][0]

            own = SimpleNamespace(cpu_times=lambda: SimpleNamespace(user=current[0][1], system=0.0))
            monkeypatch.setattr("checks.catalogue.operations.psutil.cpu_times", cpu_times)
            monkeypatch.setattr("checks.catalogue.operations.psutil.Process", lambda: own)
            monkeypatch.setattr("checks.catalogue.operations.time.sleep", lambda _: None)

        return spend

    @pytest.mark.parametrize(
        ("busy_ms", "word"), [(0, "PASS"), (998, "PASS"), (1_000, "FAIL"), (2_000, "FAIL")]
    )
    def test_has_to_be_less_than_half_busy(self, spent, busy_ms, word):
        spent(busy_ms)

        assert status(self.CHECK)[0] == word

    def test_what_these_checks_take_themselves_is_left_out(self, spent):
        spent(1_400, own_ms=1_000)
        seen = look(self.CHECK)

        assert seen.status == "PASS"
        assert (seen.evidence["permille"], seen.evidence["own_permille"]) == (200, 500)

    def test_is_measured_on_this_host(self):
        assert 0 <= look(self.CHECK).evidence["permille"] <= 1_000


@pytest.fixture
def channel(db, settings, tmp_path):
    """A channel whose test arrived an hour ago."""
    settings.CHANNEL_KEY_FILE = tmp_path / "channels.key"
    row = channels.save_channel(
        "ops",
        by=None,
        by_name="test",
        kind="WEBHOOK",
        address={"url": f"http://127.0.0.1:9/{SECRET}", "key": SECRET * 2},
        at=NOON - timedelta(days=9),
    )
    Channel.objects.update(tested_at=NOON - timedelta(hours=1))
    return row


@pytest.mark.django_db
class TestMessageTest:
    CHECK = "operations.message_test"

    def test_that_arrived_passes_and_shows_no_address(self, channel):
        seen = look(self.CHECK)

        assert seen.status == "PASS"
        assert "the newest test arrived 1 h ago" in seen.reason
        assert SECRET not in repr(seen)

    def test_that_arrived_eight_days_ago_fails(self, channel):
        Channel.objects.update(tested_at=NOON - timedelta(days=7, seconds=1))

        assert status(self.CHECK)[0] == "FAIL"

    def test_of_the_future_fails(self, channel):
        Channel.objects.update(tested_at=NOON + timedelta(hours=1))

        assert status(self.CHECK)[0] == "FAIL"

    def test_of_the_address_before_fails(self, channel):
        Channel.objects.update(changed_at=NOON - timedelta(minutes=1))
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "at its present address, over ops" in reason

    def test_of_a_channel_that_fails_since_fails(self, channel):
        Channel.objects.update(failing_since=NOON - timedelta(minutes=1))

        assert status(self.CHECK)[0] == "FAIL"

    def test_of_a_channel_that_is_off_fails(self, channel):
        Channel.objects.update(enabled=False)

        assert status(self.CHECK)[0] == "FAIL"

    def test_without_any_channel_fails_and_says_where_to_make_one(self):
        assert status(self.CHECK) == ("FAIL", "nobody would be told: no channel is switched on")
        assert "page Channels" in BY_ID[self.CHECK].remedy


@pytest.mark.django_db
class TestHeartbeat:
    CHECK = "operations.heartbeat"

    @pytest.fixture
    def listener(self, settings):
        receiver = HttpReceiver()
        settings.SECRET_HEARTBEAT_URL = f"http://127.0.0.1:{receiver.port}/{SECRET}"
        yield receiver
        receiver.close()

    @pytest.fixture
    def judged(self):
        for name in ("JUDGE", "SEND"):
            Watch.objects.create(name=name, beat_at=NOON)

    def test_that_was_taken_passes(self, listener, judged):
        assert ping_deadman(NOON) == "TAKEN"
        seen = look(self.CHECK, now=NOON + timedelta(seconds=50))

        assert seen.status == "PASS"
        assert seen.reason == "a sign of life was taken 50 s ago"
        assert SECRET not in repr(seen)

    def test_that_was_refused_fails(self, listener, judged):
        listener.status = 500
        assert ping_deadman(NOON) == "FAILED"

        assert status(self.CHECK) == ("FAIL", "no sign of life was ever taken")

    def test_that_was_taken_long_ago_fails(self, listener, judged):
        ping_deadman(NOON)
        later = NOON + timedelta(minutes=4)
        Watch.objects.exclude(name="DEADMAN").update(beat_at=later)

        assert status(self.CHECK, now=later) == (
            "FAIL",
            "the newest sign of life was taken 4 min ago",
        )

    def test_that_is_kept_back_because_nobody_judges_fails(self, listener):
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "rules are not judged" in reason

    def test_without_an_address_fails(self, settings):
        settings.SECRET_HEARTBEAT_URL = ""
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert "no address is set" in reason


@pytest.mark.django_db
class TestBreaker:
    CHECK = "operations.breaker_closed"

    def said(self, profile, state, *, at=NOON, **values):
        session = a_session(profile, feed="simulator", **values)
        MetricSample.objects.create(
            session=session,
            at=at,
            values={"breaker": state} if state else {},
            realised_micro=0,
            exposure_micro=0,
        )
        return session

    def test_that_is_closed_passes(self, profile):
        self.said(profile, "CLOSED")

        assert status(self.CHECK)[0] == "PASS"

    @pytest.mark.parametrize("state", ["OPEN", "HALF_OPEN"])
    def test_that_is_not_closed_fails(self, profile, state):
        self.said(profile, state)
        word, reason = status(self.CHECK)

        assert word == "FAIL"
        assert f"is {state}" in reason

    def test_that_was_open_when_the_engine_ended_fails(self, profile):
        self.said(profile, "OPEN", ended_at=NOON)

        assert status(self.CHECK)[0] == "FAIL"

    def test_that_was_closed_when_the_engine_ended_passes(self, profile):
        self.said(profile, "CLOSED", at=NOON - timedelta(hours=3), ended_at=NOON)

        assert status(self.CHECK) == (
            "PASS",
            "the breaker of main-7 was CLOSED when it ended, 3 h ago",
        )

    def test_of_an_engine_that_fell_silent_is_unknown(self, profile):
        self.said(profile, "CLOSED", at=NOON - timedelta(seconds=16))

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_without_figures_is_unknown(self, profile):
        self.said(profile, "")

        assert status(self.CHECK)[0] == "UNKNOWN"

    def test_on_another_feed_proves_nothing(self, profile):
        self.said(profile, "CLOSED")
        EngineSession.objects.update(feed="recorded")

        word, reason = status(self.CHECK)

        assert word == "UNKNOWN"
        assert reason == "no engine has run on the feed simulator yet"


class TestKillSwitch:
    CHECK = "operations.kill_switch"

    @pytest.fixture
    def place(self, settings, tmp_path):
        settings.KILL_FILE = tmp_path / "data" / "KILL"
        return tmp_path

    def test_whose_file_can_be_made_passes_and_halts_nothing(self, place, settings):
        assert status(self.CHECK)[0] == "PASS"
        assert not kill_file.is_set(settings.KILL_FILE)
        assert list((place / "data").iterdir()) == []

    def test_whose_directory_cannot_be_fails(self, place):
        (place / "data").write_text("no directory")

        word, reason = status(self.CHECK)
        (place / "data").unlink()

        assert word == "FAIL"
        assert reason.startswith("KILL could not be made: ")

    def test_whose_disk_is_full_fails(self, place, monkeypatch):
        def no_room(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("trading.services.host_probes.os.write", no_room)

        assert status(self.CHECK) == ("FAIL", "KILL could not be made: No space left on device")
        assert list((place / "data").iterdir()) == []

    def test_that_is_used_passes_and_says_so(self, place, settings):
        (place / "data").mkdir()
        settings.KILL_FILE.write_text("")

        word, reason = status(self.CHECK)

        assert word == "PASS"
        assert "halts this machine" in reason
