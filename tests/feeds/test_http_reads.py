"""Reads over HTTP: every way in which an answer can be wrong has a stated outcome."""

import asyncio
import gzip
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from tests.feeds.listening import HandClock, MachineClock
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters import http_reads
from trading.adapters.feed import FeedError
from trading.adapters.http_reads import Endpoint, HttpReader, HttpSettings, RateLimiter, decoded

MS = 1_000_000


def endpoint(**changes):
    limits: dict[str, Any] = {
        "limiter": RateLimiter(requests=1_000, window_ms=1_000),
        "body_bytes_max": 10_000,
    }
    return Endpoint(name="GET /thing", method="GET", **(limits | changes))


@pytest.fixture
async def reader(venue):
    reader = HttpReader(venue.http_url, HttpSettings(read_ms=500, total_ms=1_000), MachineClock())
    yield reader
    await reader.close()


async def failure(reader, **changes):
    with pytest.raises(FeedError) as caught:
        await reader.read(endpoint(**changes), "/thing")
    return caught.value


async def test_a_good_answer_comes_back_byte_for_byte(venue, reader):
    venue.answers["/thing"] = lambda request: Answer(b'{"a": 1}')

    answer = await reader.read(endpoint(), "/thing", params=[("a", "1"), ("a", "x y&z")])

    assert answer == b'{"a": 1}'
    assert venue.requests[0].query == "a=1&a=x+y%26z"
    assert venue.requests[0].headers["accept-encoding"] == "gzip"


