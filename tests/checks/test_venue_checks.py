"""Checks of the venue, asked of a real local venue, of the recording, and of venues that fail."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings as portal

from checks.catalogue.venue import BOOK_SECONDS, SIZES_SECONDS
from polyarb_site.clock import SystemClock
from tests.checks.looking import BY_ID, look, status
from tests.conftest import make_profile
from tests.helpers.clocks import FixedClock
from tests.helpers.receivers import HttpReceiver
from tests.live.venue import OpenVenue
from trading.models import Mandate
from trading.services.venue_probes import (
    CLOCK_S_MAX,
    CLOSE_S_MAX,
    ENDPOINT_MS_MAX,
    START_VENUE,
    listen,
)

CLOCK = SystemClock()
CHANNEL, TIME = "operations.market_channel", "operations.venue_clock"
ONE, TWO, SIZES = "operations.rpc_one", "operations.rpc_two", "operations.sizes_fit"
NOBODY = 9  # a port where nobody listens
KEY = "canarykey0123456789"


@pytest.fixture(scope="module")
def open_venue(tmp_path_factory):
    """A local venue with two markets at 49 to 51 cents, on its own books."""
    venue = OpenVenue(tmp_path_factory.mktemp("venue"), markets=2)
    yield venue
    venue.stop()


@pytest.fixture
def local(open_venue, settings):
    settings.SIMULATOR_PORT = open_venue.port
    return open_venue


@pytest.fixture
def no_venue(settings, monkeypatch):
    settings.SIMULATOR_PORT = NOBODY
    monkeypatch.setattr("checks.catalogue.venue.BOOK_SECONDS", 1.0)
    monkeypatch.setattr("checks.catalogue.venue.SIZES_SECONDS", 1.0)


@pytest.fixture
def real(settings, tmp_path):
    """Return a function that gives config/venues.yaml other addresses: the real venue stays far."""
    shutil.copytree(portal.CONFIG_DIR, tmp_path / "config")
    settings.CONFIG_DIR = tmp_path / "config"
    file = tmp_path / "config" / "venues.yaml"

    def move(port=NOBODY, rpcs=()):
        text = file.read_text()
        for host in ("clob", "gamma"):
            text = text.replace(f"https://{host}.polymarket.com", f"http://127.0.0.1:{port}")
            text = text.replace(f"https://{host}-api.polymarket.com", f"http://127.0.0.1:{port}")
        text = text.replace(
            "wss://ws-subscriptions-clob.polymarket.com/ws/market",
            f"ws://127.0.0.1:{port}/ws/market",
        )
        if rpcs:
            lines = "\n".join(f"    - {url}" for url in rpcs)
            before, _, rest = text.partition("    - https://polygon.drpc.org\n")
            rest = rest.split("\n", 1)[1]
            text = f"{before}{lines}\n{rest}"
        file.write_text(text)

    return move


class Node:
    """An endpoint of a chain on this machine."""

    def __init__(self, chain_id=137, block=100, status=200):
        node = self
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append(question["method"])
                says = {"eth_chainId": hex(chain_id), "eth_blockNumber": hex(block)}
                told = {"jsonrpc": "2.0", "id": question["id"], "result": says[question["method"]]}
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{KEY}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def make_node():
    made = []

    def make(**says):
        made.append(Node(**says))
        return made[-1]

    yield make
    for node in made:
        node.close()


class TestMarketChannel:
    def test_of_the_local_venue_delivers_a_book(self, local):
        seen = look(CHANNEL, venue="simulator", clock=CLOCK)

        assert seen.status == "PASS", seen
        assert seen.evidence["books"] >= 1
        assert seen.evidence["frames"] >= 1

    def test_can_be_asked_from_several_threads_at_once(self, local):
        """A run asks its checks side by side, each in a thread of its own."""
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(status, CHANNEL, venue="simulator", clock=CLOCK) for _ in range(4)]

        assert [one.result()[0] for one in asked] == ["PASS"] * 4

    def test_of_the_real_venue_is_where_the_settings_say(self, open_venue, real):
        real(open_venue.port)
        seen = look(CHANNEL, venue="polymarket", clock=CLOCK)

        assert seen.status == "PASS", seen
        assert seen.reason.startswith("polymarket delivered a book after ")

    def test_that_nobody_serves_fails_and_says_why(self, no_venue):
        seen = look(CHANNEL, venue="simulator", clock=CLOCK)

        assert seen.status == "FAIL"
        assert seen.evidence["books"] == 0
        assert "simulator delivered no book: " in seen.reason

    def test_that_takes_no_connection_fails_although_http_answers(
        self, local, no_venue, settings, monkeypatch
    ):
        settings.SIMULATOR_PORT = local.port
        local.shut.add("/ws/market")
        try:
            assert status(CHANNEL, venue="simulator", clock=CLOCK)[0] == "FAIL"
        finally:
            local.shut.clear()

    @pytest.mark.django_db
    def test_of_a_recording_is_the_recording(self):
        seen = look(CHANNEL, venue="recorded", clock=CLOCK)

        assert seen.status == "PASS"
        assert seen.evidence["books"] >= 1

    @pytest.mark.django_db
    def test_of_a_recording_that_is_not_there_fails(self, mandate, tmp_path):
        gone = str(tmp_path / "gone.frames.jsonl.zst")
        Mandate.objects.update(feed="recorded", feed_options={"recording": gone})

        word, reason = status(CHANNEL, venue="recorded", clock=CLOCK)

        assert word == "FAIL"
        assert "gone" in reason


@pytest.mark.parametrize("check", [CHANNEL, TIME, ONE, TWO, SIZES])
def test_a_recording_is_never_enough_for_a_live_phase(check):
    assert status(check, venue="recorded", phase=1) == (
        "FAIL",
        "a recording cannot be traded on live",
    )


class TestClock:
    def test_of_the_local_venue_is_ours(self, local):
        seen = look(TIME, venue="simulator", clock=CLOCK)

        assert seen.status == "PASS"
        assert abs(seen.evidence["skew_ms"]) <= 1_000

    @pytest.mark.parametrize(
        ("ahead_s", "word"), [(1, "PASS"), (-1, "PASS"), (4, "FAIL"), (-4, "FAIL")]
    )
    def test_of_the_real_venue_may_differ_by_two_seconds(self, real, noon, ahead_s, word):
        venue = HttpReceiver()
        clock = FixedClock(noon)
        venue.answer = str(int(noon.timestamp()) + ahead_s).encode()
        real(venue.port)
        try:
            seen = look(TIME, venue="polymarket", clock=clock)
        finally:
            venue.close()

        assert seen.status == word
        assert ("ahead" if ahead_s > 0 else "behind") in seen.reason
        assert {one.path for one in venue.requests} == {"/time"}

    def test_that_does_not_answer_fails_with_how_to_start_it(self, no_venue):
        seen = look(TIME, venue="simulator", clock=CLOCK)

        assert seen.status == "FAIL"
        assert seen.remedy == START_VENUE

    def test_of_a_recording_is_said_not_to_be(self):
        seen = look(TIME, venue="recorded")

        assert (seen.status, seen.evidence["asked"]) == ("PASS", False)
        assert "has no clock, and none was asked" in seen.reason


class TestEndpoints:
    def test_two_that_answer_pass_both_checks(self, real, make_node):
        real(rpcs=[make_node(block=100).url, make_node(block=102).url])

        for check in (ONE, TWO):
            assert status(check, venue="polymarket", clock=CLOCK) == (
                "PASS",
                "2 of 2 endpoints answered, the newest block is 102",
            )

    def test_one_of_two_is_enough_for_one_check_only(self, real, make_node):
        good, bad = make_node(), make_node(status=500)
        real(rpcs=[good.url, bad.url])

        assert status(ONE, venue="polymarket", clock=CLOCK)[0] == "PASS"
        word, reason = status(TWO, venue="polymarket", clock=CLOCK)
        assert word == "FAIL"
        assert reason.startswith("1 of 2 endpoints answered; 127.0.0.1:")

    def test_one_that_is_configured_alone_is_too_few(self, real, make_node):
        real(rpcs=[make_node().url])

        assert status(ONE, venue="polymarket", clock=CLOCK)[0] == "PASS"
        assert status(TWO, venue="polymarket", clock=CLOCK) == (
            "FAIL",
            "1 of 1 endpoint answered",
        )

    def test_of_another_chain_does_not_count(self, real, make_node):
        real(rpcs=[make_node(chain_id=1).url])
        word, reason = status(ONE, venue="polymarket", clock=CLOCK)

        assert word == "FAIL"
        assert "is chain 1, not 137" in reason

    def test_none_that_answers_fails_and_shows_no_key(self, real, make_node):
        real(rpcs=[make_node(status=500).url, f"http://127.0.0.1:{NOBODY}/{KEY}"])
        seen = look(ONE, venue="polymarket", clock=CLOCK)

        assert seen.status == "FAIL"
        assert len(seen.evidence["endpoints"]) == 2
        assert KEY not in repr(seen)

    def test_a_local_venue_on_its_own_books_has_none_and_says_so(self, local):
        for check in (ONE, TWO):
            seen = look(check, venue="simulator", phase=1, clock=CLOCK)

            assert seen.status == "PASS"
            assert seen.evidence == {"chain": False}
            assert "it has no chain, and none was asked" in seen.reason

    def test_a_local_venue_that_does_not_say_is_unknown(self, no_venue):
        assert status(ONE, venue="simulator", clock=CLOCK)[0] == "UNKNOWN"

    def test_a_chain_on_this_machine_has_one_endpoint(self, make_node, settings):
        node = make_node(chain_id=31_337)
        venue = HttpReceiver()
        chain = {"rpc": node.url, "chain_id": 31_337, "contracts": {}}
        venue.answer = json.dumps({"chain": chain}).encode()
        settings.SIMULATOR_PORT = venue.port
        try:
            assert status(ONE, venue="simulator", clock=CLOCK)[0] == "PASS"
            word, reason = status(TWO, venue="simulator", clock=CLOCK)
        finally:
            venue.close()

        assert (word, reason) == ("PASS", "the one endpoint of the chain on this machine answers")

    def test_a_recording_has_none(self):
        assert look(TWO, venue="recorded").evidence == {"chain": False}


@pytest.mark.django_db
class TestSizes:
    """Sizes that the venue accepts: five shares of each leg, and a dollar."""

    def sized(self, mandate, size, phase=1):
        profile = make_profile("live_safe_atomic_v1", TRADE_SIZE=size, MAX_POSITION_SIZE="20")
        Mandate.objects.update(phase=phase, profile=profile)

    def test_that_fit_pass_and_say_which_share(self, local, mandate):
        self.sized(mandate, "6")
        seen = look(SIZES, venue="simulator", phase=1, clock=CLOCK)

        assert seen.status == "PASS", seen
        assert seen.reason.startswith("100 % of 2 watched markets can be traded at $6.00 a set")
        assert seen.evidence["share_micro"] == 1_000_000
        # Five shares of each leg at 51 cents, and the fees.
        assert 5_100_000 < seen.evidence["cheapest_micro"] < 5_500_000

    def test_that_do_not_fit_fail_and_say_which_would(self, local, mandate):
        self.sized(mandate, "2")
        seen = look(SIZES, venue="simulator", phase=1, clock=CLOCK)

        assert seen.status == "FAIL"
        assert seen.reason.startswith("0 % of 2 watched markets can be traded at $2.00 a set")
        assert "the cheapest set costs $5." in seen.reason
        assert "half of them need $5." in seen.reason

    def test_that_do_not_fit_are_raised_on_paper(self, local, mandate):
        self.sized(mandate, "2", phase=0)
        seen = look(SIZES, venue="simulator", phase=0, clock=CLOCK)

        assert seen.status == "PASS"
        assert seen.evidence["tradable"] == 0
        assert "on paper the smallest set is taken instead" in seen.reason

    def test_are_those_of_the_phase_that_is_asked_about(self, local, mandate):
        """G2: the profile of one phase was hard-coded."""
        make_profile("live_safe_atomic_v1")
        make_profile("live_scaled_atomic_v1")

        small = look(SIZES, venue="simulator", phase=1, clock=CLOCK)
        large = look(SIZES, venue="simulator", phase=3, clock=CLOCK)

        assert (small.status, small.evidence["trade_size_micro"]) == ("FAIL", 2_000_000)
        assert (large.status, large.evidence["trade_size_micro"]) == ("PASS", 10_000_000)
        assert large.evidence["profile"] == "live_scaled_atomic_v1 r1"

    def test_without_a_profile_for_the_phase_are_unknown(self, db):
        assert status(SIZES, venue="simulator", phase=2) == (
            "UNKNOWN",
            "there is no profile for phase 2",
        )

    def test_of_a_venue_that_is_silent_are_unknown(self, no_venue, mandate):
        self.sized(mandate, "6")

        assert status(SIZES, venue="simulator", phase=1, clock=CLOCK)[0] == "UNKNOWN"

    @pytest.mark.slow
    def test_of_the_recording_are_known(self, mandate):
        self.sized(mandate, "6", phase=0)
        seen = look(SIZES, venue="recorded", clock=CLOCK)

        assert seen.status == "PASS", seen
        assert seen.evidence["watched"] >= 1


def test_all_that_a_venue_names_are_waited_for_and_no_longer(local):
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    heard = listen("simulator", {}, clock, seconds=20, markets_max=100, markets_wanted=100)

    assert len(heard.markets) == heard.listed == 2
    assert clock.monotonic_ns() - began_ns < 15_000_000_000


def test_each_of_them_ends_before_the_runner_leaves_it():
    assert BY_ID[CHANNEL].time_ms_max >= (BOOK_SECONDS + CLOSE_S_MAX) * 1_000
    assert BY_ID[SIZES].time_ms_max >= (SIZES_SECONDS + CLOSE_S_MAX) * 1_000
    assert BY_ID[TIME].time_ms_max > CLOCK_S_MAX * 1_000
    assert BY_ID[TWO].time_ms_max > 2 * ENDPOINT_MS_MAX
