"""The strict reader of configuration files.

YAML has many ways to say something other than what its author meant, and here each of them moves
money: `0.1` is a float, `no` is False, `010` is eight, `1:30` is ninety, a second `MAX_DAILY_LOSS`
silently wins. This reader knows mappings, lists, text, whole numbers, true, false and null, and
refuses the rest by name and line. It builds from PyYAML's events instead of its nodes, so that each
limit holds before anything is built from a hostile file.
"""

import difflib
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

SIZE_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 16
VALUES_MAX = 20_000
DIGITS_MAX = 30
NAME_LENGTH_MAX = 60  # of what a message quotes

Value: TypeAlias = "str | int | bool | list[Value] | dict[str, Value] | None"

_NAME = re.compile(r"[a-z0-9_]+")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
# Unquoted text that YAML 1.1, YAML 1.2 or a reader takes for something else. First match wins.
_SURPRISES = (
    (
        _DECIMAL,
        "is a number with a fraction or an exponent",
        'write whole numbers plainly (5) and amounts in quotes ("0.01")',
    ),
    (
        re.compile(r"[-+]?0[0-9]+"),
        "starts with a zero, which means eights to some YAML readers",
        "remove the zero, or put the text in quotes",
    ),
    (
        re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE),
        "is not a finite number",
        "write a number, or put the text in quotes",
    ),
    (
        re.compile(r"yes|no|on|off|y|n", re.IGNORECASE),
        "is a truth value to some YAML readers and text to others",
        "write true or false, or put the text in quotes",
    ),
    (
        re.compile(r"[-+]?0[xob][0-9a-f_]+|[-+]?[0-9][0-9_]*_[0-9_.]*", re.IGNORECASE),
        "is a number in another notation",
        "write it with the digits 0 to 9 alone, or put the text in quotes",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"),
        "is a number to the base of sixty to some YAML readers",
        "put a time or an address in quotes",
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt\s].*)?", re.DOTALL),
        "is a date to some YAML readers",
        'put it in quotes ("2026-10-01")',
    ),
    (
        re.compile(r"<<|="),
        "is a merge or default key to some YAML readers",
        "write the values out, or put the text in quotes",
    ),
)


class ConfigError(Exception):
    """A configuration file that does not say what it must. Names file, field and remedy."""

    def __init__(self, file: str, field: str, problem: str, remedy: str) -> None:
        super().__init__(file, field, problem, remedy)
        self.file = file
        self.field = field
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: `limits.steps[2]`, or the whole file when `field` is empty."""

    file: str
    field: str = ""

    def key(self, name: str) -> "Where":
        """Return the place of a mapping's value. A hostile key does not flood the message."""
        short = name if len(name) <= NAME_LENGTH_MAX else f"{name[:NAME_LENGTH_MAX]}..."
        return Where(self.file, f"{self.field}.{short}" if self.field else short)

    def item(self, index: int) -> "Where":
        """Return the place of a list's item, counted from 0."""
        return Where(self.file, f"{self.field}[{index}]")

    def error(self, problem: str, remedy: str) -> ConfigError:
        """Return the error to raise for this place."""
        return ConfigError(self.file, self.field or "(whole file)", problem, remedy)


def read_yaml(path: Path, *, decimals_as_text: bool = False) -> dict[str, Value]:
    """Read one file, or raise ConfigError. The file is trusted with nothing.

    Files made for other programs write `RETRY_DELAY: 1.0`. With `decimals_as_text` such a number is
    the text "1.0", digit for digit, as if it stood in quotes. Nothing ever becomes a float.
    """
    where = Where(str(path))
    text = _decode(_read_bytes(path, where), where)
    return _parse(text, where, decimals_as_text=decimals_as_text)


def parse_yaml(data: bytes, name: str, *, decimals_as_text: bool = False) -> dict[str, Value]:
    """Return what the content of a file says, as read_yaml does, or raise ConfigError."""
    where = Where(name)
    if len(data) > SIZE_BYTES_MAX:
        raise where.error(f"is larger than {SIZE_BYTES_MAX} bytes", "split it or shorten it")
    return _parse(_decode(data, where), where, decimals_as_text=decimals_as_text)


def read_named(directory: Path, name: str, *, decimals_as_text: bool = False) -> dict[str, Value]:
    """Read `name`.yaml of `directory` as read_yaml does, or raise ConfigError.

    The name may come from a person or a request: it holds only a-z, 0-9 and _, and whatever links
    there are, the file read lies in the directory.
    """
    where = Where(str(directory / "*.yaml"))
    if not _NAME.fullmatch(name):
        raise where.error(
            f"{name[:NAME_LENGTH_MAX]!r} is not a file name",
            "use only the characters a-z, 0-9 and _",
        )
    path = directory / f"{name}.yaml"
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
        raise Where(str(path)).error("is a link to itself", "put the file itself there") from error
    if not resolved.is_relative_to(directory.resolve()):
        raise Where(str(path)).error(
            "is a link that leads out of its directory", "put the file itself there"
        )
    return read_yaml(path, decimals_as_text=decimals_as_text)


