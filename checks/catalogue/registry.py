"""The whole catalogue, in the order in which it is shown."""

from collections.abc import Sequence

from checks.catalogue import (
    data,
    documents,
    operations,
    security,
    security_account,
    security_secrets,
    security_wallet,
    system,
    system_running,
)
from checks.catalogue.base import Check, Priority

CATALOGUE: tuple[Check, ...] = (
    *security.CHECKS,
    *security_secrets.CHECKS,
    *security_wallet.CHECKS,
    *security_account.CHECKS,
    *system.CHECKS,
    *system_running.CHECKS,
    *data.CHECKS,
    *operations.CHECKS,
    *documents.CHECKS,
)


def asked_in(
    phase: int, category: str = "", catalogue: Sequence[Check] | None = None
) -> list[tuple[int, Check, Priority]]:
    """Return the checks that a phase asks, each with its place in the catalogue and its priority.

    An empty category is all of them.
    """
    every = CATALOGUE if catalogue is None else catalogue
    return [
        (order, check, check.priorities[phase])
        for order, check in enumerate(every)
        if phase in check.priorities and category in ("", check.category)
    ]
