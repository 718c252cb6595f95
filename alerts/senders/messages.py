"""What every sender is given, and how it says that it failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TIMEOUT_S = 10.0
USER_AGENT = "PolyArb-portal"


class SendFailed(Exception):  # noqa: N818 - trouble outside, and no error of ours
    """A message did not arrive, as far as is known.

    `permanent`: trying again would change nothing. `may_have_arrived`: the other side had all of
    it, so whoever sends it again has to say so. `after_s` is how long the other side asks to wait.
    """

    def __init__(
        self,
        text: str,
        *,
        permanent: bool = False,
        may_have_arrived: bool = False,
        after_s: int = 0,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.permanent = permanent
        self.may_have_arrived = may_have_arrived
        self.after_s = after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One delivery, as plain data. `key` is the same whenever it is sent."""

    number: int
    key: str
    kind: str
    level: str
    title: str
    body: str
    payload: Mapping[str, Any]
    created_at: datetime
    repeated: bool = False  # it may have arrived before


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The circumstances of one try."""

    now: datetime
    receiver: str  # the channel's name
    portal_url: str = ""
    timeout_s: float = TIMEOUT_S
