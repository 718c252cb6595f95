"""Signing: one order with our own digest, and a batch of two through the signer's socket.

The second is what the engine waits for before it can post both legs of a set: the client's side,
the socket, the policy, the day's count and two signatures, with a real signer process at the other
end. The bound of the day is far away, so the count is written to disk about once.
"""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

from tests.bench import ROOT, Report, Settings, quiet_gc
from trading.engine.codes import Side
from trading.signer.client import SignerClient, SignerDown
from trading.signer.key import SigningKey
from trading.signer.launch import Launch, send_launch
from trading.signer.terms import Policy, Refused
from trading.signing.digests import hash_and_signature
from trading.signing.orders import SignatureType, SigningDomain, UnsignedOrder

KEYS = (
    "sign_order_us_p50",
    "sign_order_us_p99",
    "sign_order_eoa_us_p50",
    "sign_batch_of_2_us_p50",
    "sign_batch_of_2_us_p99",
)
ROUNDS_MAX = 5
SIGNATURES = 2_000
BATCHES = 1_000
WARM_UP = 100
READY_TURNS_MAX = 500
READY_TURN_S = 0.02

KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # known to everybody
OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
WALLET = "0x1111111111111111111111111111111111111111"
DOMAIN = SigningDomain(
    chain_id=137,
    exchange="0xE111180000d2663C0091e4f400237545B87B996B",
    neg_risk_exchange="0xe2222d279d744050d28e00520010520000310F59",
)
POLICY = Policy(
    chain_id=137,
    owner=OWNER,
    maker=WALLET,
    signature_type=SignatureType.POLY_1271,
    exchange=DOMAIN.exchange,
    neg_risk_exchange=DOMAIN.neg_risk_exchange,
    collateral="0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB",
    conditional_tokens="0x4D97DCd97eC945f40cF65F87097ACe5EA0476045",
    set_targets=(),
    spenders=(),
    never_approve=(),
    phase=0,
    play_money=True,
    orders_per_batch_max=15,
    order_buy_micro_max=10**9,
    order_sale_micro_max=10**9,
    day_buy_micro_max=10**15,
    calls_per_batch_max=1,
    approval_micro_max=1,
    split_micro_max=1,
    gas_limit_max=1,
    fee_per_gas_wei_max=1,
    deadline_s_max=1,
)


def an_order(salt: int, kind: SignatureType = SignatureType.POLY_1271) -> UnsignedOrder:
    """Return a BUY of ten shares; each has another token, as the legs of a set have."""
    maker = WALLET if kind is SignatureType.POLY_1271 else OWNER
    return UnsignedOrder(
        salt=salt,
        maker=maker,
        signer=maker,
        token_id=str(10**76 + salt),
        maker_micro=4_800_000,
        taker_micro=10_000_000,
        side=Side.BUY,
        signature_type=kind,
        timestamp_ms=1_795_350_000_123 + salt,
        neg_risk=False,
    )


def time_orders(kind: SignatureType) -> list[int]:
    """Return the nanoseconds of each order: both hashes, the signature and its text."""
    sign = SigningKey.from_text(KEY).sign
    took_ns = []
    with quiet_gc():
        for salt in range(SIGNATURES + WARM_UP):
            order = an_order(salt, kind)
            start_ns = perf_counter_ns()
            hash_and_signature(order, DOMAIN, sign)
            took_ns.append(perf_counter_ns() - start_ns)
    return took_ns[WARM_UP:]


async def time_batches(client: SignerClient) -> list[int]:
    """Return the nanoseconds from asking for two orders to having both signatures."""
    took_ns = []
    with quiet_gc():
        for salt in range(0, 2 * (BATCHES + WARM_UP), 2):
            pair = (an_order(salt), an_order(salt + 1))
            start_ns = perf_counter_ns()
            answer = await client.sign_orders(DOMAIN, pair)
            took_ns.append(perf_counter_ns() - start_ns)
            if isinstance(answer, Refused):
                raise RuntimeError(f"{answer.code}: {answer.reason}")
    return took_ns[WARM_UP:]


async def time_socket(directory: Path, rounds: int) -> list[list[int]]:
    """Start a signer, measure it, end it."""
    path = directory / "run" / "signer.sock"
    launch = Launch(
        policy=POLICY,
        socket=str(path),
        spend_file=str(directory / "spend.json"),
        keystore="",
        password_file="",
        key=KEY,
    )
    descriptor = send_launch(launch)
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here yet
        [sys.executable, "-m", "trading.signer", str(descriptor)],
        cwd=ROOT,
        pass_fds=[descriptor],
        stdout=subprocess.DEVNULL,
    )
    os.close(descriptor)
    client = SignerClient(path)
    try:
        for _ in range(READY_TURNS_MAX):
            try:
                await client.hello()
                break
            except SignerDown:
                await asyncio.sleep(READY_TURN_S)
        return [await time_batches(client) for _ in range(rounds)]
    finally:
        client.close()
        process.terminate()
        process.wait()


def run(settings: Settings) -> Report:
    """Sign in this process, then through a signer's socket."""
    report = Report()
    rounds = min(settings.rounds, ROUNDS_MAX)
    nested = [time_orders(SignatureType.POLY_1271) for _ in range(rounds)]
    plain = [time_orders(SignatureType.EOA) for _ in range(rounds)]
    directory = Path(tempfile.mkdtemp(prefix="pab-"))  # short: a socket lies in it
    try:
        pairs = asyncio.run(time_socket(directory, rounds))
    finally:
        shutil.rmtree(directory)
    for key, samples, percent in (
        ("sign_order_us_p50", nested, 50),
        ("sign_order_us_p99", nested, 99),
        ("sign_order_eoa_us_p50", plain, 50),
        ("sign_batch_of_2_us_p50", pairs, 50),
        ("sign_batch_of_2_us_p99", pairs, 99),
    ):
        report.measure(key, [percentile(one, percent) / 1_000 for one in samples])
    return report


def percentile(samples: list[int], percent: int) -> float:
    """Return a percentile of nanoseconds."""
    return statistics.quantiles(samples, n=100)[percent - 1]
