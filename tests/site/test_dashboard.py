"""The dashboard's pages and what open pages fetch, without a browser."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerts.models import Channel
from polyarb_site.dashboard.dear import Dear
from polyarb_site.theme import UNFOLD
from reports.models import BackupRun
from tests.browser.world import QUESTIONS, make_world
from trading.models import LedgerEntry, Market

pytestmark = pytest.mark.django_db

QUERIES_MAX = 60


@pytest.fixture
def world(profile, noon, monkeypatch):
    """An engine that has traded for hours, looked at this very moment."""
    from polyarb_site.clock import SystemClock

    now = SystemClock().now()
    session = make_world(now, profile)
    type(session).objects.filter(pk=session.pk).update(heartbeat_at=now)
    return session


@pytest.fixture
def logged_in(client, viewer):
    client.force_login(viewer)
    return client


class TestTheDashboard:
    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin_user"])
    def test_loads_for_every_role_with_rows_and_without(self, client, request, role, mandate):
        client.force_login(request.getfixturevalue(role))
        assert client.get("/admin/").status_code == 200

        request.getfixturevalue("world")

        page = client.get("/admin/").content.decode()
        assert "trading" in page
        assert QUESTIONS[1] in page

    def test_an_empty_portal_shows_dashes_with_reasons_and_no_zero(self, logged_in, mandate):
        page = logged_in.get("/admin/").content.decode()

        assert "the engine has not run yet" in page
        assert "$0.00" not in page
        assert "No gap yet" in page

    def test_loads_before_anything_was_seeded(self, logged_in):
        page = logged_in.get("/admin/").content.decode()

        assert "NO ACCOUNT" in page

    def test_costs_a_bounded_number_of_queries_whatever_is_there(self, logged_in, world):
        def list_markets(numbers):
            for number in numbers:
                Market.objects.create(
                    condition_id=f"0xm{number}", yes_token_id=f"y{number}",
                    no_token_id=f"n{number}", tick_micro=10_000,
                    min_order_size_micro=5_000_000, source="x", seen_at=world.started_at,
                )  # fmt: skip

        list_markets(range(1))
        logged_in.get("/admin/")
        with CaptureQueriesContext(connection) as few:
            logged_in.get("/admin/")
        list_markets(range(1, 30))
        with CaptureQueriesContext(connection) as many:
            logged_in.get("/admin/")

        assert len(few) == len(many)
        assert len(many) <= QUERIES_MAX

    def test_what_a_market_is_called_is_text(self, logged_in, world):
        Market.objects.update(question='<script>alert("x")</script>')

        page = logged_in.get("/admin/").content.decode()

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_has_no_script_of_its_own_inside(self, logged_in, world):
        answer = logged_in.get("/admin/")
        page = answer.content.decode()

        inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", page)
        assert all('type="application/json"' in attributes for attributes in inline)
        assert not re.search(r"\son(click|load|error)=", page)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert "http" not in re.sub(r"(src|href|action)=\"http://testserver[^\"]*\"", "", policy)

    def test_every_place_in_the_sidebar_is_there(self, client, admin_user, mandate):
        client.force_login(admin_user)
        groups = UNFOLD["SIDEBAR"]["navigation"]
        titles = [item["title"] for group in groups for item in group["items"]]

        assert titles[:4] == ["Dashboard", "Phases", "Go/no-go", "Alerts"]
        for group in groups:
            for item in group["items"]:
                assert client.get(str(item["link"])).status_code == 200, item["title"]


class TestFirstRun:
    def test_ticks_by_facts_and_pretends_nothing(self, logged_in, world):
        page = logged_in.get("/admin/").content.decode()
        steps = re.findall(r'<li data-done="(1?)" data-later="(1?)">', page)

        assert steps == [("1", ""), ("1", ""), ("", ""), ("", ""), ("", "")]
        assert "Alert channel tested" in page
        assert "First backup verified" in page

    def test_is_gone_when_all_that_can_be_done_is(self, logged_in, operator, world, noon):
        assert "pa-first-title" in logged_in.get("/admin/").content.decode()

        Channel.objects.create(
            name="phone", kind="APPRISE", created_at=noon, changed_at=noon, tested_at=noon
        )
        BackupRun.objects.create(
            name="first", kind="DAILY", state="VERIFIED", started_at=noon, verified_at=noon
        )

        assert "pa-first-title" not in logged_in.get("/admin/").content.decode()

    def test_a_button_that_cannot_be_pressed_says_why(self, logged_in, mandate):
        page = logged_in.get("/admin/").content.decode()

        assert "needs the role operator" in page
        assert "needs the role admin" in page

    def test_the_start_button_leads_to_the_start(self, client, operator, mandate):
        client.force_login(operator)

        page = client.get("/admin/").content.decode()

        address = reverse("admin:trading_mandate_change", args=[mandate.pk])
        assert f'href="{address}"' in page
        offered = client.get(address).content.decode()
        for act in ("start", "start-simulated"):
            assert reverse("admin:trading_mandate_act", args=[mandate.pk, act]) in offered


class TestTheHeader:
    def test_says_when_the_database_is_down_and_does_not_fail(self, logged_in, monkeypatch):
        def fail(*_args, **_more):
            raise OperationalError("the database is away")

        monkeypatch.setattr("polyarb_site.dashboard.context.live_state", fail)

        page = logged_in.get("/admin/halt/").content.decode()

        assert "state unknown" in page
        assert "the database does not answer" in page

    def test_is_not_read_by_pages_without_one(self, client, monkeypatch):
        monkeypatch.setattr("polyarb_site.dashboard.context.live_state", lambda *_, **__: 1 / 0)

        assert client.get("/admin/login/").status_code == 200

    def test_a_stranger_learns_nothing(self, client, world):
        for address in ("/admin/", "/admin/live/state/", "/admin/live/rows/", "/admin/halt/"):
            answer = client.get(address)
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/admin/login/")

    def test_an_account_without_a_role_reads_no_figures(self, client, nobody, world):
        client.force_login(nobody)

        for address in ("state", "rows", "curve"):
            assert client.get(reverse(f"dashboard:{address}")).status_code == 403
        page = client.get("/admin/halt/").content.decode()
        assert "Halt now" in page
        assert "pa-bar" not in page


class TestWhatPagesFetch:
    def test_state_carries_the_cells_and_the_place_in_the_outbox(self, logged_in, world):
        told = logged_in.get("/admin/live/state/").json()

        assert told["cells"]["values"]["engine"]["text"] == "trading"
        assert told["last_id"] >= 0

    def test_rows_come_as_the_page_has_them_and_the_funnel_only_when_asked(self, logged_in, world):
        short = logged_in.get("/admin/live/rows/").json()
        whole = logged_in.get("/admin/live/rows/?funnel").json()

        lists = {"opportunities", "sets", "events"}
        assert set(short) == lists
        assert set(whole) == {*lists, "funnel", "quality", "funnel_renew_ms"}
        assert short["sets"].count("<li") == 6
        assert short["opportunities"].count("<tr") == 12

    @pytest.mark.parametrize("name", ["24h", "7d", "phase"])
    def test_the_curve_ends_at_what_was_realised(self, logged_in, world, name):
        told = logged_in.get(f"/admin/live/curve/?range={name}").json()

        total = sum(LedgerEntry.objects.values_list("realised_micro", flat=True))
        known = [point for point in told["points"] if point[1] is not None]
        assert known[-1][1] == total
        assert all(peak >= realised for _, realised, peak in known)
        assert told["table"][0]["realised_micro"] == total
        assert told["sentence"].startswith("Realised +$")

    def test_a_loss_is_a_drawdown_from_the_first_day_on(self, logged_in, world):
        LedgerEntry.objects.update(realised_micro=-50_000)

        told = logged_in.get("/admin/live/curve/").json()

        assert "highest $0.00, deepest drawdown $0.40" in told["sentence"]
        assert min(p[1] - p[2] for p in told["points"] if p[1] is not None) < 0

    def test_halts_and_starts_are_marked(self, logged_in, world):
        logged_in.post("/admin/halt/", {"reason": "odd fills"})

        kinds = {mark["kind"] for mark in logged_in.get("/admin/live/curve/").json()["marks"]}

        assert kinds == {"start", "halt", "resume"}

    def test_an_unknown_range_is_refused(self, logged_in):
        assert logged_in.get("/admin/live/curve/?range=ever").status_code == 400

    def test_nothing_of_it_may_be_cached(self, logged_in, world):
        for name in ("state", "rows", "curve", "halt", "resume"):
            answer = logged_in.get(reverse(f"dashboard:{name}"))
            assert "no-store" in answer.headers["Cache-Control"], name


class TestSearch:
    @pytest.fixture(autouse=True)
    def forget(self):
        """The theme keeps what somebody found for five minutes."""
        cache.clear()

    def test_finds_ids_and_markets_by_words(self, logged_in, world):
        found = logged_in.get("/admin/search/?extended=1&s=main-4-s4").content.decode()
        assert "main-4-s4" in found
        words = logged_in.get("/admin/search/?extended=1&s=snow+christmas").content.decode()
        assert QUESTIONS[2] in words

    def test_shows_only_what_this_person_may_see(self, client, roles, django_user_model, world):
        user = django_user_model.objects.create(username="sam", password="!", is_staff=True)
        client.force_login(user)

        found = client.get("/admin/search/?extended=1&s=main-4-s4").content.decode()

        assert "main-4-s4" not in found.replace("s=main-4-s4", "")


class TestWhatIsDearToCount:
    def test_what_is_quick_is_counted_anew_each_time(self, clock):
        answers = iter(range(9))
        dear: Dear[Any] = Dear(clock)

        assert [dear.ask("today", lambda: next(answers)).answer for _ in range(3)] == [0, 1, 2]

    def test_what_is_not_is_kept_in_proportion(self, clock):
        def count():
            clock.advance(timedelta(seconds=1))
            return clock.now()

        dear: Dear[Any] = Dear(clock)
        first = dear.ask("today", count)
        clock.advance(timedelta(seconds=19))
        assert dear.ask("today", count).answer == first.answer
        clock.advance(timedelta(seconds=2))

        assert dear.ask("today", count).answer > first.answer

    def test_a_kept_answer_says_when_there_can_be_a_newer_one(self, clock):
        def count():
            clock.advance(timedelta(seconds=1))
            return clock.now()

        dear: Dear[Any] = Dear(clock)
        first = dear.ask("today", count)
        kept = dear.ask("today", count)
        clock.advance(timedelta(milliseconds=kept.renew_ms))

        assert (first.renew_ms, kept.renew_ms) == (0, 20_001)
        assert dear.ask("today", count).answer > first.answer

    def test_another_day_is_another_question(self, clock):
        def count():
            clock.advance(timedelta(seconds=1))
            return clock.now()

        dear: Dear[Any] = Dear(clock)

        assert dear.ask("monday", count).answer < dear.ask("tuesday", count).answer


def test_the_account_of_the_header_is_the_setting(logged_in, world, settings):
    settings.ACCOUNT = "other"

    assert "NO ACCOUNT" in logged_in.get("/admin/").content.decode()
    assert django_settings.ACCOUNT == "other"


def test_an_old_heartbeat_is_no_trading(logged_in, world):
    type(world).objects.filter(pk=world.pk).update(
        heartbeat_at=world.heartbeat_at - timedelta(minutes=5)
    )

    told = logged_in.get("/admin/live/state/").json()

    assert told["cells"]["values"]["engine"]["text"] == "silent"
