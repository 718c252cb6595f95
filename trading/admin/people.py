"""Accounts, roles, and API tokens, in the portal's look."""

from collections.abc import Callable
from typing import Any, cast

import rest_framework.authtoken.admin  # noqa: F401 - registers a page, which is replaced below
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from rest_framework.authtoken.models import TokenProxy
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from polyarb_site import one_time_password
from polyarb_site.audit.recorder import record
from polyarb_site.templatetags import money
from trading.admin.base import PageAdmin, ReadOnlyAdmin
from trading.admin.cells import badge
from trading.wording import GOOD, QUIET, WARN, Wording

for _model in (User, Group, TokenProxy):
    admin.site.unregister(_model)


class AuditedAdmin(PageAdmin):
    """Every addition and change is recorded in the audit, in the transaction of the change."""

    kind = ""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record who was added, by whom."""
        return self._recorded("create", super().log_addition, request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record what was changed, by whom."""
        return self._recorded("change", super().log_change, request, obj, message)

    def facts(self, obj: Any) -> dict[str, Any]:
        """Return what the audit keeps of a row."""
        raise NotImplementedError

    def _recorded(
        self, what: str, log: Callable[..., Any], request: HttpRequest, obj: Any, message: Any
    ) -> Any:
        with transaction.atomic():
            entry = log(request, obj, message)
            record(
                f"{self.kind}.{what}",
                actor=cast(User, request.user),
                target=f"{self.kind}:{obj}",
                after={**self.facts(obj), "fields": str(entry.get_change_message())},
            )
        return entry


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[misc, type-arg]
    """Who may enter, and in which roles."""

    kind = "account"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "role_names", "state_badge", "last_seen", "email")
    list_filter = ("groups", "is_active", "is_superuser")
    list_filter_submit = True
    filter_horizontal = ()
    # Single permissions are left out: what a person may do is said by roles alone.
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return accounts with their roles."""
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.prefetch_related("groups")

    def facts(self, obj: User) -> dict[str, Any]:
        """Return the roles of the account, and whether it works."""
        return {
            "active": obj.is_active,
            "staff": obj.is_staff,
            "superuser": obj.is_superuser,
            "roles": sorted(obj.groups.values_list("name", flat=True)),
        }

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Let only a superuser make superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))
        if request.user.is_superuser:
            return fields
        return (*fields, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Let nobody but a superuser change one."""
        allowed = bool(super().has_change_permission(request, obj))
        return allowed and (obj is None or not obj.is_superuser or request.user.is_superuser)

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse: records name the account. Switch it off instead."""
        return False

    @display(description="roles")
    def role_names(self, row: User) -> str:
        """Return the roles."""
        names = [group.name for group in row.groups.all()]
        if row.is_superuser:
            names.insert(0, "superuser")
        return ", ".join(names) or "no role: may only halt"

    @display(description="state")
    def state_badge(self, row: User) -> SafeString:
        """Return whether the account works."""
        if not row.is_active:
            return badge(Wording("Switched off", "It cannot log in.", "", QUIET))
        if one_time_password.is_in_use(row):
            return badge(
                Wording("One-time password", "Its owner has yet to choose a password.", "", WARN)
            )
        return badge(Wording("Active", "It can log in.", "", GOOD))

    @display(description="last login", ordering="last_login")
    def last_seen(self, row: User) -> SafeString:
        """Return when it last logged in."""
        return money.utc(row.last_login, "it has never logged in")


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):  # type: ignore[misc]
    """The roles. Which permissions each has is seeded from the code."""

    kind = "role"
    list_display = ("name", "people")
    filter_horizontal = ()

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Refuse: seeding makes the roles, and each is somebody's way in."""
        return False

    def facts(self, obj: Group) -> dict[str, Any]:
        """Return the permissions of the role."""
        return {"permissions": sorted(obj.permissions.values_list("codename", flat=True))}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Return roles with their members."""
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.prefetch_related("user_set")

    @display(description="people")
    def people(self, row: Group) -> str:
        """Return who has the role."""
        return ", ".join(sorted(user.username for user in row.user_set.all())) or "nobody"


@admin.register(TokenProxy)
class TokenAdmin(ReadOnlyAdmin):
    """Who has an API token, and since when. The token itself is shown once, where it is made."""

    list_display = ("owner", "since")
    list_display_links = None
    search_fields = ("user__username",)
    ordering = ("user__username",)
    list_select_related = ("user",)
    fields = ("owner", "since")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let the list be seen; one token's page would have its hash in the address."""
        return obj is None and bool(super().has_view_permission(request))

    @display(description="account", ordering="user__username")
    def owner(self, row: Any) -> str:
        """Return whose it is."""
        return str(row.user)

    @display(description="since", ordering="created")
    def since(self, row: Any) -> SafeString:
        """Return when it was made."""
        return money.utc(row.created)
