"""Access, order latency and reconciliation on header and cards: words, never a bare code."""

import pytest

from polyarb_site.live.cells import cells
from tests.site.test_live_cells import ago, state

DOWN = {
    "works": False,
    "problem": "SIGNER_DOWN",
    "label": "Signer down",
    "meaning": "The process that holds the key did not answer.",
    "remedy": "Start the signer, or look at its log.",
    "reason": "no signer answers at play.sock",
    "as_of": ago(0.4),
}
WORKS = {**dict.fromkeys(DOWN), "works": True, "as_of": ago(0.4)}
MATCH = {"verdict": "MATCH", "age_ms": 31_000, "block_number": 1_204, "as_of": ago(31)}


def values(*, access=WORKS, orders=None, reconciliation=None, **parts):
    made = state(**parts) | {
        "access": access,
        "orders": orders or {"sent_p50_us": None, "reason": "this session has sent no order yet"},
        "reconciliation": reconciliation or MATCH,
    }
    return cells(made)["values"]


def no_access(seconds):
    return {"state": "NO_ACCESS", "since": ago(seconds), "reason": "SIGNER_DOWN: no signer"}


class TestLostAccess:
    def test_is_never_called_trading_and_says_what_would_change_it(self):
        shown = values(access=DOWN, engine=no_access(95))

        assert (shown["engine"]["text"], shown["engine"]["tone"]) == ("signer down", "bad")
        assert shown["engine_age"]["text"] == "1 min"
        assert shown["engine_detail"]["text"] == "no signer answers at play.sock"
        assert shown["engine_next"]["text"] == "Start the signer, or look at its log."
        assert shown["banner"]["text"] == "No order can be sent: signer down"

    def test_at_a_start_is_watched_and_no_alarm_yet(self):
        shown = values(access=DOWN, engine=no_access(4))

        assert (shown["engine"]["text"], shown["engine"]["tone"]) == ("signer down", "warn")
        assert shown["banner"]["text"] == ""

    def test_is_in_the_safety_card_with_its_cause_on_hover(self):
        shown = values(access=DOWN, engine=no_access(95))["access"]

        assert (shown["text"], shown["tone"]) == ("signer down", "bad")
        assert "no signer answers" in shown["title"]
        assert values()["access"]["text"] == "can be sent"

    def test_is_not_known_on_paper(self):
        nothing = {"works": None, "reason": "on paper no order is sent"}
        shown = values(access=nothing)["access"]

        assert (shown["text"], shown["reason"]) == ("–", "on paper no order is sent")

    def test_is_told_beside_a_halt_that_the_engine_has_not_heard_of(self):
        halted = {"halted": True, "code": "MANUAL", "since": ago(3), "remedy": "find out why"}
        shown = values(access=DOWN, engine=no_access(95), halted=halted)

        assert shown["engine"]["text"] == "halting"
        assert "the engine still says no access" in shown["engine_detail"]["text"]
        assert shown["banner"]["text"] == "Trading is halted"
        assert shown["engine_next"]["text"] == "Find out why."


class TestLatency:
    def test_is_of_the_session_with_the_number_of_batches_on_hover(self):
        orders = {"sent_p50_us": 9_800, "sent_p99_us": 31_000, "batches_sent": 12,
                  "as_of": ago(1), "reason": None}  # fmt: skip
        shown = values(orders=orders)

        assert shown["order_p50"]["text"] == "9.8 ms"
        assert shown["order_p99"]["text"] == "31 ms"
        assert "12 batches" in shown["order_p50"]["title"]
        assert shown["order_p50"]["stale_ms"] > 0

    def test_before_the_first_order_is_a_dash_with_its_reason(self):
        shown = values()["order_p99"]

        assert (shown["text"], shown["reason"]) == ("–", "this session has sent no order yet")


class TestReconciliation:
    def test_a_match_has_its_age_and_its_block(self):
        shown = values()

        assert (shown["reconciliation"]["text"], shown["reconciliation"]["tone"]) == (
            "match",
            "good",
        )
        assert "at block 1,204" in shown["reconciliation"]["title"]
        assert (shown["reconciled"]["text"], shown["reconciled"]["tick"]) == ("31 s", True)

    @pytest.mark.parametrize(
        ("verdict", "word", "tone"),
        [("MISMATCH", "mismatch", "bad"), ("INCOMPLETE", "incomplete", "warn")],
    )
    def test_anything_else_is_no_match(self, verdict, word, tone):
        told = {**MATCH, "verdict": verdict, "reason": "cash differs", "incident": 3}
        shown = values(reconciliation=told)

        assert (shown["reconciliation"]["text"], shown["reconciliation"]["tone"]) == (word, tone)
        assert shown["reconciliation"]["title"] == "cash differs"

    def test_none_yet_is_a_dash_and_no_match(self):
        shown = values(reconciliation={"verdict": None, "reason": "nothing yet"})

        assert (shown["reconciliation"]["text"], shown["reconciliation"]["reason"]) == (
            "–",
            "none yet",
        )


class TestWhatToLookAtFirst:
    EXPOSED = {"sets": 1, "number": 13, "set_id": "main-1-s13", "reason": "selling could lose 1.2",
               "remedy": "The engine looks for a way out."}  # fmt: skip

    def test_an_exposed_leg_is_no_trading_and_has_its_page(self):
        made = cells(state(exposed=self.EXPOSED))

        assert made["values"]["engine"]["text"] == "a leg is exposed"
        assert made["values"]["engine"]["tone"] == "bad"
        assert made["values"]["engine_detail"]["text"] == "main-1-s13: selling could lose 1.2"
        assert made["values"]["banner"]["text"] == "No new set is opened: a leg is exposed"
        assert made["values"]["engine_next"]["text"] == "The engine looks for a way out."
        assert made["todo"]["url"] == "/admin/trading/arbitrageset/13/change/"

    def test_an_open_incident_comes_before_it(self):
        told = {"reconciliation": {**MATCH, "incident": 3}}
        made = cells(state(exposed=self.EXPOSED) | told)

        assert made["todo"] == {"text": "Incident 3", "url": "/admin/trading/incident/3/change/"}

    def test_without_either_there_is_no_link(self):
        nothing = {"sets": 0, "number": None}
        assert cells(state(exposed=nothing) | {"reconciliation": MATCH})["todo"] is None
