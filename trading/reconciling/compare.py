"""Ledger == venue == chain, or what exactly they differ by.

Theory of operation. Orders and fills are compared one by one. Balances are compared with the chain,
which decides, or with the venue's own books where there is no chain. Our books count a fill from
its match on and the chain from its block on, so what is in flight may make up a difference, each
thing with its own dollars and shares and no other (explaining.py). What then is left above dust is
unexplained, and trading has to stop. What could not be read is never taken for agreement: without
the venue's fills nobody can say what is in flight, so balances are then not judged at all.
"""

from collections.abc import Iterator

from trading.engine.units import text_from_micro as text
from trading.reconciling.explaining import Effect, Explanation, explain
from trading.reconciling.orders import compare_orders
from trading.reconciling.trades import TradeFindings, compare_trades
from trading.reconciling.verdicts import (
    AssetLine,
    Code,
    Difference,
    Reconciliation,
    verdict_of,
)
from trading.reconciling.views import (
    CASH,
    ChainView,
    Dust,
    Exit,
    LedgerView,
    Unread,
    VenueView,
)

NOTHING = Explanation(chosen=(), left={}, finished=True)


def compare(
    ledger: LedgerView, venue: VenueView, chain: ChainView | Unread | None, dust: Dust
) -> Reconciliation:
    """Return whether the three agree. `chain` is None where the venue settles on its own books."""
    differences = list(_unread(venue, chain))
    trades = TradeFindings()
    explanation = NOTHING
    if not isinstance(venue.trades, Unread):
        trades = compare_trades(ledger, venue.trades, since_s=venue.trades_since_s)
        differences += trades.differences
    if not isinstance(venue.orders, Unread):
        told = frozenset(trades.told)
        differences += compare_orders(ledger.orders, venue.orders, told=told)
    truth = venue if chain is None else chain
    if not isinstance(venue.trades, Unread) and not isinstance(truth, Unread):
        effects = [*trades.effects, *map(_exit, ledger.exits)]
        strangers = list(_strangers(ledger, truth, effects, dust))
        differences += strangers
        gaps = list(_gaps(ledger, truth, effects))
        if not gaps:
            wanted = _wanted(ledger, truth, {one.subject for one in strangers})
            cash_micro = dust.cash_micro + trades.slack_micro
            allowed = Dust(shares_micro=dust.shares_micro, cash_micro=cash_micro)
            explanation = explain(wanted, effects, allowed)
            differences += _unexplained(ledger, truth, explanation)
        elif not (Unread in {type(venue.cash_micro), type(venue.shares)} and truth is venue):
            differences += [_not_read(*gap) for gap in gaps]  # else told as a whole
    if isinstance(chain, ChainView):
        differences += _stale(venue, chain, dust)
    known = chain if isinstance(chain, ChainView) else None
    return Reconciliation(
        verdict=verdict_of(tuple(differences)),
        differences=tuple(differences),
        assets=tuple(_lines(ledger, venue, known, explanation)),
        in_flight=tuple(effect.name for effect in explanation.chosen),
        block_number=known.block_number if known else None,
        ledger_sequence=ledger.sequence,
        order_count=0 if isinstance(venue.orders, Unread) else len(venue.orders),
        trade_count=0 if isinstance(venue.trades, Unread) else len(venue.trades),
    )


def _unread(venue: VenueView, chain: ChainView | Unread | None) -> Iterator[Difference]:
    """Yield on each part that is not there, or once when there is nothing at all."""
    parts = (
        ("the venue's open orders", venue.orders),
        ("the venue's trades", venue.trades),
        ("the venue's view of the dollars", venue.cash_micro),
        ("the venue's view of the shares", venue.shares),
        ("the chain", chain),
    )
    missing = [(name, part.reason) for name, part in parts if isinstance(part, Unread)]
    if len(missing) == len(parts) - (chain is None):
        reasons = "; ".join(dict.fromkeys(reason for _, reason in missing))
        yield Difference(
            code=Code.NOTHING_READ,
            subject="everything",
            text=f"neither venue nor chain could be read: {reasons}",
        )
        return
    for name, reason in missing:
        yield _not_read(name, reason)


def _not_read(subject: str, reason: str) -> Difference:
    said = f"{subject} could not be read completely: {reason}"
    return Difference(code=Code.NOT_READ, subject=subject, text=said)


def _exit(one: Exit) -> Effect:
    """Return what the chain may have done before the books, or the books before the chain."""
    sign = -1 if one.booked else 1
    return Effect(
        name=one.reference, moves=tuple((asset, sign * amount) for asset, amount in one.moves)
    )


