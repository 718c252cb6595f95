"""The relayer's queue: who may submit, and how an action goes its way."""

from random import Random

import pytest

from tests.simulator.builders import NOON_MS
from trading.simulator.accounts import RevertedError
from trading.simulator.relaying import (
    KEPT_MAX,
    MINUTE_MS,
    NEXT,
    RelayQueue,
    RelaySettings,
    RelayState,
)

STEP_MS = 1_000
STEADY = RelaySettings(step_ms_min=STEP_MS, step_ms_max=STEP_MS)


@pytest.fixture
def queue():
    return RelayQueue(Random(1), STEADY)


def good():
    return "0xhash"


def bad():
    raise RevertedError("transfer amount exceeds balance")


def test_an_action_goes_from_new_to_confirmed_one_step_at_a_time(queue):
    action = queue.accept("ann", "wallet", good, NOON_MS)
    seen = [(action.state, action.transaction_hash)]
    for step in (1, 2, 3):
        queue.advance(NOON_MS + step * STEP_MS)
        seen.append((action.state, action.transaction_hash))

    assert seen == [
        (RelayState.NEW, ""),
        (RelayState.EXECUTED, "0xhash"),
        (RelayState.MINED, "0xhash"),
        (RelayState.CONFIRMED, "0xhash"),
    ]


def test_nothing_happens_before_its_time(queue):
    ran = []
    action = queue.accept("ann", "wallet", lambda: ran.append(1) or "0x", NOON_MS)

    queue.advance(NOON_MS + STEP_MS - 1)

    assert (action.state, ran) == (RelayState.NEW, [])


def test_an_action_runs_once_however_late_the_queue_is(queue):
    ran = []
    action = queue.accept("ann", "wallet", lambda: ran.append(1) or "0x", NOON_MS)

    queue.advance(NOON_MS + MINUTE_MS)

    assert (action.state, ran) == (RelayState.CONFIRMED, [1])


def test_an_action_that_reverts_fails_with_the_reason(queue):
    action = queue.accept("ann", "wallet", bad, NOON_MS)

    queue.advance(NOON_MS + MINUTE_MS)

    assert action.state is RelayState.FAILED
    assert action.error == "execution reverted: transfer amount exceeds balance"
    assert action.transaction_hash == ""


@pytest.mark.parametrize("run", [good, bad])
def test_a_wallet_is_busy_until_its_action_ends(queue, run):
    action = queue.accept("ann", "wallet", run, NOON_MS)
    assert queue.busy("wallet").text == f"wallet busy: active action {action.transaction_id}"
    assert queue.busy("other wallet") is None

    queue.advance(NOON_MS + MINUTE_MS)

    assert queue.busy("wallet") is None


def test_actions_of_several_wallets_run_in_the_order_of_their_times(queue):
    ran = []
    for number in (2, 1, 3):
        queue.accept(
            "ann", f"wallet {number}", lambda n=number: ran.append(n) or "0x", NOON_MS + number
        )

    queue.advance(NOON_MS + MINUTE_MS)

    assert ran == [1, 2, 3]


def test_an_owner_may_submit_25_times_a_minute(queue):
    for number in range(25):
        assert queue.count("ann", NOON_MS + number) is None

    refused = queue.count("ann", NOON_MS + 1_000)

    assert (refused.http, refused.text, refused.retry_after_s) == (429, "Too Many Requests", 59)
    assert queue.count("ben", NOON_MS + 1_000) is None
    assert queue.count("ann", NOON_MS + MINUTE_MS) is None  # the first is a minute old


def test_old_actions_are_forgotten(queue):
    first = queue.accept("ann", "wallet", good, NOON_MS)
    for number in range(KEPT_MAX):
        queue.advance(NOON_MS + (number + 1) * MINUTE_MS)
        queue.accept("ann", "wallet", good, NOON_MS + (number + 1) * MINUTE_MS)

    assert queue.find(first.transaction_id) is None


def test_the_same_seed_gives_the_same_ids_and_times():
    def ids():
        queue = RelayQueue(Random(7))
        made = [queue.accept("ann", f"{n}", good, NOON_MS) for n in range(5)]
        return [(one.transaction_id, one.due_ms) for one in made]

    assert ids() == ids()


def test_only_what_was_not_executed_can_fail():
    assert RelayState.FAILED not in NEXT.values()
    assert set(NEXT) == set(RelayState) - {RelayState.CONFIRMED, RelayState.FAILED}


@pytest.mark.parametrize(
    "wrong", [{"step_ms_min": 3, "step_ms_max": 2}, {"step_ms_min": -1}, {"per_minute": 0}]
)
def test_settings_without_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"ms|per_minute"):
        RelaySettings(**wrong)
