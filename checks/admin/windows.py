"""The windows of criteria in words."""

from polyarb_site import formats

WINDOWS = {"now": "", "phase": "since the phase began", "ever": "ever"}


def window_text(window: object) -> str:
    """Return over which time a criterion looks: a number of days or a word; empty for now."""
    text = str(window)
    if text.isdecimal():
        return f"over {formats.plural(int(text), 'day')}"
    return WINDOWS.get(text, "")