def _strangers(
    ledger: LedgerView, truth: ChainView | VenueView, effects: list[Effect], dust: Dust
) -> Iterator[Difference]:
    """Yield on tokens in the wallet that no order, trade or entry of ours ever named."""
    named = {asset for effect in effects for asset, _ in effect.moves}
    for token, amount in _shares(truth):
        if token not in ledger.shares and token not in named and abs(amount) > dust.of(token):
            yield Difference(
                code=Code.UNKNOWN_TOKEN,
                subject=token,
                text=f"the wallet holds {text(amount)} shares of a token that was never traded",
                ledger="0",
                venue=text(amount) if isinstance(truth, VenueView) else "",
                chain=text(amount) if isinstance(truth, ChainView) else "",
                difference_micro=amount,
            )


def _gaps(
    ledger: LedgerView, truth: ChainView | VenueView, effects: list[Effect]
) -> Iterator[tuple[str, str]]:
    """Yield what of the truth is missing: assets that we hold or that are on their way, and why."""
    held = {token for token, amount in ledger.shares.items() if amount}
    named = {asset for effect in effects for asset, _ in effect.moves}
    for asset in sorted(held | named | {CASH}):
        if truth.amount(asset) is None:
            yield f"the balance of {asset}", "the answer does not name it"


def _wanted(
    ledger: LedgerView, truth: ChainView | VenueView, strangers: set[str]
) -> dict[str, int]:
    """Return what the truth has more than the books, by asset."""
    wanted = {}
    for asset in (CASH, *ledger.shares, *(token for token, _ in _shares(truth))):
        amount = truth.amount(asset)
        if amount is not None and asset not in strangers:
            wanted[asset] = amount - ledger.amount(asset)
    return wanted


def _unexplained(
    ledger: LedgerView, truth: ChainView | VenueView, explanation: Explanation
) -> Iterator[Difference]:
    """Yield on what no choice of what is in flight makes up."""
    if not explanation.finished:
        yield Difference(
            code=Code.TOO_MUCH_IN_FLIGHT,
            subject="what is in flight",
            text="so much is in flight that nobody can say whether it explains the balances",
        )
        return
    for asset, left in explanation.left.items():
        amount = truth.amount(asset) or 0
        unit = "dollars" if asset == CASH else "shares"
        said = text(amount)
        yield Difference(
            code=Code.CASH_DIFFERS if asset == CASH else Code.SHARES_DIFFER,
            subject=asset,
            text=f"{_who(truth)} has {said} {unit}, and the ledger with all that is in flight "
            f"makes {text(amount - left)}: {text(left)} {unit} are unexplained",
            ledger=text(ledger.amount(asset)),
            venue=said if isinstance(truth, VenueView) else "",
            chain=said if isinstance(truth, ChainView) else "",
            difference_micro=left,
        )


def _who(truth: ChainView | VenueView) -> str:
    if isinstance(truth, VenueView):
        return "the venue"
    return f"the chain at block {truth.block_number}"


def _stale(venue: VenueView, chain: ChainView, dust: Dust) -> Iterator[Difference]:
    """Yield on balances of which the venue's copy is not what the chain says."""
    for asset in (CASH, *chain.shares):
        copy, amount = venue.amount(asset), chain.amount(asset)
        if copy is None or amount is None or abs(copy - amount) <= dust.of(asset):
            continue
        yield Difference(
            code=Code.VENUE_VIEW_STALE,
            subject=asset,
            text=f"the venue still sees {text(copy)} where the chain has {text(amount)}",
            venue=text(copy),
            chain=text(amount),
            difference_micro=copy - amount,
        )


def _lines(
    ledger: LedgerView, venue: VenueView, chain: ChainView | None, explanation: Explanation
) -> Iterator[AssetLine]:
    """Yield each asset that anybody has anything of."""
    flying: dict[str, int] = {}
    for effect in explanation.chosen:
        for asset, amount in effect.moves:
            flying[asset] = flying.get(asset, 0) + amount
    names = dict.fromkeys((CASH, *ledger.shares, *flying))
    names |= dict.fromkeys(token for token, _ in _shares(chain or venue))
    for asset in names:
        own, on_its_way = ledger.amount(asset), flying.get(asset, 0)
        seen, held = venue.amount(asset), chain.amount(asset) if chain else None
        truth = held if chain else seen
        if asset == CASH or own or on_its_way or seen or held:
            yield AssetLine(
                asset=asset,
                ledger_micro=own,
                in_flight_micro=on_its_way,
                venue_micro=seen,
                chain_micro=held,
                difference_micro=None if truth is None else truth - own - on_its_way,
            )


def _shares(truth: ChainView | VenueView) -> list[tuple[str, int]]:
    return [] if isinstance(truth.shares, Unread) else list(truth.shares.items())
