"""How a message leaves: over real sockets, to servers of this test on the loopback."""

import email
import hashlib
import hmac
import json
import socket
from email.policy import default

import pytest

from alerts.senders import SENDERS, Message, SendFailed, Sending, deadman
from alerts.senders.apprise_sender import NoService, service_name
from tests.alerts.telling import KEY
from tests.conftest import NOON
from tests.helpers.receivers import HttpReceiver, MailReceiver

FACTS = {
    "id": 7,
    "rule": "WS_DISCONNECTED",
    "name": "Feed",
    "level": "CRITICAL",
    "state": "FIRING",
    "account": "main",
    "label": "SHADOW",
    "value": "false",
    "bound": "ws_connected == false",
    "reason": "not connected for 10 s",
    "text": "not connected for 10 s",
    "since": NOON.isoformat(),
    "ended": "",
    "count": 1,
    "advice": "look at the venue",
    "done": "trading stopped in 212 ms",
    "acked_by": "",
    "note": "",
    "runbook": "/admin/runbook/#rule-ws_disconnected",
    "page": "/admin/alerts/alert/7/change/",
}


def message(**changes):
    given = {
        "number": 12,
        "key": "FIRING:3:abc",
        "kind": "FIRING",
        "level": "CRITICAL",
        "title": "[CRITICAL] WS_DISCONNECTED main (SHADOW): not connected",
        "body": "CRITICAL WS_DISCONNECTED: not connected",
        "payload": {"account": "main", "label": "SHADOW", "alerts": [FACTS]},
        "created_at": NOON,
        **changes,
    }
    return Message(**given)


def send(sender, address, *, timeout_s=5.0, **changes):
    sending = Sending(now=NOON, receiver="ops", portal_url="http://portal", timeout_s=timeout_s)
    SENDERS[sender](address, message(**changes), sending)


def failure(*arguments, **options):
    with pytest.raises(SendFailed) as caught:
        send(*arguments, **options)
    return caught.value


@pytest.fixture
def receiver():
    one = HttpReceiver()
    yield one
    one.close()


@pytest.fixture
def mail_server():
    one = MailReceiver()
    yield one
    one.close()


@pytest.fixture
def dead_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class TestWebhook:
    def test_is_signed_over_time_and_body(self, receiver):
        send("WEBHOOK", {"url": receiver.url, "key": KEY})
        (request,) = receiver.requests
        stamp = request.headers["X-PolyArb-Timestamp"]
        signed = hmac.new(KEY.encode(), f"{stamp}.".encode() + request.body, hashlib.sha256)
        assert request.headers["X-PolyArb-Signature"] == signed.hexdigest()
        assert int(stamp) == NOON.timestamp()

    def test_another_key_gives_another_signature(self, receiver):
        for key in (KEY, f"another {KEY}"):
            send("WEBHOOK", {"url": receiver.url, "key": key})
        one, other = (request.headers["X-PolyArb-Signature"] for request in receiver.requests)
        assert one != other

    def test_says_what_a_person_and_a_program_need(self, receiver):
        send("WEBHOOK", {"url": receiver.url, "key": KEY}, repeated=True)
        body = receiver.requests[0].json
        assert body["alerts"] == [FACTS]
        assert body["key"] == receiver.requests[0].headers["X-PolyArb-Delivery"]
        assert (body["kind"], body["repeated"], body["version"]) == ("FIRING", True, 1)

    @pytest.mark.parametrize("status", [200, 201, 202, 204])
    def test_l5_every_2xx_is_a_success(self, receiver, status):
        receiver.status, receiver.answer = status, b""
        send("WEBHOOK", {"url": receiver.url, "key": KEY})

    @pytest.mark.parametrize(
        ("status", "permanent"),
        [
            (301, True),
            (400, True),
            (401, True),
            (404, True),
            (410, True),
            (408, False),
            (425, False),
            (429, False),
            (500, False),
            (503, False),
        ],
    )
    def test_what_is_tried_again_and_what_is_not(self, receiver, status, permanent):
        receiver.status = status
        receiver.headers = {"Location": "http://127.0.0.1:1/"}
        failed = failure("WEBHOOK", {"url": receiver.url, "key": KEY})
        assert failed.permanent is permanent
        assert str(status) in failed.text
        assert len(receiver.requests) == 1  # a redirect is not followed

    def test_it_waits_as_long_as_it_is_asked_to(self, receiver):
        receiver.status, receiver.headers = 429, {"Retry-After": "90"}
        assert failure("WEBHOOK", {"url": receiver.url, "key": KEY}).after_s == 90

    def test_a_receiver_that_hangs_ends_at_the_time_out_and_may_have_it(self, receiver):
        receiver.hold.clear()
        failed = failure("WEBHOOK", {"url": receiver.url, "key": KEY}, timeout_s=0.2)
        assert (failed.permanent, failed.may_have_arrived) == (False, True)
        assert "0.2 s" in failed.text

    def test_a_port_where_nobody_listens_surely_has_nothing(self, dead_port):
        url = f"http://127.0.0.1:{dead_port}/hook"
        failed = failure("WEBHOOK", {"url": url, "key": KEY})
        assert (failed.permanent, failed.may_have_arrived) == (False, False)

    def test_an_endless_answer_is_not_read(self, receiver):
        receiver.answer = b"x" * 5_000_000
        send("WEBHOOK", {"url": receiver.url, "key": KEY})
        receiver.status = 500
        failure("WEBHOOK", {"url": receiver.url, "key": KEY})

    def test_a_failure_says_nothing_of_address_and_answer(self, receiver):
        receiver.status, receiver.answer = 403, b"the token canary-1 is bad"
        url = f"{receiver.url}/canary-2?key=canary-3"
        assert "canary" not in failure("WEBHOOK", {"url": url, "key": KEY}).text


