"""The audit of logins, and the audit as people read it."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_login_failed

from polyarb_site.audit import logins
from polyarb_site.audit.diff import changes
from polyarb_site.audit.models import AuditEvent
from tests.helpers.audit import KEY, chain, last_event, note


@pytest.mark.django_db
class TestLogins:
    def test_a_login_and_a_logout_are_recorded(self, client, django_user_model):
        user = django_user_model.objects.create_user("vera", password="correct horse 12")
        client.login(username="vera", password="correct horse 12")
        client.logout()

        rows = AuditEvent.objects.order_by("sequence")
        assert [(row.action, row.actor, row.target) for row in rows] == [
            ("login.done", user, "vera"),
            ("login.ended", user, "vera"),
        ]

    def test_a_failure_is_recorded_without_the_password(self, client, django_user_model):
        django_user_model.objects.create_user("vera", password="correct horse 12")
        client.post("/admin/login/", {"username": "vera", "password": "wrong horse 12"})

        event = AuditEvent.objects.get()
        assert (event.action, event.actor, event.actor_name) == ("login.failed", None, "vera")
        assert event.after == {"address": "127.0.0.1"}
        assert "wrong horse" not in repr(AuditEvent.objects.values().get())

    def test_a_key_typed_into_the_name_is_masked(self, db):
        authenticate(username=KEY, password="x")

        assert KEY not in repr(AuditEvent.objects.values().get())

    def test_a_flood_of_failures_does_not_fill_the_disk(self, db):
        for number in range(logins.FAILURES_MAX + 5):
            # The signal alone: what authenticate() adds is hashing passwords.
            user_login_failed.send(sender=__name__, credentials={"username": f"user{number}"})

        assert AuditEvent.objects.count() == logins.FAILURES_MAX
        assert "not recorded" in last_event().reason

    def test_the_chain_holds_after_them(self, client, viewer):
        client.force_login(viewer)
        client.logout()
        authenticate(username="x", password="y")

        assert chain().checked == 3
        assert chain().broken is None


class TestDiff:
    def test_shows_only_what_differs_by_path(self):
        before = {"halted": False, "profile": {"revision": 1, "name": "a"}, "same": 1}
        after = {"halted": True, "profile": {"revision": 2, "name": "a"}, "same": 1, "new": [1]}
        found = [(change.path, change.before, change.after) for change in changes(before, after)]

        assert found == [
            ("halted", "no", "yes"),
            ("profile.revision", "1", "2"),
            ("new[0]", None, "1"),
        ]

    def test_nothing_on_either_side_is_no_change(self):
        assert changes(None, None) == []
        assert changes({"a": None}, {}) == []


@pytest.mark.django_db
class TestAdmin:
    URL = "/admin/audit/auditevent/"

    def test_shows_the_list_and_a_record_to_a_viewer(self, client, viewer):
        event = note(
            reason="odd fills", before={"halted": False}, after={"halted": True, "by": "<script>"}
        )
        client.force_login(viewer)
        page = client.get(self.URL).content.decode()
        record_page = client.get(f"{self.URL}{event.pk}/change/").content.decode()

        assert "odd fills" in page
        assert "halted: no → yes" in page
        assert event.sha256 in record_page
        assert "<script></td>" not in record_page
        assert "&lt;script&gt;" in record_page

    @pytest.mark.parametrize("role", ["viewer", "admin_user"])
    def test_nobody_can_change_anything_there(self, client, role, request):
        event = note(reason="odd fills")
        client.force_login(request.getfixturevalue(role))

        assert client.get(f"{self.URL}add/").status_code == 403
        assert client.get(f"{self.URL}{event.pk}/delete/").status_code == 403
        answer = client.post(f"{self.URL}{event.pk}/change/", {"reason": "nicer"})
        assert answer.status_code == 403
        answer = client.post(
            self.URL, {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"}
        )
        assert AuditEvent.objects.get(pk=event.pk).reason == "odd fills"

    def test_filters_by_action_and_time_and_searches(self, client, viewer):
        note("a.done", reason="alpha")
        note("b.done", reason="beta")
        client.force_login(viewer)

        page = client.get(self.URL, {"action": "a.done"}).content.decode()
        assert "alpha" in page
        assert "beta" not in page
        page = client.get(self.URL, {"q": "beta"}).content.decode()
        assert "alpha" not in page
