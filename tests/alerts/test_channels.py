"""Channels are saved, changed, removed and tested; their addresses are never shown again."""

import stat

import pytest

from alerts.models import Channel, Delivery
from alerts.senders.secrets import KeyProblem, SecretBox
from alerts.services import channels
from alerts.services.addresses import box
from polyarb_site.audit.models import AuditEvent
from tests.alerts.telling import KEY, at, channel, delivery
from tests.conftest import NOON
from trading.services import Invalid, NotFound, NotPermitted, ServiceRefused

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/canary"
MAIL = {
    "host": "smtp.example.org",
    "port": 465,
    "security": "TLS",
    "user": "portal",
    "password": "canary",
    "from": "portal@example.org",
    "to": ["canary@example.org"],
}


def save(by, name="ops", **values):
    given = {"kind": "WEBHOOK", "address": {"url": URL, "key": KEY}, "at": NOON, **values}
    return channels.save_channel(name, by=by, **given)


class TestSaving:
    def test_keeps_the_address_encrypted_and_shows_its_host(self, admin_user):
        row = save(admin_user)
        assert row.shown == "https://hooks.example.org/..."
        assert "canary" not in row.secret
        assert box().open(row.secret) == {"url": URL, "key": KEY}

    def test_is_recorded_without_the_address(self, admin_user):
        save(admin_user)
        save(admin_user, address={"url": f"{URL}2", "key": KEY}, level_min="CRITICAL")
        first, second = AuditEvent.objects.order_by("sequence")
        assert (first.action, second.action) == ("channel.add", "channel.change")
        assert second.before["level_min"] == "WARNING"
        assert second.after["level_min"] == "CRITICAL"
        assert "canary" not in repr([first.after, second.before, second.after])

    def test_without_an_address_keeps_the_old_one(self, admin_user):
        before = save(admin_user)
        after = save(admin_user, address="", tier=2)
        assert (after.pk, after.secret, after.tier) == (before.pk, before.secret, 2)

    def test_a_new_one_needs_an_address_and_so_does_another_kind(self, admin_user):
        with pytest.raises(Invalid, match="address is missing"):
            save(admin_user, address="")
        save(admin_user)
        with pytest.raises(Invalid, match="address is missing"):
            save(admin_user, address="", kind="ALERTMANAGER")

    @pytest.mark.parametrize(
        ("kind", "address", "shown"),
        [
            ("ALERTMANAGER", "http://u:canary@h:9093/x", "http://h:9093/..."),
            ("EMAIL", MAIL, "...@example.org by smtp.example.org:465"),
            ("APPRISE", "tgram://123456789:canary_canary/12315544/", "Telegram (tgram://...)"),
        ],
    )
    def test_each_kind_shows_only_what_may_be_seen(self, admin_user, kind, address, shown):
        row = save(admin_user, kind=kind, address=address)
        assert row.shown == shown

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"kind": "PIGEON"}, "kind"),
            ({"level_min": "LOUD"}, "level_min"),
            ({"tier": 0}, "tier"),
            ({"name": " "}, "name"),
            ({"address": {"url": "ftp://canary", "key": KEY}}, "address.url"),
            ({"address": {"url": "http://[canary", "key": KEY}}, "address.url"),
            ({"address": {"url": URL, "key": "canary"}}, "address.key"),
            ({"address": URL}, "address.key"),
            ({"address": {"url": URL, "key": KEY, "canary": 1}}, "address holds"),
            ({"kind": "APPRISE", "address": "canary"}, "address.url"),
            ({"kind": "EMAIL", "address": {**MAIL, "port": 0}}, "address.port"),
            ({"kind": "EMAIL", "address": {**MAIL, "to": []}}, "address.to"),
            ({"kind": "EMAIL", "address": {**MAIL, "to": "canary"}}, "address.to"),
            ({"kind": "EMAIL", "address": {**MAIL, "from": "a b@c"}}, "address.from"),
            ({"kind": "EMAIL", "address": {**MAIL, "security": "x"}}, "address.security"),
            ({"kind": "EMAIL", "address": {**MAIL, "host": ""}}, "address.host"),
        ],
    )
    def test_a_bad_field_is_named_and_no_address_repeated(self, admin_user, values, field):
        with pytest.raises(Invalid) as caught:
            save(admin_user, **values)
        assert any(problem.startswith(field) for problem in caught.value.problems)
        assert "canary" not in str(caught.value)
        assert not Channel.objects.exists()

    def test_is_for_admins(self, operator):
        with pytest.raises(NotPermitted):
            save(operator)

    def test_switching_it_off_withdraws_what_waits(self, admin_user):
        row = save(admin_user)
        waiting = delivery(row)
        save(admin_user, enabled=False)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.outcome) == ("WITHDRAWN", "the channel was switched off")

    def test_a_new_address_is_tried_at_once(self, admin_user):
        row = save(admin_user)
        waiting = delivery(row, next_try_at=at(300))
        save(admin_user)
        waiting.refresh_from_db()
        assert waiting.next_try_at == NOON


