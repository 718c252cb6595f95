"""Deposits and withdrawals: who may tell the books of them, once each, and what becomes of them."""

import asyncio
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from polyarb_site.audit.models import AuditEvent
from polyarb_site.clock import SystemClock
from tests.conftest import NOON
from tests.engine.live_rig import Live
from tests.helpers.audit import only_event
from tests.helpers.clocks import to_ns
from tests.helpers.facts import booked
from tests.reconciling.rows import LEFT_MICRO, Chain, Venue, a_ledger, the_trade, write
from trading import services
from trading.engine.codes import Mode
from trading.engine.core import Engine
from trading.engine.events import CapitalChanged
from trading.ledger import capital, restored_state
from trading.models import (
    CapitalMovement,
    Incident,
    LedgerEntry,
    Mandate,
    Money,
    ReconciliationRun,
)
from trading.reconciling import gather
from trading.reconciling.verdicts import Code, Verdict
from trading.runtime.mandate import read_mandate
from trading.selectors import live_state, realised_curve
from trading.services.capital import WAITING_MAX, amount_of

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def live(mandate, profile):
    """The account trades live with play money, and its ledger has 97.51264 free dollars."""
    Mandate.objects.update(mode="LIVE", feed="simulator", desired="RUN", profile=profile)
    return a_ledger(profile)


def record(amount_micro=5_000_000, by=None, **changes):
    given = {"by": by, "by_name": "" if by else "test", "reason": "a deposit", "at": NOON}
    return services.record_capital("main", amount_micro=amount_micro, **{**given, **changes})


def refusal(*args, **kwargs):
    before = CapitalMovement.objects.count(), AuditEvent.objects.count()
    with pytest.raises(services.ServiceRefused) as caught:
        record(*args, **kwargs)
    assert caught.value.remedy
    assert (CapitalMovement.objects.count(), AuditEvent.objects.count()) == before
    return caught.value.code


class TestRecording:
    def test_keeps_who_what_and_why_in_the_transaction_of_its_audit(self, live, admin_user):
        before = Mandate.objects.get().revision
        row = record(-2_000_000, admin_user, reference="w-1", reason="  to the treasury ")

        assert (row.account, row.money, row.amount_micro) == ("main", Money.PLAY, -2_000_000)
        assert (row.by_name, row.reason, row.at) == ("adam", "to the treasury", NOON)
        assert Mandate.objects.get().revision == before + 1  # a running engine looks at it
        event = only_event()
        assert (event.action, event.actor, event.reason) == (
            *("capital.record", admin_user),
            "to the treasury",
        )
        assert event.after["capital"] == {
            "amount_micro": -2_000_000,
            "money": "PLAY",
            "reference": "w-1",
        }

    @pytest.mark.parametrize("role", ["viewer", "operator", "approver", "nobody"])
    def test_is_for_admins_alone(self, live, role, request):
        assert refusal(by=request.getfixturevalue(role)) == "NOT_ALLOWED"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"reason": "  "}, "REASON_MISSING"),
            ({"amount_micro": 0}, "AMOUNT_ZERO"),
            ({"amount_micro": 10**15 + 1}, "AMOUNT_TOO_LARGE"),
            ({"amount_micro": -(10**15) - 1}, "AMOUNT_TOO_LARGE"),
            ({"reference": "two words"}, "REFERENCE_INVALID"),
            ({"reference": "x" * 61}, "REFERENCE_INVALID"),
            ({"reference": "revision:7"}, "REFERENCE_INVALID"),
            ({"amount_micro": -LEFT_MICRO - 1}, "CASH_TOO_LOW"),
        ],
        ids=str,
    )
    def test_is_refused_for_what_cannot_be(self, live, changes, code):
        assert refusal(**changes) == code

    def test_all_of_the_free_cash_may_have_left(self, live):
        assert record(-LEFT_MICRO).amount_micro == -LEFT_MICRO
        # What waits to be booked is gone as well.
        assert refusal(-1) == "CASH_TOO_LOW"

    def test_is_refused_on_paper(self, live):
        Mandate.objects.update(mode="SHADOW")

        assert refusal() == "NOT_LIVE"

    def test_is_refused_before_the_ledger_is_open(self, mandate, profile):
        """The opening balance is all that the wallet holds: a deposit would be booked twice."""
        Mandate.objects.update(mode="LIVE", feed="simulator")
        assert refusal() == "LEDGER_NOT_OPEN"

    def test_cash_of_paper_is_no_cash(self, live):
        write(live, booked("CAPITAL", [("CASH", 10**9), ("CAPITAL", -(10**9))], key="paper"))

        assert refusal(-LEFT_MICRO - 1) == "CASH_TOO_LOW"

    def test_only_so_many_wait(self, live):
        for number in range(WAITING_MAX):
            CapitalMovement.objects.create(
                account="main",
                money=Money.PLAY,
                amount_micro=1,
                reference=f"r{number}",
                reason="x",
                by_name="x",
                at=NOON,
            )
        assert refusal() == "TOO_MANY_WAITING"

    def test_of_an_account_that_is_not_there_is_refused(self, db):
        assert refusal() == "NO_ACCOUNT"


