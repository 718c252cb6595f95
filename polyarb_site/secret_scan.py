"""Looks for private keys where none may be: in texts, folders of files, and tables.

A key is 64 hex digits, and so is every hash. A key is told by the name before it
(PRIVATE_KEY=0x...), or because it opens a wallet that is ours, which a function says that the
caller gives. A seed phrase is told by its words. Nothing that is found is ever repeated.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.apps import apps
from django.db.models import CharField, JSONField, Model, TextField

from polyarb_site.audit.masking import looks_secret

FILE_BYTES_MAX = 4_194_304  # of a larger file its end, where new lines come
ROWS_MAX = 1_000  # the newest of each table
FINDINGS_MAX = 20
BEFORE = 12  # characters before the word key that say which
PHRASE_LENGTH_MAX = 400
SKIPPED_FOLDERS = frozenset(
    {
        *(".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", "htmlcov"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"),
    }
)
SKIPPED_ENDINGS = frozenset(
    {
        *(".gz", ".zst", ".png", ".jpg", ".gif", ".ico", ".woff", ".woff2", ".pdf", ".pyc", ".so"),
        *(".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".age", ".sock"),
    }
)

# A name is looked for in lower case: "key", and then what is around it. One expression for all of
# it would take many times as long, and a scan has seconds.
_KEY = re.compile(r"(?<![0-9a-fA-F])(?:0x)?([0-9a-fA-F]{64})(?![0-9a-fA-F])")
_NAME = re.compile("key")
_BEFORE_NAME = re.compile(r"(?:private|priv|secret|signer|signing|wallet)[ _.-]?$")
_AFTER_NAME = re.compile(r"""["'\s\]]*[:=]+>?[\s"'\[(]*(?:0x)?[0-9a-f]{64}(?![0-9a-f])""")
_SECRET_LEAF = re.compile(
    r"(?:private.?key|mnemonic|seed.?(?:phrase|words)|passphrase|password|secret)$", re.IGNORECASE
)
_PHRASE = re.compile(r"""(?:mnemonic|seed[ _.-]?(?:phrase|words))["'\s]*[:=]""")

Opens = Callable[[str], bool]  # whether 64 hex digits are the key of a wallet of ours


@dataclass(slots=True)
class Scan:
    """What was looked at so far, and where something was found. `is_over` ends it."""

    is_over: Callable[[], bool]
    opens: Opens | None = None
    found: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # because the time was over
    files: int = 0
    rows: int = 0
    _asked: set[str] = field(default_factory=set)

    def text(self, text: str, where: str, *, by_name: bool = True) -> None:
        """Look at one text. `by_name`: a name before a number counts, not only a key of ours."""
        lowered = text.lower() if by_name else ""
        for match in _NAME.finditer(lowered):
            if _AFTER_NAME.match(lowered, match.end()) and _BEFORE_NAME.search(
                lowered[max(0, match.start() - BEFORE) : match.start()]
            ):
                self._add(f"{where}:{_line(lowered, match.start())}: a private key by its name")
        if "mnemonic" in lowered or "seed" in lowered:
            for match in _PHRASE.finditer(lowered):
                if looks_secret(lowered[match.end() : match.end() + PHRASE_LENGTH_MAX]):
                    self._add(f"{where}:{_line(lowered, match.start())}: a seed phrase")
        if self.opens is not None:
            for match in _KEY.finditer(text):
                if self._is_ours(match.group(1)):
                    line = _line(text, match.start())
                    self._add(f"{where}:{line}: the private key of our wallet")

    def values(self, value: object, where: str) -> None:
        """Look at the values of a configuration file, where no number of 64 digits belongs."""
        if isinstance(value, Mapping):
            for name, inner in value.items():
                self.values(inner, f"{where} {name!s:.60}")
        elif isinstance(value, list):
            for inner in value:
                self.values(inner, where)
        elif isinstance(value, str) and _is_secret(where, value):
            self._add(f"{where} holds a secret")

    def folder(
        self, root: Path, *, leave_out: Iterable[Path] = (), quiet: tuple[str, ...] = ()
    ) -> None:
        """Look at the text files below a folder.

        In those below a folder named in `quiet`, which invent keys, names do not count.
        """
        for path in _files(root, frozenset(leave_out)):
            if self.is_over():
                self.left_out.append(f"files of {root.name}")
                return
            self.files += 1
            shown = path.relative_to(root).as_posix()
            by_name = not (quiet and shown.startswith(quiet))
            text = _end_of(path) if by_name or self.opens is not None else None
            if text is not None:
                self.text(text, shown, by_name=by_name)

    def tables(self) -> None:
        """Look at the newest rows of every table."""
        for model in apps.get_models():
            if self.is_over():
                self.left_out.append(f"the table of {model._meta.label}")
                continue
            self._table(model)

    def _table(self, model: type[Model]) -> None:
        kinds = (CharField, TextField, JSONField)
        names = [one.name for one in model._meta.concrete_fields if isinstance(one, kinds)]
        if not names or model._meta.proxy or not model._meta.managed:
            return
        rows = model._default_manager.order_by("-pk").values_list(*names)
        for values in rows[:ROWS_MAX]:
            self.rows += 1
            for name, value in zip(names, values, strict=True):
                if value:
                    text = value if isinstance(value, str) else json.dumps(value, default=str)
                    self.text(f"{name}={text}", f"{model._meta.label}.{name}")

    def _is_ours(self, digits: str) -> bool:
        """Return whether a number opens a wallet of ours; each is asked about once."""
        assert self.opens is not None
        plain = digits.lower()
        if plain in self._asked:
            return False
        self._asked.add(plain)
        return self.opens(plain)

    def _add(self, finding: str) -> None:
        if len(self.found) < FINDINGS_MAX and finding not in self.found:
            self.found.append(finding)


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and (bool(_SECRET_LEAF.search(name)) or looks_secret(value))


def _files(root: Path, leave_out: frozenset[Path]) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if name not in SKIPPED_FOLDERS and here / name not in leave_out
        )
        for name in sorted(names):
            path = here / name
            if path.suffix not in SKIPPED_ENDINGS and path not in leave_out:
                yield path


def _end_of(path: Path) -> str | None:
    """Return the end of a file as text, None for what is no readable regular file."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - FILE_BYTES_MAX))
            return stream.read(FILE_BYTES_MAX).decode("utf-8", "replace")
    except OSError:
        return None


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
