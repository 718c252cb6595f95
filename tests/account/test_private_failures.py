"""What a failed private call says about the order in it, each kind by a server that does it."""

import asyncio
import json

import hpack
import pytest

from tests.account.breaking import (
    breaking,
    close_at_once,
    deaf,
    read_and_close,
    read_and_stay,
    says,
    trickle,
)
from tests.account.recorded import recorded
from tests.account.secrets import PLANTED, failure
from tests.feeds.misbehaving import Answer, as_json
from trading.adapters.failures import (
    FailureKind,
    mode_of_text,
    venue_mode_of,
    without,
)
from trading.engine.codes import VenueMode

NOT_SENT, REFUSED, UNKNOWN = FailureKind
BATCH = b'[{"order": 1}, {"order": 2}]'


async def posting(client):
    return await failure(client.post_orders(BATCH))


class TestNothingArrived:
    async def test_nobody_listens(self, venue, private):
        await venue.stop_listening()

        failed = await posting(private)

        assert (failed.kind, failed.status, failed.permanent) == (NOT_SENT, None, False)
        assert str(failed).startswith("POST /orders: NOT_SENT: ConnectError")

    async def test_the_connection_is_never_made(self, make_private):
        with deaf() as url:
            failed = await posting(make_private(url, connect_ms=80))

        assert failed.kind is NOT_SENT
        assert "ConnectTimeout" in failed.text

    async def test_the_time_for_all_of_it_ends_before_the_connection_is_made(self, make_private):
        with deaf() as url:
            failed = await posting(make_private(url, total_ms=80))

        assert (failed.kind, failed.text) == (NOT_SENT, "no whole answer within 0.08 s")

    async def test_every_connection_is_busy(self, venue, make_private):
        client = make_private(venue.http_url, read_ms=300, connections_max=1)
        venue.answers["/orders"] = lambda request: Answer(delay_s=0.6)

        results = await asyncio.gather(posting(client), posting(client))

        assert {one.kind for one in results} == {UNKNOWN, NOT_SENT}
        assert len(venue.asked("/orders")) == 1

    async def test_a_gate_that_shut_while_every_connection_was_busy(self, venue, make_private):
        client = make_private(venue.http_url, connections_max=1)
        venue.answers["/orders"] = lambda request: Answer(delay_s=0.3)
        shut = []

        def gate():
            return shut[0] if shut else ""

        first = asyncio.create_task(posting(client))
        second = asyncio.create_task(failure(client.post_orders(BATCH, gate)))
        await asyncio.sleep(0.1)
        shut.append("halted meanwhile")
        await first
        failed = await second

        assert (failed.kind, failed.text) == (NOT_SENT, "halted meanwhile")
        assert len(venue.asked("/orders")) == 1
        shut.clear()
        await failure(client.post_orders(BATCH, gate))
        assert len(venue.asked("/orders")) == 2  # the client is as good as before

    async def test_the_next_place_within_the_limit_is_too_far_away(self, venue, make_private):
        client = make_private(venue.http_url, batches_per_window=2, wait_ms_max=100)
        venue.answers["/orders"] = lambda request: as_json([])
        await posting(client)

        failed = await posting(client)

        assert failed.kind is NOT_SENT
        assert 9_000 < failed.retry_after_ms <= 10_000
        assert len(venue.asked("/orders")) == 1


