"""How a service says no: with a code, a sentence, and what to do instead."""

from django.contrib.auth.models import User


class ServiceRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """What was asked for is not allowed, or not now. Nothing was changed.

    `code` is stable and for programs, `message` and `remedy` are for people. `status` is what the
    REST door answers with.
    """

    status = 409

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


class NotPermitted(ServiceRefused):
    """This account may not do that, whatever the state."""

    status = 403


class NotFound(ServiceRefused):
    """There is nothing of that name."""

    status = 404


class Invalid(ServiceRefused):
    """What was given cannot be used. `problems` names each bad field."""

    status = 400

    def __init__(
        self, code: str, message: str, remedy: str, problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(code, message, remedy)
        self.problems = problems


def require(by: User | None, permission: str) -> None:
    """Raise NotPermitted unless the account holds the permission, such as trading.start_shadow.

    None is the machine itself, a command on the host or a job: who can run those owns the database.
    """
    if by is not None and not (by.is_active and by.has_perm(permission)):
        action = permission.partition(".")[2].replace("_", " ")
        raise NotPermitted(
            "NOT_ALLOWED",
            f"{by.get_username() or 'this account'} may not do this ({action})",
            "ask an admin of the portal for the role that may",
        )


def require_reason(reason: str, what: str) -> str:
    """Return the reason without spaces around it, or raise Invalid when there is none."""
    if not reason.strip():
        raise Invalid("REASON_MISSING", f"{what} needs a reason", "say in a sentence why")
    return reason.strip()
