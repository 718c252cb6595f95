"""The whole engine: a list of events in, a list of commands out."""

from dataclasses import replace

from tests.engine.builders import CRYPTO, MARKET, NO, YES, delta, limits, m, snapshot, spec
from tests.engine.rig import Rig
from trading.engine.codes import MarketState
from trading.engine.commands import RequestSnapshot
from trading.engine.events import (
    BookSuspect,
    MarketStatus,
    Tick,
)
from trading.engine.facts import (
    EngineNoted,
    LedgerBooked,
    MetricSample,
    OpportunityRepeated,
    OpportunitySeen,
    SetOpened,
    TradeRecorded,
)
from trading.engine.paper import PaperSettings
from trading.engine.units import MICRO

MERGED = [
    "CONFIRMED", "ALLOWED", "INTENT", "SUBMITTED", "BOTH_MATCHED", "SETTLING", "SETTLED",
    "MERGING", "MERGED",
]  # fmt: skip


class TestCompleteSet:
    def test_a_confirmed_gap_becomes_a_set_that_merges_with_the_exact_result(self):
        rig = Rig()
        rig.books()
        rig.cross()
        rig.wait(10_000)

        assert rig.states() == MERGED
        opened = rig.facts(SetOpened)[0]
        # 10 dollars buy at most 10 sets of 0.95; both legs have the same size.
        assert opened.size_micro == m("10")
        assert [leg.size_micro for leg in opened.legs] == [m("10"), m("10")]
        # 10 sets cost 9.50 and merge into 10 dollars. PolyArb-X booked a dollar per token (E1).
        assert rig.sample.realised_micro == m("0.5")
        assert rig.sample.sets_completed == 1
        assert rig.sample.exposure_micro == 0
        assert rig.sample.cash_micro == m("100.5")
        assert (rig.sample.orders_submitted, rig.sample.orders_filled) == (2, 2)
        assert (rig.sample.orders_refused, rig.sample.legs_exposed) == (0, 0)

    def test_the_ledger_alone_says_the_same(self):
        rig = Rig(market=spec(fee=CRYPTO))
        rig.books()
        rig.cross(no_ask="0.4")
        rig.wait(10_000)

        balances = rig.ledger_balances()
        fees = sum(
            trade.fee_micro for trade in rig.facts(TradeRecorded) if trade.state == "MATCHED"
        )
        bought = rig.facts(SetOpened)[0].size_micro
        assert fees > 0
        # Sets pay one dollar each; legs cost 0.48 + 0.40 each; the fee is on top.
        result = bought - (m("0.88") * bought // MICRO) - fees
        assert balances["REALISED"] == -result
        assert balances["CASH"] == m("100") + result
        assert balances["YES"] == balances["NO"] == balances["RESERVED"] == balances["FEES"] == 0

    def test_both_legs_have_equal_shares_whatever_the_depths(self):
        """PolyArb-X sized legs in dollars: 11.09 YES against 10.00 NO (E3)."""
        rig = Rig()
        rig.books()
        rig.cross(size="7")
        rig.wait(10_000)
        bought = {
            trade.token_id: trade.size_micro
            for trade in rig.facts(TradeRecorded)
            if trade.state == "CONFIRMED"
        }
        assert bought == {YES: m("7"), NO: m("7")}

    def test_a_fill_is_priced_per_level_not_at_the_last_level(self):
        """PolyArb-X paid the worst level for the whole size (E4)."""
        rig = Rig()
        rig.tell(snapshot(YES, bids=("0.4x1",), asks=("0.45x6", "0.46x50")))
        rig.tell(snapshot(NO, bids=("0.5x1",), asks=("0.6x50",)))
        rig.tell(
            delta((YES, "0.53", "0.45", ("bid 0.53x50",)), (NO, "0.5", "0.47", ("ask 0.47x50",)),
                  at_ms=5)
        )  # fmt: skip
        rig.wait(10_000)
        yes = [t for t in rig.facts(TradeRecorded) if t.token_id == YES and t.state == "CONFIRMED"]
        assert [(t.price_micro, t.size_micro) for t in yes] == [
            (m("0.45"), m("6")),
            (m("0.46"), m("4")),
        ]

    def test_slippage_and_gas_are_taken_off_once(self):
        """PolyArb-X took slippage off the price and off the profit (E5), and gas was zero (E8)."""
        plain, costly = (
            Rig(),
            Rig(limits(gas_per_set_micro=m("0.1"), slippage_allowance_ratio_micro=10_000)),
        )
        for rig in (plain, costly):
            rig.books()
            rig.cross()
        nets = [rig.facts(SetOpened)[0].expected_net_micro for rig in (plain, costly)]
        cost = plain.facts(SetOpened)[0].cost_micro
        assert nets[0] - nets[1] == m("0.1") + cost // 100

    def test_the_slippage_limit_is_never_a_slippage_that_is_charged(self):
        """PolyArb-X used the two percent limit as the slippage of every fill (E6)."""
        tight, loose = Rig(limits(slippage_max_ratio_micro=1)), Rig(limits())
        for rig in (tight, loose):
            rig.books()
            rig.cross()
        first, second = (rig.facts(SetOpened)[0].expected_net_micro for rig in (tight, loose))
        assert first == second

    def test_the_fee_is_the_markets_own(self):
        """PolyArb-X charged a flat 0.35 percent: at the venue's fee the same pair loses (E7)."""
        rig = Rig(market=spec(fee=CRYPTO))
        rig.books()
        rig.cross(no_ask="0.51")
        assert rig.facts(SetOpened) == []
        assert rig.last.refusal == "EDGE_NOT_POSITIVE"
        # 0.07 * (0.48 * 0.52 + 0.51 * 0.49) = 0.034965 a set against a gap of one cent.
        assert rig.last.edge_micro == 10_000 - 34_965

    def test_a_result_of_exactly_nothing_is_no_trouble(self):
        """PolyArb-X died formatting a realised PnL of zero (E31)."""
        rig = Rig(paper=PaperSettings(gas_micro=m("0.5")))
        rig.books()
        rig.cross()
        rig.wait(10_000)
        assert rig.states()[-1] == "MERGED"
        assert rig.sample.realised_micro == 0


class TestPhantoms:
    def test_books_of_different_instants_are_refused_and_read_anew(self):
        rig = Rig()
        rig.books()
        heard = rig.tell(delta((NO, "0.52", "0.51", ("ask 0.51x9",)), at_ms=900))
        assert rig.last.refusal == "LEGS_NOT_SAME_INSTANT"
        assert rig.last.stage == "SEEN"
        assert "900 ms apart" in rig.last.reason
        assert [type(c) for c in heard if isinstance(c, RequestSnapshot)]
        assert rig.facts(SetOpened) == []

    def test_a_gap_over_a_disconnected_market_is_not_even_seen(self):
        rig = Rig()
        rig.books()
        rig.tell(BookSuspect(token_ids=(), condition_id=MARKET, reason="test"))
        rig.cross()
        assert rig.facts(OpportunitySeen) == []


class TestOnce:
    """PolyArb-X fired the same opportunity every second while the book showed it (E9)."""

    def test_one_attempt_per_market_at_a_time(self):
        rig = Rig()
        rig.books()
        rig.cross()
        rig.cross(at_ms=20, size="41")
        assert len(rig.facts(SetOpened)) == 1
        assert rig.last.refusal == "ATTEMPT_IN_PROGRESS"

    def test_after_a_set_there_is_a_pause(self):
        rig = Rig(limits(cooldown_ms=5_000))
        rig.books()
        rig.cross()
        rig.wait(4_300)
        assert rig.states()[-1] == "MERGED"
        rig.cross(at_ms=20, size="41")
        assert rig.last.refusal == "COOLDOWN"
        rig.wait(5_000)
        rig.cross(at_ms=30, size="42")
        assert len(rig.facts(SetOpened)) == 2

    def test_liquidity_that_paper_took_is_not_bought_again(self):
        rig = Rig(limits(cooldown_ms=0))
        rig.books()
        rig.cross(size="8")
        rig.wait(10_000)
        rig.cross(at_ms=20, size="8")  # the venue repeats the level that we emptied
        assert rig.last.refusal == "ALREADY_TAKEN"
        assert len(rig.facts(SetOpened)) == 1

    def test_a_gap_that_stands_is_one_opportunity_with_its_frames_counted(self):
        rig = Rig(limits(min_profit_ratio_micro=500_000))
        rig.books()
        for at_ms in (10, 11, 12):
            rig.cross(at_ms=at_ms)
        rig.uncross(at_ms=13)
        assert len(rig.facts(OpportunitySeen)) == 1
        assert [r.frames for r in rig.facts(OpportunityRepeated)] == [3]
        assert rig.engine.funnel.counts.seen == 3

    def test_a_storm_of_gaps_makes_a_bounded_number_of_rows(self):
        rig = Rig(limits(min_profit_ratio_micro=500_000))
        rig.books()
        for number in range(1, 500):
            rig.cross(at_ms=10 + number, size=str(number))
        assert len(rig.facts(OpportunitySeen)) == 50
        assert rig.engine.funnel.counts.seen == 499


class TestSamples:
    def test_a_sample_is_made_once_a_second(self):
        rig = Rig()
        rig.wait(5_000)
        samples = rig.facts(MetricSample)
        assert len({sample.at_ns // 1_000_000_000 for sample in samples}) == len(samples) == 6

    def test_the_day_starts_with_nothing_realised(self):
        rig = Rig()
        rig.books()
        rig.cross()
        rig.wait(10_000)
        assert rig.sample.realised_today_micro == m("0.5")
        rig.now_ns += 86_400 * 1_000_000_000
        rig.tell(Tick())
        assert rig.sample.realised_today_micro == 0
        assert rig.sample.realised_micro == m("0.5")

    def test_fill_times_are_ours_in_nanoseconds_of_utc(self):
        """PolyArb-X stamped fills with the event loop's seconds: no day could be joined (E32)."""
        rig = Rig()
        rig.books()
        rig.cross()
        sent_ns = rig.now_ns
        rig.wait(1_000)
        assert rig.facts(TradeRecorded)[0].at_ns == sent_ns + 250 * 1_000_000


def story(rig: Rig) -> list[str]:
    rig.books()
    rig.cross()
    rig.wait(3_000)
    rig.tell(delta((NO, "0.52", "0.51", ("ask 0.51x9",)), at_ms=900))
    rig.tell(MarketStatus(condition_id=MARKET, state=MarketState.CLOSED))
    rig.wait(3_000)
    return [repr(command) for command in rig.commands]


def test_the_same_events_give_the_same_commands():
    assert story(Rig()) == story(Rig())


def test_every_id_carries_the_sessions_key():
    rig = Rig()
    story(rig)
    ids = [o.opportunity_id for o in rig.facts(OpportunitySeen)]
    ids += [s.set_id for s in rig.facts(SetOpened)]
    ids += [n.note_id for n in rig.facts(EngineNoted)]
    ids += [t.trade_id for t in rig.facts(TradeRecorded)]
    assert all(one.startswith("t-") for one in ids)
    entries = [entry.entry_id for entry in rig.facts(LedgerBooked)]
    assert len(entries) == len(set(entries))


def test_a_fresh_limit_refuses_everything():
    """A limit that nobody set is the tightest one, not the widest."""
    rig = Rig(replace(limits(), trade_size_micro=0))
    rig.books()
    rig.cross()
    assert rig.facts(SetOpened) == []
