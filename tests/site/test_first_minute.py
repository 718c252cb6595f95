"""What a newcomer sees before the first set has merged: what is ready and what is waited for."""

import pytest

from polyarb_site.live.cells import cells
from tests.helpers.runs import completed, make_run
from tests.site.test_live_cells import state
from trading.models import Money
from trading.selectors.pages import waits_for_first_set

LIVE = {"mode": "LIVE", "feed": "simulator", "label": "SIMULATED"}
STEPS = ("venue", "signer", "books", "orders", "gap", "set")


def steps(**parts):
    """Return text and tone of each step."""
    shown = cells(state(**parts))["values"]
    return {
        name: (shown[f"start_{name}"]["text"], shown[f"start_{name}"]["tone"]) for name in STEPS
    }


def ready(**parts):
    return [name for name, (_, tone) in steps(**parts).items() if tone == "good"]


def access(problem=None):
    return {"works": problem is None, "problem": problem}


class TestSteps:
    def test_nothing_is_claimed_of_what_nobody_has_said(self):
        assert ready(feed={"connected": None}, access={"works": None}, progress={}) == []

    @pytest.mark.parametrize(
        ("problem", "done"),
        [
            ("SIGNER_DOWN", ["venue"]),
            ("NOT_RECONCILED", ["venue", "signer"]),
            ("USER_CHANNEL_DOWN", ["venue", "signer", "books"]),
            (None, ["venue", "signer", "books", "orders"]),
        ],
    )
    def test_one_follows_the_other(self, problem, done):
        assert ready(access=access(problem)) == done

    def test_what_is_waited_for_is_said(self):
        shown = steps(access=access(), progress={"markets": 8, "gaps_seen": 0})
        assert shown["gap"] == ("watching 8 markets", "quiet")
        assert shown["set"] == ("waiting", "quiet")

        shown = steps(access=access(), progress={"gaps_seen": 12, "sets_submitted": 1})
        assert shown["gap"] == ("seen", "good")
        assert shown["set"] == ("1 set under way", "quiet")

        assert steps(progress={"sets_completed": 2})["set"] == ("2 merged", "good")


@pytest.mark.django_db
class TestWhen:
    def test_until_the_first_set_has_merged(self, mandate, profile):
        session = make_run(**LIVE)
        assert waits_for_first_set("main") is Money.PLAY
        completed(session, state="SETTLING", paper=False)
        assert waits_for_first_set("main") is Money.PLAY

        completed(session, paper=False)

        assert waits_for_first_set("main") is None

    def test_not_on_paper_nor_before_an_engine_ran(self, mandate, profile):
        assert waits_for_first_set("main") is None
        make_run()
        assert waits_for_first_set("main") is None

    def test_what_merged_on_paper_is_no_set_of_play_money(self, mandate, profile):
        completed(make_run())
        make_run(**LIVE)

        assert waits_for_first_set("main") is Money.PLAY

    def test_is_on_the_page_while_it_lasts(self, client, viewer, mandate, profile):
        client.force_login(viewer)
        session = make_run(**LIVE)
        assert "Getting ready to trade with play money" in client.get("/admin/").content.decode()

        completed(session, paper=False)

        assert "Getting ready to trade" not in client.get("/admin/").content.decode()
