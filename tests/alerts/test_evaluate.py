"""A rule over time: windows, aggregates, what is missing, what has the wrong type."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.rules.evaluate import BUCKETS_MAX, RuleWatch, Verdict
from alerts.rules.metrics import NOTHING, Ratio
from tests.alerts.rules import SECOND, breaker, errors, latency, rule

V = Verdict


def watch(of, *, phase=0, began=0):
    return RuleWatch(of, phase=phase, began_ns=began)


def verdicts(of, timed, *, phase=0):
    """Feed (second, value) pairs and return the verdict at each of them."""
    one = watch(of, phase=phase)
    found = []
    for second, value in timed:
        one.take(value, second * SECOND)
        found.append(one.judge(second * SECOND).verdict)
    return found


class TestHeldFor:
    def test_l3_the_first_bad_sample_does_not_fire_before_its_window_is_over(self):
        timed = [(second, False) for second in range(1, 13)]
        assert verdicts(rule(), timed) == [V.PENDING] * 10 + [V.FIRING] * 2

    def test_one_good_sample_begins_the_window_anew(self):
        timed = [(second, second == 8) for second in range(1, 20)]
        assert verdicts(rule(), timed)[:7] == [V.PENDING] * 7
        assert verdicts(rule(), timed)[7:] == [V.QUIET] + [V.PENDING] * 10 + [V.FIRING]

    def test_it_fires_between_samples_too(self):
        one = watch(rule())
        one.take(False, 1 * SECOND)
        assert one.judge(11 * SECOND - 1).verdict is V.PENDING
        judged = one.judge(11 * SECOND)
        assert (judged.verdict, judged.since_ns, judged.due_ns) == (
            V.FIRING,
            SECOND,
            11 * SECOND,
        )
        assert judged.reason == ("ws_connected is false for 10 s: ws_connected == false")


class TestAtOnce:
    def test_l6_words_are_the_same_in_capitals_and_not(self):
        assert verdicts(breaker(), [(1, "CLOSED"), (2, "open"), (3, "OPEN"), (4, "closed")]) == [
            V.QUIET,
            V.FIRING,
            V.FIRING,
            V.QUIET,
        ]

    def test_a_counter_is_judged_by_its_rise(self):
        trades = rule(
            "TRADE_EXECUTED", metric="trade_executed", operator=">", value=0, window_seconds=0
        )
        timed = [(1, 7), (2, 8), (3, 8), (4, 10), (5, 1), (6, 1)]
        assert verdicts(trades, timed) == [
            V.QUIET,  # from here it is counted
            V.FIRING,
            V.QUIET,
            V.FIRING,
            V.FIRING,  # a new session began at zero, and has one
            V.QUIET,
        ]

    def test_a_bound_of_its_own_holds_in_a_phase(self):
        low = rule(
            "LOW_BALANCE",
            metric="wallet_balance_usd",
            operator="<",
            value=100,
            window_seconds=0,
            values_by_phase={"1": "10.5"},
        )
        assert verdicts(low, [(1, 50_000_000)]) == [V.FIRING]
        assert verdicts(low, [(1, 50_000_000), (2, 10_499_999)], phase=1) == [V.QUIET, V.FIRING]


class TestAggregates:
    def test_a_mean_waits_until_its_window_is_full(self):
        timed = [(second, 900_000_000) for second in range(1, 302)]
        assert verdicts(latency(), timed) == [V.QUIET] * 299 + [V.FIRING] * 2

    def test_a_mean_forgets_what_is_older_than_its_window(self):
        one = watch(latency())
        for second in range(1, 301):
            one.take(900_000_000, second * SECOND)
        for second in range(301, 601):
            one.take(100_000_000, second * SECOND)
        judged = one.judge(600 * SECOND)
        assert judged.verdict is V.QUIET
        assert judged.value.startswith("10")  # 100 ms, and of the last old bucket a little

    def test_errors_of_a_minute_add_up_and_fire_at_once(self):
        timed = [(1, 10), (2, 12), (3, 14), (4, 15), (70, 15), (71, 15)]
        assert verdicts(errors(), timed) == [V.QUIET] * 3 + [V.FIRING, V.QUIET, V.QUIET]

    def test_a_rate_is_of_what_came_within_the_window(self):
        rate = rule(
            "HIGH_REJECT_RATE",
            severity="WARNING",
            metric="reject_rate",
            operator=">=",
            value="0.05",
            window_seconds=300,
            counting="AGGREGATED",
        )
        timed = [(1, Ratio(0, 100)), (2, Ratio(0, 120)), (3, Ratio(1, 140)), (4, Ratio(1, 141))]
        assert verdicts(rate, timed) == [V.QUIET, V.QUIET, V.QUIET, V.QUIET]
        assert verdicts(rate, [*timed, (5, Ratio(3, 141))]) == [V.QUIET] * 4 + [V.FIRING]

    def test_nothing_submitted_is_no_rate_and_nothing_bad(self):
        rate = rule(
            "HIGH_REJECT_RATE",
            metric="reject_rate",
            operator=">=",
            value="0.05",
            window_seconds=300,
            counting="AGGREGATED",
        )
        one = watch(rate)
        one.take(Ratio(0, 0), SECOND)
        judged = one.judge(SECOND)
        assert (judged.verdict, judged.value) == (V.QUIET, "nothing to measure")

    @given(st.lists(st.tuples(st.integers(1, 900), st.integers(-(10**9), 10**9)), min_size=1))
    def test_extremes_are_those_of_the_window_within_a_bucket(self, steps):
        one = watch(latency(aggregate="MAX", window_seconds=30))
        now, taken = 0, []
        for step, value in steps:
            now += step * SECOND // 10
            one.take(value, now)
            taken.append((now, value))
        judged = one._aggregated(now)
        surely = [value for at, value in taken if at > now - 30 * SECOND]
        at_most = [value for at, value in taken if at >= now - 30 * SECOND - 2 * one._bucket_ns]
        assert max(surely) <= judged <= max(at_most)
        assert len(one._buckets) <= BUCKETS_MAX + 1


class TestWhatIsMissing:
    def test_l7_and_ask_19_a_metric_that_stops_coming_raises(self):
        one = watch(rule())
        one.take(True, SECOND)
        assert one.judge(16 * SECOND).verdict is V.QUIET
        judged = one.judge(16 * SECOND + 1)
        assert judged.verdict is V.UNKNOWN
        assert judged.raises
        assert judged.reason == "ws_connected is not known: no value for 15 s"

    def test_one_that_never_came_raises_from_the_beginning_of_the_watch(self):
        one = watch(rule(), began=100 * SECOND)
        assert one.judge(115 * SECOND).verdict is V.QUIET
        assert one.judge(116 * SECOND).verdict is V.UNKNOWN

    def test_not_known_is_neither_good_nor_bad_while_it_is_short(self):
        one = watch(rule())
        one.take(False, 1 * SECOND)
        one.take(None, 2 * SECOND)
        assert one.judge(10 * SECOND).verdict is V.PENDING
        assert one.judge(12 * SECOND).verdict is V.FIRING

    def test_l8_a_value_of_another_type_is_said_and_not_swallowed(self):
        one = watch(rule())
        one.take(True, SECOND)
        for second in range(2, 30):
            one.take("yes", second * SECOND)
        judged = one.judge(30 * SECOND)
        assert judged.verdict is V.UNKNOWN
        assert judged.reason == "ws_connected is not known: a str instead of a bool"

    def test_known_to_be_nothing_is_quiet_and_ends_what_was_bad(self):
        one = watch(rule())
        one.take(False, SECOND)
        one.take(NOTHING, 2 * SECOND)
        assert one.judge(12 * SECOND).verdict is V.QUIET

    def test_what_comes_late_or_twice_changes_nothing(self):
        one = watch(errors())
        one.take(10, 1 * SECOND)
        one.take(13, 2 * SECOND)
        one.take(13, 2 * SECOND)
        one.take(99, 1 * SECOND)
        assert one.judge(2 * SECOND).value == "3 errors"