def require_keys(
    mapping: Mapping[str, Value],
    required: Collection[str],
    optional: Collection[str],
    where: Where,
) -> None:
    """Return if `mapping` has every required key and no unknown one, else raise ConfigError."""
    known = {*required, *optional}
    for key in mapping:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise where.key(key).error("unknown key", f"remove it or correct its name: {hint}")
    for key in sorted(required):
        if key not in mapping:
            raise where.key(key).error("missing", "add it, it has no default")


def _read_bytes(path: Path, where: Where) -> bytes:
    try:
        # Non-blocking, because opening a named pipe would otherwise wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise where.error(f"cannot be read ({reason})", "check its name and mode") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise where.error("is not a regular file", "put a plain file there")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(SIZE_BYTES_MAX + 1)
    except OSError as error:
        raise where.error(f"cannot be read ({error.strerror})", "check the disk") from error
    finally:
        os.close(descriptor)
    if len(data) > SIZE_BYTES_MAX:
        raise where.error(f"is larger than {SIZE_BYTES_MAX} bytes", "split it or shorten it")
    return data


def _decode(data: bytes, where: Where) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise where.error(
            f"is not UTF-8 at byte {error.start}", "save it as UTF-8 in your editor"
        ) from error


def _parse(text: str, where: Where, *, decimals_as_text: bool) -> dict[str, Value]:
    try:
        return _Builder(yaml.SafeLoader(text), where, decimals_as_text).document()
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise where.error(f"{line}is not YAML ({problem})", "correct the line") from error
    except (ValueError, OverflowError) as error:
        # PyYAML lets Python's own errors through, for an escape beyond Unicode for one.
        raise where.error(f"is not YAML ({error})", "correct the escape or the number") from error


class _Builder:
    """Turns the events of one document into values and keeps the limits."""

    def __init__(self, loader: yaml.SafeLoader, where: Where, decimals_as_text: bool) -> None:
        self._loader = loader
        self._where = where
        self._decimals_as_text = decimals_as_text
        self._values = 0

    def document(self) -> dict[str, Value]:
        """Return the file's one mapping."""
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise self._where.error("is empty", "write at least one `key: value` line")
        event = self._next()
        if not isinstance(event, yaml.MappingStartEvent):
            raise self._where.error("is not a mapping", "write `key: value` lines")
        self._plain(event, self._where)
        result = self._mapping(self._where, 1)
        self._next()  # the document's end
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise self._where.error("holds several documents", "keep the first, without `---`")
        return result

    def _next(self) -> yaml.Event:
        event: yaml.Event = self._loader.get_event()  # type: ignore[no-untyped-call]
        return event

    def _plain(self, event: yaml.Event, where: Where) -> None:
        """Refuse what makes a value other than what is written at its place."""
        if getattr(event, "anchor", None) is not None:  # of an alias, it is the name it refers to
            raise where.error(
                f"{_line(event)}: anchors (&) and aliases (*) are not read", "write the value out"
            )
        if getattr(event, "tag", None) is not None:
            raise where.error(f"{_line(event)}: tags (!) are not read", "remove the tag")
        self._values += 1
        if self._values > VALUES_MAX:
            raise where.error(f"more than {VALUES_MAX} values", "split the file or shorten it")

    def _value(self, event: yaml.Event, where: Where, depth: int) -> Value:
        self._plain(event, where)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, where)
        if depth >= DEPTH_MAX:
            raise where.error(f"{_line(event)}: nested deeper than {DEPTH_MAX}", "flatten it")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(where, depth + 1)
        return self._sequence(where, depth + 1)

    def _mapping(self, where: Where, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            self._plain(event, where)
            if not isinstance(event, yaml.ScalarEvent):
                raise where.error(f"{_line(event)}: a key is not a text", "write a plain name")
            key = self._scalar(event, where)
            if not isinstance(key, str):
                raise where.error(
                    f"{_line(event)}: the key {event.value[:NAME_LENGTH_MAX]!r} is not a text",
                    "put it in quotes or give it a name",
                )
            if key in result:
                raise where.key(key).error(f"{_line(event)}: stands twice", "remove one of them")
            result[key] = self._value(self._next(), where.key(key), depth)
        return result

    def _sequence(self, where: Where, depth: int) -> list[Value]:
        result: list[Value] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            result.append(self._value(event, where.item(len(result)), depth))
        return result

    def _scalar(self, event: yaml.ScalarEvent, where: Where) -> str | int | bool | None:
        text: str = event.value
        if event.style is not None:  # quoted, or a block of text: it is what it says
            return _storable(text, event, where)
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            if len(text) > DIGITS_MAX:
                raise where.error(
                    f"{_line(event)}: has more than {DIGITS_MAX} digits", "put the text in quotes"
                )
            return int(text)
        if self._decimals_as_text and _DECIMAL.fullmatch(text):
            return text
        for pattern, problem, remedy in _SURPRISES:
            if pattern.fullmatch(text):
                raise where.error(f"{_line(event)}: {text[:NAME_LENGTH_MAX]!r} {problem}", remedy)
        return _storable(text, event, where)


def _line(event: yaml.Event) -> str:
    mark = event.start_mark
    return f"line {mark.line + 1}" if mark else "somewhere"


def _storable(text: str, event: yaml.ScalarEvent, where: Where) -> str:
    """Refuse text that an escape made and no file or database could hold."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise where.error(
            f"{_line(event)}: holds a zero byte or half a character", "remove the escape"
        )
    return text
