"""Profile revisions side by side: as stored, so that one of an older version can be read too."""

from collections.abc import Sequence
from dataclasses import dataclass

from trading.config.keys import KEYS
from trading.config.values import Kind
from trading.models import Profile

SELF_EVIDENT = (Kind.SWITCH, Kind.WORD, Kind.COUNT)  # their values need no unit beside them


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One key in several revisions. None stands where a revision does not have the key."""

    name: str
    unit: str
    help: str
    values: tuple[str | None, ...]
    commonest: str | None

    @property
    def differs(self) -> bool:
        """Return whether the revisions are not all of one mind."""
        return len(set(self.values)) > 1


def compare(profiles: Sequence[Profile]) -> list[Compared]:
    """Return every key of the revisions, in the order of the schema, unknown ones last."""
    stored = [profile.values for profile in profiles]
    unknown = sorted({name for values in stored for name in values} - KEYS.keys())
    rows = []
    for name in [*KEYS, *unknown]:
        values = tuple(None if name not in one else str(one[name]) for one in stored)
        if all(value is None for value in values):
            continue
        key = KEYS.get(name)
        rows.append(
            Compared(
                name=name,
                unit=key.unit if key and key.kind not in SELF_EVIDENT else "",
                help=key.help if key else "This version does not know the key.",
                values=values,
                commonest=max(values, key=values.count) if len(set(values)) < len(values) else None,
            )
        )
    return rows


def previous_of(profile: Profile) -> Profile | None:
    """Return the revision before this one."""
    rows = Profile.objects.filter(name=profile.name, revision__lt=profile.revision)
    return rows.order_by("-revision").first()
