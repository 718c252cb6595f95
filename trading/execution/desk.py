"""The live desk: what stands behind PlaceOrders and MergeSet when real orders are sent.

A state machine without sockets, clock or chance: commands of the engine and answers of the venue go
in, requests to the world and events for the engine come out, in the order in which they have to
happen. The runtime carries the requests out on the real venue, the simulation on an invented one;
neither decides anything.

Theory of operation. An order's hash is computed first and told to the engine (OrderPrepared), so
that it is durable before anything leaves. The answer to a batch is taken order by order
(answers.py). What is not known is looked up by hash until the venue's own words settle it
(tracking.py). Fills come from the user channel and from look-ups, whichever is first, and are told
each time that their settlement moves (fills.py). Exits are handed over once (exits.py).
"""

from collections.abc import Mapping
from typing import TypeAlias, assert_never

from trading.engine.codes import Refusal
from trading.engine.commands import (
    CancelAll,
    CancelOrders,
    Command,
    ConvertSet,
    MergeSet,
    PlaceOrders,
    RedeemSet,
    ResolveMerge,
    ResolveOrders,
)
from trading.engine.events import (
    Event,
    OrderAck,
    OrderClosed,
)
from trading.engine.fees import fee_charged
from trading.execution.access import Access, Heartbeat
from trading.execution.answers import TEXT_MAX
from trading.execution.batches import Batches, Prepare, SpecOf
from trading.execution.exits import ExitCommand, Exits, exit_of
from trading.execution.fills import fills_of, is_news
from trading.execution.looking import Looking
from trading.execution.messages import (
    CancelResult,
    OpenOrder,
    OrderChange,
    OrderNews,
    VenueTrade,
)
from trading.execution.refreshing import Refreshing
from trading.execution.requests import (
    Answer,
    BalanceAnswered,
    BatchAnswered,
    BatchFailed,
    CallFailed,
    CancelByHash,
    CancelEverything,
    Cancelled,
    ExitAnswered,
    HeartbeatAnswered,
    LookedUp,
    LookFailed,
    RefreshBalances,
    Request,
)
from trading.execution.settings import DeskSettings, backoff_ms
from trading.execution.tracking import Tracked, Tracking

Output: TypeAlias = Event | Request

MS_NS = 1_000_000
WAITING_TRADES_MAX = 1_000