class TestItMayHaveArrived:
    @pytest.mark.parametrize(
        "behave",
        [
            close_at_once,
            read_and_close,
            read_and_stay,
            trickle,
            says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
            says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n[{"),
            says(b"HTTP/1.1 400 No\r\ncontent-length: 50\r\n\r\n{"),
            says(b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n\r\n"),
            says(b"HTTP/1.1 200 OK\r\nbroken"),
        ],
        ids=lambda behave: behave.__name__,
    )
    async def test_no_whole_answer_came(self, make_private, behave):
        async with breaking(behave) as url:
            failed = await posting(make_private(url, read_ms=150, total_ms=300))

        assert (failed.kind, failed.status, failed.permanent) == (UNKNOWN, None, False)

    async def test_an_answer_larger_than_any_is_given_up(self, venue, make_private):
        client = make_private(venue.http_url, answer_bytes_max=10_000)
        venue.answers["/orders"] = lambda request: Answer(b" " * 10_001)

        failed = await posting(client)

        assert (failed.kind, failed.text) == (UNKNOWN, "the answer is larger than 10000 bytes")

    @pytest.mark.parametrize("status", [201, 204, 301, 302, 405, 408, 409, 422, 500, 502, 504, 520])
    async def test_a_status_that_is_no_answer_of_the_venue(self, venue, private, status):
        venue.answers["/orders"] = lambda request: Answer(b"{}", status=status)

        failed = await posting(private)

        assert (failed.kind, failed.status) == (UNKNOWN, status)
        assert len(venue.requests) == 1  # not followed and not tried again

    @pytest.mark.parametrize(
        "text", ["could not insert order", "there are no matching orders", "Internal server error"]
    )
    async def test_a_fault_inside_the_venue_is_not_a_refusal(self, venue, private, text):
        venue.answers["/orders"] = lambda request: as_json({"error": text}, status=500)

        assert (await posting(private)).kind is UNKNOWN

    async def test_a_venue_that_gave_up_did_not_refuse_whatever_the_status(self, venue, private):
        body = {"error": "rpc error: Context canceled"}
        venue.answers["/orders"] = lambda request: as_json(body, status=400)

        assert (await posting(private)).kind is UNKNOWN

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>503 Trading is currently disabled</html>",
            b'{"error": "upstream connect error"}',
            b'{"error": "Please note: post-only mode"}',
            b"",
        ],
    )
    async def test_unavailable_in_anybody_elses_words(self, venue, private, body):
        venue.answers["/orders"] = lambda request: Answer(body, status=503)

        failed = await posting(private)

        assert failed.kind is UNKNOWN
        assert venue_mode_of(failed) is None

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (b"<html>", "unreadable: answer: is not JSON"),
            (b"", "unreadable: answer: is not JSON"),
            (b"[]", "0 answers to 2 orders"),
            (b"{}", "unreadable: success: is missing"),
            (b"[{}, {}]", "unreadable: [0].success: is missing"),
            (b'{"error": "something new"}', "something new"),
        ],
        ids=repr,
    )
    async def test_a_good_status_over_an_answer_that_is_none(self, venue, private, body, text):
        venue.answers["/orders"] = lambda request: Answer(body)

        failed = await posting(private)

        assert (failed.kind, failed.status, failed.text) == (UNKNOWN, 200, text)


class TestTheVenueRefused:
    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    async def test_for_good(self, venue, private, status):
        venue.answers["/orders"] = lambda request: as_json({"error": "no"}, status=status)

        failed = await posting(private)

        assert (failed.kind, failed.status, failed.permanent) == (REFUSED, status, True)
        assert str(failed) == f"POST /orders: REFUSED: HTTP {status}: no"

    @pytest.mark.parametrize("sample", recorded("http_errors_live"), ids=lambda one: one["seen"])
    async def test_in_every_recorded_form(self, venue, private, sample):
        headers = sample.get("headers", {})
        venue.answers["/orders"] = lambda request: as_json(
            sample["body"], status=sample["http"], headers=headers
        )

        failed = await posting(private)

        assert failed.kind is REFUSED
        assert failed.text == sample["body"]["error"][:200]

    async def test_an_older_version_of_orders_even_with_a_good_status(self, venue, private):
        venue.answers["/orders"] = lambda request: as_json({"error": "order_version_mismatch"})

        failed = await posting(private)

        assert (failed.kind, failed.status) == (REFUSED, 200)

    async def test_too_many_requests_hold_back_the_next_of_that_kind_only(self, venue, private):
        venue.answers["/orders"] = lambda request: as_json(
            {"error": "Too Many Requests"}, status=429, headers={"Retry-After": "7"}
        )
        venue.answers["/cancel-all"] = lambda request: as_json({"canceled": [], "not_canceled": {}})

        first, second = await posting(private), await posting(private)

        assert (first.kind, first.permanent, first.retry_after_ms) == (REFUSED, False, 7_000)
        assert second.kind is NOT_SENT
        assert 6_000 < second.retry_after_ms <= 7_000
        assert (await private.cancel_all()).cancelled == ()
        assert len(venue.asked("/orders")) == 1

    @pytest.mark.parametrize(
        ("status", "body", "mode"),
        [
            (425, {"error": "matching engine restarting"}, VenueMode.RESTARTING),
            (425, {}, VenueMode.RESTARTING),
            (503, {"error": "x", "code": "post_only_mode"}, VenueMode.POST_ONLY),
            (503, {"error": "post-only mode: only post-only orders"}, VenueMode.POST_ONLY),
            (503, {"error": "Trading is currently cancel-only. New"}, VenueMode.CANCEL_ONLY),
            (503, {"error": "Trading is currently disabled. Check"}, VenueMode.DISABLED),
            (400, {"error": "Trading is currently disabled. Check"}, None),
            (403, {"error": "Trading restricted in your region"}, None),
        ],
        ids=str,
    )
    async def test_the_mode_of_the_venue(self, venue, private, status, body, mode):
        venue.answers["/orders"] = lambda request: as_json(body, status=status)

        failed = await posting(private)

        assert failed.kind is REFUSED
        assert venue_mode_of(failed) is mode

    async def test_how_long_a_mode_lasts_stands_in_header_or_body(self, venue, private):
        body = {"error": "no", "code": "post_only_mode", "retry_after_seconds": 79}
        venue.answers["/orders"] = lambda request: as_json(
            body, status=503, headers={"retry-after": "3"}
        )

        assert (await posting(private)).retry_after_ms == 79_000
        assert (await posting(private)).kind is REFUSED  # a mode does not hold back what follows

    def test_a_leg_of_a_batch_tells_of_a_mode_too(self):
        leg = recorded("http_post_order_responses")["batch_leg_in_post_only_mode_documented"]

        assert mode_of_text(leg["errorMsg"]) is VenueMode.POST_ONLY
        assert mode_of_text("not enough balance / allowance") is None

    async def test_a_heartbeat_carries_the_id_that_is_expected(self, venue, private):
        body = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": "hb-2"}
        venue.answers["/v1/heartbeats"] = lambda request: as_json(body, status=400)

        failed = await failure(private.heartbeat("hb-1"))

        assert (failed.kind, failed.heartbeat_id) == (REFUSED, "hb-2")
        assert venue.requests[0].json == {"heartbeat_id": "hb-1"}


