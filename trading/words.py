"""What a code means to a person, as one value."""

from dataclasses import dataclass

GOOD, WARN, BAD, QUIET, NONE = "good", "warn", "bad", "quiet", ""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one code. `remedy` is empty where nothing has to be changed."""

    label: str
    meaning: str
    remedy: str = ""
    tone: str = NONE

    @property
    def why(self) -> str:
        """Return the cause as one text: what it means, and what would change it."""
        return f"{self.meaning} {self.remedy}".strip()
