"""A real signer process on a real socket, asked by the engine's client and by worse ones."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
from typing import ClassVar

import msgspec
import psutil
import pytest

from tests.helpers.installation import ROOT
from tests.signer.builders import merge, order, plain_policy, policy, sale, transaction
from tests.signer.golden import ADDRESS, DOMAIN, KEY_TEXT, key
from tests.signer.running import Signer
from trading.signer.client import SignerClient, SignerDown
from trading.signer.protocol import (
    FRAME_BYTES_MAX,
    LENGTH_BYTES,
    HelloRequest,
    OrdersAnswer,
    OrderSignature,
    frame,
    read_answer,
)
from trading.signer.server import CONNECTIONS_MAX, SignerServer, peer_uid
from trading.signer.terms import Code, Refused
from trading.signing.digests import hash_and_signature, login_digest, order_hash
from trading.signing.transactions import signed_transaction

pytestmark = pytest.mark.slow


@pytest.fixture
def running(short_dir):
    return Signer(short_dir, policy(day_buy_micro_max=10**12)).start()


@pytest.fixture
async def client(running):
    made = SignerClient(running.socket)
    yield made
    made.close()


class Raw:
    """A client that may send anything."""

    opened: ClassVar[list] = []

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.opened.append(self.socket)
        self.socket.settimeout(5)
        self.socket.connect(str(path))

    def send(self, raw):
        self.socket.sendall(raw)
        return self

    def answer(self):
        length = int.from_bytes(self._exactly(LENGTH_BYTES), "big")
        return read_answer(self._exactly(length))

    def _exactly(self, count):
        found = b""
        while len(found) < count:
            part = self.socket.recv(count - len(found))
            assert part, "the signer hung up"
            found += part
        return found

    def is_hung_up(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture(autouse=True)
def _hang_up():
    yield
    while Raw.opened:
        Raw.opened.pop().close()


def framed(body):
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class TestTheClient:
    async def test_gets_orders_signed(self, client):
        several = [order(), sale(salt=8)]

        signed = await client.sign_orders(DOMAIN, several)

        made = [(one.order_hash, one.signature) for one in signed]
        assert made == [hash_and_signature(one, DOMAIN, key().sign) for one in several]

    async def test_gets_a_refusal_as_a_value(self, client):
        answer = await client.sign_orders(DOMAIN, [order(maker_micro=6_000_001)])

        assert answer == Refused(
            code=Code.BUY_TOO_LARGE, reason="orders[0]: 6000001 is above 6000000"
        )

    async def test_learns_who_signs(self, client):
        answer = await client.hello()

        assert answer.address == ADDRESS
        assert answer.policy.order_buy_micro_max == 6_000_000

    async def test_gets_a_login_signed(self, client, now_s):
        answer = await client.sign_login(timestamp_s=now_s, nonce=0)

        digest = login_digest(address=ADDRESS, timestamp_s=now_s, nonce=0, chain_id=137)
        assert answer.signature == f"0x{key().sign(digest).hex()}"

    async def test_gets_no_login_of_tomorrow(self, client, now_s):
        answer = await client.sign_login(timestamp_s=now_s + 86_400, nonce=0)

        assert answer.code is Code.LOGIN_TIME_OFF

    async def test_gets_calls_of_the_deposit_wallet_signed(self, client, now_s):
        signature = await client.sign_wallet_batch(
            chain_id=137, nonce=1, deadline_s=now_s + 500, calls=[merge()]
        )

        assert len(signature) == 2 + 130

    async def test_gets_no_transaction_of_a_deposit_wallet(self, client):
        assert (await client.sign_transaction(transaction())).code is Code.WRONG_WALLET_KIND

    async def test_gets_a_transaction_of_a_plain_wallet(self, short_dir):
        client = SignerClient(Signer(short_dir, plain_policy()).start().socket)

        made = await client.sign_transaction(transaction())

        client.close()
        assert made == signed_transaction(transaction(), key().sign)

    async def test_asks_many_things_at_once_and_gets_each_its_own(self, client):
        asked = [[order(salt=number)] for number in range(200)]

        answers = await asyncio.gather(*(client.sign_orders(DOMAIN, one) for one in asked))

        hashes = [one[0].order_hash for one in answers]
        assert hashes == [order_hash(one[0], DOMAIN) for one in asked]


class TestWithoutASigner:
    async def test_the_client_says_that_it_is_down(self, short_dir):
        with pytest.raises(SignerDown, match="no signer answers") as down:
            await SignerClient(short_dir / "none.sock").hello()

        assert down.value.permanent is False

    async def test_the_client_finds_the_next_one_by_itself(self, short_dir):
        running = Signer(short_dir).start()
        client = SignerClient(running.socket)
        await client.hello()
        running.kill()
        with pytest.raises(SignerDown):
            await client.hello()
        running.start()

        assert (await client.hello()).address == ADDRESS

        client.close()

    async def test_a_frozen_one_is_down_after_the_time_out(self, running):
        client = SignerClient(running.socket, timeout_s=0.3)
        await client.hello()
        process = psutil.Process(running.process.pid)
        process.suspend()

        with pytest.raises(SignerDown, match=r"within 0\.3 s"):
            await client.hello()

        process.resume()
        assert (await client.hello()).address == ADDRESS  # on a connection of its own
        client.close()

    async def test_one_that_hangs_up_is_down_for_all_that_wait(self, running):
        client = SignerClient(running.socket)
        await client.hello()
        psutil.Process(running.process.pid).suspend()
        waiting = [asyncio.ensure_future(client.hello()) for _ in range(3)]
        await asyncio.sleep(0.05)
        running.kill()

        answers = await asyncio.gather(*waiting, return_exceptions=True)

        assert {type(one) for one in answers} == {SignerDown}


class FakeDesk:
    """Answers every request with the same."""

    def __init__(self, answer):
        self.answer = lambda _body: answer


class TestASignerThatIsNone:
    async def answered(self, short_dir, answer):
        server = SignerServer(FakeDesk(answer), short_dir / "x.sock", uid=os.geteuid())
        await server.start()
        client = SignerClient(short_dir / "x.sock")
        try:
            return await client.sign_orders(DOMAIN, [order()])
        finally:
            client.close()
            await server.stop()

    async def test_is_not_believed_when_it_answers_for_another_order(self, short_dir):
        other = OrderSignature(order_hash="0x" + "00" * 32, signature="0x")

        with pytest.raises(SignerDown, match="other orders") as down:
            await self.answered(short_dir, OrdersAnswer(id=1, signed=(other,)))

        assert down.value.permanent is True

    async def test_is_not_believed_when_it_answers_something_else(self, short_dir):
        with pytest.raises(SignerDown, match="something else"):
            await self.answered(short_dir, HelloRequestLike(id=1))


class HelloRequestLike(msgspec.Struct, tag="wallet_batch", tag_field="type"):
    """An answer to another question."""

    id: int
    signature: str = "0x"


class TestWhoeverSendsRubbish:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"", Code.MALFORMED),
            (b"\xff\xff\xff", Code.MALFORMED),
            (b"\x91" * 100_000, Code.MALFORMED),
            (msgspec.msgpack.encode({"id": 1, "type": "give_key"}), Code.UNKNOWN_REQUEST),
        ],
    )
    def test_is_refused_and_may_go_on(self, running, body, code):
        raw = Raw(running.socket)

        assert raw.send(framed(body)).answer().code is code
        assert raw.send(frame(HelloRequest(id=1))).answer().address == ADDRESS

    def test_is_hung_up_on_when_a_frame_is_too_long(self, running):
        raw = Raw(running.socket).send((FRAME_BYTES_MAX + 1).to_bytes(LENGTH_BYTES, "big"))

        assert raw.answer().code is Code.TOO_LARGE
        assert raw.is_hung_up()
        assert Raw(running.socket).send(frame(HelloRequest(id=1))).answer().address == ADDRESS

    def test_byte_by_byte_is_answered_all_the_same(self, running):
        raw = Raw(running.socket)
        for byte in frame(HelloRequest(id=1)):
            raw.send(bytes((byte,)))

        assert raw.answer().address == ADDRESS

    def test_and_hangs_up_in_the_middle_troubles_nobody(self, running):
        Raw(running.socket).send(b"\0\0").socket.close()

        assert Raw(running.socket).send(frame(HelloRequest(id=1))).answer().address == ADDRESS

    def test_opens_only_so_many_connections(self, running):
        several = [Raw(running.socket) for _ in range(CONNECTIONS_MAX)]
        for one in several:
            one.send(frame(HelloRequest(id=1))).answer()

        assert Raw(running.socket).is_hung_up()


class TestTheSocket:
    def test_is_closed_to_other_users(self, running):
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(running.socket.parent.stat().st_mode) == 0o700

    async def test_answers_no_process_of_another_user(self, short_dir):
        desk = FakeDesk(OrdersAnswer(id=1, signed=()))
        server = SignerServer(desk, short_dir / "x.sock", uid=os.geteuid() + 1)
        await server.start()
        client = SignerClient(short_dir / "x.sock")

        with pytest.raises(SignerDown, match="hung up"):
            await client.hello()

        await server.stop()

    def test_tells_the_user_at_the_other_end(self):
        one, other = socket.socketpair(socket.AF_UNIX)
        with one, other:
            assert peer_uid(one) == os.geteuid()

    def test_left_by_a_killed_signer_is_replaced(self, running):
        running.kill()
        assert running.socket.exists()
        running.start()

        assert Raw(running.socket).send(frame(HelloRequest(id=1))).answer().address == ADDRESS

    def test_of_a_living_signer_is_not_taken(self, running, short_dir):
        second = Signer(short_dir)
        second.log = short_dir / "second.log"
        second._launch = msgspec.structs.replace(
            second._launch, spend_file=str(short_dir / "other.json")
        )
        second.start(ready=False)

        assert second.process.wait(10) == 1
        assert "another signer answers" in second.said()
        assert Raw(running.socket).send(frame(HelloRequest(id=1))).answer().address == ADDRESS


class TestTheEnd:
    def test_by_sigterm_is_clean_and_takes_the_socket_away(self, running):
        assert running.stop() == 0
        assert not running.socket.exists()

    @pytest.mark.parametrize("end", ["kill", "stop"])
    async def test_never_frees_the_days_bound(self, short_dir, end):
        running = Signer(short_dir).start()
        client = SignerClient(running.socket)
        for salt in range(4):  # 19.20 of the day's 20 dollars
            assert isinstance(await client.sign_orders(DOMAIN, [order(salt=salt)]), tuple)
        client.close()

        getattr(running, end)()
        running.start()

        assert (await client.sign_orders(DOMAIN, [order(salt=9)])).code is Code.DAY_SPENT
        assert isinstance(await client.sign_orders(DOMAIN, [sale()]), tuple)
        client.close()


def test_a_policy_for_another_key_ends_at_the_start(short_dir):
    other = policy(owner="0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
    running = Signer(short_dir, other).start(ready=False)

    assert running.process.wait(10) == 1
    assert running.said().startswith("Error: owner: the policy is for 0x7099")


def test_a_text_that_is_no_key_ends_at_the_start_without_being_repeated(short_dir):
    running = Signer(short_dir, key="swordfish").start(ready=False)

    assert running.process.wait(10) == 1
    assert "a private key has 64 hex digits" in running.said()
    assert "swordfish" not in running.said()


def test_the_key_is_in_no_argument_no_variable_and_no_log_of_the_signer(running):
    Raw(running.socket).send(framed(b"\xff")).answer()
    process = psutil.Process(running.process.pid)
    secret = KEY_TEXT.removeprefix("0x")

    assert secret not in " ".join(process.cmdline())
    assert secret not in str(process.environ())
    assert secret not in running.said()
    assert "refused MALFORMED" in running.said()


def test_the_signer_writes_no_core_dump(running):
    assert psutil.Process(running.process.pid).rlimit(psutil.RLIMIT_CORE) == (0, 0)


def test_no_process_of_the_same_user_may_look_inside():
    code = (
        "import ctypes; from trading.signer.hardening import harden; harden(); "
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "0\n"
