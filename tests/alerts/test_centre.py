"""The alert centre's first tab and the page of one alert, without a browser."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alerts.models import Alert, AlertMove
from alerts.selectors.timeline import PAGE_ROWS
from tests.alerts.pages import CENTRE, text
from tests.browser.alerting import STOP, end, fire
from tests.helpers.admin_pages import HOSTILE

pytestmark = pytest.mark.django_db

TABS = (CENTRE, *(f"{CENTRE}{tab}/" for tab in ("rules", "silences", "channels", "deliveries")))
QUERIES_MAX = 45


@pytest.fixture
def firing(watched, now):
    """A CRITICAL that fires, with its measured stop."""
    return Alert.objects.get(pk=fire("WS_DISCONNECTED", now, evidence=STOP, notified_at=now))


def act(client, alert, name, said="", **more):
    return client.post(reverse("alerts:act", args=[alert.pk, name]), {"text": said}, **more)


class TestWhoSeesIt:
    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin_user"])
    def test_every_role_sees_every_tab_with_alerts_and_without(self, client, request, role, now):
        client.force_login(request.getfixturevalue(role))
        for tab in TABS:
            assert client.get(tab).status_code == 200, tab
        request.getfixturevalue("firing")
        for tab in TABS:
            assert client.get(tab).status_code == 200, tab

    def test_who_may_not_see_alerts_is_refused(self, client, django_user_model, rules):
        user = django_user_model.objects.create(username="bea", password="!", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_mandate"))
        client.force_login(user)

        for tab in (*TABS, f"{CENTRE}live/", f"{CENTRE}critical/", f"{CENTRE}charts/"):
            assert client.get(tab).status_code == 403, tab

    def test_without_an_account_there_is_a_login(self, client, rules):
        assert client.get(CENTRE).status_code == 302

    def test_it_is_in_the_sidebar_and_in_the_keyboard_list(self, seen, watched):
        page = text(seen.get("/admin/"))

        assert 'data-cell="alerts_nav"' in page
        assert f'<a href="{CENTRE}" data-key="a">' in page

    def test_it_has_no_script_of_its_own_inside(self, seen, firing):
        for tab in (*TABS, f"{CENTRE}{firing.pk}/", f"{CENTRE}rules/WS_DISCONNECTED/edit/"):
            page = text(seen.get(tab))
            inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", page)
            assert all('type="application/json"' in attributes for attributes in inline), tab
            assert not re.search(r"\son(click|load|error|submit)=", page), tab


class TestWhatFires:
    def test_nothing_is_said_with_when_it_was_judged(self, seen, watched):
        assert "Every rule was judged within the last seconds" in text(seen.get(CENTRE))

    def test_that_nobody_watches_is_said_and_no_calm(self, seen, rules, mandate):
        page = text(seen.get(CENTRE))

        assert "Nobody is watching: no rule has been judged yet" in page
        assert "Nothing fires.</strong>" not in page

    def test_the_gravest_comes_first_and_the_acknowledged_after_what_nobody_has(
        self, seen, watched, now
    ):
        fire("LOW_BALANCE", now)
        acked = fire("LATENCY_P95_HIGH", now, state="ACKED", acked_by="otto", acked_at=now)
        fire("WS_DISCONNECTED", now - timedelta(hours=1))

        page = text(seen.get(CENTRE))

        shown = re.findall(r'data-alert="(\d+)" data-level="(\w+)"', page)
        assert [level for _, level in shown] == ["critical", "warning", "warning"]
        assert shown[-1][0] == str(acked)

    def test_a_card_says_what_the_system_did(self, seen, firing):
        page = text(seen.get(CENTRE))

        assert "Trading stopped in 212 ms, 3 open orders followed to their end" in page
        assert "People were told at" in page
        assert "bad when ws_connected == false" in page
        assert "/admin/runbook/#rule-ws_disconnected" in page

    def test_a_critical_without_a_stop_says_so(self, seen, watched, now):
        fire("WS_DISCONNECTED", now)

        assert "No stop of trading is recorded for it" in text(seen.get(CENTRE))

    def test_what_is_muted_says_by_what(self, seen, watched, now):
        fire("LOW_BALANCE", now, muted_by="inhibited by ENGINE_STALE", suppressed=2)

        page = text(seen.get(CENTRE))

        assert "Nobody is told: inhibited by ENGINE_STALE, 2 messages held back" in page

    def test_what_is_not_known_says_why(self, seen, watched, now):
        fire("BACKUP_OVERDUE", now, unknown=True)

        assert "Backup_age is not known: no value for 900 s" in text(seen.get(CENTRE))

    def test_what_builds_up_and_what_just_ended_stand_below(self, seen, watched, now):
        fire("LOW_BALANCE", now, state="PENDING", fired_at=None, count=0)
        end(fire("LATENCY_P95_HIGH", now), now)

        page = text(seen.get(CENTRE))

        assert "Building up" in page
        assert "Ended within the last ten minutes" in page

    def test_what_was_typed_anywhere_is_text(self, seen, watched, now):
        fire("LOW_BALANCE", now, state="ACKED", acked_by=HOSTILE[:150], ack_comment=HOSTILE,
             reason=HOSTILE, value=HOSTILE[:100], muted_by=HOSTILE)  # fmt: skip

        page = text(seen.get(CENTRE))

        assert "<script>alert" not in page
        assert "<img src=x" not in page

    def test_the_number_of_queries_does_not_grow_with_what_fires(self, seen, watched, now):
        fire("LOW_BALANCE", now)
        seen.get(CENTRE)
        with CaptureQueriesContext(connection) as few:
            seen.get(CENTRE)
        for rule in ("WS_DISCONNECTED", "LATENCY_P95_HIGH", "POSITION_LIMIT_NEAR"):
            fire(rule, now)
        with CaptureQueriesContext(connection) as many:
            seen.get(CENTRE)

        assert len(few) == len(many)
        assert len(many) <= QUERIES_MAX


class TestButtons:
    def test_a_viewer_is_told_which_role_may(self, seen, firing):
        page = text(seen.get(CENTRE))

        assert "Acknowledge: your account needs the role operator." in page
        assert "Silence: your account needs the role operator." in page
        assert "data-act-form" not in page

    def test_an_operator_is_told_why_it_cannot_be_resolved_yet(self, acting, firing):
        page = text(acting.get(CENTRE))

        assert "Resolve: its condition still holds" in page
        assert reverse("alerts:act", args=[firing.pk, "ack"]) in page

    def test_once_the_condition_ended_it_can_be_resolved(self, acting, firing, now):
        Alert.objects.update(quiet_since=now)

        assert reverse("alerts:act", args=[firing.pk, "resolve"]) in text(acting.get(CENTRE))

    def test_every_disabled_button_says_why(self, seen, firing):
        for tab in (*TABS, f"{CENTRE}{firing.pk}/", f"{CENTRE}rules/LOW_BALANCE/edit/",
                    f"{CENTRE}channels/new/"):  # fmt: skip
            page = text(seen.get(tab))
            disabled = re.findall(r"<button[^>]* disabled[^>]*>", page)
            described = [re.search(r'aria-describedby="([^"]+)"', button) for button in disabled]
            assert disabled or tab.endswith("deliveries/"), tab
            assert all(described), (tab, disabled)
            assert all(f'id="{one.group(1)}"' in page for one in described), tab


class TestActing:
    def test_acknowledging_takes_a_comment_and_goes_back(self, acting, firing):
        answer = act(acting, firing, "ack", "looking at it")

        assert answer.status_code == 302
        firing.refresh_from_db()
        assert (firing.state, firing.acked_by, firing.ack_comment) == (
            "ACKED", "otto", "looking at it",
        )  # fmt: skip
        assert "“looking at it”" in text(acting.get(CENTRE))

    def test_without_a_comment_it_says_what_is_missing_and_changes_nothing(self, acting, firing):
        answer = act(acting, firing, "ack", "  ")

        assert answer.status_code == 400
        assert "Not done: acknowledging an alert needs a comment." in text(answer)
        firing.refresh_from_db()
        assert firing.state == "FIRING"

    def test_what_was_typed_is_kept_when_it_is_refused(self, acting, firing):
        answer = act(acting, firing, "resolve", "it is over, I am sure")

        assert answer.status_code == 409
        assert "its condition holds" in text(answer)
        assert "What you typed: “it is over, I am sure”" in text(answer)
        assert "it is over" not in text(acting.get(f"{CENTRE}{firing.pk}/"))

    def test_a_script_gets_the_refusal_where_it_asked(self, acting, firing):
        answer = act(acting, firing, "ack", "", headers={"accept": "application/json"})

        assert answer.status_code == 400
        assert answer.json()["done"] is False
        assert answer.json()["code"] == "COMMENT_MISSING"
        assert answer.json()["remedy"]

    def test_giving_back_resolving_and_commenting(self, acting, firing, now):
        json = {"headers": {"accept": "application/json"}}
        assert act(acting, firing, "ack", "mine", **json).json()["done"]
        assert act(acting, firing, "unack", "asleep", **json).json()["done"]
        assert act(acting, firing, "comment", "the router was restarted", **json).json()["done"]
        Alert.objects.update(quiet_since=now)
        assert act(acting, firing, "resolve", "a router", **json).json()["done"]

        firing.refresh_from_db()
        assert (firing.state, firing.resolve_note) == ("RESOLVED", "a router")
        page = text(acting.get(f"{CENTRE}{firing.pk}/"))
        for said in ("mine", "asleep", "the router was restarted", "a router"):
            assert said in page
        assert "lasted" in page

    def test_a_viewer_is_refused_by_the_service(self, seen, firing):
        assert act(seen, firing, "ack", "let me").status_code == 403
        firing.refresh_from_db()
        assert firing.state == "FIRING"

    def test_nothing_else_is_an_act(self, acting, firing):
        assert act(acting, firing, "explode", "x").status_code == 404
        assert acting.get(reverse("alerts:act", args=[firing.pk, "ack"])).status_code == 405
        assert acting.post(reverse("alerts:act", args=[9_999, "ack"])).status_code == 404

    @pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/admin/halt/"])
    def test_it_goes_back_to_the_centre_alone(self, acting, firing, there):
        url = reverse("alerts:act", args=[firing.pk, "ack"])

        answer = acting.post(url, {"text": "mine", "next": there})

        assert answer["Location"] == f"{CENTRE}{firing.pk}/"

    def test_an_alert_of_another_account_is_not_there(self, acting, firing):
        Alert.objects.update(account="other")

        assert acting.get(f"{CENTRE}{firing.pk}/").status_code == 404


class TestTheTimeline:
    @pytest.fixture
    def moves(self, watched, now):
        for hours in (50, 3):
            number = fire("LOW_BALANCE", now - timedelta(hours=hours))
            end(number, now - timedelta(hours=hours - 1))
        fire("TRADE_EXECUTED", now)

    def shown(self, client, query=""):
        return re.findall(r'<li data-key="m(\d+)"', text(client.get(f"{CENTRE}{query}")))

    def test_what_is_only_recorded_is_left_out_until_it_is_asked_for(self, seen, moves):
        assert len(self.shown(seen)) == 4
        assert len(self.shown(seen, "?level=")) == 5
        assert len(self.shown(seen, "?level=INFO")) == 1

    @pytest.mark.parametrize(
        ("query", "count"),
        [("?rule=LOW_BALANCE", 4), ("?rule=WS_DISCONNECTED", 0), ("?state=RESOLVED", 2),
         ("?span=24h", 2), ("?span=7d&state=FIRING", 2), ("?who=alert+rules", 4), ("?who=otto", 0),
         ("?level=nonsense&state=x&span=y&before=-1", 4), ("?before=abc", 4)],
    )  # fmt: skip
    def test_filters(self, seen, moves, query, count):
        assert len(self.shown(seen, query)) == count

    def test_pages_by_key_show_each_move_once(self, seen, firing, now):
        AlertMove.objects.bulk_create(
            AlertMove(alert=firing, sequence=number, state_from="FIRING", state_to="FIRING",
                      at=now, by_name="otto", comment=f"line {number}")
            for number in range(2, 2 * PAGE_ROWS + 5)
        )  # fmt: skip
        found, query = [], "?who=otto"
        for _ in range(4):
            page = text(seen.get(f"{CENTRE}{query}"))
            found += re.findall(r'<li data-key="m(\d+)"', page)
            older = re.search(r'href="(\?[^"]*before=\d+)">Older', page)
            if older is None:
                break
            query = older.group(1).replace("&amp;", "&")

        assert len(found) == len(set(found)) == 2 * PAGE_ROWS + 3
        assert found == sorted(found, key=int, reverse=True)

    def test_no_moves_teach_what_will_be_there(self, seen, watched):
        assert "No alert has moved yet." in text(seen.get(CENTRE))
        assert "No move fits these filters." in text(seen.get(f"{CENTRE}?who=nobody"))


class TestWhatPagesFetch:
    def test_the_parts_are_those_of_the_page(self, acting, firing):
        told = acting.get(f"{CENTRE}live/").json()

        assert f'data-alert="{firing.pk}"' in told["firing"]
        assert "Market feed disconnected" in told["timeline"]
        assert told["now_ms"] > 0
        assert "csrfmiddlewaretoken" in told["firing"]  # its forms work without a reload

    def test_the_filters_of_the_page_are_kept(self, seen, firing):
        told = seen.get(f"{CENTRE}live/?rule=LOW_BALANCE").json()

        assert "Market feed disconnected" not in told["timeline"]

    def test_of_one_alert(self, seen, firing):
        told = seen.get(f"{CENTRE}{firing.pk}/live/").json()

        assert set(told) == {"alert", "history", "facts", "now_ms"}
        assert f'data-alert="{firing.pk}"' in told["alert"]

    def test_what_is_critical_now_for_who_missed_it(self, seen, firing, now):
        fire("LOW_BALANCE", now)

        (told,) = seen.get(f"{CENTRE}critical/").json()["alerts"]

        assert told["what"] == "alert.firing"
        assert (told["alert"], told["count"], told["level"]) == (firing.pk, 1, "CRITICAL")
