"""Whose money a session trades with: nobody's, play money, or real money.

One rule for every page and sum: the mode of the session says whether money moves at all, its feed
whether that money is worth anything. Rows of a session that traded live on the local venue are
play money and are never added to those of any other feed, nor to paper.
"""

from django.db import models
from django.db.models import Q

PLAY_FEED = "simulator"
REAL_FEED = "polymarket"


class Money(models.TextChoices):
    """What the amounts of a session are."""

    PAPER = "PAPER", "paper"
    PLAY = "PLAY", "play money"
    REAL = "REAL", "real money"

    @property
    def words(self) -> str:
        """Return how a sentence says it: realised $1.20 on paper, with play money."""
        return "on paper" if self is Money.PAPER else f"with {self.label}"


def money_of(mode: str, feed: str) -> Money:
    """Return what a session or mandate trades with. A mode that is not known counts as real."""
    if mode == "SHADOW":
        return Money.PAPER
    return Money.PLAY if mode == "LIVE" and feed == PLAY_FEED else Money.REAL


def money_of_row(*, paper: bool, feed: str) -> Money:
    """Return what a row is that says of itself whether it is paper, by the feed of its session."""
    return money_of("SHADOW" if paper else "LIVE", feed)


def sessions_with(money: Money, *, to: str = "") -> Q:
    """Return the condition on sessions; `to` is the path to them, such as "session__"."""
    paper, play = Q((f"{to}mode", "SHADOW")), Q((f"{to}mode", "LIVE"), (f"{to}feed", PLAY_FEED))
    if money is Money.PAPER:
        return paper
    return play if money is Money.PLAY else ~(paper | play)


def rows_with(money: Money, *, to: str = "") -> Q:
    """Return the condition on rows that have a session and say whether they are paper."""
    if money is Money.PAPER:
        return Q((f"{to}paper", True))
    play = Q((f"{to}session__feed", PLAY_FEED))
    return Q((f"{to}paper", False)) & (play if money is Money.PLAY else ~play)