class TestStatus:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    async def test_what_may_pass_is_not_permanent(self, venue, reader, status):
        venue.answers["/thing"] = lambda request: as_json({"error": "not now"}, status=status)

        error = await failure(reader)

        assert (error.permanent, error.status) == (False, status)
        assert error.message == f"GET /thing: HTTP {status}: not now"

    @pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 204])
    async def test_what_cannot_get_better_is_permanent(self, venue, reader, status):
        body = b"" if status == 204 else b'{"error": "Invalid token id"}'
        venue.answers["/thing"] = lambda request: Answer(body, status=status)

        error = await failure(reader)

        assert (error.permanent, error.status) == (True, status)

    async def test_a_redirect_is_not_followed(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer(
            b"", status=302, headers={"location": "/elsewhere"}
        )
        venue.answers["/elsewhere"] = lambda request: Answer()

        assert (await failure(reader)).status == 302
        assert venue.asked("/elsewhere") == []

    async def test_a_page_of_html_is_quoted_and_not_parsed(self, venue, reader):
        page = b"<html>\n<h1>Attention Required!</h1>" + b"x" * 5_000
        venue.answers["/thing"] = lambda request: Answer(page, status=503)

        error = await failure(reader)

        assert "<html> <h1>Attention Required!</h1>" in error.message
        assert len(error.message) < 300

    @pytest.mark.parametrize(
        ("header", "expected_ms"),
        [("79", 79_000), ("0", 0), ("99999", 300_000), ("-5", 0), ("soon", 0), ("9" * 30, 0)],
    )
    async def test_retry_after_is_read_and_bounded(self, venue, reader, header, expected_ms):
        venue.answers["/thing"] = lambda request: Answer(
            b"{}", status=429, headers={"retry-after": header}
        )

        assert (await failure(reader)).retry_after_ms == expected_ms

    async def test_retry_after_holds_back_the_next_request_of_that_kind(self, venue):
        clock = HandClock()
        reader = HttpReader(venue.http_url, HttpSettings(), clock)
        venue.answers["/thing"] = lambda request: Answer(
            b"{}", status=429, headers={"retry-after": "79"}
        )
        limiter = RateLimiter(requests=100, window_ms=1_000)

        await failure(reader, limiter=limiter)
        await reader.close()

        assert limiter.reserve(clock.now_ns) == 79_000 * MS


class TestBody:
    async def test_an_answer_above_the_limit_is_given_up(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer(b"x" * 10_001)

        error = await failure(reader)

        assert error.message == "GET /thing: the answer is larger than 10000 bytes"
        assert not error.permanent

    async def test_an_answer_of_just_the_limit_is_taken(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer(b"x" * 10_000)

        assert len(await reader.read(endpoint(), "/thing")) == 10_000

    async def test_a_packed_answer_is_unpacked(self, venue, reader):
        packed = gzip.compress(b'{"a": 1}')
        venue.answers["/thing"] = lambda request: Answer(
            packed, headers={"content-encoding": "gzip"}
        )

        assert await reader.read(endpoint(), "/thing") == b'{"a": 1}'

    async def test_a_small_answer_that_unpacks_to_gigabytes_is_given_up_early(
        self, venue, reader, monkeypatch
    ):
        made = []

        class Watched:
            def __init__(self, window):
                self._real = zlib_decompressobj(window)

            def __getattr__(self, name):
                return getattr(self._real, name)

            def decompress(self, piece, length_max):
                made.append(len(result := self._real.decompress(piece, length_max)))
                return result

        zlib_decompressobj = zlib.decompressobj
        # In that module alone: a thread of another fixture may unpack something meanwhile.
        watching = SimpleNamespace(decompressobj=Watched, error=zlib.error)
        monkeypatch.setattr(http_reads, "zlib", watching)
        bomb = gzip.compress(b"\0" * 50_000_000)
        venue.answers["/thing"] = lambda request: Answer(bomb, headers={"content-encoding": "gzip"})

        error = await failure(reader)

        assert "larger than 10000 bytes" in error.message
        assert sum(made) == 10_001

    @pytest.mark.parametrize(
        ("body", "problem"),
        [(b"no gzip", "broken gzip"), (gzip.compress(b"x" * 99, mtime=0)[:-9], "cut off")],
    )
    async def test_a_broken_packed_answer_is_named(self, venue, reader, body, problem):
        venue.answers["/thing"] = lambda request: Answer(body, headers={"content-encoding": "gzip"})

        error = await failure(reader)

        assert problem in error.message
        assert not error.permanent

    async def test_an_encoding_that_nobody_asked_for_is_refused(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer(b"x", headers={"content-encoding": "br"})

        assert "encoding br not asked for" in (await failure(reader)).message

    async def test_an_answer_torn_off_in_the_middle_is_not_permanent(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer(b'{"a": 1, "b": 2}', torn=5)

        assert not (await failure(reader)).permanent

    async def test_an_answer_that_never_comes_is_given_up(self, venue):
        venue.answers["/thing"] = lambda request: Answer(delay_s=2)
        reader = HttpReader(venue.http_url, HttpSettings(read_ms=50), MachineClock())

        error = await failure(reader)
        await reader.close()

        assert not error.permanent

    async def test_an_answer_that_trickles_in_is_given_up(self, venue):
        venue.answers["/thing"] = lambda request: Answer(delay_s=2)
        settings = HttpSettings(read_ms=60_000, total_ms=60)
        reader = HttpReader(venue.http_url, settings, MachineClock())

        error = await failure(reader)
        await reader.close()

        assert error.message == "GET /thing: no whole answer within 0.06 s"

    async def test_nobody_listening_is_not_permanent(self, venue, reader):
        await venue.stop_listening()

        error = await failure(reader)

        assert not error.permanent
        assert "ConnectError" in error.message


class TestDecoding:
    @pytest.mark.parametrize("answer", [b"<html>", b'{"a": 1, "b"', b"", b"\xff\xfe"])
    def test_what_is_no_json_may_be_better_next_time(self, answer):
        with pytest.raises(FeedError, match="GET /thing: the answer is not JSON") as caught:
            decoded(answer, dict[str, int], endpoint())

        assert not caught.value.permanent

    def test_json_of_another_shape_is_permanent_and_names_the_field(self):
        with pytest.raises(FeedError, match=r"at `\$\[\.\.\.\]`") as caught:
            decoded(b'{"a": "x"}', dict[str, int], endpoint())

        assert caught.value.permanent


class TestRateLimit:
    @settings(deadline=None)
    @given(
        requests=strategies.integers(2, 40),
        window_ms=strategies.integers(1, 1_000),
        gaps_ms=strategies.lists(strategies.integers(0, 300), min_size=1, max_size=120),
    )
    def test_no_window_holds_more_than_allowed(self, requests, window_ms, gaps_ms):
        limiter = RateLimiter(requests=requests, window_ms=window_ms)
        now_ns, sent = 10**15, []
        for gap_ms in gaps_ms:
            now_ns += gap_ms * MS
            sent.append(now_ns + limiter.reserve(now_ns))

        sent.sort()
        for index, start in enumerate(sent):
            inside = [moment for moment in sent[index:] if moment < start + window_ms * MS]
            assert len(inside) <= requests

    def test_the_first_half_goes_at_once(self):
        limiter = RateLimiter(requests=10, window_ms=1_000)

        waits_ns = [limiter.reserve(0) for _ in range(7)]

        assert waits_ns == [0, 0, 0, 0, 0, 200 * MS, 400 * MS]

    def test_a_block_lets_nothing_through_and_ends(self):
        limiter = RateLimiter(requests=10, window_ms=1_000)
        limiter.block(500)

        assert limiter.reserve(200) == 300
        assert limiter.reserve(500) == 0

    def test_a_limit_of_nothing_is_refused(self):
        with pytest.raises(ValueError, match="two requests"):
            RateLimiter(requests=1, window_ms=1_000)

    async def test_requests_wait_for_their_turn(self, venue, reader):
        venue.answers["/thing"] = lambda request: Answer()
        limited = endpoint(limiter=RateLimiter(requests=2, window_ms=60))
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        for _ in range(3):
            await reader.read(limited, "/thing")

        assert loop.time() - began_s >= 0.118
