"""Silences, channels and deliveries in the alert centre, without a browser."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from alerts.models import Channel, Delivery, Silence
from alerts.selectors.deliveries import PAGE_ROWS
from polyarb_site.audit.models import AuditEvent
from tests.alerts.pages import CENTRE, errors, text
from tests.browser.alerting import fire

pytestmark = pytest.mark.django_db

SECRET = "https://hooks.example.com/services/T0P-S3CRET"
KEY = "a-key-of-thirty-two-characters-ab"


class TestSilences:
    url = f"{CENTRE}silences/add/"

    def test_from_the_card_of_an_alert(self, acting, watched):
        sent = {"kind": "SILENCE", "rule_ids": "LOW_BALANCE", "hours": "4", "reason": "deposit due"}

        assert acting.post(self.url, sent).status_code == 302

        row = Silence.objects.get()
        assert (row.rule_ids, row.account, row.created_by) == (["LOW_BALANCE"], "main", "otto")
        assert row.ends_at - row.starts_at == timedelta(hours=4)
        page = text(acting.get(f"{CENTRE}silences/"))
        assert "muting now" in page
        assert "deposit due" in page

    def test_a_window_that_comes_back(self, acting, watched):
        sent = {"kind": "MAINTENANCE", "weekdays": ["0", "2"], "from_time": "03:30",
                "minutes": "90",
                "hours": "720", "levels": ["WARNING"], "reason": "the venue restarts"}  # fmt: skip

        assert acting.post(self.url, sent).status_code == 302

        row = Silence.objects.get()
        assert (row.weekdays, row.from_minute, row.minutes) == ([0, 2], 210, 90)
        page = text(acting.get(f"{CENTRE}silences/"))
        assert "Mon, Wed 03:30 to 05:00 UTC," in page
        assert "Every rule (WARNING)" in page

    def test_each_mistake_is_said_at_its_field(self, acting, watched):
        sent = {"kind": "MAINTENANCE", "rule_ids": "NO_SUCH", "hours": "soon", "reason": "",
                "from_time": "25:99", "minutes": ""}  # fmt: skip

        answer = acting.post(self.url, sent)

        assert answer.status_code == 400
        assert set(errors(answer)) == {
            "rule_ids", "hours", "reason", "weekdays", "from_time", "minutes",
        }  # fmt: skip
        assert not Silence.objects.exists()

    def test_a_script_is_told_what_is_wrong(self, acting, watched):
        sent = {"kind": "SILENCE", "hours": "4", "reason": ""}

        answer = acting.post(self.url, sent, headers={"accept": "application/json"})

        assert answer.status_code == 400
        assert "reason is missing" in answer.json()["message"]

    def test_ending_one_needs_a_reason_and_moves_it_to_what_is_over(self, acting, watched):
        acting.post(self.url, {"kind": "SILENCE", "hours": "4", "reason": "deposit due"})
        url = reverse("alerts:silence_end", args=[Silence.objects.get().pk])

        assert acting.post(url, {"reason": " "}).status_code == 400
        assert acting.post(url, {"reason": "it came"}).status_code == 302

        page = text(acting.get(f"{CENTRE}silences/"))
        assert "ended by otto" in page
        assert "muting now" not in page
        assert acting.post(url, {"reason": "again"}).status_code == 409

    def test_a_viewer_may_not(self, client, viewer, watched):
        client.force_login(viewer)

        assert client.post(self.url, {"kind": "SILENCE", "hours": "4"}).status_code == 403
        assert "Adding: your account needs the role operator." in text(
            client.get(f"{CENTRE}silences/")
        )


class TestChannels:
    url = f"{CENTRE}channels/new/"
    sent = {"name": "desk", "kind": "WEBHOOK", "url": SECRET, "key": KEY, "enabled": "on",
            "level_min": "WARNING", "tier": "1", "tell_resolved": "on"}  # fmt: skip

    @pytest.fixture(autouse=True)
    def keys(self, settings, tmp_path):
        settings.CHANNEL_KEY_FILE = tmp_path / "channels.key"

    def test_what_was_typed_is_never_shown_again(self, ruling, watched):
        assert ruling.post(self.url, self.sent).status_code == 302

        row = Channel.objects.get()
        pages = [text(ruling.get(f"{CENTRE}{path}")) for path in (
            "channels/", f"channels/{row.pk}/", "deliveries/", "")]  # fmt: skip
        pages += [str(AuditEvent.objects.values_list()), row.secret]
        for hidden in ("T0P-S3CRET", KEY):
            assert not [page for page in pages if hidden in page]
        assert "https://hooks.example.com/..." in pages[0]
        assert "never tested" in pages[0]

    def test_nor_when_it_was_refused(self, ruling, watched):
        answer = ruling.post(self.url, {**self.sent, "key": "short-secret", "tier": "0"})

        assert answer.status_code == 400
        assert "short-secret" not in text(answer)
        assert SECRET not in text(answer)
        assert "tier" in errors(answer) or "key" in errors(answer)

    def test_a_mistake_of_the_address_is_said_at_its_field(self, ruling, watched):
        answer = ruling.post(self.url, {**self.sent, "url": "no address", "key": "short"})

        assert set(errors(answer)) == {"url", "key"}

    def test_an_empty_address_keeps_the_old_one(self, ruling, watched):
        ruling.post(self.url, self.sent)
        row = Channel.objects.get()

        changed = {**self.sent, "url": "", "key": "", "level_min": "CRITICAL", "tier": "2"}
        assert ruling.post(f"{CENTRE}channels/{row.pk}/", changed).status_code == 302

        after = Channel.objects.get()
        assert (after.secret, after.level_min, after.tier) == (row.secret, "CRITICAL", 2)

    def test_a_mail_channel(self, ruling, watched):
        mail = {"name": "mail", "kind": "EMAIL", "host": "mail.example.com", "port": "587",
                "security": "STARTTLS", "from": "polyarb@example.com", "to": "otto@example.com",
                "password": "very-secret", "enabled": "on", "level_min": "CRITICAL",
                "tier": "2"}  # fmt: skip

        answer = ruling.post(self.url, mail)

        assert answer.status_code == 302, errors(answer)
        assert "very-secret" not in text(ruling.get(f"{CENTRE}channels/"))

    def test_a_test_becomes_a_row_and_a_second_one_says_why_not(self, ruling, watched):
        ruling.post(self.url, self.sent)
        url = reverse("alerts:channel_act", args=[Channel.objects.get().pk, "test"])

        assert ruling.post(url)["Location"] == f"{CENTRE}deliveries/"
        assert Delivery.objects.get().kind == "TEST"
        assert "a test of desk has not ended yet" in text(ruling.post(url, follow=True))

    def test_removing_needs_a_reason(self, ruling, watched):
        ruling.post(self.url, self.sent)
        url = reverse("alerts:channel_act", args=[Channel.objects.get().pk, "remove"])

        assert "needs a reason" in text(ruling.post(url, {"reason": ""}, follow=True))
        ruling.post(url, {"reason": "we moved"})
        assert not Channel.objects.exists()

    def test_an_operator_sees_and_changes_nothing(self, acting, watched):
        assert acting.post(self.url, self.sent).status_code == 403
        assert "your account needs the role admin" in text(acting.get(f"{CENTRE}channels/"))
        assert not Channel.objects.exists()

    def test_how_each_does_is_said(self, acting, watched, now):
        values = {"kind": "WEBHOOK", "created_at": now, "changed_at": now}
        Channel.objects.create(name="off", enabled=False, **values)
        Channel.objects.create(name="works", tested_at=now, latency_ms=80, delivered_at=now,
                               **values)  # fmt: skip
        Channel.objects.create(name="fails", failing_since=now - timedelta(minutes=9),
                               problem="503 Service Unavailable", **values)  # fmt: skip

        page = text(acting.get(f"{CENTRE}channels/"))

        assert "failing for 9 min" in page
        assert "503 Service Unavailable" in page
        assert '<p class="pa-good">works</p>' in page
        assert '<p class="pa-quiet">off</p>' in page

    def test_none_teaches_what_it_is_for(self, acting, watched):
        assert "Nobody is told of anything yet." in text(acting.get(f"{CENTRE}channels/"))


class TestDeliveries:
    @pytest.fixture
    def sent(self, watched, now):
        def make(number, **changes):
            values = {
                "channel_name": "desk", "key": str(number), "kind": "FIRING", "state": "SENT",
                "level": "CRITICAL", "title": f"message {number}", "payload": {},
                "created_at": now - timedelta(minutes=5), "next_try_at": now, "expires_at": now,
            }  # fmt: skip
            return Delivery.objects.create(**{**values, **changes})

        return make

    def test_outcome_latency_next_try_and_doubt_are_said(self, acting, sent):
        sent(1, latency_ms=412, repeated=True)
        sent(2, state="WAITING", outcome="503 Service Unavailable", tries=3)

        page = text(acting.get(f"{CENTRE}deliveries/"))

        assert "412 ms" in page
        assert "maybe twice" in page
        assert "503 Service Unavailable" in page
        assert "try 4 at" in page
        assert "1 message waits for longer than a minute." in page

    @pytest.mark.parametrize(
        ("query", "count"),
        [("", 3), ("?state=SENT", 2), ("?kind=TEST", 1), ("?channel=phone", 1),
         ("?channel=desk&state=EXPIRED", 1), ("?state=x&kind=y&before=z", 3)],
    )  # fmt: skip
    def test_filters(self, acting, sent, query, count):
        sent(1)
        sent(2, kind="TEST", channel_name="phone")
        sent(3, state="EXPIRED")

        assert text(acting.get(f"{CENTRE}deliveries/{query}")).count("<strong>message") == count

    def test_pages_by_key(self, acting, sent):
        for number in range(PAGE_ROWS + 3):
            sent(number)

        first = text(acting.get(f"{CENTRE}deliveries/"))
        older = re.search(r'href="(\?before=\d+)">Older', first).group(1)
        second = text(acting.get(f"{CENTRE}deliveries/{older}"))

        found = re.findall(r"<strong>(message \d+)", first + second)
        assert len(found) == len(set(found)) == PAGE_ROWS + 3

    def test_those_of_an_alert_stand_on_its_page(self, acting, sent, now):
        number = fire("LOW_BALANCE", now - timedelta(minutes=6))
        sent(1, alert_ids=[number])
        sent(2, alert_ids=[number + 1])

        page = text(acting.get(f"{CENTRE}{number}/"))

        assert "message 1" in page
        assert "message 2" not in page
