"""One request as the doors of the venue see it, whoever carried it here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = Any  # the body of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: the path without its query, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def asked(self, name: str) -> str:
        """Return the first value of a query parameter, empty when it is not there."""
        return self.query.get(name, [""])[0]
