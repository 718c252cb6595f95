"""From the body of an order to the venue's answer: shape, owner, signature, then the exchange."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from trading.engine.units import text_from_micro
from trading.simulator import answers, payloads
from trading.simulator.answers import OrderAnswer, Refusal
from trading.simulator.codes import DEPOSIT_WALLET, EOA
from trading.simulator.exchange import BATCH_MAX
from trading.simulator.keys import ApiKey
from trading.simulator.local_venue import LocalVenue
from trading.simulator.orders import NewOrder
from trading.simulator.payloads import OrderFields, PostedOrder
from trading.simulator.signatures import SIGNATURE_TYPES, SignedOrder, read_address


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """What signatures are made for, and the secret that API keys are made from.

    The exchanges are checksummed addresses: of standard and of negative-risk markets. A venue may
    refuse makers that are no deposit wallet, as it does for accounts opened since May 2026. With
    `drills` whoever reaches it may let things go wrong.
    """

    chain_id: int
    exchange: str
    neg_risk_exchange: str
    secret: bytes = field(repr=False)
    deposit_wallets_only: bool = False
    drills: bool = False

    @property
    def spenders(self) -> tuple[str, str]:
        """Return both exchanges: the contracts that take what an order gives."""
        return self.exchange, self.neg_risk_exchange


class OrderDoor:
    """POST /order and POST /orders."""

    def __init__(self, venue: LocalVenue, settings: DoorSettings) -> None:
        self._venue = venue
        self._settings = settings

    def place(self, key: ApiKey, body: bytes, now_ms: int) -> dict[str, Any] | Refusal:
        """Place one order; a refusal of the exchange or of the body is returned as it is."""
        posted = payloads.read(PostedOrder, body, answers.INVALID_PAYLOAD)
        if isinstance(posted, Refusal):
            return posted
        new = self._check(key, posted)
        if isinstance(new, Refusal):
            return new
        self._venue.records.claim(new.order_id, key.api_key)
        answer = self._venue.exchange.place(new, now_ms)
        return answer if isinstance(answer, Refusal) else answer_row(answer)

    def place_batch(self, key: ApiKey, body: bytes, now_ms: int) -> list[dict[str, Any]] | Refusal:
        """Place several orders, each for itself; what is wrong with one is said in its place."""
        posted = payloads.read(list[PostedOrder], body, answers.INVALID_PAYLOAD)
        if isinstance(posted, Refusal):
            return posted
        if not posted:
            return answers.bad(f"{answers.INVALID_PAYLOAD}: no order in it")
        if len(posted) > BATCH_MAX:
            return answers.too_many_orders(len(posted), BATCH_MAX)
        checked = [self._check(key, one) for one in posted]
        new = [one for one in checked if isinstance(one, NewOrder)]
        for one in new:
            self._venue.records.claim(one.order_id, key.api_key)
        placed = self._venue.exchange.place_batch(key.address, new, now_ms)
        if isinstance(placed, Refusal):
            return placed
        answered = iter(placed)
        return [
            answer_row(
                OrderAnswer(order_id="", status="", error=one.text)
                if isinstance(one, Refusal)
                else next(answered)
            )
            for one in checked
        ]

    def _check(self, key: ApiKey, posted: PostedOrder) -> NewOrder | Refusal:
        """Return the order when its poster may place it and its maker signed it."""
        order = posted.order
        if posted.owner != key.api_key:
            return answers.bad(answers.NOT_THE_OWNER)
        maker = self._maker(key, order)
        if isinstance(maker, Refusal):
            return maker
        listing = self._venue.listing_of(order.tokenId)
        if listing is None:
            return Refusal(http=404, text=answers.NO_BOOK)
        settings = self._settings
        signed = SignedOrder(
            chain_id=settings.chain_id,
            exchange=settings.neg_risk_exchange if listing.neg_risk else settings.exchange,
            fields=msgspec.structs.asdict(order),
        )
        is_signed = (
            signed.is_signed_by(key.address, order.signature)
            if order.signatureType == EOA
            else signed.is_signed_for(maker, key.address, order.signature)
        )
        if not is_signed:
            return answers.bad(answers.BAD_SIGNATURE)
        return NewOrder(
            order_id=signed.order_id,
            account_id=maker,
            token_id=order.tokenId,
            side=order.side,
            order_type=posted.orderType,
            maker_micro=int(order.makerAmount),
            taker_micro=int(order.takerAmount),
            post_only=posted.postOnly,
            expiration_s=int(order.expiration),
        )

    def _maker(self, key: ApiKey, order: OrderFields) -> str | Refusal:
        """Return the wallet that an order is for, when the owner of the key may trade from it."""
        kind = order.signatureType
        if kind not in (EOA, DEPOSIT_WALLET):
            said = f"{SIGNATURE_TYPES[kind]}, this venue takes EOA and POLY_1271"
            return answers.bad(f"{answers.BAD_SIGNATURE_TYPE}: {said}")
        maker, signer = read_address(order.maker), read_address(order.signer)
        wallet = self._venue.wallets[key.address].get(kind)
        if kind == EOA and signer != wallet:
            return answers.bad(answers.NOT_THE_SIGNER)
        strict = self._settings.deposit_wallets_only
        if wallet is None or maker != wallet or (kind == EOA and strict):
            return answers.bad(answers.NOT_THE_MAKER)
        return wallet if signer == wallet else answers.bad(answers.NOT_THE_SIGNER)


def answer_row(answer: OrderAnswer) -> dict[str, Any]:
    """Return the body of an answer; what did not match is empty, a failed leg is "success"."""
    matched = bool(answer.trade_ids)
    return {
        "errorMsg": answer.error,
        "orderID": answer.order_id,
        "takingAmount": text_from_micro(answer.taking_micro) if matched else "",
        "makingAmount": text_from_micro(answer.making_micro) if matched else "",
        "status": answer.status,
        "tradeIDs": answer.trade_ids,
        "transactionsHashes": (),  # trades are settled later: /data/trades tells how
        "success": True,
    }