class TestAlertmanager:
    def test_has_the_shape_of_version_4(self, receiver):
        send("ALERTMANAGER", {"url": receiver.url})
        body = receiver.requests[0].json
        assert set(body) == {
            *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels"),
            *("commonLabels", "commonAnnotations", "externalURL", "alerts"),
        }
        assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "ops")
        assert body["truncatedAlerts"] == 0
        (one,) = body["alerts"]
        assert set(one) == {
            *("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL"),
            "fingerprint",
        }
        assert one["labels"]["alertname"] == "WS_DISCONNECTED"
        assert one["endsAt"] == "0001-01-01T00:00:00Z"
        assert one["annotations"]["runbook_url"].startswith("http://portal/admin/runbook/")

    def test_what_ended_has_an_end_and_the_same_fingerprint(self, receiver):
        send("ALERTMANAGER", {"url": receiver.url})
        ended = {**FACTS, "state": "RESOLVED", "ended": NOON.isoformat()}
        payload = {"account": "main", "label": "SHADOW", "alerts": [ended]}
        send("ALERTMANAGER", {"url": receiver.url}, kind="RESOLVED", payload=payload)
        first, second = (request.json for request in receiver.requests)
        assert second["status"] == "resolved"
        assert second["alerts"][0]["endsAt"] == NOON.isoformat()
        assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]

    def test_common_is_only_what_all_have(self, receiver):
        other = {**FACTS, "rule": "LEG_EXPOSED"}
        payload = {"account": "main", "label": "SHADOW", "alerts": [FACTS, other]}
        send("ALERTMANAGER", {"url": receiver.url}, payload=payload)
        common = receiver.requests[0].json["commonLabels"]
        assert common == {"severity": "critical", "account": "main", "environment": "SHADOW"}

    def test_a_key_signs_it_and_none_does_not(self, receiver):
        send("ALERTMANAGER", {"url": receiver.url, "key": KEY})
        send("ALERTMANAGER", {"url": receiver.url})
        signed = ["X-PolyArb-Signature" in request.headers for request in receiver.requests]
        assert signed == [True, False]

    def test_a_test_message_is_an_alert_too(self, receiver):
        payload = {"account": "", "label": "", "alerts": []}
        send("ALERTMANAGER", {"url": receiver.url}, kind="TEST", level="INFO", payload=payload)
        assert receiver.requests[0].json["alerts"][0]["labels"]["alertname"] == "PolyArbTest"


