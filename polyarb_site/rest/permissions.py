"""The rules that views name: who may. They ask Django's permissions, which the roles carry."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q

from polyarb_site import roles


def may(permission: str) -> Callable[[Any], bool]:
    """Return the rule that an account has this permission, by "app.codename".

    The answer is that of `user.has_perm`, in one query instead of all permissions in two.
    """
    app, codename = permission.split(".")
    asked = Permission.objects.filter(codename=codename, content_type__app_label=app)

    def rule(user: Any) -> bool:
        if user.is_superuser or not user.is_active:
            return bool(user.is_superuser and user.is_active)
        return asked.filter(Q(group__user=user) | Q(user=user)).exists()

    return rule


def has_any_role(user: Any) -> bool:
    """Say whether the account has a role at all: without one it reads nothing, and may halt."""
    names = [role.value for role in roles.Role]
    return bool(user.is_superuser or user.groups.filter(name__in=names).exists())
