"""The mandate asked anew, by each batch that opens a set, whether it still allows that.

A running engine hears of a changed mandate within a fraction of a second. An order may be on its
way in that time, and what a promotion is bound to can change without a word to the mandate. So
nothing that opens a set leaves before the rows have said once more that it may.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from django.db import DatabaseError, InterfaceError, connection

from trading.models import Mandate
from trading.services.grants import needs_grant
from trading.services.live import live_problems

ASKED_S_MAX = 2.0


class Permission(Protocol):
    """Says whether a set may be opened under the revision of the mandate that the engine knows."""

    async def why_not(self, revision: int) -> str:
        """Return why nothing may be opened, empty when it may. Never raises."""
        ...

    def close(self) -> None:
        """Ask no more."""
        ...


class MandatePermission:
    """Asks the database, from a thread of its own with a connection of its own."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="permission")

    async def why_not(self, revision: int) -> str:
        """Return why nothing may be opened, empty when it may. A database that is silent says no.

        Never raises.
        """
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._ask, revision)
        try:
            return await asyncio.wait_for(asked, ASKED_S_MAX)
        except TimeoutError:
            return f"the mandate could not be read within {ASKED_S_MAX:g} s"
        except (DatabaseError, InterfaceError) as error:
            return f"the mandate cannot be read ({type(error).__name__})"
        except RuntimeError:
            return "the session is ending"  # its thread takes nothing any more

    def close(self) -> None:
        """Ask no more, and give the connection back."""
        self._thread.submit(connection.close)
        self._thread.shutdown(wait=False)

    def _ask(self, revision: int) -> str:
        try:
            return why_not(self._account, revision)
        except (DatabaseError, InterfaceError):
            connection.close()
            raise


def why_not(account: str, revision: int) -> str:
    """Return why the mandate, as it is in the database now, allows no new set."""
    mandate = Mandate.objects.select_related("profile").filter(account=account).first()
    if mandate is None:
        return "the account is gone"
    if mandate.halted:
        return f"halted meanwhile: {mandate.halt_code}"
    if mandate.revision != revision:
        return "the mandate was changed meanwhile"
    return "; ".join(live_problems(mandate)) if needs_grant(mandate) else ""
