"""One hash for plain data, the same wherever and whenever it is computed."""

import hashlib
import json
from typing import Any


def canonical_sha256(data: Any) -> str:
    """Return the SHA-256 of JSON data in its one form. Raises ValueError for NaN and infinity."""
    text = json.dumps(
        data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()
