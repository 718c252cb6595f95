"""The four roles. A role is a Django group with these permissions, seeded by `manage.py seed`.

Each role but admin stands for itself: who approves does not also operate, unless somebody gives
both. Halting needs no role: everybody with an account may.
"""

from enum import StrEnum

from django.contrib.auth.models import Group, Permission, User


class Role(StrEnum):
    """What a person is in the portal for."""

    VIEWER = "viewer"  # sees everything, changes nothing
    OPERATOR = "operator"  # starts shadow, stops, resumes, acknowledges
    APPROVER = "approver"  # says yes or no to promotions
    ADMIN = "admin"  # everything, also accounts and configuration


# By "app.codename"; seeing is common to all roles and not listed.
OPERATOR_PERMISSIONS = frozenset(
    {
        "trading.start_shadow",
        "trading.stop_engine",
        "trading.resume_trading",
        "trading.reset_breaker",
        "trading.resolve_incident",
        "alerts.acknowledge_alert",
        "alerts.resolve_alert",
        "alerts.manage_silence",
        "reports.take_backup",
        "reports.make_report",
        "trading.start_live",
        "checks.run_checks",
        "checks.attest",
        "checks.evaluate_criteria",
        "checks.request_promotion",
        "checks.roll_back",
        "checks.run_drill",
    }
)
APPROVER_PERMISSIONS = frozenset(
    {
        "checks.approve_promotion",
        "checks.run_checks",
        "checks.attest",
        "checks.evaluate_criteria",
        "checks.roll_back",
    }
)
# Accounts and sessions are no facts about trading, and tokens are keys.
_NOT_FOR_VIEWERS = ("auth", "authtoken", "sessions", "contenttypes", "admin")


def seed_roles() -> list[str]:
    """Make the groups and give each its permissions, as often as asked. Return what was new."""
    made = []
    everything = list(
        Permission.objects.values_list("pk", "content_type__app_label", "codename").order_by("pk")
    )
    for role in Role:
        group, created = Group.objects.get_or_create(name=role.value)
        group.permissions.set([key for key, app, code in everything if _may(role, app, code)])
        if created:
            made.append(role.value)
    return made


def give_role(user: User, role: Role) -> None:
    """Put the user into the role's group and let them into the admin site."""
    user.groups.add(Group.objects.get(name=role.value))
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])


def has_role(user: User, role: Role) -> bool:
    """Return whether the user has this role. An admin has each of them."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    return user.groups.filter(name__in={role.value, Role.ADMIN.value}).exists()


def roles_of(user: User) -> list[Role]:
    """Return the user's roles in the order of Role."""
    return [role for role in Role if has_role(user, role)]


def _may(role: Role, app: str, codename: str) -> bool:
    """Return whether a role has the permission "app.codename"."""
    if role is Role.ADMIN:
        return True
    if role is Role.OPERATOR and f"{app}.{codename}" in OPERATOR_PERMISSIONS:
        return True
    if role is Role.APPROVER and f"{app}.{codename}" in APPROVER_PERMISSIONS:
        return True
    return codename.startswith("view_") and app not in _NOT_FOR_VIEWERS
