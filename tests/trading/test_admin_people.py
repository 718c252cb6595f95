"""Accounts and roles: what an admin may do with them, and that each change is audited."""

from django.contrib.auth.models import Group
from django.urls import reverse

from polyarb_site.audit.models import AuditEvent
from tests.helpers import admin_pages as pages

PASSWORD = "correct horse battery"


def test_a_role_that_is_given_is_recorded_with_who_gave_it(client, admin_user, viewer):
    client.force_login(admin_user)
    operator = Group.objects.get(name="operator")

    client.post(
        pages.page_of("user", viewer.pk, "auth"),
        {"username": "vera", "is_active": "on", "is_staff": "on", "groups": [operator.pk]},
    )

    event = AuditEvent.objects.get(action="account.change")
    assert event.actor_name == "adam"
    assert event.target == "account:vera"
    assert event.after is not None
    assert event.after["roles"] == ["operator"]


def test_a_new_account_is_recorded_without_its_password(client, admin_user):
    client.force_login(admin_user)

    client.post(
        reverse("admin:auth_user_add"),
        {
            "username": "nina",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )

    event = AuditEvent.objects.get(action="account.create")
    assert event.target == "account:nina"
    assert PASSWORD not in str(event.after)


def test_a_new_password_is_recorded_without_it(client, admin_user, viewer):
    client.force_login(admin_user)

    client.post(
        reverse("admin:auth_user_password_change", args=[viewer.pk]),
        {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD},
    )

    event = AuditEvent.objects.get(action="account.change")
    assert PASSWORD not in str(event.after)


def test_nobody_sees_a_field_of_single_permissions(client, admin_user, viewer):
    client.force_login(admin_user)

    text = client.get(pages.page_of("user", viewer.pk, "auth")).content.decode()

    assert "user_permissions" not in text
    assert 'name="groups"' in text
