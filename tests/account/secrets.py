"""Secrets that must never be seen again, and who looks for them."""

import traceback

import pytest

from trading.adapters.failures import CallFailed

PLANTED = {
    "key": "9180014b-33c8-9240-a14b-bdca11c0a465",
    "secret": "cGxhbnRlZC1zZWNyZXQtb2YtYS10ZXN0LTEyMzQ1Ng==",
    "passphrase": "b7e2a1f0c4d96385planted0passphrase0of0a0test",
}


def hides(text):
    """Say whether a text holds none of them, in any case, not even most of one."""
    lower = text.lower()
    return not any(value.lower()[:16] in lower for value in PLANTED.values())


def hides_all(error):
    """Say whether an exception shows none of them, wherever a person or a log would see it."""
    shown = "".join(traceback.format_exception(error))
    return hides("\n".join((str(error), repr(error), shown, *map(str, vars(error).values()))))


async def failure(call):
    """Return how a call failed; whatever happened, it shows no secret."""
    with pytest.raises(CallFailed) as caught:
        await call
    assert hides_all(caught.value)
    assert len(caught.value.text) <= 200
    return caught.value
