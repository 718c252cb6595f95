"""Requests as bytes in, answers out: what cannot be read, what is counted, what is signed."""

import msgspec
import pytest

from tests.signer.builders import (
    NOW_NS,
    TODAY,
    approve,
    merge,
    order,
    plain_policy,
    policy,
    transaction,
)
from tests.signer.golden import ADDRESS, DEPOSIT_WALLET, DOMAIN, key
from trading.signer.desk import SignerDesk
from trading.signer.faults import StartRefusedError
from trading.signer.protocol import (
    LENGTH_BYTES,
    HelloRequest,
    LoginRequest,
    OrdersRequest,
    TransactionRequest,
    WalletBatchRequest,
    frame,
)
from trading.signer.spending import SpendFile
from trading.signer.terms import Code, DaySpend
from trading.signing.digests import hash_and_signature, login_digest, wallet_batch_digest
from trading.signing.transactions import signed_transaction

SECRET_WORD = "swordfish"


class Rig:
    """A desk on a clock that stands still."""

    def __init__(self, directory, rules):
        self.path = directory / "spend.json"
        self.now_ns = NOW_NS
        self.desk = SignerDesk(
            key=key(),
            policy=rules,
            spend_file=SpendFile(self.path, day_buy_micro_max=rules.day_buy_micro_max),
            now_ns=lambda: self.now_ns,
        )

    def ask(self, request):
        return self.desk.answer(frame(request)[LENGTH_BYTES:])

    def orders(self, *several):
        return self.ask(OrdersRequest(id=5, domain=DOMAIN, orders=list(several)))

    def spent(self):
        return self.ask(HelloRequest(id=1)).spend.spent_micro


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path, policy())
    yield made
    made.desk.close()


class TestWhatIsSigned:
    def test_orders_come_back_in_their_order_with_hash_and_signature(self, rig):
        several = [order(), order(salt=8, neg_risk=True)]

        answer = rig.orders(*several)

        made = [(one.order_hash, one.signature) for one in answer.signed]
        assert answer.id == 5
        assert made == [hash_and_signature(one, DOMAIN, key().sign) for one in several]

    def test_a_login_is_for_the_owner(self, rig):
        answer = rig.ask(LoginRequest(id=2, timestamp_s=NOW_NS // 10**9, nonce=3))

        digest = login_digest(address=ADDRESS, timestamp_s=NOW_NS // 10**9, nonce=3, chain_id=137)
        assert (answer.id, answer.address) == (2, ADDRESS)
        assert answer.signature == f"0x{key().sign(digest).hex()}"

    def test_a_batch_of_calls_is_for_the_policys_wallet(self, rig):
        calls = [approve(), merge()]
        deadline_s = NOW_NS // 10**9 + 600

        answer = rig.ask(
            WalletBatchRequest(id=3, chain_id=137, nonce=4, deadline_s=deadline_s, calls=calls)
        )

        digest = wallet_batch_digest(
            wallet=DEPOSIT_WALLET, nonce=4, deadline_s=deadline_s, calls=calls, chain_id=137
        )
        assert answer.signature == f"0x{key().sign(digest).hex()}"

    def test_a_transaction_comes_back_ready_to_be_sent(self, tmp_path):
        rig = Rig(tmp_path, plain_policy())

        answer = rig.ask(TransactionRequest(id=4, transaction=transaction()))

        made = signed_transaction(transaction(), key().sign)
        assert (answer.raw, answer.transaction_hash) == (made.raw, made.transaction_hash)

    def test_hello_tells_the_terms(self, rig):
        answer = rig.ask(HelloRequest(id=9))

        assert (answer.id, answer.version, answer.address) == (9, 1, ADDRESS)
        assert answer.policy == policy()
        assert answer.spend == DaySpend(day=TODAY, spent_micro=0)


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("body", "number", "code"),
        [
            (b"", 0, Code.MALFORMED),
            (b"\xc1", 0, Code.MALFORMED),
            (b"\x91" * 100_000, 0, Code.MALFORMED),  # lists in lists
            ({"id": 1, "type": "sign_anything"}, 1, Code.UNKNOWN_REQUEST),
            ({"id": 1}, 1, Code.UNKNOWN_REQUEST),
            ({"id": 1, "type": "hello", "more": 1}, 1, Code.MALFORMED),
            ({"id": 2, "type": "sign_login", "timestamp_s": SECRET_WORD}, 2, Code.MALFORMED),
            ({"id": "x", "type": "hello"}, 0, Code.MALFORMED),
            ({"id": 3, "type": "sign_orders", "domain": {}, "orders": []}, 3, Code.MALFORMED),
        ],
    )
    def test_is_answered_with_why(self, rig, body, number, code):
        raw = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)

        answer = rig.desk.answer(raw)

        assert (answer.id, answer.code) == (number, code)

    def test_is_not_repeated(self, rig, caplog):
        request = {"id": 2, "type": "sign_login", "timestamp_s": SECRET_WORD, "nonce": 1}

        answer = rig.desk.answer(msgspec.msgpack.encode(request))

        assert answer.reason == "it does not fit its type at `$.timestamp_s`"
        assert SECRET_WORD not in caplog.text

    def test_are_lists_longer_than_any_policy_allows(self, rig):
        assert rig.orders(*[order()] * 101).code is Code.BATCH_TOO_LONG

    def test_is_a_call_with_more_data_than_any_call_has(self, rig):
        call = merge(more=bytes(8_192))

        answer = rig.ask(
            WalletBatchRequest(id=3, chain_id=137, nonce=4, deadline_s=1, calls=[call])
        )

        assert answer.code is Code.TOO_LARGE


class TestTheDaysSpend:
    def test_is_counted_once_it_is_signed(self, rig):
        rig.orders(order(), order())

        assert rig.spent() == 9_600_000

    def test_is_not_counted_when_it_is_refused(self, rig):
        answer = rig.orders(order(), order(maker_micro=6_000_001))

        assert answer.code is Code.BUY_TOO_LARGE
        assert rig.spent() == 0

    def test_is_refused_above_the_bound(self, rig):
        codes = [getattr(rig.orders(order()), "code", None) for _ in range(5)]

        assert codes == [None, None, None, None, Code.DAY_SPENT]
        assert rig.spent() == 19_200_000

    def test_is_nothing_on_the_next_day(self, rig):
        rig.orders(order())
        rig.now_ns += 86_400 * 10**9

        assert rig.spent() == 0

    def test_that_cannot_be_written_is_not_signed(self, rig, tmp_path, monkeypatch):
        def full(*_given):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("trading.signer.spending.replace_private", full)

        answer = rig.orders(order())

        monkeypatch.undo()
        assert answer.code is Code.SPEND_NOT_RECORDED
        assert "No space left on device" in answer.reason
        assert rig.spent() == 0


def test_a_policy_for_another_key_does_not_start(tmp_path):
    other = policy(owner="0x70997970C51812dc3A010C7d01b50e0d17dc79C8")

    with pytest.raises(StartRefusedError, match="owner: the policy is for 0x7099"):
        Rig(tmp_path, other)
