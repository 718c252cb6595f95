"""What is told together: alerts of one account and level, for the same channels. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.rules.muting import GROUP_WAIT
from alerts.rules.rule import LEVELS, Level

TOGETHER_MAX = 50  # alerts in one message; what is more follows in the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One alert that is to be told, to whom, and since when it waits for company."""

    number: int
    account: str
    level: Level
    kind: str
    channels: tuple[int, ...]
    waits_since: datetime


def admits(level_min: str, level: str) -> bool:
    """Return whether a channel of this level takes that one: as grave, or graver."""
    order = [one.value for one in LEVELS]
    return level in order and level_min in order and order.index(level) <= order.index(level_min)


def groups(waiting: Sequence[Told], now: datetime) -> list[list[Told]]:
    """Return what is told now, each list in one message to each of its channels.

    CRITICAL waits for nobody. Everything else goes when the first of its group has waited long
    enough, and then all of the group goes.
    """
    by_key: dict[tuple[str, Level, str, tuple[int, ...]], list[Told]] = {}
    for told in sorted(waiting, key=lambda one: one.number):
        by_key.setdefault((told.account, told.level, told.kind, told.channels), []).append(told)
    found = []
    for (_, level, _, _), members in sorted(
        by_key.items(), key=lambda item: (LEVELS.index(item[0][1]), item[1][0].number)
    ):
        waited = now - min(told.waits_since for told in members)
        if level is not Level.CRITICAL and waited < GROUP_WAIT:
            continue
        found += [
            members[first : first + TOGETHER_MAX] for first in range(0, len(members), TOGETHER_MAX)
        ]
    return found
