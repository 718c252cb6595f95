"""Recorded messages of the venue, and the forms that they have in REST."""

import json
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "wire"
YES = "21742633143463906290569050155826241533067272736897614950488156847949938836455"
NO = "48331043336612883890938759509493159234755048973500640148014422747788308965732"


def recorded(name):
    return json.loads((RECORDED / f"{name}.json").read_text())


def as_rest(message, prefix="TRADE_STATUS_"):
    """Return a page that holds a recorded message the way REST writes it."""
    row = {key: value for key, value in message.items() if key not in ("event_type", "type")}
    return page([row | {"status": prefix + row["status"]}])


def page(rows, next_cursor="LTE="):
    body = {"data": rows, "next_cursor": next_cursor, "limit": 100, "count": len(rows)}
    return json.dumps(body).encode()


ORDER_ROW = {
    "id": "0xff35",
    "status": "ORDER_STATUS_LIVE",
    "owner": "9180014b",
    "maker_address": "0x1234",
    "market": "0xbd31",
    "asset_id": YES,
    "side": "BUY",
    "original_size": "5",
    "size_matched": "1.5",
    "price": ".48",
    "outcome": "Yes",
    "expiration": "0",
    "order_type": "GTC",
    "associate_trades": ["t-1"],
    "created_at": 1_725_842_520,
}
