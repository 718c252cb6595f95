"""The engine of live_path.py, in a process of its own with a signer: takes the time of each order.

Everything is the product's; only the clock is read at a few of its doors. Prints nanoseconds as one
line of JSON, by what they are of.
"""

import contextvars
import json
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

WARM_UP = 5
TIMEOUT_S = 240.0


class Stopwatch:
    """Knows when the frame came that led to a batch, and what happened to it after."""

    def __init__(self) -> None:
        self.took_ns: dict[str, list[int]] = defaultdict(list)
        self._frame_ns = 0
        self._of_batch: dict[str, int] = {}  # when its frame came, by the first order's id
        self._batch = contextvars.ContextVar("batch", default="")

    def attach(self) -> None:
        """Read the clock at the doors from now on."""
        from trading.adapters.clob_private import ClobPrivate
        from trading.adapters.live_venue import LiveVenue
        from trading.engine.commands import PlaceOrders
        from trading.runtime.live import LiveSide
        from trading.runtime.loop import EngineLoop

        on_frame, carry_out, keep = EngineLoop.on_frame, LiveSide.carry_out, LiveSide._keep
        send, sign, post_orders = LiveSide._send, LiveVenue.sign, ClobPrivate.post_orders
        now_ns = time.monotonic_ns

        def framed(loop, raw, connection):
            self._frame_ns = now_ns()
            on_frame(loop, raw, connection)

        def placed(side, command, at_ns):
            if isinstance(command, PlaceOrders):
                self._of_batch[command.orders[0].order_id] = self._frame_ns
                self.took_ns["decision"].append(now_ns() - self._frame_ns)
            carry_out(side, command, at_ns)

        async def sending(side, batch):
            self._batch.set(batch.orders[0].order_id)  # also for the tasks that it begins
            return await send(side, batch)

        async def kept(side, sequence):
            began_ns = now_ns()
            done = await keep(side, sequence)
            if self._batch.get():  # not for an exit
                self.took_ns["kept"].append(now_ns() - began_ns)
            return done

        async def signed(venue, orders):
            began_ns = now_ns()
            answer = await sign(venue, orders)
            self.took_ns["sign"].append(now_ns() - began_ns)
            return answer

        async def sent(private, body, gate):
            answer = await post_orders(private, body, gate)
            self.took_ns["wire"].append(answer.sent_ns - self._of_batch[self._batch.get()])
            return answer

        EngineLoop.on_frame = framed  # type: ignore[method-assign]
        LiveSide.carry_out = placed  # type: ignore[method-assign]
        LiveSide._keep = kept  # type: ignore[method-assign]
        LiveVenue.sign = signed  # type: ignore[method-assign]
        LiveSide._send = sending  # type: ignore[method-assign]
        ClobPrivate.post_orders = sent  # type: ignore[method-assign]


def trade(watch: Stopwatch, batches: int) -> None:
    """Run one shift until so many batches have left."""
    from polyarb_site.clock import SystemClock
    from tests.helpers.shifts import shift
    from trading.feeds import feed_factory
    from trading.live_ports import live_ports
    from trading.models import EngineSession
    from trading.runtime.times import ShiftTimes

    clock = SystemClock()
    with shift(
        feed_factory=feed_factory(clock), live_ports=live_ports(clock), times=ShiftTimes()
    ) as one:
        until_s, said = time.monotonic() + TIMEOUT_S, False
        while len(watch.took_ns["wire"]) < batches and time.monotonic() < until_s:
            one.join_not(0.2)
            state = EngineSession.objects.values_list("state", "stats").last()
            if not said and state and state[0] == "TRADING" and not state[1]["access_problem"]:
                said = True
                print("ready", flush=True)


def main() -> None:
    """Start a signer, trade, print."""
    batches = int(sys.argv[1]) + WARM_UP
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "polyarb_site.settings")
    import django

    django.setup()
    from django.conf import settings

    from tests.live.rig import KEY, address_of, rules
    from tests.signer.running import Signer
    from trading.services import ensure_mandate, start_simulated
    from trading.simulator.signatures import deposit_wallet

    ensure_mandate(settings.ACCOUNT)
    start_simulated(settings.ACCOUNT, by=None, by_name="bench")
    folder = Path(tempfile.mkdtemp(prefix="pab-"))  # short: a socket lies in it
    owner = address_of(KEY)
    signer = Signer(folder, rules(deposit_wallet(owner), owner), KEY.removeprefix("0x")).start()
    settings.SIGNER_PLAY_SOCKET = signer.socket
    watch = Stopwatch()
    watch.attach()
    try:
        trade(watch, batches)
    finally:
        signer.stop()
        shutil.rmtree(folder)
    print(json.dumps({name: took[WARM_UP:] for name, took in watch.took_ns.items()}), flush=True)


if __name__ == "__main__":
    main()
