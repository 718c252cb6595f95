"""What goes wrong on demand: each kind does what it says, so often and so long as it was asked."""

import json
from dataclasses import replace

import pytest

from tests.simulator.asking import Asker
from tests.simulator.builders import NOON_MS, PROMPT
from tests.simulator.official import ANN_KEY, SETTINGS, compact
from trading.simulator.codes import COLLATERAL
from trading.simulator.fault_kinds import make_fault
from trading.simulator.faults import ACTIVE_MAX, KINDS, FaultError, Lost
from trading.simulator.local_venue import PLAY_MONEY_MICRO
from trading.simulator.requests import Request

DRILLS = replace(SETTINGS, drills=True)
TAKES = {"price": 0.99, "size": 10, "order_type": "FAK"}


class Drill(Asker):
    """A venue open to drills, whose time the test moves; asks its doors directly."""

    def __init__(self):
        super().__init__(DRILLS, settlement=PROMPT)
        self.doors = self.server._doors
        self.now_ms = NOON_MS
        self.heard = []

    def begin(self, kind, **changes):
        faults = self.venue.exchange.faults
        faults.begin(make_fault({"kind": kind} | changes), self.venue, self.now_ms)

    def wait(self, duration_ms):
        """Let time pass; return the frames of the market channel."""
        frames = []
        until_ms = self.now_ms + duration_ms
        while self.now_ms < until_ms:
            self.now_ms = min(self.now_ms + 20, until_ms)
            frames += self.venue.advance(self.now_ms)
            self.heard += [
                message.body.get("status") for message in self.venue.user_messages(self.now_ms)
            ]
        return frames

    def say(self, wallet, method, path, value=None):
        """Ask one door and return what it answers, or what happened to the answer."""
        body = "" if value is None else compact(value)
        headers = wallet.headers(method, path, body, self.now_ms // 1_000)
        lower = {name.lower(): text for name, text in headers.items()}
        request = Request(method=method, path=path, query={}, headers=lower, body=body.encode())
        answer = self.doors.answer(request, self.now_ms)
        self.wait(0)
        self.venue.advance(self.now_ms)
        return answer

    def post(self, wallet, **changes):
        return self.say(wallet, "POST", "/order", wallet.order(self.tokens[0], **changes))

    def trade(self, wallet):
        (trade,) = self.venue.records.trades_of(wallet.address)
        return trade.state


@pytest.fixture
def drill():
    return Drill()


@pytest.fixture
async def ann(drill):
    return await drill.admit(ANN_KEY, signature_type=3)


class TestRequests:
    async def test_one_that_is_lost_did_not_happen(self, drill, ann):
        drill.begin("request_lost", hangs=True)

        assert drill.post(ann) == Lost(hangs=True)
        assert drill.venue.exchange.open_orders(ann.address) == []
        assert drill.post(ann)["status"] == "live"

    async def test_one_whose_answer_is_lost_happened(self, drill, ann):
        drill.begin("answer_lost", count=2)

        assert [drill.post(ann), drill.post(ann)] == [Lost(), Lost()]
        assert len(drill.venue.exchange.open_orders(ann.address)) == 2
        assert drill.post(ann)["status"] == "live"

    async def test_only_those_with_the_path_are_concerned(self, drill, ann):
        drill.begin("answer_lost", method="DELETE", path="/cancel-all")

        assert drill.post(ann)["status"] == "live"
        assert drill.say(ann, "DELETE", "/cancel-all") == Lost()
        assert drill.venue.exchange.open_orders(ann.address) == []

    async def test_one_may_be_too_many(self, drill, ann):
        drill.begin("too_many_requests", retry_after_s=7)

        refused = drill.post(ann)
        assert (refused.http, refused.text, refused.retry_after_s) == (429, "Too Many Requests", 7)
        assert drill.post(ann)["status"] == "live"

    async def test_one_leg_of_a_batch_is_refused_inside_a_success(self, drill, ann):
        drill.begin("refuse_leg", leg_number=1)
        legs = [ann.order(token_id) for token_id in drill.tokens]

        first, second = drill.say(ann, "POST", "/orders", legs)
        assert (first["status"], first["errorMsg"]) == ("live", "")
        assert (second["errorMsg"], second["success"]) == ("could not insert order", True)
        again = [ann.order(token_id) for token_id in drill.tokens]
        answers = drill.say(ann, "POST", "/orders", again)
        assert [one["status"] for one in answers] == ["live"] * 2


class TestSettlement:
    async def test_fails_and_gives_everything_back(self, drill, ann):
        drill.begin("fail_settlement")
        drill.post(ann, **TAKES)
        drill.wait(1_000)

        assert drill.trade(ann) == "FAILED"
        account = drill.venue.exchange.chain.accounts[ann.funder]
        assert account.available_micro(COLLATERAL) == PLAY_MONEY_MICRO

    async def test_is_retried(self, drill, ann):
        drill.begin("retry_settlement", later_ms=2_000)
        drill.post(ann, **TAKES)
        drill.wait(1_000)
        assert drill.trade(ann) == "RETRYING"
        drill.wait(2_000)

        assert drill.trade(ann) == "CONFIRMED"

    async def test_is_slow_and_only_so_often(self, drill, ann):
        drill.begin("slow_settlement", later_ms=9_000)
        drill.wait(3_000)  # trades of the flow are no occasion
        drill.post(ann, **TAKES)
        drill.wait(1_000)
        assert drill.trade(ann) == "MATCHED"
        drill.post(ann, **TAKES)
        drill.wait(1_000)

        states = [trade.state for trade in drill.venue.records.trades_of(ann.address)]
        assert states == ["MATCHED", "CONFIRMED"]

    async def test_is_not_seen_by_the_venue_until_it_looks(self, drill, ann):
        drill.begin("stale_view", ms=5_000)
        drill.post(ann, **TAKES)
        drill.wait(1_000)

        account = drill.venue.exchange.chain.accounts[ann.funder]
        assert account.view[COLLATERAL] == PLAY_MONEY_MICRO > account.chain[COLLATERAL]
        drill.venue.exchange.refresh_view(ann.funder, COLLATERAL)
        assert account.view[COLLATERAL] == account.chain[COLLATERAL]


class TestChannels:
    async def test_the_market_is_silent_for_a_while(self, drill, ann):
        drill.begin("silent_market", ms=1_000)

        assert drill.wait(980) == []
        assert drill.wait(1_000) != []

    async def test_a_token_is_late(self, drill, ann):
        late, prompt = drill.tokens
        drill.begin("lag_leg", token_id=late, ms=1_000)
        frames = [json.loads(frame) for _, frame in drill.wait(900)]

        told = {change["asset_id"] for one in frames for change in one.get("price_changes", ())}
        assert told == {prompt}

    @pytest.mark.parametrize(
        ("fault", "heard"),
        [
            ({"kind": "silent_user", "ms": 5_000}, []),
            ({"kind": "drop_user", "count": 1}, ["CANCELED"]),
            ({"kind": "duplicate_user"}, ["LIVE", "LIVE", "CANCELED", "CANCELED"]),
            ({"kind": "delay_user", "later_ms": 200}, ["LIVE", "CANCELED"]),
        ],
        ids=lambda value: value["kind"] if isinstance(value, dict) else "",
    )
    async def test_the_user_is_told_otherwise(self, drill, ann, fault, heard):
        drill.begin(**fault)
        drill.post(ann)
        drill.say(ann, "DELETE", "/cancel-all")
        drill.wait(100)
        if fault["kind"] == "delay_user":
            assert drill.heard == []
        drill.wait(300)

        assert drill.heard == heard

    async def test_what_is_late_is_told_after_the_fault_is_over(self, drill, ann):
        drill.begin("delay_user", later_ms=500, ms=100)
        drill.post(ann)
        drill.wait(200)
        drill.say(ann, "DELETE", "/cancel-all")
        drill.wait(1_000)

        assert drill.heard == ["LIVE", "CANCELED"]
        assert drill.venue.exchange.faults.active(drill.now_ms) == []

    async def test_the_order_of_messages_is_another_one_and_the_same_each_time(self):
        told = []
        for _ in range(2):
            drill = Drill()
            ann = await drill.admit(ANN_KEY, signature_type=3)
            drill.begin("reorder_user", later_ms=500)
            for _ in range(10):
                drill.post(ann)
            drill.say(ann, "DELETE", "/cancel-all")
            drill.wait(1_000)
            told.append(drill.heard)

        assert told[0] == told[1]
        assert sorted(told[0]) == ["CANCELED"] * 10 + ["LIVE"] * 10
        assert told[0] != ["LIVE"] * 10 + ["CANCELED"] * 10


class TestTheRelayer:
    """Its doors are others, and lose requests and answers as the venue's do."""

    @pytest.mark.parametrize(("kind", "done"), [("request_lost", []), ("answer_lost", ["done"])])
    async def test_loses_what_it_is_asked(self, drill, kind, done):
        seen = []

        def submit(_request, _now_ms):
            seen.append("done")
            return "accepted"

        request = Request(method="POST", path="/submit", query={}, headers={}, body=b"")
        drill.begin(kind, path="/submit")

        assert isinstance(drill.doors.meddled(submit, request, drill.now_ms), Lost)
        assert seen == done
        assert drill.doors.meddled(submit, request, drill.now_ms) == "accepted"


class TestTheVenue:
    async def test_changes_its_mode_for_a_while(self, drill, ann):
        drill.begin("mode", mode="CANCEL_ONLY", ms=1_000)
        assert drill.post(ann).http == 503
        drill.wait(1_000)

        assert drill.post(ann)["status"] == "live"

    async def test_holds_a_market(self, drill, ann):
        (condition_id,) = drill.venue.markets
        drill.begin("hold", condition_id=condition_id, ms=1_000)

        assert drill.post(ann, price=0.98, size=5)["status"] == "live"
        drill.wait(1_000)
        assert drill.trade(ann) == "MATCHED"

    async def test_lets_only_so_much_go_wrong_at_once(self, drill):
        for _ in range(ACTIVE_MAX):
            drill.begin("stale_view")
        with pytest.raises(FaultError, match="faults go on already"):
            drill.begin("stale_view")


class TestTheDoor:
    async def begin(self, asker, said):
        body = said if isinstance(said, str) else json.dumps(said)
        return await asker.send("POST", "/simulator/faults", body=body)

    async def test_begins_shows_and_ends(self, drill):
        said = {"kind": "silent_user", "ms": 60_000}
        status, begun = await self.begin(drill, said)
        _, shown = await drill.send("GET", "/simulator/faults")

        assert status == 200
        assert begun == said | {"count": 0}
        assert shown == {"kinds": list(KINDS), "active": [begun]}
        assert await drill.send("DELETE", "/simulator/faults") == (200, "")
        assert (await drill.send("GET", "/simulator/faults"))[1]["active"] == []

    async def test_is_shut_when_nobody_opened_it(self):
        asker = Asker()

        for method in ("GET", "POST", "DELETE"):
            assert (await asker.send(method, "/simulator/faults", body="{}"))[0] == 404

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            *(("{", "not JSON"), ("[]", "a fault is an object"), ("[" * 99_999, "not JSON")),
            ({"kind": "quake"}, "kind is 'quake', set it to one of mode, hold"),
            ({"kind": ["mode"]}, "kind is ['mode'], set it to"),
            ({"kind": "mode"}, "mode is missing for mode"),
            ({"kind": "mode", "mode": "SHUT"}, "mode is 'SHUT', set it to one of OPEN"),
            ({"kind": "hold", "condition_id": "0x12", "ms": 1}, "condition_id '0x12' is no market"),
            ({"kind": "lag_leg", "token_id": "7"}, "token_id '7' is no token"),
            ({"kind": "stale_view", "ms": "7"}, "ms is '7', it has to be int"),
            ({"kind": "stale_view", "ms": True}, "ms is True, it has to be int"),
            ({"kind": "stale_view", "ms": -1}, "ms is -1, set it to 0 to"),
            ({"kind": "stale_view", "_had": 1}, "_had is unknown to stale_view, which knows ms"),
            ({"kind": "refuse_leg", "text": 7}, "text is 7, it has to be str"),
        ],
        ids=lambda value: f"{value!s:.30}",
    )
    async def test_refuses_what_is_no_fault_by_its_name(self, drill, said, why):
        status, answer = await self.begin(drill, said)

        assert status == 400
        assert answer["error"].startswith(f"Invalid payload: {why}")
        assert drill.venue.exchange.faults.active(NOON_MS) == []
