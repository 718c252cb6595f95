"""Paper, play money and real money: told apart on every page, and never added."""

from datetime import timedelta

import pytest

from tests.api.building import make_opportunity, make_session, make_set, make_trades
from tests.conftest import NOON
from tests.helpers import admin_pages as pages
from tests.helpers.facts import a_session, booked, later
from tests.helpers.runs import completed, earned, gap, make_run
from trading.ledger import FactBatch, restored_state
from trading.models import LedgerEntry, Mandate, Money, money_of, money_of_row
from trading.selectors import live_state, report
from trading.selectors.figures import money_now
from trading.selectors.gaps import funnel_between, last_day
from trading.selectors.runs import run_summary
from trading.selectors.status import label_of

pytestmark = pytest.mark.django_db

SESSIONS = {
    Money.PAPER: {"mode": "SHADOW", "feed": "simulator", "label": "SIMULATED"},
    Money.PLAY: {"mode": "LIVE", "feed": "simulator", "label": "SIMULATED"},
    Money.REAL: {"mode": "LIVE", "feed": "polymarket", "label": "LIVE"},
}
EARNED = {Money.PAPER: 1, Money.PLAY: 20, Money.REAL: 300}


@pytest.fixture
def runs(mandate, profile):
    """One run with each kind of money, each with a gap, a completed set and a result."""
    made = {}
    for money, how in SESSIONS.items():
        made[money] = make_run(**how)
        paper = money is Money.PAPER
        earned(made[money], EARNED[money], paper=paper)
        completed(made[money], paper=paper, realised_micro=EARNED[money])
        gap(made[money], "SUBMITTED")
    return made


class TestTheRule:
    @pytest.mark.parametrize("feed", ["recorded", "simulator", "polymarket"])
    def test_shadow_is_paper_on_every_feed(self, feed):
        assert money_of("SHADOW", feed) is Money.PAPER
        assert label_of("SHADOW", feed) != "LIVE"

    def test_live_is_play_money_on_the_local_venue_and_real_everywhere_else(self):
        assert money_of("LIVE", "simulator") is Money.PLAY
        assert label_of("LIVE", "simulator") == "SIMULATED"
        for feed in ("recorded", "polymarket", "another"):
            assert money_of("LIVE", feed) is Money.REAL
            assert label_of("LIVE", feed) == "LIVE"

    def test_what_is_not_known_counts_as_real(self):
        assert money_of("", "simulator") is money_of("live", "simulator") is Money.REAL

    def test_a_row_says_it_with_the_feed_of_its_session(self):
        assert money_of_row(paper=True, feed="simulator") is Money.PAPER
        assert money_of_row(paper=False, feed="simulator") is Money.PLAY
        assert money_of_row(paper=False, feed="polymarket") is Money.REAL


class TestSums:
    def test_the_header_adds_only_what_the_newest_session_trades_with(self, runs):
        for money, session in runs.items():
            session.token += 100  # the newest
            session.save()
            found = live_state("main", NOON)

            assert found["money"]["realised_today_micro"] == EARNED[money], money
            assert found["money"]["realised_phase_micro"] == EARNED[money]
            assert (found["money"]["kind"], found["label"]) == (money.value, session.label)
            assert found["money"]["paper"] is (money is Money.PAPER)
            assert found["funnel"]["seen"] == found["funnel"]["completed"] == 1

    def test_before_the_first_session_the_mandate_says_what_is_traded_with(self, mandate):
        assert money_now("main") is Money.PAPER
        Mandate.objects.update(mode="LIVE", feed="simulator")
        assert money_now("main") is Money.PLAY
        assert money_now("nobody") is Money.PAPER

    @pytest.mark.parametrize("money", list(Money))
    def test_the_funnel_has_the_dollars_of_one_kind(self, runs, money):
        found = funnel_between(NOON, NOON + timedelta(hours=1), money=money)
        steps = {step.key: step for step in found.steps}

        assert (steps["SEEN"].number, steps["MERGED"].number) == (1, 1)
        assert steps["MERGED"].micro == EARNED[money]

    def test_the_last_day_is_that_of_the_same_kind(self, runs):
        gap(runs[Money.PAPER], "SEEN", seen_at=NOON + timedelta(days=3))

        assert last_day(Money.PAPER) != last_day(Money.PLAY) == last_day(Money.REAL)

    @pytest.mark.parametrize("money", list(Money))
    def test_a_run_s_summary_says_whose_money_it_was(self, mandate, profile, money):
        session = make_run(**SESSIONS[money])
        earned(session, EARNED[money], paper=money is Money.PAPER)
        found = run_summary("main", 0, NOON + timedelta(seconds=1)) or {}

        assert (found["money"], found["realised_micro"]) == (money.value, EARNED[money])
        text = "\n".join(report.statistics(found))
        assert money.words in text
        assert text.count("money") == (money is not Money.PAPER)

    def test_phase_status_says_it_too(self, runs):
        text = "\n".join(report.page(live_state("main", NOON)))

        assert "with real money" in text


