"""What the header says of the local venue, and that no page waits for it."""

import http.server
import json
import threading
import time
from datetime import timedelta

import pytest

from polyarb_site import local_venue
from polyarb_site.clock import SystemClock
from polyarb_site.live.cells import cells
from polyarb_site.local_venue import NO_CHAIN, VenueNote, read_info
from tests.browser.conftest import free_port
from tests.conftest import NOON
from tests.helpers.clocks import FixedClock
from tests.helpers.journals import until


@pytest.fixture
def venue():
    """A server that answers what a test puts into `says`, and counts how often it was asked."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            status, body = server.says
            self.send_response(status if self.path == "/simulator/info" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.asked, server.says = 0, (200, b'{"chain": null}')
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def note_of(server, clock=None):
    return VenueNote(server.server_address[1], clock or SystemClock())


class TestWhatItSays:
    @pytest.mark.parametrize(
        ("says", "text"),
        [
            ({"chain": None}, NO_CHAIN),
            ({"chain": {"chain_id": 31337}}, ""),
            ({}, ""),
            (["chain"], ""),
        ],
    )
    def test_is_that_it_has_no_chain_when_it_says_so(self, venue, says, text):
        venue.says = (200, json.dumps(says).encode())

        assert note_of(venue).text(wait_s=5) == text

    @pytest.mark.parametrize("says", [(404, b'{"chain": null}'), (200, b"{"), (200, b"\xff")])
    def test_is_nothing_while_it_is_not_known(self, venue, says):
        venue.says = says

        assert note_of(venue).text(wait_s=5) == ""

    def test_is_nothing_where_no_venue_is(self):
        port = free_port()

        assert read_info(port) is None
        assert VenueNote(port, SystemClock()).text(wait_s=5) == ""


class TestAsking:
    def test_keeps_no_page_waiting(self, venue):
        note = note_of(venue, FixedClock(NOON))
        began = time.monotonic()
        note.text()
        assert time.monotonic() - began < 0.2
        until(lambda: note.text() == NO_CHAIN)

        assert venue.asked == 1

    def test_is_repeated_when_the_answer_is_old(self, venue):
        clock = FixedClock(NOON)
        note = note_of(venue, clock)
        assert note.text(wait_s=5) == NO_CHAIN
        venue.says = (200, b'{"chain": {}}')
        assert note.text(wait_s=5) == NO_CHAIN
        clock.advance(timedelta(seconds=6))
        until(lambda: note.text() == "")

        assert venue.asked == 2

    def test_is_only_for_the_local_venue(self, venue, monkeypatch):
        monkeypatch.setattr(local_venue, "_own", note_of(venue))
        for label in ("RECORDED", "SHADOW", "LIVE", None):
            assert local_venue.note(label, wait_s=5) == ""
        assert venue.asked == 0

        assert local_venue.note("SIMULATED", wait_s=5) == NO_CHAIN


def test_the_header_has_a_place_for_it():
    state = {"label": "SIMULATED", "as_of": NOON.isoformat()}

    assert cells(state, NO_CHAIN)["values"]["venue"]["text"] == NO_CHAIN
    assert cells(state)["values"]["venue"]["text"] == ""


@pytest.mark.django_db
def test_a_page_says_it_beside_the_badge(client, viewer, mandate, venue, monkeypatch):
    from trading.models import Mandate

    Mandate.objects.update(mode="LIVE", feed="simulator")
    monkeypatch.setattr(local_venue, "_own", note_of(venue))
    monkeypatch.setattr(local_venue, "FIRST_WAIT_S", 5)
    client.force_login(viewer)
    page = client.get("/admin/").content.decode()

    assert ">SIMULATED</span>" in page
    assert f">{NO_CHAIN}</span>" in page
