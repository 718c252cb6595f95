"""What is held, and what it comes to when everything goes against us."""

import pytest

from tests.conftest import NOON
from tests.helpers.facts import a_session
from trading.models import LedgerEntry, LedgerPosting, Market, Money
from trading.selectors.positions import positions

pytestmark = pytest.mark.django_db
PAGE = "/admin/positions/"


@pytest.fixture
def market(db):
    return Market.objects.create(
        condition_id="0xabc",
        question="Will it rain?",
        yes_token_id="1001",
        no_token_id="1002",
        tick_micro=10_000,
        min_order_size_micro=5_000_000,
        source="recorded",
        seen_at=NOON,
    )


@pytest.fixture
def bought(profile, market):
    session = a_session(profile, token=1, mode="SHADOW", feed="recorded")

    def bought(token_id, account, quantity_micro, cost_micro, *, paper=True):
        entry = LedgerEntry.objects.create(
            entry_id=f"e{LedgerEntry.objects.count()}",
            session=session,
            kind="BUY",
            at=NOON,
            paper=paper,
        )
        for line, (name, token, amount, quantity) in enumerate(
            ((account, token_id, cost_micro, quantity_micro), ("CASH", "", -cost_micro, 0))
        ):
            LedgerPosting.objects.create(
                entry=entry,
                line=line,
                account=name,
                token_id=token,
                amount_micro=amount,
                quantity_micro=quantity,
            )

    return bought


def test_a_whole_set_pays_whatever_happens_and_a_leg_alone_may_pay_nothing(bought):
    bought("1001", "YES", 10_000_000, 4_500_000)
    bought("1002", "NO", 8_000_000, 4_000_000)
    (line,) = positions("main", Money.PAPER).markets
    assert (line.pairs_micro, line.open_micro, line.cost_micro) == (
        8_000_000,
        2_000_000,
        8_500_000,
    )
    assert (line.worst_micro, line.best_micro) == (-500_000, 1_500_000)
    assert [token.outcome for token in line.tokens] == ["Yes", "No"]


def test_what_can_lose_most_comes_first_and_all_of_it_adds_up(bought):
    bought("1001", "YES", 10_000_000, 1_000_000)
    bought("9999", "NO", 10_000_000, 6_000_000)  # of a market that discovery has forgotten
    held = positions("main", Money.PAPER)
    assert [line.worst_micro for line in held.markets] == [-6_000_000, -1_000_000]
    assert (held.cost_micro, held.worst_micro) == (7_000_000, -7_000_000)


def test_what_was_sold_or_merged_is_not_held(bought):
    bought("1001", "YES", 10_000_000, 4_500_000)
    bought("1001", "YES", -10_000_000, -4_500_000)
    assert positions("main", Money.PAPER).markets == []


def test_paper_is_never_added_to_money(bought):
    bought("1001", "YES", 10_000_000, 4_500_000, paper=False)
    assert positions("main", Money.PAPER).markets == []
    assert len(positions("main", Money.REAL).markets) == 1


def test_the_page_says_it_in_a_sentence_and_a_table(client, viewer, bought, mandate):
    client.force_login(viewer)
    assert "Nothing is held" in client.get(PAGE).content.decode()
    bought("1001", "YES", 10_000_000, 4_500_000)
    page = client.get(PAGE).content.decode()
    assert "Will it rain?" in page
    assert "If every market resolves against us" in page
    assert "\N{MINUS SIGN}$4.50" in page


def test_nobody_without_a_role_sees_it(client, nobody):
    nobody.is_staff = True
    nobody.save()
    client.force_login(nobody)
    assert client.get(PAGE).status_code == 403
