"""Typed reading of environment variables: a malformed one stops the start and names itself."""

import difflib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")

# IMMEDIATE takes the write lock when a transaction starts: with the default, two processes that
# read and then write fail with "database is locked" half of the time.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 5,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=5000;"
        "PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728;"
        "PRAGMA journal_size_limit=67108864;"
    ),
}


class Environment:
    """Reads one mapping of variables and remembers which names it was asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._asked: set[str] = set()

    def text(self, name: str, default: str) -> str:
        """Return the variable, or the default when it is not set."""
        self._asked.add(name)
        return self._variables.get(name, default)

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return True or False; anything but these two words raises ImproperlyConfigured."""
        text = self.text(name, "True" if default else "False")
        if text not in ("True", "False"):
            raise ImproperlyConfigured(f"{name} is {text!r}; set it to True or False")
        return text == "True"

    def integer(self, name: str, default: int, *, lowest: int, highest: int) -> int:
        """Return a whole number within the bounds, or raise ImproperlyConfigured."""
        text = self.text(name, str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise ImproperlyConfigured(
                f"{name} is {text!r}; set it to a whole number from {lowest} to {highest}"
            )
        return int(text)

    def words(self, name: str, default: list[str]) -> list[str]:
        """Return a comma-separated list."""
        text = self.text(name, "")
        return [word.strip() for word in text.split(",") if word.strip()] or default

    def name(self, name: str, default: str) -> str:
        """Return an identifier of lower-case letters, digits, - and _."""
        text = self.text(name, default)
        if not _NAME.fullmatch(text):
            raise ImproperlyConfigured(
                f"{name} is {text!r}; use up to 60 lower-case letters, digits, '-' or '_'"
            )
        return text

    def choice(self, name: str, default: str, words: tuple[str, ...]) -> str:
        """Return one of the words, or raise ImproperlyConfigured."""
        text = self.text(name, default)
        if text not in words:
            raise ImproperlyConfigured(f"{name} is {text!r}; set it to {' or '.join(words)}")
        return text

    def address(self, name: str) -> str:
        """Return an address on the chain, empty when it is not set."""
        text = self.text(name, "")
        if text and not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
            raise ImproperlyConfigured(f"{name} is no address; set it to 0x and 40 hex digits")
        return text

    def secret_url(self, name: str) -> str:
        """Return an http address, empty when it is not set. It may hold a key: never repeated."""
        text = self.text(name, "")
        try:
            parts = urlsplit(text)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            good = False
        if text and not good:
            raise ImproperlyConfigured(f"{name} is no http:// or https:// address; correct it")
        return text

    def path(self, name: str, default: Path) -> Path:
        """Return an absolute path; a relative one counts from the current directory."""
        text = self.text(name, "")
        # Path.resolve() would follow links: what a person named stays what is used.
        return Path(os.path.abspath(text)) if text else default  # noqa: PTH100

    def optional_path(self, name: str) -> Path | None:
        """Return an absolute path, None when it is not set."""
        return self.path(name, Path()) if self.text(name, "") else None

    def age_recipient(self, name: str) -> str:
        """Return a public key of age, empty when it is not set.

        Raises ImproperlyConfigured, which never repeats the text: a secret key looks much the same.
        """
        text = self.text(name, "")
        if text and not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", text):
            raise ImproperlyConfigured(
                f"{name} is no public key of age; set it to age1 and 58 more characters, as "
                "age-keygen shows it"
            )
        return text

    def refuse_unknown(self, prefix: str, *, also_known: tuple[str, ...] = ()) -> None:
        """Raise ImproperlyConfigured for a variable of ours that nobody reads: a typing mistake."""
        for name in self._variables:
            if not name.startswith(prefix) or name in self._asked or name in also_known:
                continue
            near = difflib.get_close_matches(name, self._asked, n=1)
            hint = f"did you mean {near[0]}?" if near else "remove it"
            raise ImproperlyConfigured(f"{name} is not a setting; {hint}")


def database_from_url(url: str, *, sqlite: Path) -> dict[str, Any]:
    """Return Django's database settings for DATABASE_URL, SQLite in WAL mode when it is empty.

    Raises ImproperlyConfigured, which never repeats the URL: it may hold a password.
    """
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": sqlite, "OPTIONS": SQLITE_OPTIONS}
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(unquote(parts.path)),
            "OPTIONS": SQLITE_OPTIONS,
        }
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(
            "DATABASE_URL has to start with postgres:// or sqlite:///; leave it unset for SQLite"
        )
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database; end it with /NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        # Consumers close old connections at every event: without an age each event reconnects.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # libpq would wait for minutes for a host that is gone.
        "OPTIONS": {"connect_timeout": "5", **dict(parse_qsl(parts.query))},
    }


def secret_key_from_file(directory: Path) -> str:
    """Return the installation's own secret key, made once in a file that only the owner reads.

    Two processes that start together agree: whoever creates the file first wins.
    """
    file = directory / "django_secret_key"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = directory / f".django_secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    if not file.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, file)  # fails when somebody else was first; never shows a torn file
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = file.read_text().strip()
    if len(key) < 40:
        raise ImproperlyConfigured(f"{file} is damaged; delete it to make a new key")
    return key