class TestTheLedger:
    def written(self, profile, money, token, micro):
        """Book the same entry id in a session of one kind of money."""
        session = a_session(profile, token=token, **SESSIONS[money])
        fact = booked("CAPITAL", [("CASH", micro), ("CAPITAL", -micro)], paper=money is Money.PAPER)
        batch = FactBatch(session.pk, "main")
        batch.add(fact)
        batch.write(NOON)

    def test_each_kind_has_a_ledger_of_its_own(self, profile):
        for token, money in enumerate(Money, 7):
            self.written(profile, money, token, EARNED[money])

        assert set(LedgerEntry.objects.values_list("entry_id", flat=True)) == {
            *("main:paper:CAPITAL:1", "main:play:CAPITAL:1", "main:live:CAPITAL:1"),
        }
        for money in Money:
            state = restored_state("main", money=money, capital_micro=9, now=later(hours=1))
            cash = {one.amount_micro for one in state.balances if one.account == "CASH"}

            assert cash == {EARNED[money]}
            assert state.capital_micro == (9 if money is Money.PAPER else 0)

    def test_only_open_sets_of_the_same_kind_are_gone_on_with(self, profile):
        for token, (money, how) in enumerate(SESSIONS.items(), 1):
            session = make_session(profile, token, **how)
            make_set(session, token, paper=money is Money.PAPER, legs=[])

        for token, money in enumerate(SESSIONS, 1):
            state = restored_state("main", money=money, capital_micro=0, now=NOON)
            assert [one.set_id for one in state.open_sets] == [f"main-{token}-s{token}"]


class TestPages:
    @pytest.fixture
    def rows(self, mandate, profile):
        for token, (money, how) in enumerate(SESSIONS.items(), 1):
            session = make_session(profile, token, **how)
            make_trades(session, 1, paper=money is Money.PAPER)
            make_set(session, paper=money is Money.PAPER)
            make_opportunity(session)
            earned(session, EARNED[money], paper=money is Money.PAPER)

    @pytest.mark.parametrize("model", ["arbitrageset", "trade", "ledgerentry", "opportunity"])
    @pytest.mark.parametrize(("token", "money"), list(enumerate(SESSIONS, 1)))
    def test_each_list_is_narrowed_to_one_kind(self, client, viewer, rows, model, token, money):
        client.force_login(viewer)
        response = client.get(pages.list_of(model), {"money": money.value})
        found = [row.session.key for row in response.context["cl"].result_list]

        assert found == [f"main-{token}"]

    @pytest.mark.parametrize("model", ["arbitrageset", "trade", "ledgerentry", "enginesession"])
    def test_play_money_has_a_badge_of_its_own_and_never_that_of_real_money(
        self, client, viewer, mandate, profile, model
    ):
        session = make_session(profile, **SESSIONS[Money.PLAY])
        make_trades(session, 1, paper=False)
        make_set(session, paper=False)
        earned(session, 5, paper=False)
        client.force_login(viewer)
        page = client.get(pages.list_of(model)).content.decode()

        assert "pa-badge-simulated" in page
        assert ">Play money<" in page
        assert "pa-badge-live" not in page
        assert "pa-badge-paper" not in page
        assert 'data-kind="live"' not in page

    def test_the_page_of_a_mandate_names_the_money_and_offers_both_starts(
        self, client, operator, mandate
    ):
        client.force_login(operator)
        where = pages.page_of("mandate", mandate.pk)
        assert "Shadow, on paper" in client.get(where).content.decode()
        Mandate.objects.update(mode="LIVE", feed="simulator")
        page = client.get(where).content.decode()

        assert "Live, with play money" in page
        assert "Start in shadow" in page
        assert "Start with play money" in page

    def test_the_funnel_above_the_gaps_is_that_of_the_list(self, client, viewer, rows):
        client.force_login(viewer)
        response = client.get(pages.list_of("opportunity"), {"money": "PLAY"})

        assert response.context["funnel"].gaps == 1
        assert all("money=PLAY" in step["url"] for step in response.context["funnel_steps"])
