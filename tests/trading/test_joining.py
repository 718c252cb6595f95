"""What the live side knows of markets: those on the board, and those that were traded before."""

from types import SimpleNamespace

from tests.helpers.facts import market
from trading.runtime.joining import SPECS_MAX, remembering

SPEC = market().spec
WATCH = SimpleNamespace(spec=SPEC)


def test_a_market_that_ended_is_still_known_to_who_asked_for_it_before():
    watches = {"0xabc": WATCH}
    spec_of = remembering(watches, {})
    assert spec_of("0xabc") is SPEC

    watches.clear()  # what the board does with a market that is over

    assert spec_of("0xabc") is SPEC
    assert spec_of("0xdef") is None


def test_what_an_earlier_session_traded_in_is_known_without_a_board():
    assert remembering({}, {"0xabc": SPEC})("0xabc") is SPEC


def test_the_newest_parameters_count():
    finer = market().spec
    watches = {"0xabc": WATCH}
    spec_of = remembering(watches, {})
    spec_of("0xabc")

    watches["0xabc"] = SimpleNamespace(spec=finer)

    assert spec_of("0xabc") is finer


def test_what_was_asked_for_longest_ago_is_forgotten_first():
    watches = {f"0x{number}": WATCH for number in range(SPECS_MAX + 1)}
    spec_of = remembering(watches, {})
    for condition_id in watches:
        spec_of(condition_id)
    watches.clear()

    assert spec_of("0x0") is None
    assert spec_of("0x1") is SPEC