class TestRemoving:
    def test_its_deliveries_stay_and_what_waits_is_withdrawn(self, admin_user):
        row = save(admin_user)
        delivery(row)
        channels.remove_channel(row, by=admin_user, reason="the room is closed", at=NOON)
        kept = Delivery.objects.get()
        assert (kept.channel, kept.channel_name, kept.state) == (None, "ops", "WITHDRAWN")
        assert AuditEvent.objects.order_by("sequence").last().action == "channel.remove"

    def test_needs_a_reason_and_happens_once(self, admin_user):
        row = save(admin_user)
        with pytest.raises(Invalid, match="reason"):
            channels.remove_channel(row, by=admin_user, reason=" ")
        channels.remove_channel(row, by=admin_user, reason="gone")
        with pytest.raises(NotFound):
            channels.remove_channel(row, by=admin_user, reason="gone")

    def test_is_for_admins(self, operator):
        with pytest.raises(NotPermitted):
            channels.remove_channel(channel(), by=operator, reason="gone")


class TestTesting:
    def test_queues_one_message_and_hurries_what_waits_before_it(self, admin_user):
        row = channel()
        before = delivery(row, next_try_at=at(300))
        made = channels.test_channel(row, by=admin_user, at=NOON)
        before.refresh_from_db()
        assert (made.kind, made.state, before.next_try_at) == ("TEST", "WAITING", NOON)
        assert AuditEvent.objects.get().action == "channel.test"

    def test_is_refused_while_one_waits_and_when_it_is_off(self, admin_user):
        row = channel()
        channels.test_channel(row, by=admin_user)
        with pytest.raises(ServiceRefused, match="not ended yet"):
            channels.test_channel(row, by=admin_user)
        Channel.objects.update(enabled=False)
        with pytest.raises(ServiceRefused, match="switched off"):
            channels.test_channel(row, by=admin_user)

    def test_can_be_done_again(self, admin_user):
        row = channel()
        for _ in range(2):
            made = channels.test_channel(row, by=admin_user)
            Delivery.objects.filter(pk=made.pk).update(state="SENT")
        assert Delivery.objects.count() == 2


class TestFinding:
    def test_by_number(self, db):
        row = channel()
        assert channels.find_channel(row.pk) == row

    @pytest.mark.parametrize("number", [0, -1, 404, 2**70])
    def test_nothing_is_a_refusal(self, number):
        with pytest.raises(NotFound):
            channels.find_channel(number)


class TestKeys:
    def test_the_file_is_made_once_for_its_owner_alone(self, tmp_path):
        file = tmp_path / "keys" / "channels.key"
        token = SecretBox(file).close({"url": "x"})
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert SecretBox(file).open(token) == {"url": "x"}

    def test_a_new_first_line_encrypts_and_the_old_one_still_reads(self, tmp_path):
        file, other = tmp_path / "a", tmp_path / "b"
        token = SecretBox(file).close({"url": "x"})
        SecretBox(other).close({})
        file.write_text(f"{other.read_text()}\n{file.read_text()}")
        assert SecretBox(file).open(token) == {"url": "x"}
        assert SecretBox(other).open(SecretBox(file).close({"url": "y"})) == {"url": "y"}

    def test_another_key_says_what_to_do(self, tmp_path):
        token = SecretBox(tmp_path / "a").close({"url": "canary"})
        with pytest.raises(KeyProblem, match="type it in again"):
            SecretBox(tmp_path / "b").open(token)

    @pytest.mark.parametrize("text", ["", "no key", "AAAA"])
    def test_a_damaged_file_says_what_to_do(self, tmp_path, text):
        (tmp_path / "a").write_text(text)
        with pytest.raises(KeyProblem, match="bring it back"):
            SecretBox(tmp_path / "a").close({})

    def test_without_a_key_a_channel_is_not_saved(self, admin_user, settings, tmp_path):
        settings.CHANNEL_KEY_FILE = tmp_path / "broken"
        settings.CHANNEL_KEY_FILE.write_text("no key")
        with pytest.raises(ServiceRefused, match="damaged"):
            save(admin_user)