class LiveDesk:
    """The desk of one session. Every method takes the time in ns of UTC and returns what to do."""

    def __init__(
        self,
        *,
        prepare: Prepare,
        spec_of: SpecOf,
        settings: DeskSettings | None = None,
        exit_references: Mapping[str, str] | None = None,
    ) -> None:
        """`exit_references` are those of exits that an earlier session handed over, by set."""
        self.settings = settings or DeskSettings()
        self.tracking = Tracking(self.settings)
        self.access = Access(self.settings)
        self.exits = Exits(self.settings, exit_references or {})
        self._looking = Looking(self.settings, self.tracking)
        self._heartbeat = Heartbeat(self.settings, self.access)
        self._spec_of = spec_of
        self._batches = Batches(
            tracking=self.tracking,
            access=self.access,
            prepare=prepare,
            spec_of=spec_of,
            plan=self._plan,
        )
        self._waiting: dict[str, VenueTrade] = {}  # of markets whose fee is not known yet
        self._late_exits: list[ExitCommand] = []  # of markets that are not known yet
        self._cancel_all = False
        self._cancel_tries = 0
        self._cancel_next_ms = 0
        self._refreshing = Refreshing(self.settings)

    # Commands of the engine

    def carry_out(self, command: Command, now_ns: int) -> list[Output]:
        """Take a command; one that is not for a desk raises TypeError."""
        now_ms = now_ns // MS_NS
        match command:
            case PlaceOrders():
                return self._batches.place(command.orders, now_ms)
            case CancelOrders():
                return self._cancel(command.order_ids)
            case CancelAll():
                self._cancel_all, self._cancel_tries = True, 0
                self._cancel_next_ms = now_ms + self.settings.look_within_ms
                return [CancelEverything()]
            case ResolveOrders():
                return self._resolve(command, now_ms)
            case MergeSet() | ConvertSet() | RedeemSet() | ResolveMerge():
                return self._exit(command)
        raise TypeError(f"{type(command).__name__} is not for the live desk")

    def _cancel(self, order_ids: tuple[str, ...]) -> list[Output]:
        found = (self.tracking.by_id(order_id) for order_id in order_ids)
        hashes = tuple(one.order_hash for one in found if one is not None and one.is_open)
        return [CancelByHash(order_hashes=hashes)] if hashes else []

    def _resolve(self, command: ResolveOrders, now_ms: int) -> list[Output]:
        """Follow orders of an earlier session: they may have left until this very moment."""
        out: list[Output] = []
        for one in command.orders:
            if not one.order_hash:  # nothing leaves before its hash is known and kept
                text = "it has no hash, so it never left"
                out.append(OrderClosed(order_id=one.order_id, matched_micro=0, reason=text))
                continue
            self.tracking.add(
                Tracked(
                    order_id=one.order_id,
                    order_hash=one.order_hash,
                    condition_id=one.condition_id,
                    token_id=one.token_id,
                    side=one.side,
                    size_micro=one.size_micro,
                    sent_ms=now_ms - self.settings.restored_back_ms,
                    unknown_ms=now_ms,
                    answered=True,
                    unknown=True,
                    matched_micro=one.matched_micro,
                )
            )
        return out

    def _exit(self, command: ExitCommand) -> list[Output]:
        if isinstance(command, ConvertSet):
            condition_ids = command.condition_ids
        else:
            condition_ids = (command.condition_id,)
        specs = [spec for one in condition_ids if (spec := self._spec_of(one)) is not None]
        if len(specs) < len(condition_ids):
            self._late_exits.append(command)
            return []
        return self.exits.ask(exit_of(command, specs), resolve=isinstance(command, ResolveMerge))

    # Answers of the world

    def take(self, answer: Answer, now_ns: int) -> list[Output]:
        """Take the answer to a request."""
        now_ms = now_ns // MS_NS
        out: list[Output] = []
        match answer:
            case BatchAnswered():
                out += self._batches.answered(answer, now_ms)
            case BatchFailed():
                out += self._note_limits(answer.failure, now_ms)
                out += self._batches.failed(answer, now_ms)
            case LookedUp():
                out += self._looked_up(answer, now_ms)
            case LookFailed():
                self._looking.failed(answer.look, now_ms)
                self._note_limits(answer.failure, now_ms)
            case Cancelled():
                out += self._cancelled(answer, now_ms)
            case HeartbeatAnswered():
                self._heartbeat.answered(answer.result, now_ms)
            case ExitAnswered():
                out += self._exit_answered(answer, now_ms)
            case BalanceAnswered():
                out += self._refreshing.answered(answer, now_ms)
            case _ as never:
                assert_never(never)
        return [*out, *self.access.news()]

    def _exit_answered(self, answer: ExitAnswered, now_ms: int) -> list[Output]:
        out: list[Output] = []
        for one in self.exits.answered(answer, now_ms):
            if isinstance(one, RefreshBalances):
                out += self._refreshing.want(one.token_ids, now_ms)
            else:
                out.append(one)
        return out

    def _looked_up(self, answer: LookedUp, now_ms: int) -> list[Output]:
        if not self._looking.ended(answer.look):
            return []  # it came too late: another look was begun
        out: list[Output] = []
        for trade in answer.trades:
            out += self._trade(trade, now_ms)
        for order_hash, found in answer.orders:
            tracked = self.tracking.by_hash(order_hash)
            if tracked is not None and tracked.is_open:
                out += self._found(tracked, found, now_ms)
        for tracked in list(self.tracking.followed()):
            if tracked.next_look_ms <= now_ms:
                tracked.looks += 1
                self._plan(tracked, now_ms)
        if self._looking.caught_up(answer.look):
            self.access.set(Refusal.USER_CHANNEL_DOWN, "")
        return out

    def _found(self, tracked: Tracked, found: OpenOrder | None, now_ms: int) -> list[Output]:
        """Take what a look-up said of an order that was open or unknown until now."""
        out: list[Output] = []
        if found is not None:
            out.append(_ack(tracked, resting=True, matched_micro=found.matched_micro))
            out.append(CancelByHash(order_hashes=(tracked.order_hash,)))
            tracked.unknown, tracked.resting = False, True
            tracked.absent_reads = 0
        elif tracked.filled_micro:
            out.append(_ack(tracked, resting=False, matched_micro=tracked.filled_micro))
            out.append(_closed(tracked, tracked.filled_micro, "the venue has no more of it"))
            tracked.close(tracked.filled_micro)
        elif not tracked.unknown:
            out.append(_closed(tracked, 0, "the venue does not have it any more"))
            tracked.close(0)
        else:
            tracked.absent_reads += 1
            settings = self.settings
            since_ms = now_ms - max(tracked.sent_ms, tracked.unknown_ms)
            enough = tracked.absent_reads >= settings.absent_reads_min
            if enough and since_ms >= settings.absent_after_ms and not tracked.matched_micro:
                text = f"not at the venue in {tracked.absent_reads} look-ups over {since_ms} ms"
                out.append(_closed(tracked, 0, text))
                tracked.close(0)
        self._plan(tracked, now_ms)
        return out

    def _cancelled(self, answer: Cancelled, now_ms: int) -> list[Output]:
        result = answer.result
        if isinstance(result, CallFailed):
            if answer.everything:
                self._cancel_tries += 1
                wait_ms = backoff_ms(
                    self.settings.cancel_again_ms,
                    self.settings.cancel_again_ms_max,
                    self._cancel_tries,
                )
                self._cancel_next_ms = now_ms + wait_ms
            return self._note_limits(result, now_ms)
        if answer.everything:
            self._cancel_all = False
        return self._out_of_book(result, now_ms)

    def _out_of_book(self, result: CancelResult, now_ms: int) -> list[Output]:
        out: list[Output] = []
        for order_hash in result.cancelled:
            tracked = self.tracking.by_hash(order_hash)
            if tracked is not None and tracked.is_open:
                matched_micro = max(tracked.matched_micro, tracked.filled_micro)
                out.append(_closed(tracked, matched_micro, "cancelled"))
                tracked.close(matched_micro)
                self._plan(tracked, now_ms)
        return out

    def _note_limits(self, failure: CallFailed, now_ms: int) -> list[Output]:
        if failure.status == 429:
            self.access.rate_limited(failure, now_ms)
        if failure.venue_mode is not None:
            return [*self.access.mode_told(failure.venue_mode, failure, now_ms)]
        return []

    # The user channel

    def on_order_news(self, news: OrderNews, now_ns: int) -> list[Output]:
        """Hear of an order; only that it left the book says what its trades do not."""
        tracked = self.tracking.by_hash(news.order_hash)
        if tracked is None or tracked.closed or news.change is not OrderChange.CANCELLATION:
            return []
        matched_micro = max(news.matched_micro, tracked.filled_micro)
        tracked.close(matched_micro)
        self._plan(tracked, now_ns // MS_NS)
        return [_closed(tracked, tracked.matched_micro, news.status[:TEXT_MAX] or "cancelled")]

    def on_trade(self, trade: VenueTrade, now_ns: int) -> list[Output]:
        """Hear of a trade, or of a move of its settlement."""
        return self._trade(trade, now_ns // MS_NS)

    def _trade(self, trade: VenueTrade, now_ms: int) -> list[Output]:
        out: list[Output] = []
        for fill in fills_of(trade, self.tracking.ids_by_hash, self._fee_of):
            if fill is None:
                if len(self._waiting) < WAITING_TRADES_MAX:
                    self._waiting[trade.trade_id] = trade
                continue
            tracked = self.tracking.any(fill.order_id)
            known = tracked.fills.get(fill.trade_id) if tracked is not None else None
            if known is not None and not is_news(known.state, fill.state):
                continue  # told before, or overtaken
            out.append(fill)
            if tracked is not None:
                tracked.fills[fill.trade_id] = fill
                self._plan(tracked, now_ms)
        return out

    def _fee_of(self, condition_id: str, price_micro: int, size_micro: int) -> int | None:
        spec = self._spec_of(condition_id)
        if spec is None or spec.fee is None:
            return None
        return fee_charged(spec.fee, price_micro, size_micro)

    def user_channel(self, *, connected: bool, text: str, now_ns: int) -> list[Output]:
        """The user channel came up, and is trusted after a look at what it missed; or was lost."""
        now_ms = now_ns // MS_NS
        if connected:
            self._looking.catch_up(now_ms)
        else:
            self._looking.lost(now_ms)
            self.access.set(Refusal.USER_CHANNEL_DOWN, text or "the user channel was lost")
        return [*self.access.news()]

    # What the runtime knows

    def cause(self, cause: Refusal, text: str) -> list[Output]:
        """Let a cause against new sets stand (SIGNER_DOWN, NOT_RECONCILED), empty: not any more."""
        self.access.set(cause, text)
        return [*self.access.news()]

    def tick(self, now_ns: int) -> list[Output]:
        """Let time pass: look-ups, heartbeats, retries."""
        now_ms = now_ns // MS_NS
        out: list[Output] = [*self.access.tick(now_ms)]
        for trade in [*self._waiting.values()]:
            if self._fee_of(trade.condition_id, trade.price_micro, trade.size_micro) is not None:
                del self._waiting[trade.trade_id]
                out += self._trade(trade, now_ms)
        late, self._late_exits = self._late_exits, []
        for command in late:
            out += self._exit(command)
        out += self._looking.tick(now_ms)
        out += self._heartbeat.tick(now_ms)
        out += self.exits.tick(now_ms, {command.set_id for command in self._late_exits})
        if self._cancel_all and now_ms >= self._cancel_next_ms:
            self._cancel_next_ms = now_ms + self.settings.look_within_ms
            out.append(CancelEverything())
        return [*out, *self._refreshing.tick(now_ms), *self.access.news()]

    def _plan(self, tracked: Tracked, now_ms: int) -> None:
        self.tracking.plan_look(tracked, now_ms, blind=self._looking.blind)
        self.tracking.settle(tracked)


def _ack(tracked: Tracked, *, resting: bool, matched_micro: int) -> OrderAck:
    return OrderAck(
        order_id=tracked.order_id,
        order_hash=tracked.order_hash,
        resting=resting,
        matched_micro=matched_micro,
    )


def _closed(tracked: Tracked, matched_micro: int, reason: str) -> OrderClosed:
    return OrderClosed(order_id=tracked.order_id, matched_micro=matched_micro, reason=reason)
