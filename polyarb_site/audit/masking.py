"""Keeps secrets out of the audit: by the name they are stored under, and by what they look like.

A record can never be removed, so a secret in it could never be removed either. What is masked by
mistake costs a detail; what is not masked by mistake costs a wallet. A key or seed phrase is found
by its shape wherever it stands, also in the reason somebody typed.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | bool | None"

MASK = "[masked]"
DEPTH_MAX = 12
PHRASE_WORDS_MIN = 12  # the shortest seed phrase

_SECRET_NAME = re.compile(
    r"private|secret|passw(or)?d|passphrase|passcode|mnemonic|seed|token|api_?key|credential"
    r"|authorization|cookie|signature|(^|_)pwd(_|$)|(^|_)pin(_|$)|(^|_)keys?$",
    re.IGNORECASE,
)
_WALLET_NAME = re.compile(
    r"private.?key|secret|passw(or)?d|passphrase|mnemonic|seed.?(phrase|words)", re.IGNORECASE
)
# Public by nature, although a name or a length says otherwise.
_PUBLIC_NAME = re.compile(r"token_ids?$|token_bits$|condition_ids?$|sha256$|(^|_)hash(es)?$")
_HEX_KEY = re.compile(r"(?<![0-9a-fA-F])(0x)?[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_WORD = re.compile(r"[^\W\d_]+")


def is_secret_name(name: str) -> bool:
    """Return whether a value under this name is a secret whatever it looks like."""
    plain = name.lower().replace("-", "_").replace(" ", "_")
    return bool(_SECRET_NAME.search(plain)) and not _is_public(plain)


def looks_secret(text: str) -> bool:
    """Return whether the text holds a key, a seed phrase or a password of an address."""
    return mask_text(text) != text


def mask_text(text: str) -> str:
    """Return the text with what looks like a secret masked."""
    masked = _HEX_KEY.sub(MASK, text)
    masked = _URL_PASSWORD.sub(MASK, masked)
    return _mask_phrases(masked)


def mask(value: object, *, name: str = "", depth: int = 0) -> Plain:
    """Return the value as plain JSON data without secrets.

    `name` is the key that it stands under. Raises TypeError for a float, which has no one form to
    hash, and for anything that is not JSON; ValueError for what is nested too deep.
    """
    if depth > DEPTH_MAX:
        raise ValueError(f"nested deeper than {DEPTH_MAX}; record less")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and not value:
        return ""
    if is_secret_name(name):
        return MASK
    if isinstance(value, str):
        text = storable(value)
        return text if _is_public(name) else mask_text(text)
    if isinstance(value, int):
        # No amount or number of ours is that large, but a key read as a number is.
        return value if value.bit_length() <= 128 or _is_public(name) else MASK
    if isinstance(value, Mapping):
        return {
            mask_text(storable(str(key))): mask(inner, name=str(key), depth=depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return _mask_list(value, name, depth)
    raise TypeError(f"{name or 'the value'} is a {type(value).__name__}; write amounts as text")


def find_secrets(value: object, *, where: str = "", depth: int = 0) -> list[str]:
    """Return where keys and passwords stand in plain data, such as `wallet.private_key`.

    For files of other programs: narrower in names than mask(), because what it finds is refused.
    """
    if depth > DEPTH_MAX:
        return [where]
    if isinstance(value, Mapping):
        found = []
        for key, inner in value.items():
            name = str(key)[:60]
            place = f"{where}.{name}" if where else name
            secret = bool(_WALLET_NAME.search(name)) and inner not in (None, "", False)
            found += [place] if secret else find_secrets(inner, where=place, depth=depth + 1)
        return found
    name = where.rpartition(".")[2]
    if isinstance(value, list | tuple):
        if _mask_list(list(map(str, value)), name, depth) == MASK:
            return [where]
        return [
            place
            for index, inner in enumerate(value)
            for place in find_secrets(inner, where=f"{where}[{index}]", depth=depth + 1)
        ]
    return [where] if mask(str(value), name=name) != str(value) else []


def storable(text: str) -> str:
    """Return the text without what no database can hold: zero bytes and halves of characters."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _mask_list(values: list[object] | tuple[object, ...], name: str, depth: int) -> Plain:
    words = [value for value in values if isinstance(value, str)]
    together = " ".join(words)
    if len(words) >= PHRASE_WORDS_MIN and _mask_phrases(together) != together:
        return MASK  # a phrase stored word by word
    return [mask(value, name=name, depth=depth + 1) for value in values]


def _is_public(name: str) -> bool:
    return bool(_PUBLIC_NAME.search(name.lower()))


def _mask_phrases(text: str) -> str:
    """Mask each run of words that are all in a seed phrase's word list."""
    words = list(_WORD.finditer(text))
    if len(words) < PHRASE_WORDS_MIN:
        return text
    known = _phrase_words()
    pieces: list[str] = []
    end = 0
    run: list[re.Match[str]] = []
    for word in [*words, None]:
        if word is not None and word.group().lower() in known:
            run.append(word)
            continue
        if len(run) >= PHRASE_WORDS_MIN:
            pieces += [text[end : run[0].start()], MASK]
            end = run[-1].end()
        run = []
    return "".join([*pieces, text[end:]])


@cache
def _phrase_words() -> frozenset[str]:
    """Return the words of every seed phrase list that the Ethereum client brings along.

    The files are read without importing that package, which would take a second.
    """
    spec = find_spec("eth_account")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("eth_account is not installed, its word lists are needed; make install")
    lists = Path(spec.submodule_search_locations[0]) / "hdaccount" / "wordlist"
    words = {
        word for file in sorted(lists.glob("*.txt")) for word in file.read_text("utf-8").split()
    }
    if len(words) < 2048:
        raise RuntimeError(f"no word lists in {lists}; make install")
    return frozenset(words)
