"""Every code that a page can show has words of its own."""

import pytest

from trading import wording
from trading.config.keys import KEYS
from trading.engine.codes import OrderState, Refusal, SetState, Stage, TradeState
from trading.models import EngineSession

TABLES = {
    "refusals": (wording.REFUSALS, Refusal),
    "stages": (wording.STAGES, Stage),
    "sets": (wording.SETS, SetState),
    "orders": (wording.ORDERS, OrderState),
    "trades": (wording.TRADES, TradeState),
    "engines": (wording.ENGINES, EngineSession.State),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_code_has_words_and_no_word_is_of_no_code(name):
    table, codes = TABLES[name]

    assert set(table) == set(codes)


@pytest.mark.parametrize("name", TABLES)
def test_the_words_are_a_sentence_and_a_label_of_its_own(name):
    table, _ = TABLES[name]

    for code, words in table.items():
        assert words.meaning.endswith("."), code
        assert not words.remedy or words.remedy.endswith("."), code
        assert words.tone in ("", "good", "warn", "bad", "quiet"), code
    labels = [words.label for words in table.values()]
    assert len(set(labels)) == len(labels)


def test_every_refusal_says_what_would_change_it():
    assert [code for code, words in wording.REFUSALS.items() if not words.remedy] == []


def test_a_remedy_names_only_keys_that_there_are():
    named = {
        word.strip(".,;")
        for words in wording.REFUSALS.values()
        for word in words.remedy.split()
        if "_" in word
    }

    assert named <= set(KEYS)
    assert "MIN_PROFIT_THRESHOLD" in named


def test_a_code_of_another_version_is_shown_as_it_is():
    words = wording.of(wording.REFUSALS, "NEW_THING")

    assert words.label == "New thing"
    assert words.tone == "warn"


def test_a_stored_code_is_found_by_its_text():
    assert wording.of(wording.REFUSALS, "HALTED") is wording.REFUSALS[Refusal.HALTED]
