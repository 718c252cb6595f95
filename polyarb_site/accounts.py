"""The first account of an installation. All others are made in the admin."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from polyarb_site import one_time_password
from polyarb_site.audit.recorder import record


class AccountExistsError(Exception):
    """The name is taken by an account that is no superuser."""


def first_admin(username: str, *, by_name: str, at: datetime) -> str | None:
    """Make a superuser and return its one-time password, or None when there is a superuser.

    The password is nowhere but in the answer: show it once. It lets its owner choose another.
    Raises AccountExistsError for a name that another account has.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    user = User(username=username, is_staff=True, is_superuser=True)
    password = one_time_password.give(user)
    try:
        with transaction.atomic():
            user.save()
            record(
                "account.create",
                actor=None,
                actor_name=by_name,
                target=f"account:{username}",
                reason="no superuser existed",
                after={"superuser": True, "must_choose_password": True},
                at=at,
            )
    except IntegrityError as error:
        raise AccountExistsError(username) from error
    return password
