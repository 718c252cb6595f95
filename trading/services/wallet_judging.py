"""The wallet as a phase needs it, looked at for somebody who has to decide, and kept nowhere."""

import asyncio
from dataclasses import asdict
from typing import Any

import coincurve
from asgiref.sync import async_to_sync
from eth_hash.auto import keccak

from polyarb_site.clock import Clock
from trading.models import Mandate
from trading.services.refusals import ServiceRefused
from trading.services.wallet_account import VenueAccount
from trading.services.wallet_looking import look
from trading.services.wallet_place import wallet_place
from trading.signer.client import SignerDown
from trading.signer.terms import Refused
from trading.signing.digests import login_digest
from trading.wallets.check import check_lines
from trading.wallets.ports import ProbeError

PROOF_NONCE = 0
PLAIN_V = 27


def judge_wallet(would: Mandate, *, clock: Clock, seconds: float) -> list[dict[str, Any]]:
    """Return the lines of a wallet check for a mandate as it would be.

    Each line has id, title, seen, needed, why, next_step and status (ok, failed or unknown). Raises
    ServiceRefused when the local venue does not answer, and when all of it takes too long.
    """
    return async_to_sync(_judged)(would, clock, seconds)


def prove_signer(would: Mandate, *, clock: Clock) -> str:
    """Have the signer sign a login, and return the address that the signature is of.

    The signature is compared and forgotten; nobody is sent it. Raises ServiceRefused when nobody
    answers, when the signer says no, and for a signature that is not of the key that it names.
    """
    return async_to_sync(_proven)(would, clock)


async def _judged(would: Mandate, clock: Clock, seconds: float) -> list[dict[str, Any]]:
    try:
        async with asyncio.timeout(seconds):
            facts, wanted = await look(would, clock)
    except TimeoutError as error:
        raise ServiceRefused(
            "WALLET_LOOK_TOO_SLOW",
            f"venue, chain and signer did not all answer within {seconds:g} seconds",
            "see which of them hangs: manage.py wallet_check",
        ) from error
    return [{**asdict(line), "status": line.status.value} for line in check_lines(facts, wanted)]


async def _proven(would: Mandate, clock: Clock) -> str:
    place = await wallet_place(would.feed, clock)
    account = VenueAccount(place, clock)
    try:
        seen = await account.signer()
        timestamp_s = clock.now_ns() // 1_000_000_000
        answer = await account.client.sign_login(timestamp_s=timestamp_s, nonce=PROOF_NONCE)
    except (ProbeError, SignerDown) as error:
        raise _no_proof(str(error)) from error
    finally:
        await account.close()
    if isinstance(answer, Refused):
        raise _no_proof(f"{answer.code}: {answer.reason}")
    digest = login_digest(
        address=seen.address, timestamp_s=timestamp_s, nonce=PROOF_NONCE, chain_id=seen.chain_id
    )
    if _signed_by(answer.signature, digest) != seen.address.lower():
        raise _no_proof("its signature is not of the key that it names")
    return seen.address


def _signed_by(signature: str, digest: bytes) -> str:
    """Return the address whose key signed, in lower case, empty for what is no signature."""
    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        recoverable = raw[:64] + bytes((raw[64] - PLAIN_V,))
        key = coincurve.PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except (ValueError, IndexError):
        return ""
    public: bytes = key.format(compressed=False)
    return f"0x{bytes(keccak(public[1:]))[12:].hex()}"


def _no_proof(problem: str) -> ServiceRefused:
    return ServiceRefused(
        "SIGNER_DOES_NOT_SIGN",
        f"the signer does not sign: {problem}",
        "start it: manage.py run_signer; it says itself what it lacks",
    )
