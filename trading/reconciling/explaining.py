"""Which of the things that are on their way explain what two sides differ by.

Theory of operation. A trade that is matched and not yet mined is in the books and not on the chain;
nobody can say of each which it is at one block. So each is either there wholly or not at all,
with its dollars and its shares together, and what is asked is whether some choice of them makes up
the difference of every asset at once. The search goes through them asset by asset and turns back as
soon as what is left of them could not make up some difference any more, whatever is chosen. Within
a bound of steps it nearly always ends at once; where it does not, that is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trading.reconciling.views import CASH, Dust, Moves

STEPS_MAX = 20_000
EFFECTS_MAX = 200  # how deep the search may go


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that may explain a difference: it moved these amounts, or it did not."""

    name: str
    moves: Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What was chosen, and what it leaves: by asset, only what is not dust."""

    chosen: tuple[Effect, ...]
    left: Mapping[str, int]
    finished: bool  # False: there were more choices than could be tried


def explain(wanted: Mapping[str, int], effects: Sequence[Effect], dust: Dust) -> Explanation:
    """Return the choice of effects that makes up the wanted amounts, or the one that comes nearest.

    `wanted` is by asset; an asset that is not in it is wanted at 0.
    """
    search = _Search(wanted, effects[:EFFECTS_MAX], dust)
    if len(effects) <= EFFECTS_MAX and search.exact(0):
        return Explanation(chosen=tuple(search.chosen), left={}, finished=True)
    finished = len(effects) <= EFFECTS_MAX and search.steps < STEPS_MAX
    search.steps = 0
    search.nearest(0)
    return Explanation(chosen=search.best_choice, left=search.best_left, finished=finished)


class _Search:
    """One walk through the choices; `left` is what the present choice still leaves."""

    def __init__(self, wanted: Mapping[str, int], effects: Sequence[Effect], dust: Dust) -> None:
        # By token, so that each token's difference is settled before the next one is looked at.
        self.effects = sorted(effects, key=_tokens)
        self.dust = dust
        self.left = dict(wanted)
        for effect in self.effects:
            for asset, _ in effect.moves:
                self.left.setdefault(asset, 0)
        self.reach = _reaches(self.effects, self.left)
        self.chosen: list[Effect] = []
        self.steps = 0
        self.best_choice: tuple[Effect, ...] = ()
        self.best_left = self._over_dust()

    def exact(self, index: int) -> bool:
        """Return whether some choice from here on leaves nothing; `chosen` is then that choice."""
        self.steps += 1
        if self.steps >= STEPS_MAX or not self._within_reach(index):
            return False
        if index == len(self.effects):
            return True
        if self.exact(index + 1):
            return True
        self._take(index)
        if self.exact(index + 1):
            return True
        self._give_back(index)
        return False

    def nearest(self, index: int) -> None:
        """Keep the choice that leaves the fewest assets apart, and of those the smallest amount."""
        self.steps += 1
        if self.steps >= STEPS_MAX:
            return
        if index == len(self.effects):
            left = self._over_dust()
            if _badness(left) < _badness(self.best_left):
                self.best_choice, self.best_left = tuple(self.chosen), left
            return
        self.nearest(index + 1)
        self._take(index)
        self.nearest(index + 1)
        self._give_back(index)

    def _within_reach(self, index: int) -> bool:
        reach = self.reach[index]
        for asset, left in self.left.items():
            least, most = reach.get(asset, (0, 0))
            bound = self.dust.of(asset)
            if not least - bound <= left <= most + bound:
                return False
        return True

    def _take(self, index: int) -> None:
        effect = self.effects[index]
        self.chosen.append(effect)
        for asset, amount in effect.moves:
            self.left[asset] -= amount

    def _give_back(self, index: int) -> None:
        self.chosen.pop()
        for asset, amount in self.effects[index].moves:
            self.left[asset] += amount

    def _over_dust(self) -> dict[str, int]:
        return {asset: left for asset, left in self.left.items() if abs(left) > self.dust.of(asset)}


def _tokens(effect: Effect) -> tuple[str, ...]:
    return tuple(sorted(asset for asset, _ in effect.moves if asset != CASH))


def _badness(left: Mapping[str, int]) -> tuple[int, int]:
    return len(left), sum(map(abs, left.values()))


def _reaches(
    effects: Sequence[Effect], assets: Mapping[str, int]
) -> list[dict[str, tuple[int, int]]]:
    """Return by index the least and the most that the effects from there on can make up."""
    reaches: list[dict[str, tuple[int, int]]] = [dict.fromkeys(assets, (0, 0))]
    for effect in reversed(effects):
        reach = dict(reaches[-1])
        for asset, amount in effect.moves:
            least, most = reach[asset]
            reach[asset] = (least + min(amount, 0), most + max(amount, 0))
        reaches.append(reach)
    reaches.reverse()
    return reaches
