"""The private doors of the local venue: API keys, orders, cancels, and what an account owns.

Sources: polymarket.md sections 3 and 5.4 to 5.6. Every answer is a value; nothing that a client
sends may end in an exception. What is not on record and chosen here: how old a signed request may
be, and pages of 100.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from trading.simulator import answers, payloads
from trading.simulator.accounts import RevertedError
from trading.simulator.answers import CancelAnswer, Refusal
from trading.simulator.codes import COLLATERAL, EOA, SHARES, UNLIMITED
from trading.simulator.drills import drills_of
from trading.simulator.events import TradeChanged
from trading.simulator.faults import Lost
from trading.simulator.keys import ApiKey, KeyRing
from trading.simulator.local_venue import LocalVenue
from trading.simulator.order_door import DoorSettings, OrderDoor
from trading.simulator.requests import Request, Value
from trading.simulator.signatures import login_is_signed, read_address

AGE_S_MAX = 60  # of a signed request, in either direction; the venue's own limit is not known
PAGE_ROWS_MAX = 100
FIRST_PAGE, LAST_PAGE = "MA==", "LTE="  # 0 and -1 in base64
_DIGITS = re.compile(r"[0-9]{1,78}")
_LIMITED = {
    *((method, path) for method in ("POST", "DELETE") for path in ("/order", "/orders")),
    ("DELETE", "/cancel-all"),
    ("DELETE", "/cancel-market-orders"),
}
_CURSOR = re.compile(rb"[0-9]{1,9}")


Handler: TypeAlias = Callable[[ApiKey, Request, int], Value | Refusal]


class Doors:
    """Answers private requests about one venue, which has been advanced to the time given."""

    def __init__(self, venue: LocalVenue, settings: DoorSettings) -> None:
        self.keys = KeyRing(settings.secret)
        self._venue = venue
        self._settings = settings
        orders = OrderDoor(venue, settings)
        self._logins: dict[tuple[str, str], Callable[[str, int], ApiKey | None]] = {
            ("POST", "/auth/api-key"): self.keys.create,
            ("GET", "/auth/derive-api-key"): self.keys.derive,
        }
        self._drills = drills_of(venue) if settings.drills else {}
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "/auth/api-keys"): self._list_keys,
            ("DELETE", "/auth/api-key"): self._delete_key,
            ("GET", "/auth/ban-status/closed-only"): lambda *_: {"closed_only": False},
            ("POST", "/order"): lambda key, asked, at: orders.place(key, asked.body, at),
            ("POST", "/orders"): lambda key, asked, at: orders.place_batch(key, asked.body, at),
            ("DELETE", "/order"): self._cancel_one,
            ("DELETE", "/orders"): self._cancel_several,
            ("DELETE", "/cancel-all"): self._cancel_all,
            ("DELETE", "/cancel-market-orders"): self._cancel_market,
            ("GET", "/data/order"): self._one_order,
            ("GET", "/data/orders"): self._open_orders,
            ("GET", "/data/trades"): self._trades,
            ("GET", "/balance-allowance"): self._balance,
            ("GET", "/balance-allowance/update"): self._update_balance,
            ("POST", "/v1/heartbeats"): self._heartbeat,
            ("GET", "/simulator/approvals"): self._approvals,
            ("POST", "/simulator/approvals"): self._approve,
            ("POST", "/simulator/redeem"): self._redeem,
        }

    def has(self, request: Request) -> bool:
        """Say whether there is a private door for a request."""
        route = _route(request)
        return route in self._logins or route in self._handlers or route in self._drills

    def answer(self, request: Request, now_ms: int) -> Value | Refusal | Lost:
        """Return the answer to a request that has a door here."""
        route = _route(request)
        if route in self._drills:
            return self._drills[route](request, now_ms)
        return self.meddled(partial(self._answer, route), request, now_ms)

    def meddled(
        self, door: Callable[[Request, int], Value | Refusal], request: Request, now_ms: int
    ) -> Value | Refusal | Lost:
        """Return the answer of a door, unless a fault takes the request or the answer away."""
        route = _route(request)
        faults = self._venue.exchange.faults
        instead = faults.request(*route, now_ms)
        if instead is not None:
            return instead
        answer = door(request, now_ms)
        return faults.answer(*route, now_ms) or answer

    def rate_headers(self, request: Request, now_ms: int) -> dict[str, str]:
        """Return what an answer on orders and cancels says of the limits of who asked.

        Whether -Reset is a span or an instant is not on record: here it is in seconds from now.
        """
        key = self.keys.find(request.headers.get("poly_api_key", ""))
        if key is None or _route(request) not in _LIMITED:
            return {}
        cancels = request.method == "DELETE"
        left, full_s, tier = self._venue.exchange.rate(key.address, now_ms, cancels=cancels)
        return {
            "poly-ratelimit-remaining": str(left),
            "poly-ratelimit-reset": str(full_s),
            "poly-ratelimit-tier": tier,
        }

    def _answer(self, route: tuple[str, str], request: Request, now_ms: int) -> Value | Refusal:
        login = self._logins.get(route)
        if login is not None:
            return self._login(login, request, now_ms)
        key = self._key_of(request, now_ms)
        if key is None:
            return Refusal(http=401, text=answers.BAD_KEY)
        return self._handlers[route](key, request, now_ms)

    def wallets(self, owner: str) -> Value:
        """Return the wallets of an address by signature type, None for what is no address.

        This door is ours: at the venue the factory of deposit wallets says it.
        """
        address = read_address(owner)
        return None if address is None else self._venue.wallets_of(address)

    # Who asks

    def _login(
        self, make: Callable[[str, int], ApiKey | None], request: Request, now_ms: int
    ) -> Value | Refusal:
        """Make or derive a key for who signed the headers; a new wallet gets its account."""
        headers = request.headers
        address = read_address(headers.get("poly_address", ""))
        nonce = headers.get("poly_nonce", "0")
        timestamp = headers.get("poly_timestamp", "")
        refused = Refusal(http=401, text=answers.BAD_LOGIN)
        if address is None or not _DIGITS.fullmatch(nonce) or int(nonce) > payloads.UINT_256_MAX:
            return refused
        if not _is_recent(timestamp, now_ms) or not login_is_signed(
            chain_id=self._settings.chain_id,
            address=address,
            timestamp=timestamp,
            nonce=int(nonce),
            signature=headers.get("poly_signature", ""),
        ):
            return refused
        key = make(address, int(nonce)) if self._venue.admit(address) else None
        if key is None:
            creates = request.method == "POST"
            return answers.bad(answers.NO_NEW_KEY if creates else answers.NO_OLD_KEY)
        return {"apiKey": key.api_key, "secret": key.secret, "passphrase": key.passphrase}

    def _key_of(self, request: Request, now_ms: int) -> ApiKey | None:
        """Return the key that signed a request, None when none did."""
        headers = request.headers
        key = self.keys.find(headers.get("poly_api_key", ""))
        timestamp = headers.get("poly_timestamp", "")
        if key is None or not _is_recent(timestamp, now_ms):
            return None
        message = f"{timestamp}{request.method}{request.path}".encode() + request.body
        signed = key.signs(headers.get("poly_signature", ""), message)
        knows = key.has_passphrase(headers.get("poly_passphrase", ""))
        owns = read_address(headers.get("poly_address", "")) == key.address
        return key if signed and knows and owns else None

    def _list_keys(self, key: ApiKey, _request: Request, _now_ms: int) -> Value:
        return {"apiKeys": self.keys.of(key.address)}

    def _delete_key(self, key: ApiKey, _request: Request, _now_ms: int) -> Value:
        self.keys.delete(key)
        return "OK"

    # Cancels

    def _cancel_one(self, key: ApiKey, request: Request, now_ms: int) -> Value | Refusal:
        wanted = payloads.read(payloads.CancelOrder, request.body, answers.BAD_ORDER_ID)
        if isinstance(wanted, Refusal):
            return wanted
        return _canceled(self._venue.exchange.cancel(key.address, [wanted.orderID], now_ms))

    def _cancel_several(self, key: ApiKey, request: Request, now_ms: int) -> Value | Refusal:
        wanted = payloads.read(payloads.OrderIds, request.body, answers.BAD_ORDER_ID)
        if isinstance(wanted, Refusal):
            return wanted
        return _canceled(self._venue.exchange.cancel(key.address, wanted, now_ms))

    def _cancel_all(self, key: ApiKey, _request: Request, now_ms: int) -> Value | Refusal:
        return _canceled(self._venue.exchange.cancel_all(key.address, now_ms))

    def _cancel_market(self, key: ApiKey, request: Request, now_ms: int) -> Value | Refusal:
        wanted = payloads.read(payloads.CancelMarket, request.body, answers.BAD_PAYLOAD)
        if isinstance(wanted, Refusal):
            return wanted
        if not (wanted.market or wanted.asset_id):  # would cancel everything
            return answers.bad(f"{answers.BAD_PAYLOAD}: market or asset_id is needed")
        return _canceled(
            self._venue.exchange.cancel_all(
                key.address, now_ms, condition_id=wanted.market, token_id=wanted.asset_id
            )
        )

    # What an account has

    def _one_order(self, key: ApiKey, request: Request, _now_ms: int) -> Value:
        """Return an open order; of one that is no longer active the venue says nothing."""
        wanted = request.path.rsplit("/", 1)[1]
        for order in self._venue.exchange.open_orders(key.address):
            if order.order_id == wanted:
                return self._venue.records.order_row(order)
        return None

    def _open_orders(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        rows = map(self._venue.records.order_row, self._venue.exchange.open_orders(key.address))
        names = ("id", "market", "asset_id")
        found = [row for row in rows if all(request.asked(n) in ("", row[n]) for n in names)]
        return _page(found, request, answers.BAD_ORDERS_QUERY)

    def _trades(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        records = self._venue.records
        times = [request.asked(name) for name in ("after", "before")]
        if any(text and not _DIGITS.fullmatch(text) for text in times):
            return answers.bad(f"{answers.BAD_TRADES_QUERY}: after and before are seconds")
        after_s, before_s = (int(text) if text else None for text in times)
        found = [
            records.trade_row(trade, key.address)
            for trade in records.trades_of(key.address)
            if (after_s is None or trade.matched_ms // 1_000 > after_s)
            and (before_s is None or trade.matched_ms // 1_000 < before_s)
            and request.asked("id") in ("", trade.trade_id)
            and request.asked("market") in ("", trade.condition_id)
            and request.asked("asset_id") in ("", *_tokens_of(trade))
            and request.asked("maker_address").lower() in ("", *self._wallets_of(trade))
        ]
        return _page(found, request, answers.BAD_TRADES_QUERY)

    def _wallets_of(self, trade: TradeChanged) -> list[str]:
        accounts = [trade.taker_account_id, *(fill.maker_account_id for fill in trade.fills)]
        return [self._venue.records.wallet_of(account).lower() for account in accounts]

    def _balance(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        wallet, asset = self._wallet(key, request), self._asset(request)
        if isinstance(wallet, Refusal) or isinstance(asset, Refusal):
            return wallet if isinstance(wallet, Refusal) else asset
        account = self._venue.exchange.chain.accounts[wallet]
        kind = COLLATERAL if asset == COLLATERAL else SHARES
        spenders = (self._settings.exchange, self._settings.neg_risk_exchange)
        needed = self._venue.spenders
        return {
            "balance": str(account.view[asset]),
            "allowances": {
                spender: str(account.allowed_view[kind, spender] if needed else UNLIMITED)
                for spender in spenders
            },
        }

    def _update_balance(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        wallet, asset = self._wallet(key, request), self._asset(request)
        if isinstance(wallet, Refusal) or isinstance(asset, Refusal):
            return wallet if isinstance(wallet, Refusal) else asset
        self._venue.exchange.refresh_view(wallet, asset)
        return ""

    def _wallet(self, key: ApiKey, request: Request) -> str | Refusal:
        """Return which wallet of the key's owner a request is about."""
        kind = request.asked("signature_type") or str(EOA)
        wallets = self._venue.wallets[key.address]
        wallet = wallets.get(int(kind)) if _DIGITS.fullmatch(kind) else None
        return wallet or answers.bad(answers.BAD_SIGNATURE_TYPE)

    def _asset(self, request: Request) -> str | Refusal:
        """Return which balance a request is about."""
        match request.asked("asset_type"):
            case "COLLATERAL":
                return COLLATERAL
            case "CONDITIONAL":
                token_id = request.asked("token_id")
                known = self._venue.listing_of(token_id) is not None
                return token_id if known else answers.bad(answers.NOBODYS_ASSET)
        return answers.bad(answers.BAD_ASSET_TYPE)

    def _approve(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        """Allow a contract to take what a wallet has, on a chain where no wallet need sign for it.

        This door is ours: elsewhere approvals are transactions. The venue does not see it before
        it looks again.
        """
        sent = payloads.read(payloads.Approval, request.body, answers.BAD_PAYLOAD)
        if isinstance(sent, Refusal):
            return sent
        wallet = self._venue.wallets[key.address].get(sent.signature_type)
        spender = read_address(sent.spender)
        if wallet is None:
            return answers.bad(answers.BAD_SIGNATURE_TYPE)
        spenders = (*self._venue.spenders, *self._venue.adapters)
        if spender not in spenders:
            known = ", ".join(spenders)
            return answers.bad(f"{answers.BAD_PAYLOAD}: spender is none of {known}")
        chain = self._venue.exchange.chain
        if sent.asset_type == COLLATERAL:
            chain.approve(wallet, spender, int(sent.amount))
        else:
            chain.approve_all(wallet, spender, approved=int(sent.amount) > 0)
        return ""

    def _approvals(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        """Return the dollars of a wallet and what it allows, as they are and not as in the view."""
        wallet = self._wallet(key, request)
        if isinstance(wallet, Refusal):
            return wallet
        account = self._venue.exchange.chain.accounts[wallet]
        allowed: dict[str, dict[str, str]] = {COLLATERAL: {}, SHARES: {}}
        for (kind, spender), amount in account.allowed.items():
            allowed[kind][spender] = str(amount)
        return {"balance": str(account.chain[COLLATERAL]), "allowances": allowed}

    def _redeem(self, key: ApiKey, request: Request, _now_ms: int) -> Value | Refusal:
        """Pay a wallet for its tokens of a resolved market, where no transaction can ask for it."""
        sent = payloads.read(payloads.Redemption, request.body, answers.BAD_PAYLOAD)
        if isinstance(sent, Refusal):
            return sent
        wallet = self._venue.wallets[key.address].get(sent.signature_type)
        if wallet is None:
            return answers.bad(answers.BAD_SIGNATURE_TYPE)
        if self._venue.listing_of(sent.token_id) is None:
            return answers.bad(answers.NOBODYS_ASSET)
        try:
            return {"paid": str(self._venue.exchange.redeem(wallet, sent.token_id))}
        except RevertedError as error:
            return answers.bad(f"{answers.BAD_PAYLOAD}: {error}")

    def _heartbeat(self, key: ApiKey, request: Request, now_ms: int) -> Value | Refusal:
        sent = payloads.read(payloads.Heartbeat, request.body, answers.BAD_PAYLOAD)
        if isinstance(sent, Refusal):
            return sent
        answer = self._venue.exchange.heartbeat(key.address, sent.heartbeat_id, now_ms)
        if answer.accepted:
            return {"heartbeat_id": answer.heartbeat_id}
        return Refusal(http=400, text=answers.BAD_HEARTBEAT, heartbeat_id=answer.heartbeat_id)


def _route(request: Request) -> tuple[str, str]:
    path = "/data/order" if request.path.startswith("/data/order/") else request.path
    return request.method, path


def _is_recent(timestamp: str, now_ms: int) -> bool:
    recent = _DIGITS.fullmatch(timestamp) and abs(int(timestamp) - now_ms // 1_000) <= AGE_S_MAX
    return bool(recent)


def _canceled(answer: CancelAnswer | Refusal) -> Value | Refusal:
    if isinstance(answer, Refusal):
        return answer
    return {"canceled": answer.canceled, "not_canceled": dict(answer.not_canceled)}


def _tokens_of(trade: TradeChanged) -> list[str]:
    return [trade.token_id, *(fill.maker_token_id for fill in trade.fills)]


def _page(rows: Sequence[Value], request: Request, said: str) -> Value | Refusal:
    """Return one page; the cursor is the number of rows before it, in base64."""
    try:
        cursor = b64decode(request.asked("next_cursor") or FIRST_PAGE, validate=True)
    except (Base64Error, ValueError):
        cursor = b""
    if not _CURSOR.fullmatch(cursor):
        return answers.bad(f"{said}: next_cursor")
    start = int(cursor)
    end = start + PAGE_ROWS_MAX
    data = rows[start:end]
    return {
        "limit": PAGE_ROWS_MAX,
        "count": len(data),
        "next_cursor": b64encode(str(end).encode()).decode() if end < len(rows) else LAST_PAGE,
        "data": data,
    }


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """Return the body of a refusal; that of a heartbeat is the only one of another shape."""
    if refusal.text == answers.BAD_HEARTBEAT:
        return {"error_msg": refusal.text, "heartbeat_id": refusal.heartbeat_id}
    body: dict[str, Any] = {"error": refusal.text}
    if refusal.code:
        body |= {"code": refusal.code}
    if refusal.retry_after_s:
        body |= {"retry_after_seconds": refusal.retry_after_s}
    return body