class TestMail:
    def address(self, server, **changes):
        return {
            "host": "127.0.0.1",
            "port": server.port,
            "security": "NONE",
            "user": "",
            "password": "",
            "from": "portal@example.org",
            "to": ["ops@example.org", "boss@example.org"],
            **changes,
        }

    def test_reaches_all_recipients(self, mail_server):
        send("EMAIL", self.address(mail_server))
        (mail,) = mail_server.mails
        parsed = email.message_from_string(mail.data, policy=default)
        assert parsed["Subject"] == "[CRITICAL] WS_DISCONNECTED main (SHADOW): not connected"
        assert len(mail.recipients) == 2
        assert "CRITICAL WS_DISCONNECTED" in parsed.get_content()

    def test_sent_again_it_is_the_same_message(self, mail_server):
        for _ in range(2):
            send("EMAIL", self.address(mail_server))
        first, second = (
            email.message_from_string(mail.data)["Message-ID"] for mail in mail_server.mails
        )
        assert first == second

    def test_logs_in_when_there_is_a_user(self, mail_server):
        send("EMAIL", self.address(mail_server, user="otto", password="secret"))
        assert len(mail_server.logins) == 1

    def test_a_line_break_in_a_title_adds_no_header(self, mail_server):
        send("EMAIL", self.address(mail_server), title="[CRITICAL] a\r\nBcc: x@example.org")
        parsed = email.message_from_string(mail_server.mails[0].data, policy=default)
        assert parsed["Bcc"] is None

    @pytest.mark.parametrize(
        ("refuse", "permanent"),
        [
            ({"MAIL": "451 later"}, False),
            ({"RCPT": "550 unknown"}, True),
            ({"RCPT": "450 later"}, False),
            ({"BODY": "554 spam"}, True),
            ({"EHLO": "421 busy", "HELO": "421 busy"}, False),
        ],
    )
    def test_what_is_tried_again_and_what_is_not(self, mail_server, refuse, permanent):
        mail_server.refuse = refuse
        assert failure("EMAIL", self.address(mail_server)).permanent is permanent

    def test_a_wrong_password_waits_for_somebody_to_mend_it(self, mail_server):
        mail_server.refuse = {"AUTH": "535 canary is wrong"}
        address = self.address(mail_server, user="otto", password="canary")
        failed = failure("EMAIL", address)
        assert (failed.permanent, "canary" in failed.text) == (False, False)

    def test_no_starttls_means_no_mail(self, mail_server):
        failed = failure("EMAIL", self.address(mail_server, security="STARTTLS"))
        assert (failed.permanent, mail_server.mails) == (False, [])

    def test_no_server(self, dead_port, mail_server):
        failed = failure("EMAIL", self.address(mail_server, port=dead_port))
        assert (failed.permanent, failed.may_have_arrived) == (False, False)


class TestApprise:
    def url(self, receiver):
        return {"url": f"json://127.0.0.1:{receiver.port}/canary"}

    def test_hands_over_title_and_text(self, receiver):
        send("APPRISE", self.url(receiver))
        body = json.loads(receiver.requests[0].body)
        assert body["title"].startswith("[CRITICAL] WS_DISCONNECTED")
        assert (body["type"], body["message"]) == (
            "failure",
            "CRITICAL WS_DISCONNECTED: not connected",
        )

    def test_a_long_text_is_cut(self, receiver):
        send("APPRISE", self.url(receiver), body="x" * 9_000)
        assert len(json.loads(receiver.requests[0].body)["message"]) == 1_500

    def test_a_refusal_is_tried_again_and_says_no_address(self, receiver, caplog):
        receiver.status = 500
        failed = failure("APPRISE", self.url(receiver))
        assert (failed.permanent, failed.may_have_arrived) == (False, True)
        assert "canary" not in failed.text + caplog.text

    def test_a_service_that_hangs_ends_at_the_time_out(self, receiver):
        receiver.hold.clear()
        failure("APPRISE", self.url(receiver), timeout_s=0.2)

    @pytest.mark.parametrize(
        "url", ["nothing://x", "", "syslog://", "dbus://", "json://a,json://b", "no address"]
    )
    def test_what_it_does_not_take(self, url):
        with pytest.raises(NoService):
            service_name(url)

    def test_the_usual_services_are_known(self):
        for url, name in (
            ("tgram://123456789:abcdefg_hijklmnop/12315544/", "Telegram"),
            ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "Slack"),
            ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/", "Discord"),
            ("wecombot://0123456789", "WeCom Bot"),
            ("dingtalk://a123456789/13800138000", "DingTalk"),
        ):
            assert service_name(url) == name


class TestDeadMan:
    def test_asks_for_the_address(self, receiver):
        deadman.ping(receiver.url)
        assert receiver.requests[0].method == "GET"

    def test_a_failure_does_not_hold_the_address(self, receiver):
        receiver.status = 404
        with pytest.raises(SendFailed) as caught:
            deadman.ping(f"{receiver.url}/canary")
        assert "canary" not in str(caught.value)
