"""Live sets over neg-risk events: conversion instead of merge, one leg per outcome."""

from tests.engine.builders import FREE, limits, m, snapshot, spec
from tests.engine.live_rig import DAY, Live
from trading.engine.codes import Account, MarketState, TradeState
from trading.engine.commands import ConvertSet, RedeemSet, ResolveMerge
from trading.engine.events import ChainReceipt, MandateChanged, MarketListed, MarketStatus
from trading.engine.units import text_from_micro as text

BOUNDS = {"neg_risk_enabled": True, "pair_enabled": False, "trade_size_micro": m("30")}


def outcome(number):
    return spec(
        f"0x{number}", token_ids=(f"y{number}", f"n{number}"), fee=FREE,
        neg_risk_event_id="event", neg_risk_legs=3,
    )  # fmt: skip


def three(*, side="n", asks=("0.6", "0.6", "0.6")):
    """Three outcomes, one token of each on offer so that a set is cheaper than it pays."""
    live = Live()
    live.wait(1_000)
    for order in live.orders():
        live.kill(order)
    live.commands.clear()
    live.bounds = BOUNDS
    live.tell(MandateChanged(revision=2, may_trade=True, limits=limits(**BOUNDS)))
    for number in range(3):
        live.tell(MarketListed(spec=outcome(number)))
    for from_read in (False, True):
        live.now_ns += 1
        for number, ask in enumerate(asks):
            other = {"n": "y", "y": "n"}[side]
            for token, bid, offer in ((other, "0.3", "0.95"), (side, "0.1", ask)):
                live.tell(
                    snapshot(f"{token}{number}", bids=(f"{bid}x50",), asks=(f"{offer}x50",),
                             condition_id=f"0x{number}", from_read=from_read)
                )  # fmt: skip
    assert len(live.orders()) == 3
    assert {order.neg_risk for order in live.orders()} == {True}
    return live


def fill_all(live):
    for number, order in enumerate(live.orders()):
        size = text(order.size_micro)
        live.fill(order, size, TradeState.CONFIRMED, trade=f"t{number}")
    return live.orders()[0].size_micro


class TestConversion:
    def test_a_set_of_no_is_converted_into_outcomes_minus_one_dollars(self):
        live = three()
        size_micro = fill_all(live)
        (convert,) = live.asked(ConvertSet)
        assert convert.size_micro == size_micro
        live.tell(
            ChainReceipt(set_id=convert.set_id, ok=True, size_micro=size_micro,
                         proceeds_micro=2 * size_micro, gas_micro=0, reference="0xc",
                         kind="CONVERT")
        )  # fmt: skip
        assert live.moves[-1] == "MERGED"
        assert live.engine.treasury.realised_micro == size_micro // 5
        assert live.engine.treasury.books.positions == {}

    def test_a_conversion_under_way_is_resolved_by_its_event(self):
        live = three()
        size_micro = fill_all(live)
        live.restart(books=False)
        (asked,) = live.asked(ResolveMerge)
        assert (asked.condition_id, asked.size_micro) == ("event", size_micro)
        assert len(live.asked(ConvertSet)) == 1

    def test_one_leg_missing_of_three_waits_for_its_confirmations(self):
        live = three()
        first, second, third = live.orders()
        for number, order in enumerate((first, second)):
            live.fill(order, text(order.size_micro), trade=f"t{number}")
        live.kill(third)
        assert live.moves[-1] == "SETTLING"
        assert live.orders("COMPLETE") == []
        for number, order in enumerate((first, second)):
            live.confirm(order, text(order.size_micro), trade=f"t{number}")
        assert [order.token_id for order in live.orders("COMPLETE")] == [third.token_id]


class TestHeld:
    def test_a_set_of_yes_is_redeemed_market_by_market(self):
        live = three(side="y", asks=("0.3", "0.3", "0.3"))
        size_micro = fill_all(live)
        assert live.moves[-1] == "SETTLED"
        for number, paid_micro in ((0, 0), (1, size_micro), (2, 0)):
            winner = f"{'y' if paid_micro else 'n'}{number}"
            live.tell(
                MarketStatus(condition_id=f"0x{number}", state=MarketState.RESOLVED,
                             winning_token_id=winner)
            )  # fmt: skip
            asked = live.asked(RedeemSet)[-1]
            assert (asked.condition_id, asked.token_ids) == (f"0x{number}", (f"y{number}",))
            assert live.moves[-1] == "SETTLED"
            # Several conditions redeemed in one transaction share its hash.
            live.tell(
                ChainReceipt(set_id=asked.set_id, ok=True, size_micro=paid_micro,
                             proceeds_micro=paid_micro, gas_micro=0, reference="0xr",
                             kind="REDEEM", condition_id=asked.condition_id)
            )  # fmt: skip
        assert live.moves[-1] == "REDEEMED"
        assert live.engine.treasury.realised_micro == size_micro // 10
        told = live.ledger.balances()[Account.CASH, ""][0]
        assert told == live.engine.treasury.books.balance(Account.CASH)

    def test_what_is_redeemed_already_is_not_asked_for_after_a_restart(self):
        live = three(side="y", asks=("0.3", "0.3", "0.3"))
        fill_all(live)
        resolved = MarketStatus(
            condition_id="0x0", state=MarketState.RESOLVED, winning_token_id="n0"
        )
        live.tell(resolved)
        live.tell(
            ChainReceipt(set_id=live.ledger.open_ids[0], ok=True, size_micro=0, proceeds_micro=0,
                         gas_micro=0, reference="0xr", kind="REDEEM", condition_id="0x0")
        )  # fmt: skip
        live.restart(books=False)
        live.tell(resolved)
        assert len(live.asked(RedeemSet)) == 1
        assert live.ledger.restored(DAY).open_sets[0].legs[0].held_micro == 0
