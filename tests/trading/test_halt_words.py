"""Why trading is halted is told in words, with the code kept for programs and on hover."""

import re

import pytest
from django.conf import settings

from tests.api.building import make_incident, make_reconciliation, make_session
from tests.conftest import NOON
from trading import services
from trading.halt_words import HALTS, halt_cause, halt_text
from trading.reconciling.code_words import finding_text
from trading.runtime.ending import HALTING
from trading.wording import note_text

STOPS = re.compile(r"_stop\(\s*\"([A-Z_]+)\"")
FINDING = "CASH_DIFFERS of pUSD at block 77, and 2 more: 2 dollars are unexplained"
TOLD = "Dollars differ, pUSD at block 77, and 2 more: 2 dollars are unexplained"


def test_every_halt_of_the_engine_has_words():
    engine = (settings.BASE_DIR / "trading" / "engine").glob("*.py")
    codes = {code for path in engine for code in STOPS.findall(path.read_text())}

    assert codes >= {"LATE_FILL", "CHAIN_CONTRADICTION"}
    assert codes | {ending.value for ending in HALTING} <= set(HALTS)


def test_the_words_are_sentences_and_labels_of_their_own():
    for code, words in HALTS.items():
        assert words.meaning.endswith("."), code
        assert not words.remedy or words.remedy.endswith("."), code
    assert len({words.label for words in HALTS.values()}) == len(HALTS)


def test_a_code_without_words_is_the_rule_that_halted():
    assert halt_text("PNL_DRAWDOWN").label == "Pnl drawdown"
    assert "PNL_DRAWDOWN" in halt_text("PNL_DRAWDOWN").meaning
    assert halt_cause("", "") == "Halted"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (FINDING, TOLD),
        ("a look of mine", "a look of mine"),
        ("NEW_CODE of pUSD: odd", "NEW_CODE of pUSD: odd"),
        ("", ""),
    ],
)
def test_a_finding_is_told_with_the_words_of_its_code(stored, shown):
    assert finding_text(stored) == shown


def test_a_note_of_a_halt_says_why_in_words():
    assert note_text("HALTED", f"RECONCILIATION_MISMATCH: {FINDING}") == (
        "halted",
        f"Books do not agree: {TOLD}",
    )
    assert note_text("HALTED", "without a cause") == ("halted", "without a cause")


@pytest.mark.django_db
class TestPages:
    @pytest.fixture
    def halted(self, mandate, profile, client, operator):
        session = make_session(profile)
        make_reconciliation(session)
        incident = make_incident(session, title=FINDING)
        services.halt(
            "main",
            by=None,
            by_name="reconciliation",
            code="RECONCILIATION_MISMATCH",
            reason=FINDING,
            at=NOON,
        )
        client.force_login(operator)
        return incident

    @pytest.mark.parametrize(
        "address",
        [
            "/admin/",
            "/admin/halt/",
            "/admin/resume/",
            "/admin/trading/mandate/{mandate}/change/",
            "/admin/trading/incident/",
            "/admin/trading/incident/{incident}/change/",
        ],
    )
    def test_say_it_in_words_and_the_code_on_hover(self, client, halted, mandate, address):
        page = client.get(address.format(mandate=mandate.pk, incident=halted.pk)).content.decode()
        read = re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)

        assert TOLD in read
        assert "Books do not agree" in read
        assert "RECONCILIATION_MISMATCH" not in read
        assert "CASH_DIFFERS of" not in read
        assert 'title="RECONCILIATION_MISMATCH"' in page
