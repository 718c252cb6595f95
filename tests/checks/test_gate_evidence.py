"""What spoils a criterion: one thing after the other, in facts that are sound otherwise."""

import pytest

from checks.models import Attestation
from checks.services.evaluations import evaluate
from tests.checks import s1_facts as made
from tests.checks.s1_facts import DAY, HOUR, MINUTE, NOW
from tests.conftest import make_profile
from trading.models import EngineSession, Incident, Mandate, MetricSample, Order, ReplayRun

pytestmark = pytest.mark.django_db
SOUND_SHADOW = {
    "NO_CRASH": "PASS",
    "RECONNECTS": "PASS",
    "JOURNAL_COMPLETE": "PASS",
    "BREAKER_DRILL": "PASS",
    "REPLAY_EXACT": "PASS",
    "LATENCY": "PASS",
    "CRASHES": "PASS",
    "FEED_DOWN": "PASS",
    "JOURNAL_LOSS": "PASS",
    "RPC_FAILURES": "UNKNOWN",  # no chain is asked on paper
    "ALL_SUCCESS": "PASS",
    "DAYS_IN_PHASE": "PASS",
    "NO_CRITICAL_OPEN": "PASS",
    "DEDICATED_WALLET": "UNKNOWN",  # nobody has stated it
    "DAYS_OF_SHADOW": "PASS",
}


def verdicts(evaluation):
    return {row.criterion: row for row in evaluation.verdicts.all()}


def results(evaluation):
    return {row.criterion: row.verdict for row in evaluation.verdicts.all()}


@pytest.fixture
def shadow(profile):
    return made.a_sound_shadow(profile)


@pytest.fixture
def live_profile(db):
    return make_profile("live_safe_atomic_v1")


@pytest.fixture
def live(live_profile):
    # 60 sets at 8.3 cents are 4.98 dollars: within the bounds of the phase.
    return made.a_sound_live(live_profile)


def crash(old, new):
    EngineSession.objects.filter(pk=old.pk).update(state="CRASHED")


def switched_off(old, new):
    EngineSession.objects.filter(pk=old.pk).update(ended_at=NOW - 6 * DAY)


def samples_of(old, new, **figures):
    for row in MetricSample.objects.filter(session=new):
        MetricSample.objects.filter(pk=row.pk).update(values={**row.values, **figures})


def without(name):
    def spoil(old, new):
        row = MetricSample.objects.filter(session=new).order_by("-at").first()
        values = {key: value for key, value in row.values.items() if key != name}
        MetricSample.objects.filter(pk=row.pk).update(values=values)

    return spoil


def future_sample(old, new):
    made.samples(new, NOW + MINUTE, NOW + MINUTE)


def no_new_samples(old, new):
    MetricSample.objects.filter(at__gt=NOW - 2 * HOUR).delete()


def unreplayed(old, new):
    ReplayRun.objects.filter(day=(NOW - 3 * DAY).date()).delete()


def other_sum(old, new):
    ReplayRun.objects.filter(day=(NOW - 3 * DAY).date()).update(ledger_micro=6)


