"""What header and cards say of a state: words for states, a reason for every dash."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from polyarb_site.live.cells import cells, database_down

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def ago(seconds):
    return (NOON - timedelta(seconds=seconds)).isoformat()


def state(**parts):
    """A trading shadow engine, with some parts changed."""
    made: dict[str, Any] = {
        "account": "main",
        "as_of": NOON.isoformat(),
        "label": "SHADOW",
        "mode": "SHADOW",
        "phase": {"number": 0, "name": "Shadow Production", "reason": None},
        "profile": {"name": "live_shadow_atomic_v1", "revision": 1, "sha256": "ab", "reason": None},
        "engine": {
            "state": "TRADING",
            "since": ago(7_500),
            "reason": "",
            "as_of": ago(0.4),
            "heartbeat_age_ms": 400,
        },
        "feed": {"name": "polymarket", "connected": True, "age_ms": 180, "reason": None},
        "decision": {"p50_us": 84, "p99_us": 310, "reason": None, "as_of": ago(0.4)},
        "money": {
            "realised_today_micro": 1_240_000,
            "realised_phase_micro": 3_100_000,
            "exposure_micro": 4_870_000,
            "worst_case_micro": 180_000,
            "limit_micro": 1_000_000,
            "position_limit_micro": 10_000_000,
            "paper": True,
            "kind": "PAPER",
            "reason": None,
            "as_of": NOON.isoformat(),
            "exposure_as_of": ago(1),
        },
        "breaker": {"state": "CLOSED", "reason": None, "as_of": ago(1)},
        "halted": {"halted": False, "code": None, "reason": None, "since": None, "by": None},
        "alerts": {
            "critical": None,
            "warning": None,
            "info": None,
            "reason": "no rule has been judged yet",
        },
    }
    for name, change in parts.items():
        made[name] = {**made.get(name, {}), **change} if isinstance(change, dict) else change
    return made


def values(**parts):
    return cells(state(**parts))["values"]


class TestTheEngine:
    def test_trading_with_the_age_of_its_heartbeat(self):
        shown = values()

        assert shown["engine"]["text"] == "trading"
        assert shown["engine"]["tone"] == "good"
        assert shown["engine_age"]["text"] == "0.4 s"
        assert shown["engine_age"]["tick"]

    def test_halted_since_when_and_why(self):
        shown = values(
            engine={"state": "HALTED"},
            halted={
                "halted": True,
                "code": "RECONCILIATION_MISMATCH",
                "label": "Books do not agree",
                "told": "Dollars differ, pUSD: 2 dollars are unexplained",
                "since": ago(720),
                "by": "alerts",
            },
        )

        assert shown["engine"]["text"] == "halted"
        assert shown["engine_age"]["text"] == "12 min"
        assert shown["engine_detail"]["text"] == (
            "Books do not agree: Dollars differ, pUSD: 2 dollars are unexplained, by alerts"
        )
        assert shown["engine_detail"]["title"] == "RECONCILIATION_MISMATCH"

    @pytest.mark.parametrize(("seconds", "word"), [(3, "halting"), (30, "halt not confirmed")])
    def test_a_halt_that_the_engine_has_not_heard_of(self, seconds, word):
        shown = values(halted={"halted": True, "code": "MANUAL", "since": ago(seconds)})

        assert shown["engine"]["text"] == word
        assert "the engine still says trading" in shown["engine_detail"]["text"]

    @pytest.mark.parametrize(
        ("name", "word", "tone"),
        [
            ("STALE", "silent", "bad"),
            ("BLIND", "blind, no fresh book", "warn"),
            ("STOPPED", "stopped", "quiet"),
            ("CRASHED", "crashed", "bad"),
            ("SOMETHING_NEW", "something new", "warn"),
        ],
    )
    def test_every_state_has_a_word_and_a_tone(self, name, word, tone):
        shown = values(engine={"state": name})

        assert (shown["engine"]["text"], shown["engine"]["tone"]) == (word, tone)

    def test_every_state_of_a_session_is_known(self):
        from polyarb_site.live import engine_cells as module
        from trading.models import EngineSession

        assert set(EngineSession.State.values) <= set(module._ENGINE)


class TestMoney:
    def test_gains_and_losses_are_toned_and_signed(self):
        assert values()["pnl_today"]["text"] == "+$1.24"
        assert values()["pnl_today"]["tone"] == "good"
        loss = values(money={"realised_today_micro": -400_000})["pnl_today"]
        assert (loss["text"], loss["tone"]) == ("−$0.40", "bad")

    def test_the_exact_amount_and_the_kind_of_money_are_on_hover(self):
        assert values()["pnl_today"]["title"] == "+$1.240000 realised since 00:00 UTC, paper"
        real = values(money={"paper": False, "kind": "REAL"})["pnl_today"]["title"]
        assert real.endswith(", real money")

    def test_play_money_is_called_so_and_a_kind_that_nobody_knows_is_real(self):
        for kind, words in (("PLAY", "play money"), ("MONOPOLY", "real money")):
            shown = values(money={"paper": False, "kind": kind})

            assert shown["money_kind"]["text"] == words
            assert shown["pnl_today"]["title"].endswith(f", {words}")
        assert values(money={"paper": None, "kind": None})["money_kind"]["text"] == ""

    def test_open_exposure_is_shown_as_the_worst_that_can_come_of_it(self):
        assert values()["worst_case"]["text"] == "−$0.18"

    @pytest.mark.parametrize(
        ("realised", "worst", "text", "permille", "tone"),
        [
            (1_240_000, 180_000, "$0.18 of $1.00", 180, ""),
            (-500_000, 180_000, "$0.68 of $1.00", 680, "warn"),
            (-900_000, 180_000, "$1.08 of $1.00", 1000, "bad"),
            (0, 0, "$0.00 of $1.00", 0, ""),
        ],
    )
    def test_a_profit_gives_no_room_for_a_larger_loss(self, realised, worst, text, permille, tone):
        used = values(money={"realised_today_micro": realised, "worst_case_micro": worst})[
            "loss_used"
        ]

        assert (used["text"], used["permille"], used["tone"]) == (text, permille, tone)

    def test_without_a_profile_there_is_no_limit_and_no_bar(self):
        used = values(money={"limit_micro": None})["loss_used"]

        assert used["text"] == "–"
        assert "no profile is applied" in used["reason"]


class TestWhatIsMissing:
    def test_every_dash_has_a_reason(self):
        nothing = dict.fromkeys(state()["money"], None)
        shown = values(
            money={**nothing, "reason": "the engine has not run yet"},
            decision={"p50_us": None, "p99_us": None, "reason": "the engine is not running"},
            feed={"connected": None, "age_ms": None, "reason": "the engine is not running"},
            breaker={"state": None, "reason": "the engine has not reported figures yet"},
        )

        dashes = {name: cell for name, cell in shown.items() if cell["text"] == "–"}
        assert {"pnl_today", "exposure", "decision_p50", "feed_age", "breaker", "alerts"} <= set(
            dashes
        )
        assert all(cell["reason"] for cell in dashes.values())
        assert not any("$0" in cell["text"] for cell in shown.values())

    def test_an_account_that_is_not_there(self):
        made = cells({"label": None, "as_of": NOON.isoformat()})

        assert made["badge"] == {
            "text": "NO ACCOUNT",
            "title": "No account is set up yet",
            "kind": "unknown",
        }
        assert made["values"]["engine"]["text"] == "no engine"

    def test_a_database_that_is_down_is_said_and_nothing_else(self):
        made = database_down("the database does not answer")

        assert made["badge"]["text"] == "UNKNOWN"
        assert made["values"]["engine"]["text"] == "state unknown"
        assert made["values"]["pnl_today"]["text"] == "–"
        assert made["values"]["pnl_today"]["reason"] == "the database does not answer"

    def test_what_has_an_expected_age_says_so(self):
        shown = values()

        for name in ("engine_age", "feed_age", "exposure", "worst_case", "decision_p50", "breaker"):
            assert shown[name]["stale_ms"] > 0, name
            assert shown[name]["at"], name


def test_alerts_are_counted_once_there_are_some():
    shown = values(alerts={"critical": 1, "warning": 2, "info": 5, "reason": None})

    assert shown["alerts"]["text"] == "1 critical"
    assert shown["alerts_note"]["text"] == "also 2 warnings, 5 info"
    assert shown["alerts_bar"] | {"title": ""} == shown["alerts_bar"] | {
        "text": "1 crit 2 warn", "tone": "bad", "title": "", "reason": "",
    }  # fmt: skip
    assert shown["alerts_nav"]["text"] == "3"
    assert shown["alerts_critical"]["tone"] == "bad"
    assert shown["alerts_info"]["text"] == "5"


def test_what_somebody_has_acknowledged_is_said_and_does_not_shout():
    shown = values(alerts={"critical": 0, "warning": 0, "info": 0, "acked": 2, "reason": None})

    assert (shown["alerts"]["text"], shown["alerts"]["tone"]) == ("none", "good")
    assert shown["alerts_note"]["text"] == "also 2 acknowledged"
    assert shown["alerts_nav"]["text"] == ""
    assert shown["alerts_bar"]["text"] == "0 firing, 2 acked"


@pytest.mark.parametrize("critical", [0, 2])
def test_counts_that_nobody_renews_are_shown_with_a_warning(critical):
    silent = "watch silent 45 s"
    shown = values(
        alerts={"critical": critical, "warning": 0, "info": 0, "acked": 0, "reason": silent}
    )

    assert shown["alerts_bar"]["reason"] == shown["alerts"]["reason"] == silent
    assert shown["alerts_bar"]["tone"] == ("bad" if critical else "warn")
    assert shown["alerts"]["tone"] == ("bad" if critical else "warn")


@pytest.mark.parametrize("label", ["RECORDED", "SIMULATED", "SHADOW", "LIVE"])
def test_every_badge_says_what_the_money_is(label):
    badge = cells(state(label=label))["badge"]

    assert badge["text"] == label
    assert badge["kind"] == label.lower()
    assert badge["title"]


def test_cells_are_plain_json():
    assert json.loads(json.dumps(cells(state()))) == cells(state())
