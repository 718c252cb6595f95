"""The four roles and what each may."""

import pytest
from django.contrib.auth.models import Group, Permission

from polyarb_site.roles import (
    APPROVER_PERMISSIONS,
    OPERATOR_PERMISSIONS,
    Role,
    give_role,
    has_role,
    roles_of,
    seed_roles,
)

pytestmark = pytest.mark.django_db

CUSTOM = (
    "trading.start_shadow",
    "trading.stop_engine",
    "trading.resume_trading",
    "trading.reset_breaker",
    "trading.resolve_incident",
    "trading.save_profile",
    "trading.apply_profile",
    "trading.record_capital",
    "alerts.acknowledge_alert",
    "alerts.resolve_alert",
    "alerts.manage_silence",
    "reports.take_backup",
    "reports.restore_backup",
    "alerts.save_rule",
    "alerts.manage_channel",
    "reports.make_report",
    "trading.start_live",
    "checks.run_checks",
    "checks.attest",
    "checks.evaluate_criteria",
    "checks.request_promotion",
    "checks.approve_promotion",
    "checks.set_approvers",
    "checks.roll_back",
    "checks.run_drill",
)


class TestPermissions:
    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "admin_user"])
    def test_every_role_sees(self, role, request):
        user = request.getfixturevalue(role)

        for name in ("trading.view_mandate", "trading.view_profile", "audit.view_auditevent"):
            assert user.has_perm(name), name

    def test_who_has_no_role_sees_nothing(self, nobody):
        assert nobody.get_all_permissions() == set()

    def test_seeing_is_all_that_a_viewer_may(self, viewer):
        held = viewer.get_all_permissions()

        assert {name.partition(".")[2].partition("_")[0] for name in held} == {"view"}

    def test_an_approver_says_yes_or_no_and_neither_starts_nor_asks(self, approver):
        held = {name for name in approver.get_all_permissions() if ".view_" not in name}

        assert held == APPROVER_PERMISSIONS
        assert not held & {"trading.start_live", "checks.request_promotion"}

    def test_an_operator_runs_the_engine_and_configures_nothing(self, operator):
        held = {name for name in operator.get_all_permissions() if ".view_" not in name}

        assert held == OPERATOR_PERMISSIONS
        assert held < set(CUSTOM)

    def test_an_admin_may_everything(self, admin_user):
        assert all(admin_user.has_perm(name) for name in CUSTOM)
        assert admin_user.has_perm("auth.add_user")
        assert not admin_user.is_superuser

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
    def test_accounts_tokens_and_sessions_are_not_for_viewers(self, role, request):
        held = request.getfixturevalue(role).get_all_permissions()

        assert not [name for name in held if name.startswith(("auth", "sessions", "admin"))]

    def test_every_permission_that_a_role_names_exists(self, roles):
        names = {
            f"{row.content_type.app_label}.{row.codename}"
            for row in Permission.objects.select_related("content_type")
        }
        assert set(CUSTOM) <= names


class TestSeeding:
    def test_can_be_repeated(self, db):
        assert seed_roles() == ["viewer", "operator", "approver", "admin"]
        before = sorted(Group.objects.values_list("name", "permissions__codename"))

        assert seed_roles() == []
        assert sorted(Group.objects.values_list("name", "permissions__codename")) == before

    def test_takes_back_what_somebody_added_to_a_role(self, roles, viewer):
        extra = Permission.objects.get(codename="start_shadow")
        Group.objects.get(name="viewer").permissions.add(extra)
        seed_roles()

        assert not type(viewer).objects.get(pk=viewer.pk).has_perm("trading.start_shadow")


class TestHasRole:
    def test_each_has_its_own_and_no_other(self, viewer, operator, approver):
        assert roles_of(viewer) == [Role.VIEWER]
        assert roles_of(operator) == [Role.OPERATOR]
        assert roles_of(approver) == [Role.APPROVER]

    def test_an_admin_and_a_superuser_have_all(self, admin_user, django_user_model):
        root = django_user_model(username="root", is_superuser=True)

        assert roles_of(admin_user) == list(Role)
        assert roles_of(root) == list(Role)

    def test_one_person_can_have_two(self, operator):
        give_role(operator, Role.APPROVER)

        assert roles_of(operator) == [Role.OPERATOR, Role.APPROVER]

    def test_an_account_that_is_switched_off_has_none(self, admin_user):
        admin_user.is_active = False

        assert roles_of(admin_user) == []
        assert not has_role(admin_user, Role.VIEWER)

    def test_a_role_lets_into_the_admin_site(self, nobody):
        assert not nobody.is_staff
        give_role(nobody, Role.VIEWER)
        nobody.refresh_from_db()

        assert nobody.is_staff
