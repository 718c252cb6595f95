"""Whether ledger, venue and chain agree, found out without a line of the product's own comparison.

The ledger is read with SQL, the venue through its official client, the chain with raw JSON-RPC.
Everything has to be at rest.
"""

import json
import sqlite3
from collections import Counter

import httpx

from tests.simulator.official import ClobClient, wall_ms  # noqa: F401 - loads the client once
from trading.signer.keystore import open_keystore, read_password

from py_clob_client_v2.clob_types import AssetType, BalanceAllowanceParams  # isort: skip

DEPOSIT_WALLET = 3
BALANCE_OF, SHARES_OF = "0x70a08231", "0x00fdd58e"  # balanceOf(address), balanceOf(address,uint256)


class Books:
    """The three books of an installation's play wallet."""

    def __init__(self, live):
        self.live = live
        folder = live.directory / "simulator" / "signer"
        key = open_keystore(folder / "keystore.json", read_password(folder / "password"))
        self.owner = key.address
        self.wallet = live.venue("GET", f"/simulator/wallets/{self.owner}")[str(DEPOSIT_WALLET)]
        self.client = ClobClient(
            f"http://127.0.0.1:{live.venue_port}",
            137,
            key=key.secret().hex(),
            signature_type=DEPOSIT_WALLET,
            funder=self.wallet,
        )
        self.client.set_api_creds(self.client.derive_api_key())

    # The chain

    def chain(self):
        """Return (collateral, {token: shares}) of the wallet at the newest block."""
        about = self.live.venue("GET", "/simulator/info")["chain"]
        contracts, address = about["contracts"], self.wallet.removeprefix("0x").lower()

        def call(to, data):
            asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_call"}
            asked["params"] = [{"to": to, "data": data}, "latest"]
            said = httpx.post(about["rpc"], json=asked, timeout=10, trust_env=False).json()
            return int(said["result"], 16)

        owner = address.rjust(64, "0")
        shares = {
            token: call(contracts["conditional_tokens"], f"{SHARES_OF}{owner}{int(token):064x}")
            for token in self.tokens()
        }
        held = {token: amount for token, amount in shares.items() if amount}
        return call(contracts["pusd"], f"{BALANCE_OF}{owner}"), held

    def tokens(self):
        listed = self.live.venue("GET", "/markets/keyset")["markets"]
        return [token for market in listed for token in json.loads(market["clobTokenIds"])]

    # The venue

    def venue(self):
        """Return (collateral, {token: shares}) as the venue sees them after a look at the chain."""

        def balance(kind, token_id=None):
            asked = BalanceAllowanceParams(kind, token_id, DEPOSIT_WALLET)
            self.client.update_balance_allowance(asked)
            return int(self.client.get_balance_allowance(asked)["balance"])

        shares = {token: balance(AssetType.CONDITIONAL, token) for token in self.tokens()}
        held = {token: amount for token, amount in shares.items() if amount}
        return balance(AssetType.COLLATERAL), held

    def matched(self):
        """Return {order hash: shares that did not fail} of the wallet's orders, by its trades."""
        found = Counter()
        for trade in self.client.get_trades():
            assert trade["status"] in ("CONFIRMED", "FAILED"), trade
            if trade["status"] == "FAILED":
                continue
            if trade["trader_side"] == "TAKER":
                found[trade["taker_order_id"]] += _micro(trade["size"])
            for maker in trade["maker_orders"]:
                if maker["maker_address"].lower() == self.wallet.lower():
                    found[maker["order_id"]] += _micro(maker["matched_amount"])
        return found

    # The ledger

    def ledger(self):
        """Return (cash, reserved, {token: shares}) as the postings add up."""
        sums = self.live.ask(
            "SELECT p.account, p.token_id, SUM(p.amount_micro), SUM(p.quantity_micro)"
            " FROM trading_ledgerposting p GROUP BY p.account, p.token_id"
        )
        cash = sum(int(amount) for account, _, amount, _ in sums if account == "CASH")
        reserved = sum(int(amount) for account, _, amount, _ in sums if account == "RESERVED")
        held = {
            token: int(quantity)
            for account, token, _, quantity in sums
            if account in ("YES", "NO") and quantity
        }
        assert sum(int(amount) for _, _, amount, _ in sums) == 0  # double entry
        return cash, reserved, held

    def rows(self):
        """Return [(order_id, order_hash, set_id, token_id, purpose, state)] of all orders."""
        return self.live.ask(
            "SELECT order_id, order_hash, set_id, token_id, purpose, state FROM trading_order"
        )

    # All of them

    def check(self):
        """Assert that they agree to the last unit and that every order is accounted for."""
        cash, reserved, held = self.ledger()
        assert reserved == 0
        assert self.chain() == (cash, held)
        assert self.venue() == (cash, held)
        assert self.client.get_open_orders() == []
        self._check_orders()

    def _check_orders(self):
        rows = self.rows()
        hashes = Counter(row[1] for row in rows if row[1])
        assert max(hashes.values(), default=1) == 1, "an order hash stands twice"
        entries = Counter((row[2], row[3]) for row in rows if row[4] == "ENTRY")
        assert max(entries.values(), default=1) == 1, "a leg of a set was ordered twice"
        ends = ("MATCHED", "PARTIAL", "CONFIRMED", "FAILED", "REFUSED", "CANCELLED")
        open_rows = [row for row in rows if row[5] not in ends]
        assert open_rows == []
        matched = self.matched()
        assert matched.keys() <= hashes.keys(), "the venue has a trade of an order without a row"
        filled = dict(
            self.live.ask(
                "SELECT o.order_hash, SUM(t.size_micro) FROM trading_trade t"
                " JOIN trading_order o ON o.order_id = t.order_id"
                " WHERE t.state = 'CONFIRMED' GROUP BY o.order_hash"
            )
        )
        assert {name: int(size) for name, size in filled.items()} == dict(matched)

    def check_everything_posted(self):
        """Assert that each order id that the stopped venue ever saw from us has a row of ours."""
        file = self.live.directory / "simulator" / "chain" / "venue.sqlite3"
        posted = set()
        with sqlite3.connect(file) as state:
            for name, body in state.execute("SELECT name, body FROM rows WHERE kind = 'seen'"):
                if json.loads(body)[0].lower() == self.wallet.lower():
                    posted.add(name)
        assert posted
        assert posted <= {row[1] for row in self.rows()}


def _micro(text):
    whole, _, rest = str(text).partition(".")
    return int(whole) * 1_000_000 + int(rest[:6].ljust(6, "0"))
