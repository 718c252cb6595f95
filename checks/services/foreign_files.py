"""The files of a PolyArb-X folder: which is which, what came of each, and what may be said of it.

Whatever is said about a file may hold a piece of it, and a piece of it may be a secret. So nothing
that stood in quotes, no address and nothing that could be part of a key leaves this module.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from polyarb_site.audit.masking import looks_secret, mask_text
from polyarb_site.foreign_folder import Entry, shown_path

TEXT_LENGTH_MAX = 300
DEPTH_MAX = 32
NUMBER_DIGITS_MAX = 80
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+")
_PART_OF_A_KEY = re.compile(r"(0x)?[0-9a-fA-F]{24,}")
_PROFILE = re.compile(r"profiles/(custom/)?([^/]+)\.yaml")
# Never opened: there is nothing in them that we would take.
SECRET_FILES = (
    *(".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "id_*", "*keystore*"),
    *("*secret*", "*credential*", "*wallet*.json", "*mnemonic*"),
)


class Kind(StrEnum):
    """What a file is to us."""

    BASE = "base configuration"
    PROFILE = "profile"
    ALERTS = "alert rules"
    AUDIT = "audit log"
    MARKETS = "markets"
    SECRET = "may hold keys"  # noqa: S105 - a word, no password
    OTHER = "not known here"


class Outcome(StrEnum):
    """What became of a file."""

    TAKEN = "TAKEN"
    UNCHANGED = "UNCHANGED"  # it says what was imported before
    REFUSED = "REFUSED"
    LEFT = "LEFT"  # nothing of it is for us


@dataclass(slots=True)
class FileReport:
    """What became of one file. All texts are clean: they may be shown, logged and kept."""

    path: str
    kind: Kind
    outcome: Outcome = Outcome.LEFT
    taken: list[str] = field(default_factory=list)
    not_taken: list[str] = field(default_factory=list)

    def refuse(self, why: str) -> None:
        """Say that nothing of it was taken."""
        self.outcome = Outcome.REFUSED
        self.taken = []
        self.not_taken.append(clean(why))

    def note(self, text: str) -> None:
        """Say what of it was not taken, or what else has to be known."""
        self.not_taken.append(clean(text, quotes=True))


class NotReadable(Exception):  # noqa: N818 - said to a person
    """The content of a file is not what it has to be. Its text holds nothing of it."""


def clean(text: str, *, quotes: bool = False) -> str:
    """Return a text without what could be a piece of a secret; `quotes` may then stay."""
    plain = text if quotes else _QUOTED.sub("...", text)
    plain = _PART_OF_A_KEY.sub("[masked]", mask_text(_ADDRESS.sub("[address]", plain)))
    return shown_path(plain)[:TEXT_LENGTH_MAX]


def kinds(found: list[Entry]) -> dict[str, Kind]:
    """Return what each file is, by its path.

    The folder is that of the program, or its `config` alone. Of two files of alert rules the one
    for production counts.
    """
    inner = any(entry.path.startswith("config/") for entry in found)
    top = "config/" if inner else ""
    return {entry.path: _kind(entry.path, top) for entry in found}


def profile_name(path: str) -> str:
    """Return how a profile is called here: those that people made keep that in their name."""
    match = _PROFILE.search(path)
    if match is None:
        raise ValueError(path)
    return f"custom_{match[2]}" if match[1] else match[2]


def secret_names(value: object, depth: int = 0) -> bool:
    """Return whether a name in plain data could be a key, or a part of one."""
    if depth > DEPTH_MAX:
        return True
    if isinstance(value, Mapping):
        return any(
            looks_secret(str(name))
            or _PART_OF_A_KEY.search(str(name)) is not None
            or secret_names(inner, depth + 1)
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(secret_names(one, depth + 1) for one in value)


def parse_json(data: bytes) -> Any:
    """Return JSON data in which no number became a float. Raises NotReadable."""
    try:
        found = json.loads(
            data.decode("utf-8"),
            parse_float=str,
            parse_int=_whole,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise NotReadable("is not JSON in UTF-8") from error
    return found


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, with their numbers."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            yield number, line


def _kind(path: str, top: str) -> Kind:
    name = path.rpartition("/")[2].lower()
    if any(fnmatchcase(name, pattern) for pattern in SECRET_FILES):
        return Kind.SECRET
    if path == f"{top}config.yaml":
        return Kind.BASE
    if path in (f"{top}alerts.production.yaml", f"{top}alerts.yaml"):
        return Kind.ALERTS
    if path.startswith(top) and _PROFILE.fullmatch(path.removeprefix(top)):
        return Kind.PROFILE
    if path == "data/audit/config_changes.jsonl":
        return Kind.AUDIT
    return Kind.MARKETS if path == "data/active_markets.json" else Kind.OTHER


def _whole(text: str) -> int | str:
    return int(text) if len(text) <= NUMBER_DIGITS_MAX else "a long number"


def _no_constant(text: str) -> Any:
    raise ValueError(text)
