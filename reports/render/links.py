"""Where the rows behind a number are: a list of the admin with its filters in the address."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

ADMIN = "/admin"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of lists over one time."""

    since: datetime
    until: datetime

    def rows(self, model: str, field: str, **more: str) -> str:
        """Return the list of a table, such as trading/trade, with the rows of the time."""
        return f"{ADMIN}/{model}/?{urlencode({**self._time(field), **more})}"

    def _time(self, field: str) -> dict[str, str]:
        since, until = self.since.astimezone(UTC), self.until.astimezone(UTC)
        return {
            f"{field}_from_0": f"{since:%Y-%m-%d}",
            f"{field}_from_1": f"{since:%H:%M:%S}",
            f"{field}_to_0": f"{until:%Y-%m-%d}",
            f"{field}_to_1": f"{until:%H:%M:%S}",
        }


def record(model: str, key: object) -> str:
    """Return the page of one record, by its number or by its own id."""
    return f"{ADMIN}/{model}/{quote(str(key), safe='')}/change/"
