"""The local venue: what a client can ask of it, without any socket, clock or chance of its own.

Time comes in with every call (ms of UTC, never backwards) and randomness as a seeded Random, so the
same calls give the same answers and the same events. Answers and refusals are values; what happened
is read with `take_events`. Sources: polymarket.md sections 4, 5, 10 and 12.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from random import Random

from trading.simulator import answers
from trading.simulator.accounts import Account, Chain
from trading.simulator.agenda import Agenda
from trading.simulator.answers import CancelAnswer, HeartbeatAnswer, OrderAnswer, Refusal
from trading.simulator.clearing import Clearing
from trading.simulator.codes import OrderStatus, VenueMode
from trading.simulator.desk import Desk
from trading.simulator.events import Event, LevelChange
from trading.simulator.faults import Faults
from trading.simulator.gates import (
    HEARTBEAT_SLACK_MS_MAX,
    HEARTBEAT_TIMEOUT_MS,
    POST_ONLY_AFTER_RESTART_MS,
    STANDARD,
    ModeGate,
    Signer,
    Tier,
)
from trading.simulator.orders import AmountRules, Listing, NewOrder, Order
from trading.simulator.settlement import SettlementSettings, Trade

BATCH_MAX = 15
CANCELS_MAX = 1_000


class Exchange:
    """One venue: its markets, accounts, orders and trades."""

    def __init__(
        self,
        *,
        random: Random,
        amounts: AmountRules,
        now_ms: int,
        settlement: SettlementSettings | None = None,
        chain: Chain | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.chain = chain or Chain()
        self.faults = faults or Faults(Random(0))  # noqa: S311 - a simulation repeats itself
        self.gate = ModeGate()
        self._agenda = Agenda(now_ms)
        self._events: list[Event] = []
        self._random = random
        self._signers: dict[str, Signer] = {}
        self._signer_of: dict[str, str] = {}  # by account
        self._clearing = Clearing(
            chain=self.chain,
            agenda=self._agenda,
            random=random,
            settings=settlement or SettlementSettings(),
            events=self._events,
            faults=self.faults,
        )
        self._desk = Desk(
            chain=self.chain,
            clearing=self._clearing,
            agenda=self._agenda,
            amounts=amounts,
            events=self._events,
        )

    # Time and facts

    def advance(self, now_ms: int) -> None:
        """Let everything happen that is due by then; raises ValueError for a time in the past."""
        self._agenda.advance(now_ms)

    def next_ms(self) -> int | None:
        """Return when something happens next by itself, None for never."""
        return self._agenda.next_ms()

    def take_events(self) -> list[Event]:
        """Return what happened since the last call, in order."""
        events = self._events.copy()
        self._events.clear()
        return events

    # Markets and accounts

    def list_market(self, listing: Listing) -> None:
        """Open a market for orders; raises ValueError when one of its tokens is listed already."""
        self._desk.list_market(listing)

    def open_account(self, account_id: str, tier: Tier = STANDARD, signer_id: str = "") -> None:
        """Let somebody in; raises ValueError when the account exists already.

        An account is a wallet. Who signs for several gives the same `signer_id`, which has their
        limits and their heartbeat and cancels for all of them; left out it is the account itself.
        """
        if account_id in self._signer_of:
            raise ValueError(f"the account {account_id} exists already")
        signer_id = signer_id or account_id
        self.chain.accounts[account_id] = Account()
        self._signer_of[account_id] = signer_id
        self._desk.open_account(account_id, tier.ids_max)
        if signer_id not in self._signers:
            self._signers[signer_id] = Signer(tier, self._agenda.now_ms)

    def split(self, account_id: str, token_id: str, size_micro: int) -> None:
        """Turn collateral into sets of a token's market on the chain; negative: merge sets.

        The venue's view does not notice before `refresh_view`. Raises RevertedError when the
        account is short.
        """
        listing = self._desk.books[token_id].listing
        self.chain.split(account_id, listing.condition_id, listing.token_ids, size_micro)

    def resolve(self, token_id: str, now_ms: int) -> None:
        """End a market in which a token wins: its orders are cancelled, and no more are taken.

        What was matched before is settled. Raises RevertedError when it is resolved already.
        """
        self.advance(now_ms)
        listing = self._desk.books[token_id].listing
        self.chain.resolve(
            listing.condition_id, (1, 0) if token_id == listing.token_ids[0] else (0, 1)
        )
        self._desk.close(listing.condition_id, now_ms)

    def redeem(self, account_id: str, token_id: str) -> int:
        """Pay an account for all its tokens of a token's market; return how much it is.

        The venue's view does not notice before `refresh_view`. Raises RevertedError before the
        market is resolved.
        """
        listing = self._desk.books[token_id].listing
        return self.chain.redeem(account_id, listing.condition_id, listing.token_ids)

    def refresh_view(self, account_id: str, asset: str) -> None:
        """Let the venue read a balance from the chain: `/balance-allowance/update`."""
        self.chain.refresh(account_id, asset)

    def rate(self, signer_id: str, now_ms: int, *, cancels: bool) -> tuple[int, int, str]:
        """Return how many orders or cancels a signer may still send now, in how many seconds it is
        as many as can be, and the name of the tier.
        """
        signer = self._signers[signer_id]
        left, full_s = (signer.cancels if cancels else signer.orders).left(now_ms)
        return left, full_s, signer.tier.name

    def levels(self, token_id: str) -> tuple[LevelChange, ...]:
        """Return one token's book: (is it an ask, price_micro, size_micro), in no order."""
        return self._desk.books[token_id].levels(token_id)

    def tick_micro(self, token_id: str) -> int:
        """Return the tick of a token's market now."""
        return self._desk.books[token_id].tick_micro

    def open_orders(self, signer_id: str) -> list[Order]:
        """Return the resting and delayed orders of all accounts of a signer, oldest first."""
        signer_of = self._signer_of
        return [one for one in self._desk.open.values() if signer_of[one.account_id] == signer_id]

    # Orders

    def place(self, new: NewOrder, now_ms: int) -> OrderAnswer | Refusal:
        """Place one order; raises KeyError for an account that was never opened."""
        self.advance(now_ms)
        refusal = self.gate.refuse_order(now_ms, post_only=new.post_only)
        if refusal is None:
            signer = self._signers[self._signer_of[new.account_id]]
            refusal = signer.orders.take(1, now_ms)
        return refusal or self._desk.accept(new, now_ms)

    def place_batch(
        self, signer_id: str, orders: Sequence[NewOrder], now_ms: int
    ) -> tuple[OrderAnswer, ...] | Refusal:
        """Place up to 15 orders of one signer, each for itself: a failed leg carries its error.

        The whole batch is refused only for its length, its rate, or a mode that takes no orders.
        """
        self.advance(now_ms)
        if len(orders) > BATCH_MAX:
            return answers.too_many_orders(len(orders), BATCH_MAX)
        # In post-only mode every leg is judged for itself.
        refusal = self.gate.refuse_order(now_ms, post_only=True)
        if refusal is None:
            refusal = self._signers[signer_id].orders.take(len(orders), now_ms)
        return refusal or tuple(
            self._leg(signer_id, new, index, now_ms) for index, new in enumerate(orders)
        )

    def cancel(
        self, signer_id: str, order_ids: Iterable[str], now_ms: int
    ) -> CancelAnswer | Refusal:
        """Cancel orders by id, up to 1000."""
        self.advance(now_ms)
        wanted = list(dict.fromkeys(order_ids))
        if len(wanted) > CANCELS_MAX:
            return answers.too_many_orders(len(wanted), CANCELS_MAX)
        refusal = self.gate.refuse_cancel()
        if refusal is None:
            refusal = self._signers[signer_id].cancels.take(len(wanted), now_ms)
        return refusal or self._cancel(signer_id, wanted, now_ms)

    def cancel_all(
        self, signer_id: str, now_ms: int, *, condition_id: str = "", token_id: str = ""
    ) -> CancelAnswer | Refusal:
        """Cancel every order of a signer, or only those of one market or one token."""
        self.advance(now_ms)
        cancels = self._signers[signer_id].cancels
        refusal = self.gate.refuse_cancel() or cancels.take(1, now_ms)
        if refusal is not None:
            return refusal
        wanted = [
            order.order_id
            for order in self.open_orders(signer_id)
            if condition_id in ("", order.condition_id) and token_id in ("", order.token_id)
        ]
        answer = self._cancel(signer_id, wanted, now_ms)
        cancels.spend(len(answer.canceled))
        return answer

    def requote(
        self, token_id: str, order_ids: Iterable[str], orders: Iterable[NewOrder], now_ms: int
    ) -> tuple[OrderAnswer | Refusal, ...] | Refusal:
        """Change the quotes of a flow in one market at one instant, so that it is told once.

        Without limits of rate; refused as a whole while the venue takes no orders or no cancels.
        """
        self.advance(now_ms)
        refusal = self.gate.refuse_order(now_ms, post_only=True) or self.gate.refuse_cancel()
        return refusal or self._desk.requote(token_id, order_ids, orders, now_ms)

    def refine_tick(self, token_id: str, tick_micro: int, now_ms: int) -> None:
        """Make the tick of a token's market finer, as after a trade near 0 or 1."""
        self.advance(now_ms)
        self._desk.refine(self._desk.books[token_id], tick_micro, "", now_ms)

    # What outlives the process: see images.py

    def heartbeats(self) -> dict[str, tuple[str, int]]:
        """Return the armed dead-man switches: by signer the expected id and when it is due."""
        return {
            signer_id: (signer.heartbeat_id, signer.heartbeat_due_ms)
            for signer_id, signer in self._signers.items()
            if signer.heartbeat_due_ms
        }

    def unsettled(self) -> list[Trade]:
        """Return the trades of which something is still to come."""
        return list(self._clearing.trades.values())

    def restore_heartbeat(self, signer_id: str, heartbeat_id: str, due_ms: int) -> None:
        """Keep a dead-man switch armed; one that was due meanwhile goes off next."""
        signer = self._signers[signer_id]
        signer.heartbeat_id, signer.heartbeat_due_ms = heartbeat_id, due_ms
        self._agenda.at(due_ms, partial(self._miss_heartbeat, signer_id, due_ms))

    def restore_market(
        self, token_id: str, tick_micro: int, payouts: tuple[int, int] | None
    ) -> None:
        """Go on with a finer tick, and with what was resolved."""
        if payouts is not None:
            condition_id = self._desk.books[token_id].listing.condition_id
            self.chain.payouts[condition_id] = payouts
            self._desk.close(condition_id, self._agenda.now_ms)
        self._desk.restore_tick(self._desk.books[token_id], tick_micro, self._agenda.now_ms)

    def restore_id(self, account_id: str, order_id: str) -> None:
        """Refuse an order id that was taken already."""
        self._desk.remember(account_id, order_id)

    def restore(self, orders: Iterable[Order], trades: Iterable[Trade]) -> None:
        """Go on with open orders, oldest first, and with trades that are not settled."""
        for trade in trades:
            self._clearing.restore(trade)
        for order in orders:
            self._desk.restore(order, self._agenda.now_ms)
        self._desk.uncross(self._agenda.now_ms)

    # What goes wrong on purpose

    def set_mode(self, mode: VenueMode, now_ms: int, duration_ms: int = 0) -> None:
        """Change what the venue accepts, for a while or (0) until the next change."""
        self.advance(now_ms)
        until_ms = now_ms + duration_ms if duration_ms else 0
        self.gate.set(mode, until_ms)
        if duration_ms:
            self._agenda.at(until_ms, partial(self._end_mode, mode, until_ms))

    def hold(
        self, condition_id: str, account_ids: Iterable[str], now_ms: int, duration_ms: int
    ) -> None:
        """Let the limit orders of some accounts rest unmatched for a while, even when they cross.

        Everybody else can trade with the crossed book. At the end it is matched.
        """
        self.advance(now_ms)
        self._desk.hold(condition_id, frozenset(account_ids), now_ms + duration_ms)

    def is_held(self, condition_id: str) -> bool:
        """Say whether a market's matching is held, so that its book may be crossed."""
        return self._desk.is_held(condition_id)

    def heartbeat(self, signer_id: str, heartbeat_id: str, now_ms: int) -> HeartbeatAnswer:
        """Arm or prove the dead-man switch: without the next one all orders are cancelled.

        The next is due within 10 s; the venue looks up to 5 s late. It cannot be disarmed.
        """
        self.advance(now_ms)
        signer = self._signers[signer_id]
        if heartbeat_id != signer.heartbeat_id:
            return HeartbeatAnswer(accepted=False, heartbeat_id=signer.heartbeat_id)
        signer.heartbeat_id = f"{self._random.getrandbits(128):032x}"
        self._watch(signer_id, now_ms)
        return HeartbeatAnswer(accepted=True, heartbeat_id=signer.heartbeat_id)

    def _leg(self, signer_id: str, new: NewOrder, index: int, now_ms: int) -> OrderAnswer:
        refusal = self.gate.refuse_order(now_ms, post_only=new.post_only)
        if text := self.faults.leg(index, now_ms):
            refusal = answers.bad(text)
        if self._signer_of[new.account_id] != signer_id:
            refusal = answers.bad(answers.NOT_THE_OWNER)
        outcome = refusal or self._desk.accept(new, now_ms)
        if isinstance(outcome, Refusal):
            return OrderAnswer(order_id="", status="", error=outcome.text)
        return outcome

    def _signs(self, signer_id: str, order: Order) -> bool:
        return self._signer_of[order.account_id] == signer_id

    def _cancel(self, signer_id: str, order_ids: Iterable[str], now_ms: int) -> CancelAnswer:
        canceled: list[str] = []
        not_canceled: list[tuple[str, str]] = []
        for order_id in order_ids:
            order = self._desk.open.get(order_id)
            if order is None or not self._signs(signer_id, order):
                not_canceled.append((order_id, answers.NOT_FOUND))
            elif order.is_delayed:
                not_canceled.append((order_id, answers.DELAYED))
            else:
                self._desk.cancel(order, OrderStatus.CANCELED, now_ms)
                canceled.append(order_id)
        return CancelAnswer(canceled=tuple(canceled), not_canceled=tuple(not_canceled))

    def _end_mode(self, mode: VenueMode, until_ms: int, at_ms: int) -> None:
        """Open again; after a restart only for post-only orders at first."""
        if (self.gate.mode, self.gate.until_ms) != (mode, until_ms):
            return  # somebody changed it meanwhile
        if mode is VenueMode.RESTARTING:
            open_ms = at_ms + POST_ONLY_AFTER_RESTART_MS
            self.gate.set(VenueMode.POST_ONLY, open_ms)
            self._agenda.at(open_ms, partial(self._end_mode, VenueMode.POST_ONLY, open_ms))
        else:
            self.gate.set(VenueMode.OPEN, 0)

    def _watch(self, signer_id: str, at_ms: int) -> None:
        signer = self._signers[signer_id]
        slack_ms = self._random.randint(0, HEARTBEAT_SLACK_MS_MAX)
        signer.heartbeat_due_ms = at_ms + HEARTBEAT_TIMEOUT_MS + slack_ms
        due = partial(self._miss_heartbeat, signer_id, signer.heartbeat_due_ms)
        self._agenda.at(signer.heartbeat_due_ms, due)

    def _miss_heartbeat(self, signer_id: str, due_ms: int, at_ms: int) -> None:
        if self._signers[signer_id].heartbeat_due_ms != due_ms:
            return  # a heartbeat came in time
        self._cancel(signer_id, [order.order_id for order in self.open_orders(signer_id)], at_ms)
        self._watch(signer_id, at_ms)  # it stays armed
