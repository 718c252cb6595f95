"""Starting with play money from the shell and from the admin."""

import pytest

from polyarb_site.audit.models import AuditEvent
from tests.conftest import NOON, make_profile
from tests.helpers import admin_pages as pages
from tests.helpers.commands import run_command
from trading import services
from trading.management.base import shell_name
from trading.models import Mandate

pytestmark = pytest.mark.django_db

PLAY = "simulated_atomic_v1"


@pytest.fixture
def play(mandate):
    return make_profile(PLAY)


class TestTheCommand:
    def test_shows_what_it_runs_and_starts_it(self, play):
        status, out, _ = run_command("start_simulated", "--detach", "--reason", "first")

        row = Mandate.objects.get()
        assert status == 0
        assert (row.desired, row.mode, row.feed, row.profile) == ("RUN", "LIVE", "simulator", play)
        assert f"play money of main with simulated_atomic_v1 r1 ({play.sha256[:12]})" in out
        assert "TRADE_SIZE                       20" in out
        assert "feed simulator\n" in out
        assert out.rstrip().endswith("started")
        event = AuditEvent.objects.get(action="engine.start_simulated")
        assert (event.actor_name, event.reason) == (shell_name(), "first")

    def test_a_refusal_is_1_and_names_the_remedy(self, mandate, play, viewer):
        services.halt(mandate.account, by=viewer, reason="odd fills", at=NOON)
        status, _, err = run_command("start_simulated", "--detach")

        assert status == 1
        assert "odd fills" in err
        assert "resume_trading" in err
        assert Mandate.objects.get().desired == "STOP"

    @pytest.mark.parametrize(
        "arguments", [("--account", "other"), ("--profile", "unknown"), ("--profile", "paper")]
    )
    def test_what_cannot_run_is_refused_before_anything_starts(self, play, arguments):
        services.save_profile("paper", {}, by=None, by_name="test", reason="try", at=NOON)
        status, _, err = run_command("start_simulated", "--detach", *arguments)

        assert status == 1
        assert err
        assert Mandate.objects.get().desired == "STOP"

    def test_no_option_leads_to_another_venue(self, play):
        status, _, err = run_command("start_simulated", "--detach", "--feed", "polymarket")

        assert status != 0
        assert "--feed" in err
        assert Mandate.objects.get().desired == "STOP"

    def test_ctrl_c_stops_watching_and_not_the_engine(self, play, monkeypatch):
        def interrupt(*_args, **_kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("trading.management.starting.follow", interrupt)
        status, out, _ = run_command("start_simulated")

        assert status == 0
        assert "the engine goes on" in out
        assert Mandate.objects.get().desired == "RUN"


class TestTheAdmin:
    def act(self, mandate):
        return f"{pages.page_of('mandate', mandate.pk).removesuffix('change/')}do/start-simulated/"

    def test_an_operator_starts_it_with_the_profile_for_it(self, client, operator, mandate, play):
        client.force_login(operator)
        page = client.get(self.act(mandate)).content.decode()
        assert f'<option value="{PLAY}" selected>' in page
        assert 'name="feed"' not in page

        client.post(self.act(mandate), {"profile": PLAY, "reason": "a rehearsal"})
        row = Mandate.objects.get()
        assert (row.desired, row.mode, row.feed) == ("RUN", "LIVE", "simulator")
        assert AuditEvent.objects.get(action="engine.start_simulated").actor == operator

    def test_who_may_not_start_is_refused_by_the_service(self, client, viewer, mandate, play):
        client.force_login(viewer)
        answer = client.post(self.act(mandate), {"profile": PLAY, "reason": "please"})

        assert answer.status_code == 403
        assert Mandate.objects.get().desired == "STOP"

    def test_a_profile_of_paper_is_refused_with_words(self, client, operator, mandate, profile):
        client.force_login(operator)
        answer = client.post(self.act(mandate), {"profile": profile.name, "reason": "try"})

        assert answer.status_code == 409
        assert "play money is no paper" in answer.content.decode()
        assert Mandate.objects.get().desired == "STOP"

    def test_the_list_of_profiles_tells_play_money_from_real_money(self, client, viewer, play):
        make_profile("live_safe_atomic_v1")
        client.force_login(viewer)
        page = client.get(pages.list_of("profile")).content.decode()

        assert page.count(">Play money<") == page.count(">Live<") == 1

    def test_resuming_asks_for_no_password(self, client, operator, mandate, play):
        services.start_simulated(mandate.account, by=operator, at=NOON)
        services.halt(mandate.account, by=operator, reason="odd fills", at=NOON)
        client.force_login(operator)
        client.post("/admin/resume/", {"reason": "looked", "changed": "a new cable"})

        assert not Mandate.objects.get().halted
