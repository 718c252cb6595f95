"""Who may come in, and what a person has stated about the wallet."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User

from checks.catalogue.base import (
    Category,
    Check,
    Priority,
    Scene,
    Seen,
    failed,
    passed,
    unknown,
    when_live,
)
from checks.models import Attestation
from checks.selectors.attestations import newest_attestation, valid_attestation
from polyarb_site import one_time_password

COMMON_PASSWORDS = ("admin", "password", "polyarb")
TRIED_MAX = 3  # superusers; a try takes as long as a login
SECRET_KEY_LENGTH_MIN = 40
TIME_MS = 6_500
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")


def dedicated_wallet(scene: Scene) -> Seen:
    """Ask for what a person has stated, and whether it still counts."""
    kind = Attestation.Kind.DEDICATED_WALLET
    found = valid_attestation(scene.account, kind, scene.now)
    if found is not None:
        return passed(
            f"stated by {found.by_name}, until {found.expires_at:%Y-%m-%d}",
            attestation=found.pk,
            by=found.by_name,
            at=found.at.isoformat(),
            expires_at=found.expires_at.isoformat(),
        )
    last = newest_attestation(scene.account, kind)
    if last is None:
        return failed("nobody has stated that the wallet is used for nothing else")
    word = "taken back" if last.revoked_at else "expired"
    return failed(f"the statement of {last.by_name} is {word}", attestation=last.pk)


def defaults_off(scene: Scene) -> Seen:
    """Look at the settings in force, and try what nobody should have left as it was."""
    problems = _open_settings()
    people = User.objects.filter(is_active=True).order_by("pk")
    privileged = [user for user in people if user.is_superuser or user.is_staff]
    unchosen = [user.get_username() for user in privileged if one_time_password.is_in_use(user)]
    problems += [f"{name} still has the one-time password" for name in unchosen]
    ends_ns = scene.clock.monotonic_ns() + (TIME_MS - 2_000) * 1_000_000
    superusers = [user for user in privileged if user.is_superuser]
    chosen = [user for user in superusers if user.get_username() not in unchosen]
    tried = 0
    for user in chosen[:TRIED_MAX]:
        for word in dict.fromkeys((*COMMON_PASSWORDS, user.get_username())):
            if scene.clock.monotonic_ns() > ends_ns and not problems:
                return unknown(f"only {tried} common passwords could be tried in time")
            tried += 1
            if check_password(word, user.password):
                problems.append(f"{user.get_username()} has a common password")
                break
    seen: dict[str, Any] = {"accounts": len(people), "tried": tried, "debug": settings.DEBUG}
    if problems:
        return failed("; ".join(problems[:3]), problems=problems, **seen)
    if not superusers:
        return failed("there is no superuser: nobody has set this installation up", **seen)
    return passed(
        f"DEBUG is off, {len(privileged)} accounts have chosen their passwords, "
        f"{tried} common ones do not fit",
        **seen,
    )


def _open_settings() -> list[str]:
    problems = []
    if settings.DEBUG:
        problems.append("POLYARB_DEBUG is True")
    key = settings.SECRET_KEY
    if len(key) < SECRET_KEY_LENGTH_MIN or key.startswith("django-insecure"):
        problems.append("the secret key of the portal is a default or too short")
    database = settings.DATABASES["default"]
    local = database.get("HOST", "") in LOCAL_HOSTS
    guessed = (database.get("USER"), *COMMON_PASSWORDS, "postgres")
    # Whoever can reach the database of this machine is on this machine; elsewhere it is the world.
    far = not database["ENGINE"].endswith("sqlite3") and not local
    if far and database.get("PASSWORD", "") in ("", *guessed):
        problems.append("the database has a default password")
    if "*" in settings.ALLOWED_HOSTS:
        problems.append("POLYARB_ALLOWED_HOSTS allows every name")
    return problems


CHECKS: tuple[Check, ...] = (
    Check(
        id="security.dedicated_wallet",
        category=Category.SECURITY,
        title="The wallet is used for nothing else",
        needed="an attestation that is in force",
        remedy="State it: manage.py attest DEDICATED_WALLET --note, or on the page Attestations.",
        runbook="attestations",
        priorities=when_live(Priority.P0),
        look=dedicated_wallet,
    ),
    Check(
        id="security.defaults_off",
        category=Category.SECURITY,
        title="Default passwords and DEBUG are off",
        needed="chosen passwords, POLYARB_DEBUG False, a secret key of its own",
        remedy="Log in and choose a password; set POLYARB_DEBUG to False and start again.",
        runbook="passwords-and-debugging",
        priorities=when_live(Priority.P0),
        look=defaults_off,
        time_ms_max=TIME_MS,
    ),
)
