"""Runs nautilus_trader's own Polymarket path in its own environment; imports nothing of ours.

Its data client's decoder, handlers and Rust order books, bound to a stand-in for cache, clock and
logger. Where it would publish data, the best asks of the market's two books are compared instead,
which is less than its message bus, data engine, cache and strategy would do. The reduction
of snapshots to their difference, an option of it that costs time, stays off.

Started with the path of a frames file. Each line on standard input asks for one round ("round") or
for the time of each frame ("each"); each answer is one line of JSON.
"""

import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

METHODS = (
    "_handle_raw_ws_message",
    "_handle_ws_message",
    "_handle_book_snapshot",
    "_handle_deltas",
    "_handle_quotes",
    "_handle_quote",
    "_handle_trade",
)


class _ClientStandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The HTTP client that the adapter imports and that this path never calls: empty classes."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".", maxsplit=1)[0] != "py_clob_client":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        module = ModuleType(spec.name)
        vars(module)["__getattr__"] = _empty_class
        return module

    def exec_module(self, module):
        """There is nothing to run."""


def _empty_class(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Exception,), {})


class _Log:
    def __init__(self) -> None:
        self.errors: list[str] = []

    def error(self, message, *_rest):
        self.errors.append(message)

    exception = warning = error

    def debug(self, *_rest):
        """Not counted."""


class Nautilus:
    """The classes that are used, found once, and the instruments of the stream."""

    def __init__(self, markets) -> None:
        sys.meta_path.append(_ClientStandIn())
        polymarket = "nautilus_trader.adapters.polymarket"
        data = importlib.import_module(f"{polymarket}.data")
        parsing = importlib.import_module(f"{polymarket}.common.parsing")
        types = importlib.import_module(f"{polymarket}.websocket.types")
        msgspec = importlib.import_module("msgspec")
        self.decoder = msgspec.json.Decoder(types.MARKET_WS_MESSAGE)
        self.methods = {name: vars(data.PolymarketDataClient)[name] for name in METHODS}
        self.deltas_type = data.OrderBookDeltas
        self.instruments = {}
        self.pairs = {}
        for condition_id, yes, no, tick_micro in markets:
            info = {
                "condition_id": condition_id,
                "question": "stream",
                "minimum_tick_size": tick_micro / 1_000_000,
                "minimum_order_size": 5,
                "end_date_iso": None,
                "maker_base_fee": 0,
                "taker_base_fee": 0,
            }
            both = [parsing.parse_instrument(info, token, "", 0) for token in (yes, no)]
            for one in both:
                self.instruments[one.id] = one
                self.pairs[one.id] = (both[0].id, both[1].id)
        price = importlib.import_module("nautilus_trader.model.objects").Price
        self.one_raw = price.from_str("1.000").raw

    def client(self):
        """Return a fresh stand-in with empty books."""
        books: dict = {}
        log = _Log()
        state = SimpleNamespace(
            _decoder_market_msg=self.decoder,
            _config=SimpleNamespace(compute_effective_deltas=False, drop_quotes_missing_side=True),
            _clock=SimpleNamespace(timestamp_ns=time.time_ns),
            _cache=SimpleNamespace(instrument=self.instruments.get),
            _log=log,
            _local_books=books,
            _last_quotes={},
            subscribed_quote_ticks=tuple,
            subscribed_order_book_deltas=lambda: self.instruments,
            gaps=0,
        )
        pairs, deltas_type, one_raw = self.pairs, self.deltas_type, self.one_raw

        def compare(data):
            if type(data) is not deltas_type:
                return
            yes, no = pairs[data.instrument_id]
            first, second = books.get(yes), books.get(no)
            if first is None or second is None:
                return
            ask, other = first.best_ask_price(), second.best_ask_price()
            if ask is not None and other is not None and ask.raw + other.raw < one_raw:
                state.gaps += 1

        state._handle_data = compare
        for name, method in self.methods.items():
            setattr(state, name, method.__get__(state))
        return state


def play(nautilus, dump, frames, *, each):
    """Run all frames through a fresh client."""
    client = nautilus.client()
    for raw in dump:
        client._handle_raw_ws_message(raw)
    handle = client._handle_raw_ws_message
    times = []
    gc.collect()
    gc.freeze()
    gc.disable()
    start_ns, start_core_ns = time.perf_counter_ns(), time.thread_time_ns()
    if each:
        for raw in frames:
            before_ns = time.perf_counter_ns()
            handle(raw)
            times.append(time.perf_counter_ns() - before_ns)
    else:
        for raw in frames:
            handle(raw)
    end_ns, end_core_ns = time.perf_counter_ns(), time.thread_time_ns()
    gc.enable()
    gc.unfreeze()
    times.sort()
    return {
        "wall_ns": end_ns - start_ns,
        "core_ns": end_core_ns - start_core_ns,
        "gaps": client.gaps,
        "errors": len(client._log.errors),
        "error": (client._log.errors or [""])[0][:200],
        "p50_us": times[len(times) // 2] / 1_000 if times else None,
        "p99_us": times[len(times) * 99 // 100] / 1_000 if times else None,
    }


def main(path):
    """Answer until standard input ends."""
    head, *lines = Path(path).read_bytes().splitlines()
    about = json.loads(head)
    dump, frames = lines[: about["dump"]], lines[about["dump"] :]
    nautilus = Nautilus(about["markets"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        answer = play(nautilus, dump, frames, each=line.strip() == "each")
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
