"""What a new session has to know of open sets beside the engine: their markets, their exits."""

from dataclasses import dataclass

from trading.engine.codes import SetState
from trading.engine.legs import SET_ENDS
from trading.engine.market import FeeSchedule, MarketSpec
from trading.models import ArbitrageSet, Market, SetMove

SENT_AS = "sent as "  # how the engine words the reference of an exit, see MergeSent


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Parameters of the markets of open sets, and references of exits under way by set."""

    specs: dict[str, MarketSpec]
    exit_references: dict[str, str]


def leftovers(account: str) -> Leftovers:
    """Return what an account's open live sets need beside the engine."""
    return Leftovers(specs=specs_of_open_sets(account), exit_references=exit_references(account))


def specs_of_open_sets(account: str) -> dict[str, MarketSpec]:
    """Return the parameters, as last discovered, of every market of an account's open live sets."""
    legs = (
        ArbitrageSet.objects.filter(session__account=account, paper=False)
        .exclude(state__in=SET_ENDS)
        .values_list("legs", flat=True)
    )
    wanted = {leg["condition_id"] for row in legs for leg in row}
    return {
        row.condition_id: spec_of_row(row) for row in Market.objects.filter(condition_id__in=wanted)
    }


def exit_references(account: str) -> dict[str, str]:
    """Return under which reference each set that is merging was handed over, by set."""
    merging = ArbitrageSet.objects.filter(
        session__account=account, paper=False, state=SetState.MERGING
    )
    moves = SetMove.objects.filter(
        set_id__in=merging.values("set_id"), state_to=SetState.MERGING
    ).order_by("sequence")
    found: dict[str, str] = {}
    for move in moves:
        if move.state_from != SetState.MERGING:
            found.pop(move.set_id, None)  # another try: what was handed over before has ended
        elif move.reason.startswith(SENT_AS):
            found[move.set_id] = move.reason.removeprefix(SENT_AS)
    return found


def spec_of_row(row: Market) -> MarketSpec:
    """Return a market's parameters as its row has them; it is not traded anew by them."""
    fee = None
    if row.fee_rate_micro is not None and row.fee_exponent is not None:
        fee = FeeSchedule(rate_micro=row.fee_rate_micro, exponent=row.fee_exponent)
    return MarketSpec(
        condition_id=row.condition_id,
        token_ids=(row.yes_token_id, row.no_token_id),
        tick_micro=row.tick_micro,
        min_order_size_micro=row.min_order_size_micro,
        fee=fee,
        protocol=row.protocol,
        neg_risk_event_id=row.neg_risk_event_id,
        neg_risk_augmented=row.neg_risk_augmented,
        accepting_orders=False,
        seconds_delay=row.seconds_delay,
        taker_delay_ms=row.taker_delay_ms,
    )
