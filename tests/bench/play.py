"""`python -m tests.bench.play`: ten minutes of play money, and whether its books end up exact.

What `make run` starts: real processes, the local venue and, where npm brought it, its chain. At the
end the engine is asked to stop; then the result of the ledger has to be the change of the wallet's
pUSD on the chain, to the micro dollar, and ledger, venue and chain have to hold the same. The chain
is read with raw JSON-RPC, the venue with its official client. Writes build/play.json and ends with
1 when anything differs. Not part of `make bench`, since it measures waiting and not work.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from tests.bench import ROOT

BOOKS_S_MAX = 60
DRAIN_S_MAX = 120


def opened(live):
    """Return the three books of the play wallet, as soon as it has its money and an API key."""
    import httpx
    from py_clob_client_v2.exceptions import PolyApiException

    from tests.chaos.books import Books
    from tests.helpers.installation import wait_for
    from trading.signer.faults import StartRefusedError

    def look():
        assert live.up.poll() is None, live.log("up")
        try:
            return Books(live)
        except (OSError, httpx.HTTPError, PolyApiException, LookupError, StartRefusedError):
            return None  # signer, venue or engine is not there yet

    return wait_for(look, BOOKS_S_MAX, "the wallet")[0]


def money_of(live, books):
    """Return (collateral, shares by token) of the wallet: on the chain, else in the venue."""
    on_chain = live.venue("GET", "/simulator/info")["chain"] is not None
    return books.chain() if on_chain else books.venue()


def figures_of(live, opening_micro, closing_micro, held):
    """Return what happened, as the ledger tells it."""

    def one(sql):
        return int(live.ask(sql)[0][0] or 0)

    def by(sql):
        return {str(name): int(count) for name, count in live.ask(sql)}

    latencies = [
        json.loads(values) if isinstance(values, str) else values
        for (values,) in live.ask('SELECT "values" FROM trading_metricsample')
    ]
    sent = [one["order_sent_p50_us"] for one in latencies if one.get("order_sent_p50_us")]
    return {
        "sets": by("SELECT state, COUNT(*) FROM trading_arbitrageset GROUP BY state"),
        "trades": by("SELECT state, COUNT(*) FROM trading_trade GROUP BY state"),
        "orders": one("SELECT COUNT(*) FROM trading_order"),
        "orders_by_state": by("SELECT state, COUNT(*) FROM trading_order GROUP BY state"),
        "gaps_refused": by(
            "SELECT refusal, COUNT(*) FROM trading_opportunity WHERE refusal <> ''"
            " GROUP BY refusal ORDER BY COUNT(*) DESC"
        ),
        "orders_refused": by(
            "SELECT SUBSTR(reason, 1, 60), COUNT(*) FROM trading_order WHERE state = 'REFUSED'"
            " GROUP BY SUBSTR(reason, 1, 60) ORDER BY COUNT(*) DESC"
        ),
        "capital_micro": -one(
            "SELECT SUM(amount_micro) FROM trading_ledgerposting WHERE account = 'CAPITAL'"
        ),
        "realised_micro": one("SELECT SUM(realised_micro) FROM trading_ledgerentry"),
        # What dust has cost stands in these accounts, its fees too, until it is sold or redeemed.
        "held_cost_micro": one(
            "SELECT SUM(amount_micro) FROM trading_ledgerposting"
            " WHERE account IN ('YES', 'NO', 'FEES')"
        ),
        "shares_held": held,
        "opening_micro": opening_micro,
        "closing_micro": closing_micro,
        "change_micro": closing_micro - opening_micro,
        "order_sent_ms_p50": round(statistics.median(sent) / 1_000, 1) if sent else None,
        "reconciliations": by(
            "SELECT verdict, COUNT(*) FROM trading_reconciliationrun GROUP BY verdict"
        ),
    }


def faults_of(figures):
    """Return what must not be: a ledger and a wallet that do not say the same."""
    found = []
    if figures["capital_micro"] != figures["opening_micro"]:
        found.append("the ledger was not opened with what the wallet held")
    expected_micro = figures["realised_micro"] - figures["held_cost_micro"]
    if figures["change_micro"] != expected_micro:
        found.append(
            f"the ledger says {expected_micro} micro dollars, the wallet changed by "
            f"{figures['change_micro']}"
        )
    if not figures["sets"].get("MERGED"):
        found.append("no set was merged")
    return found


def play(folder, minutes):
    """Play; return the figures and what was wrong."""
    from tests.chaos.live import Live
    from tests.helpers.installation import wait_for

    live = Live(folder / "data", f"play_{uuid.uuid4().hex[:12]}")
    problems = []
    try:
        words = ("up", "--port", str(live.web_port), "--feed", "simulator")
        live.up = live.start(*words, log="up")
        books = opened(live)
        opening_micro, _ = money_of(live, books)
        live.trading(since_s=0)
        began_s = time.monotonic()
        while (left_s := began_s + minutes * 60 - time.monotonic()) > 0:
            assert live.up.poll() is None, live.log("up")
            time.sleep(min(left_s, 5))
        live.manage("stop_engine", "--reason", "the ten minutes are over")
        wait_for(lambda: not live.lease()[0], DRAIN_S_MAX, "the engine's stop")
        closing_micro, held = money_of(live, books)
        figures = figures_of(live, opening_micro, closing_micro, held)
        problems += faults_of(figures)
        try:
            books.check()
        except AssertionError as error:
            problems.append(f"the books differ: {error!s:.500}")
        problems += [live.crashes()] if live.crashes() else []
        status = live.stop_up()
        problems += [f"up ended with {status}"] if status else []
    finally:
        live.end()
    return figures, problems


def main():
    """Play, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", help="a postgres:// address; left out: SQLite")
    chosen = parser.parse_args()
    os.environ["DATABASE_URL"] = chosen.database or ""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        figures, problems = play(Path(folder), chosen.minutes)
    said = {
        "minutes": chosen.minutes,
        "load_before_and_after": [round(load, 1), round(os.getloadavg()[0], 1)],
        **figures,
        "problems": problems,
    }
    print(json.dumps(said, indent=1))
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "play.json").write_text(json.dumps(said, indent=1) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
