"""Merges, conversions and redemptions that were asked for, until each has surely happened or not.

An exit is handed over once. What came of it is asked for until the answer is definite; only "surely
not" lets the engine ask for it again, so no exit can happen twice.

While nobody knows what became of one, no other is handed over. A wallet counts its transactions: a
second one could take the number of the first, and then nobody could tell which of them happened.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from trading.engine.commands import ConvertSet, MergeSet, RedeemSet, ResolveMerge
from trading.engine.events import ChainReceipt, Event, MergeSent
from trading.engine.market import MarketSpec
from trading.execution.requests import (
    ExitAnswered,
    ExitState,
    FindExit,
    RefreshBalances,
    Request,
    SendExit,
)
from trading.execution.settings import DeskSettings, backoff_ms

ExitCommand: TypeAlias = MergeSet | ConvertSet | RedeemSet | ResolveMerge
Output: TypeAlias = Event | Request


@dataclass(slots=True, kw_only=True)
class _Under:
    """One exit under way. `next_look_ms` 0: an answer is awaited."""

    exit: SendExit
    reference: str = ""
    looks: int = 0
    next_look_ms: int = 0
    told: str = ""  # the reference that the engine knows
    sending: bool = False  # the answer to its hand-over is awaited
    unclear: bool = False  # nobody knows what became of it
    waiting: bool = False  # not handed over yet, because of another that is unclear


def exit_of(command: ExitCommand, specs: list[MarketSpec]) -> SendExit:
    """Return the exit that a command asks for; `specs` are of its conditions, in its order."""
    neg_risk = any(spec.neg_risk_event_id for spec in specs)
    match command:
        case RedeemSet():
            shares = tuple(zip(command.token_ids, command.shares_micro, strict=True))
            return SendExit(
                set_id=command.set_id,
                kind="REDEEM",
                condition_ids=(command.condition_id,),
                shares_micro=shares,
                size_micro=command.won_micro,
                neg_risk=neg_risk,
            )
        case ConvertSet():
            tokens = [spec.token_ids[1] for spec in specs]
            return _whole(command.set_id, "CONVERT", specs, tokens, command.size_micro)
        case _:
            tokens = list(specs[0].token_ids)
            return _whole(command.set_id, "MERGE", specs, tokens, command.size_micro)


def _whole(
    set_id: str, kind: str, specs: list[MarketSpec], tokens: list[str], size_micro: int
) -> SendExit:
    return SendExit(
        set_id=set_id,
        kind=kind,
        condition_ids=tuple(spec.condition_id for spec in specs),
        shares_micro=tuple((token_id, size_micro) for token_id in tokens),
        size_micro=size_micro,
        neg_risk=any(spec.neg_risk_event_id for spec in specs),
    )


class Exits:
    """All exits under way, by set and condition."""

    def __init__(self, settings: DeskSettings, references: Mapping[str, str]) -> None:
        """`references` are those under which an earlier session handed exits over, by set."""
        self._settings = settings
        self._references = references
        self._unasked = set(references)  # nobody has asked yet what became of these
        self._under: dict[tuple[str, str], _Under] = {}

    def __len__(self) -> int:
        return len(self._under)

    def ask(self, wanted: SendExit, *, resolve: bool) -> list[Output]:
        """Hand an exit over, or (after a crash) find out whether that was done before."""
        key = wanted.set_id, wanted.condition_ids[0]
        if key in self._under:
            return []  # it is under way already
        reference = self._references.get(wanted.set_id, "") if resolve else ""
        if resolve:
            self._unasked.discard(wanted.set_id)
        must_wait = not resolve and self._is_unclear()
        self._under[key] = _Under(
            exit=wanted,
            reference=reference,
            told=reference,
            unclear=bool(reference),
            waiting=must_wait,
            sending=not resolve,
        )
        if must_wait:
            return []
        return [FindExit(exit=wanted, reference=reference) if resolve else wanted]

    def _is_unclear(self) -> bool:
        return bool(self._unasked) or any(one.unclear for one in self._under.values())

    def _hand_over(self) -> list[Output]:
        """Hand over what has waited, once nothing is unclear any more."""
        if self._is_unclear():
            return []
        waiting = [one for one in self._under.values() if one.waiting]
        for one in waiting:
            one.waiting = False
        return [one.exit for one in waiting]

    def answered(self, answer: ExitAnswered, now_ms: int) -> list[Output]:
        """Take news of an exit: each set has one exit under way for each condition."""
        found = next(
            (
                (key, under)
                for key, under in self._under.items()
                if key[0] == answer.set_id
                and answer.condition_id in ("", *under.exit.condition_ids)
            ),
            None,
        )
        if found is None:
            return []
        key, under = found
        out: list[Output] = []
        under.reference = answer.reference or under.reference
        ended = answer.state in {ExitState.DONE, ExitState.NOT_DONE}
        # A transaction that replaces another has a new reference, and a crash must not forget it.
        news = under.reference != under.told and not (ended and under.told)
        if news and under.exit.kind != "REDEEM":
            under.told = under.reference
            out.append(MergeSent(set_id=answer.set_id, reference=under.reference))
        if answer.state is ExitState.HANDED_OVER and under.sending:
            # Whoever sends it tells the end too. Asked beside that, an answer could come so late
            # that it is taken for one about the next try.
            return out
        under.sending = False
        if answer.state in {ExitState.HANDED_OVER, ExitState.UNKNOWN}:
            settings = self._settings
            wait_ms = backoff_ms(settings.exit_look_ms, settings.exit_look_ms_max, under.looks)
            under.next_look_ms = now_ms + wait_ms
            under.unclear = under.unclear or answer.state is ExitState.UNKNOWN
            return out
        del self._under[key]
        out.append(_receipt(under, answer))
        if answer.state is ExitState.DONE:
            token_ids = tuple(token_id for token_id, _ in under.exit.shares_micro)
            out.append(RefreshBalances(token_ids=token_ids))
        return [*out, *self._hand_over()]

    def tick(self, now_ms: int, late: Collection[str] = ()) -> list[Output]:
        """Ask after exits whose outcome is due. `late` are sets whose wish cannot be asked yet."""
        self._unasked &= set(late)  # the engine has gone on without asking after the others
        out: list[Output] = self._hand_over()
        for under in self._under.values():
            if under.next_look_ms and now_ms >= under.next_look_ms:
                under.next_look_ms = 0
                under.looks += 1
                out.append(FindExit(exit=under.exit, reference=under.reference))
        return out


def _receipt(under: _Under, answer: ExitAnswered) -> ChainReceipt:
    done = answer.state is ExitState.DONE
    wanted = under.exit
    expected_micro = wanted.size_micro
    if wanted.kind == "CONVERT":
        expected_micro = (len(wanted.condition_ids) - 1) * wanted.size_micro
    proceeds_micro = expected_micro if answer.proceeds_micro is None else answer.proceeds_micro
    return ChainReceipt(
        set_id=wanted.set_id,
        ok=done,
        size_micro=wanted.size_micro,
        proceeds_micro=proceeds_micro if done else 0,
        gas_micro=answer.gas_micro,
        reference=under.reference,
        text=answer.text[:200],
        kind=wanted.kind,
        condition_id=wanted.condition_ids[0],
    )