class TestSecrets:
    @pytest.mark.parametrize("status", [200, 400, 401, 500])
    @pytest.mark.parametrize("form", ["error", "page", "field", "escaped"])
    async def test_a_server_that_repeats_what_it_was_sent_makes_nothing_known(
        self, venue, private, status, form
    ):
        def echo(request):
            sent = " ".join(request.headers.values()).upper() + "".join(PLANTED.values())
            cut_in_a_quote = "9" * 38 + PLANTED["secret"]
            bodies = {
                "error": json.dumps({"error": sent, "code": PLANTED["secret"]}),
                "page": f"<html>{'x' * 150}{sent}</html>",
                "field": json.dumps([recorded_leg() | {"makingAmount": cut_in_a_quote}] * 2),
                "escaped": json.dumps({"error": "\u00e9" * 180 + PLANTED["passphrase"]}),
            }
            return Answer(bodies[form].encode(), status=status)

        venue.answers["/orders"] = echo

        await posting(private)

    async def test_nor_does_a_failed_leg(self, venue, private):
        legs = [recorded_leg() | {"errorMsg": f"{'y' * 290}{PLANTED['secret']}"}] * 2
        venue.answers["/orders"] = lambda request: as_json(legs)

        answer = await private.post_orders(BATCH)

        assert answer.legs[0].error == "y" * 290 + "***"

    async def test_a_login_whose_answer_is_of_another_shape_quotes_nothing(
        self, venue, make_private
    ):
        client = make_private(venue.http_url, credentials=None)
        venue.answers["/auth/api-key"] = lambda request: as_json(
            {"apiKey": PLANTED["key"], "secret": PLANTED["secret"] + " ", "passphrase": "x"}
        )

        async def sign(timestamp_s, nonce):
            return "0x" + "5e" * 65

        failed = await failure(client.login(sign))

        assert (failed.kind, failed.text) == (UNKNOWN, "unreadable API key: secret")

    def test_headers_packed_for_http_2_are_not_written_down(self):
        # The test of this folder reads the log afterwards.
        hpack.Encoder().encode([("poly_passphrase", PLANTED["passphrase"])])

    def test_short_words_are_left_alone(self):
        assert without(("a", ""), "a banana") == "a banana"
        assert without(("c2VjcmV0Cg==",), "x C2VJCMV0CG y c2VjcmV0Cg==") == "x *** y ***"

    async def test_a_call_before_the_login_is_our_own_mistake(self, venue, make_private):
        with pytest.raises(RuntimeError, match="log in"):
            await make_private(venue.http_url, credentials=None).cancel_all()


def recorded_leg():
    return recorded("http_post_order_responses")["matched_fak_v1_era_2026-01-17"]