class TestReference:
    def test_told_again_is_the_same_movement(self, live):
        first = record(reference="d-1")
        again = record(reference="d-1", reason="a second click", at=NOON + timedelta(seconds=1))

        assert again == first
        assert CapitalMovement.objects.count() == 1
        assert AuditEvent.objects.count() == 1

    def test_of_another_amount_is_refused(self, live):
        record(reference="d-1")

        assert refusal(5_000_001, reference="d-1") == "REFERENCE_TAKEN"

    def test_none_makes_each_call_a_movement(self, live):
        assert record().reference != record().reference


class TestMovement:
    def test_is_never_changed_or_removed(self, live):
        row = record()
        row.amount_micro = 1
        with pytest.raises(TypeError, match="never changed"):
            row.save()
        with pytest.raises(TypeError, match="never removed"):
            row.delete()

        assert CapitalMovement.objects.get().amount_micro == 5_000_000

    def test_of_nothing_is_none_whoever_writes_it(self, live):
        with pytest.raises(IntegrityError), transaction.atomic():
            CapitalMovement.objects.create(
                account="main",
                money=Money.PLAY,
                amount_micro=0,
                reference="r",
                reason="x",
                by_name="x",
                at=NOON,
            )


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "micro"),
        [("25", 25_000_000), ("+0.1", 100_000), (" -12.5 ", -12_500_000), ("-0.000001", -1)],
    )
    def test_is_dollars_with_a_sign(self, text, micro):
        assert amount_of(text) == micro

    @pytest.mark.parametrize(
        "text", ["", "x", "+-1", "--1", "1e3", "1,5", "0.0000001", "$5", "−5", "nan"]
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(services.Invalid) as refused:
            amount_of(text)

        assert refused.value.code == "AMOUNT_INVALID"


class NextSession:
    """The engine of a session that begins now, and its facts in the database."""

    def __init__(self, session):
        self.session = session
        self.engine = Engine(session_key=session.key, mode=Mode.LIVE)
        state = restored_state("main", money=Money.PLAY, capital_micro=0, now=NOON)
        self.tell(state, *read_mandate("main").capital)

    def tell(self, *events):
        for event in events:
            commands = self.engine.handle(event, to_ns(NOON))
            write(self.session, *(one.fact for one in commands if hasattr(one, "fact")))


class TestBooking:
    def test_waits_until_the_ledger_has_it(self, live):
        row = record()
        (told,) = read_mandate("main").capital
        assert (told.amount_micro, told.reference) == (5_000_000, f"movement:{row.pk}")

        NextSession(live)

        assert read_mandate("main").capital == ()
        assert capital.cash_micro("main", Money.PLAY) == LEFT_MICRO + 5_000_000

    def test_is_no_result(self, live):
        record()
        session = NextSession(live)

        entry = LedgerEntry.objects.get(entry_id__contains=":CAPITAL:movement:")
        assert (entry.realised_micro, entry.paper) == (0, False)
        treasury = session.engine.treasury
        assert (treasury.realised_micro, treasury.realised_today_micro) == (0, 0)

    def test_no_sum_of_a_page_takes_it_for_profit(self, live):
        def sums():
            told = live_state("main", NOON)["money"]
            curve = realised_curve("main", NOON - HOUR, NOON + HOUR, 4, money=Money.PLAY)
            return (
                told["realised_today_micro"],
                told["realised_phase_micro"],
                told["kind"],
                [point["realised_micro"] for point in curve],
            )

        before = sums()
        assert before[:3] == (0, 0, "PLAY")
        record()
        NextSession(live)

        assert LedgerEntry.objects.filter(kind="CAPITAL").count() == 2
        assert sums() == before

    def test_a_restart_books_none_twice(self, live):
        record()
        told = read_mandate("main").capital
        NextSession(live)
        NextSession(live).tell(*told)  # told of what the mandate said before it was booked

        entries = LedgerEntry.objects.filter(entry_id__contains=":CAPITAL:movement:")
        assert entries.count() == 1
        assert capital.cash_micro("main", Money.PLAY) == LEFT_MICRO + 5_000_000

    def test_of_another_account_or_kind_of_money_is_not_told(self, live):
        record()

        assert capital.waiting_capital("other", Money.PLAY) == ()
        assert capital.waiting_capital("main", Money.REAL) == ()

    def test_paper_is_told_of_none(self, live):
        record()
        Mandate.objects.update(mode="SHADOW")

        assert read_mandate("main").capital == ()

    def test_a_withdrawal_is_booked_whatever_was_promised_meanwhile(self):
        """The money is gone; that the books have less than nothing is for reconciliation to say."""
        live = Live()
        assert live.orders()  # 100 dollars came in, and some of them are promised to these
        (told,) = live.tell(CapitalChanged(amount_micro=-100_000_000, reference="movement:1"))

        assert told.fact.kind == "CAPITAL"
        assert live.engine.treasury.cash_micro < 0


@pytest.mark.django_db(transaction=True)
class TestClearingUp:
    """A deposit that nobody told the books of halts; told, the next comparison matches."""

    def reconcile(self, venue, chain):
        async def at_once(_seconds):
            pass

        clock = SystemClock()
        return asyncio.run(
            gather.reconcile("main", venue, chain, at_start=False, clock=clock, pause=at_once)
        )

    @pytest.fixture
    def now(self, monkeypatch):
        monkeypatch.setattr(SystemClock, "now", lambda _self: NOON)

    @pytest.mark.parametrize("amount_micro", [5_000_000, -7_123_456])
    def test_ends_in_a_match_and_trading_goes_on(self, live, now, admin_user, amount_micro):
        held_micro = LEFT_MICRO + amount_micro
        venue = Venue(trades=(the_trade(),), cash_micro=held_micro)
        chain = Chain(cash_micro=held_micro)
        (apart,) = self.reconcile(venue, chain).differences
        assert (apart.code, apart.difference_micro) == (Code.CASH_DIFFERS, amount_micro)
        incident = Incident.objects.get()
        with pytest.raises(services.ServiceRefused, match="is open"):
            services.resume("main", by=admin_user, reason="go on", at=NOON)

        record(amount_micro, admin_user, reference=f"incident-{incident.pk}")
        NextSession(live)
        assert self.reconcile(venue, chain).verdict is Verdict.MATCH

        services.resolve_incident(incident, by=admin_user, note="recorded", at=NOON)
        assert not services.resume("main", by=admin_user, reason="books agree", at=NOON).halted
        assert ReconciliationRun.objects.first().differences == []