ALL_TOUCHED = ("NO_CRASH", "RECONNECTS", "JOURNAL_COMPLETE", "REPLAY_EXACT", "LATENCY")
TRADING_FACTS = tuple(
    name for name in SOUND_SHADOW if name not in ("ALL_SUCCESS", "DEDICATED_WALLET", "RPC_FAILURES")
)


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        (crash, {"NO_CRASH": "FAIL"}),
        (
            switched_off,
            {**dict.fromkeys(ALL_TOUCHED, "UNKNOWN"), "DAYS_OF_SHADOW": "PASS"},
        ),
        (without("feed_connected"), {"FEED_DOWN": "UNKNOWN"}),
        (without("feed_reconnects"), {"RECONNECTS": "UNKNOWN"}),
        (without("decision_p95_us"), {"LATENCY": "UNKNOWN"}),
        (
            lambda old, new: samples_of(old, new, decision_p95_us="NaN"),
            {"LATENCY": "UNKNOWN"},
        ),
        (
            lambda old, new: samples_of(old, new, feed_reconnects=-3),
            {"RECONNECTS": "PASS"},
        ),
        (future_sample, dict.fromkeys(TRADING_FACTS, "UNKNOWN")),
        (
            no_new_samples,
            {"RECONNECTS": "UNKNOWN", "LATENCY": "UNKNOWN", "FEED_DOWN": "UNKNOWN"},
        ),
        (unreplayed, {"REPLAY_EXACT": "UNKNOWN"}),
        (other_sum, {"REPLAY_EXACT": "FAIL"}),
        (lambda old, new: made.a_drill(NOW, passed=False), {"BREAKER_DRILL": "FAIL"}),
        (lambda old, new: made.judged(NOW - HOUR), {"NO_CRITICAL_OPEN": "UNKNOWN"}),
        (lambda old, new: made.an_alert(NOW - HOUR), {"NO_CRITICAL_OPEN": "FAIL"}),
        (
            lambda old, new: Mandate.objects.update(phase_since=NOW + HOUR),
            dict.fromkeys(TRADING_FACTS, "UNKNOWN") | {"NO_CRITICAL_OPEN": "PASS"},
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_spoiled_in_shadow_does_not_pass(shadow, spoil, wanted):
    spoil(*shadow)

    found = results(evaluate("main", at=NOW))
    for name, result in wanted.items():
        assert found[name] == result, name
    if any(found[name] != "PASS" for name in list(SOUND_SHADOW)[:6]):
        assert found["ALL_SUCCESS"] == "FAIL"


class TestCrashes:
    def test_a_session_that_fell_silent_has_crashed(self, shadow):
        EngineSession.objects.filter(pk=shadow[1].pk).update(heartbeat_at=NOW - 90 * MINUTE)
        row = verdicts(evaluate("main", at=NOW))["NO_CRASH"]

        assert row.verdict == "FAIL"
        assert row.value == "0.0625 days"

    def test_two_in_a_day_roll_back_and_one_does_not(self, profile):
        made.a_mandate(profile)
        for token, state in ((1, "STOPPED"), (2, "CRASHED")):
            made.a_run(
                profile, token=token, since=NOW - 9 * HOUR, ended=NOW - 8 * HOUR, state=state
            )
        assert results(evaluate("main", scope="KILL", at=NOW))["CRASHES"] == "PASS"

        made.a_run(profile, token=3, since=NOW - 5 * HOUR, ended=NOW - 4 * HOUR, state="FENCED")

        assert results(evaluate("main", scope="KILL", at=NOW))["CRASHES"] == "FAIL"


class TestWhoseFacts:
    @pytest.mark.parametrize("venue", ["simulator", "polymarket"])
    def test_another_feed_proves_nothing(self, shadow, profile, venue):
        EngineSession.objects.update(feed="simulator" if venue == "polymarket" else "polymarket")
        Mandate.objects.update(feed=venue)

        found = results(evaluate("main", at=NOW))

        assert {found[name] for name in (*ALL_TOUCHED, "DAYS_OF_SHADOW")} == {"UNKNOWN"}

    def test_a_recording_proves_nothing(self, shadow):
        EngineSession.objects.update(feed="recorded")
        Mandate.objects.update(feed="recorded")

        found = evaluate("main", at=NOW)

        for row in found.verdicts.exclude(kind="KILL").exclude(criterion="ALL_SUCCESS"):
            assert row.verdict == "UNKNOWN", row.criterion
        assert "recorded proves nothing" in verdicts(found)["NO_CRASH"].reason

    @pytest.mark.parametrize(
        "other",
        [{"feed": "simulator"}, {"mode": "SHADOW"}, {"account": "second"}],
        ids=["play money", "paper", "another account"],
    )
    def test_money_of_another_kind_is_not_counted(self, live, other):
        EngineSession.objects.filter(pk=live.pk).update(**other)

        found = verdicts(evaluate("main", at=NOW))

        assert found["TOTAL_PNL"].facts["values"]["realised_micro"] == 0
        for name in ("TOTAL_PNL", "FILL_RATE", "SLIPPAGE", "PROFIT", "TRADES", "NO_CRITICAL"):
            assert found[name].verdict != "PASS", name

    def test_what_was_before_the_phase_is_not_counted(self, live):
        Mandate.objects.update(phase_since=NOW - HOUR)

        assert verdicts(evaluate("main", at=NOW))["TRADES"].value == "0"


class TestRollbackCriteria:
    def met(self, **more):
        found = results(evaluate("main", scope="KILL", at=NOW))
        return {name for name, result in found.items() if result == "FAIL"}

    def test_a_day_that_lost_too_much(self, live):
        for number in range(3):
            made.a_trade(live, 1_000 + number, NOW - HOUR, realised=-1_900_000)

        assert self.met() == {"DAILY_LOSS"}

    def test_one_trade_that_lost_too_much(self, live):
        made.a_trade(live, 1_000, NOW - HOUR, realised=-2_000_000)
        assert self.met() == set()  # two dollars are not more than two dollars
        made.a_trade(live, 1_001, NOW - HOUR, realised=-2_000_001)

        assert self.met() == {"TRADE_LOSS"}

    def test_an_alert_that_lasts(self, live):
        made.an_alert(NOW - 59 * MINUTE)
        assert self.met() == set()
        made.an_alert(NOW - 61 * MINUTE, rule="LEG_EXPOSED")

        assert self.met() == {"CRITICAL_UNRESOLVED"}

    def test_slippage_in_more_than_three_trades(self, live):
        for number in range(3):
            made.a_trade(live, 1_000 + number, NOW - HOUR, price=510_000)
        assert self.met() == set()
        made.a_trade(live, 1_010, NOW - HOUR, price=510_000)

        assert self.met() == {"SLIPPED"}

    def test_orders_that_nobody_fills_for_three_days(self, live):
        for day in (1, 2, 3):
            Order.objects.filter(created_at__date=(NOW - day * DAY).date()).update(matched_micro=0)

        assert self.met() == {"FILL_RATE_LOW"}

    def test_a_security_incident(self, live):
        Incident.objects.create(
            account="main", kind="SECURITY", title="key seen", opened_at=NOW, last_seen_at=NOW
        )

        assert self.met() == {"SECURITY_INCIDENT"}

    def test_a_damaged_journal(self, shadow):
        from trading.models import EngineNote

        EngineNote.objects.create(
            note_id="n",
            session=shadow[0],
            at=NOW - DAY,
            level="CRITICAL",
            code="JOURNAL_DAMAGED",
            text="x",
        )

        assert self.met() == {"JOURNAL_LOSS"}

    def test_a_feed_that_is_down(self, shadow):
        down = MetricSample.objects.filter(at__gt=NOW - 52 * MINUTE)
        made_down = {**down.first().values, "feed_connected": False}
        down.update(values=made_down)

        row = verdicts(evaluate("main", scope="KILL", at=NOW))["FEED_DOWN"]

        assert row.verdict == "FAIL"
        assert row.facts["values"] == {"connected": 202, "sampled": 254}

    def test_a_chain_that_fails(self, shadow):
        rows = [{"name": "one", "requests": 900, "errors": 91}]
        samples_of(*shadow, rpc=rows)

        assert self.met() == {"RPC_FAILURES"}


class TestStops:
    @pytest.mark.parametrize(
        ("stop_us", "result"), [(999_999, "PASS"), (1_000_000, "FAIL"), (None, "FAIL")]
    )
    def test_each_has_to_be_proven_within_a_second(self, live, stop_us, result):
        made.an_alert(NOW - 9 * DAY, NOW - 9 * DAY + MINUTE, stop_us=stop_us)
        found = results(evaluate("main", at=NOW))

        assert found["RISK_STOPS"] == result
        assert found["NO_CRITICAL"] == "PASS"  # nine days ago

    def test_without_any_nothing_is_known(self, live):
        from checks.models import Drill

        Drill.objects.all().delete()

        assert results(evaluate("main", at=NOW))["RISK_STOPS"] == "UNKNOWN"


class TestAttestations:
    def state(self, **values):
        fields = {"at": NOW - DAY, "expires_at": NOW + DAY, **values}
        Attestation.objects.create(
            account="main", kind="DEDICATED_WALLET", note="mine alone", by_name="anna", **fields
        )
        return results(evaluate("main", at=NOW))["DEDICATED_WALLET"]

    def test_one_that_holds_passes(self, shadow):
        assert self.state() == "PASS"

    @pytest.mark.parametrize(
        "values",
        [
            {"expires_at": NOW},
            {"revoked_at": NOW - HOUR},
            {"at": NOW + HOUR, "expires_at": NOW + DAY},
        ],
        ids=["expired", "taken back", "of the future"],
    )
    def test_any_other_does_not(self, shadow, values):
        assert self.state(**values) == "UNKNOWN"
