"""The one variable that only the signer may read: a key, where no keystore is wanted.

The settings do not know it, so that no web process and no job holds it. Taking it removes it: what
this process starts, or becomes, does not inherit it.
"""

import os
from collections.abc import MutableMapping

KEY_VARIABLE = "POLYARB_SIGNER_KEY"


def take_key(variables: MutableMapping[str, str] = os.environ) -> str:
    """Return the key in the variable and remove it; empty when it is not set."""
    return variables.pop(KEY_VARIABLE, "")
